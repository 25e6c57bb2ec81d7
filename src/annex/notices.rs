//! What happens on the way, for git-annex's log; what the owner must know is shown.

use std::sync::Arc;

use super::protocol::Statement;
use super::session::Line;
use crate::engine::{Notice, Observer};
use crate::types::quoted;

/// Tells git-annex of notices.
pub(super) struct Teller(pub(super) Arc<Line>);

impl Observer for Teller {
    fn notice(&self, notice: &Notice) {
        let info = |said: String| self.0.say(&Statement::Info(&said));
        match notice {
            Notice::JobFailed { name } => {
                info(format!("a job for archive {} failed at Glacier; started another", quoted(name)));
            }
            Notice::OutputExpired { name } => {
                info(format!("what was ready of archive {} has expired; started another job", quoted(name)));
            }
            Notice::FoundStored { name, archive } => {
                info(format!("an earlier upload of {} had stored it, as id:{archive}", quoted(name)));
            }
            other => self.0.say(&Statement::Debug(&format!("{other:?}"))),
        }
    }
}
