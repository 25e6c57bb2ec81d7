//! How a command ends.

use std::process::ExitCode;

/// The exit statuses, which scripts and git-annex rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// Not done; the reason was said.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// A job is queued or pending: the same command will succeed later (`EX_TEMPFAIL` of `sysexits.h`).
    TryLater,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::TryLater => 75,
        })
    }
}
