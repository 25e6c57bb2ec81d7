//! What happens on the way, for git-annex's log and this program's; what the owner must know is shown.

use std::sync::Arc;

use super::protocol::Statement;
use super::session::Line;
use crate::engine::{Notice, Observer};

/// Tells git-annex of notices.
pub(super) struct Teller(pub(super) Arc<Line>);

impl Observer for Teller {
    fn notice(&self, notice: &Notice) {
        let said = notice.to_string();
        tracing::info!("{said}");
        self.0.say(&match notice {
            Notice::JobFailed { .. } | Notice::OutputExpired { .. } | Notice::FoundStored { .. } => {
                Statement::Info(&said)
            }
            _ => Statement::Debug(&said),
        });
    }
}
