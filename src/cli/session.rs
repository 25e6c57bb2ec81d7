//! What every command works with.

use std::sync::Arc;

use super::interrupt::Interrupts;
use super::records::Form;
use crate::engine::{Engine, Progress};
use crate::settings::Defaults;
use crate::types::VaultName;

/// The engine, and how its answers are to be shown.
pub(super) struct Session {
    pub(super) engine: Engine,
    /// Whether people or programs read what is printed.
    pub(super) form: Form,
    /// What holds where the command line says nothing.
    pub(super) defaults: Defaults,
    /// Who shows how far work has come.
    pub(super) progress: Arc<dyn Progress>,
    /// What to say when a signal ends the program.
    pub(super) interrupts: Interrupts,
}

/// No vault is meant: the command line makes no sense here.
#[derive(Debug, thiserror::Error)]
#[error(
    "no vault was named; name one, or set vault = \"NAME\" in the configuration file, of which 'glacier config' tells"
)]
pub(super) struct NoVault;

impl Session {
    /// The vault that was named, else that of the configuration file.
    pub(super) fn vault(&self, named: Option<VaultName>) -> Result<VaultName, NoVault> {
        named.or_else(|| self.defaults.vault.clone()).ok_or(NoVault)
    }
}
