//! What happens on the way, said on standard error: what the owner must know always, the rest in the log.

use super::output::{info, say, warning};
use crate::engine::{Notice, Observer};

/// Says what happens on the way.
pub(super) struct Reporter;

impl Observer for Reporter {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::FoundStored { .. } | Notice::FoundNotStored { .. } => info(notice),
            Notice::JobFailed { .. } | Notice::OutputExpired { .. } => warning(notice),
            Notice::AlsoFailed { .. } => say(notice),
            // `--verbose` lets it through, in the form of the others.
            _ => tracing::info!("{notice}"),
        }
    }
}
