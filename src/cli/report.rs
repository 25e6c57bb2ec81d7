//! What happens on the way, said on standard error: what the owner must know always, the rest with `--verbose`.

use super::output::{info, say, warning};
use crate::engine::{Notice, Observer};
use crate::types::quoted;

/// Says what happens on the way.
pub(super) struct Reporter {
    pub(super) is_verbose: bool,
}

impl Observer for Reporter {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::FoundStored { name, archive } => {
                info(format_args!("an earlier upload of {} had stored it, as id:{archive}", quoted(name)));
            }
            Notice::FoundNotStored { name } => {
                info(format_args!("an earlier upload of {} had not stored it", quoted(name)));
            }
            Notice::JobFailed { name } => {
                let name = quoted(name);
                warning(format_args!("a job for archive {name} failed at Glacier; started another"));
            }
            Notice::OutputExpired { name } => {
                let name = quoted(name);
                warning(format_args!("what was ready of archive {name} has expired; started another job"));
            }
            Notice::AlsoFailed { why } => say(why),
            _ if self.is_verbose => info(aside(notice)),
            _ => {}
        }
    }
}

/// What only those want to hear who asked.
fn aside(notice: &Notice) -> String {
    match notice {
        Notice::Repeating { what, why, next_try, tries_max, pause } => {
            let seconds = pause.as_secs_f64();
            format!("{what}: {why}; try {next_try} of {tries_max} in {seconds:.1} s")
        }
        Notice::FewerAtOnce { parts } => format!("the link is slow; {parts} parts at once from now on"),
        Notice::Resumed { name, bytes } => {
            format!("going on with the upload of {}: {bytes} bytes are at Glacier", quoted(name))
        }
        Notice::StartedAnew { name, why } => format!("beginning the upload of {} anew: {why}", quoted(name)),
        Notice::DownloadResumed { name, bytes } => {
            format!("going on with archive {}: {bytes} bytes are here", quoted(name))
        }
        other => format!("{other:?}"),
    }
}
