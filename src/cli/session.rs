//! What every command works with.

use super::records::Form;
use crate::engine::Engine;

/// The engine, and how its answers are to be shown.
pub(super) struct Session {
    pub(super) engine: Engine,
    /// Whether people or programs read what is printed.
    pub(super) form: Form,
}
