//! What happens on the way that is worth a word. The engine knows nothing of who hears it.

use std::fmt;
use std::time::Duration;

use crate::types::{ArchiveId, quoted};

/// Hears what happens on the way.
pub trait Observer: Send + Sync {
    /// Hears one notice. Called from any thread; must not block.
    fn notice(&self, notice: &Notice);
}

/// For callers who do not want to know.
impl Observer for () {
    fn notice(&self, _notice: &Notice) {}
}

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A request did not succeed and will be sent again.
    Repeating {
        /// What it was to do.
        what: String,
        /// Why it did not.
        why: String,
        /// The number of the coming try.
        next_try: u32,
        /// After how many tries it is given up.
        tries_max: u32,
        /// When it will be sent.
        pause: Duration,
    },
    /// The service was tired of waiting for data, so fewer parts travel at once from now on.
    FewerAtOnce {
        /// How many.
        parts: usize,
    },
    /// An upload goes on where it had stopped.
    Resumed {
        /// The name of the archive.
        name: String,
        /// How many bytes the service has already.
        bytes: u64,
    },
    /// An upload that had stopped cannot go on and begins anew.
    StartedAnew {
        /// The name of the archive.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// An earlier upload, of which no answer had come, has stored its archive, which is on record now.
    FoundStored {
        /// The name of the archive.
        name: String,
        /// Its id.
        archive: ArchiveId,
    },
    /// An earlier upload, of which no answer had come, has stored nothing.
    FoundNotStored {
        /// The name of the archive.
        name: String,
    },
    /// A download goes on where it had stopped.
    DownloadResumed {
        /// How the archive is referred to.
        name: String,
        /// How many bytes are here already, verified once more.
        bytes: u64,
    },
    /// A job that was to bring an archive has failed at the service, and another was started.
    JobFailed {
        /// How the archive is referred to.
        name: String,
    },
    /// One of several archives could not be brought. The first that failed is the error of the call.
    AlsoFailed {
        /// Why.
        why: String,
    },
    /// What a job had brought is no longer there, and another job was started.
    OutputExpired {
        /// How the archive is referred to.
        name: String,
    },
}

/// In words for people, on one line.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeating { what, why, next_try, tries_max, pause } => {
                let seconds = pause.as_secs_f64();
                write!(f, "{what}: {why}; try {next_try} of {tries_max} in {seconds:.1} s")
            }
            Self::FewerAtOnce { parts } => {
                write!(f, "the link is slow; {parts} parts at once from now on")
            }
            Self::Resumed { name, bytes } => {
                write!(f, "going on with the upload of {}: {bytes} bytes are at Glacier", quoted(name))
            }
            Self::StartedAnew { name, why } => {
                write!(f, "beginning the upload of {} anew: {why}", quoted(name))
            }
            Self::FoundStored { name, archive } => {
                write!(f, "an earlier upload of {} had stored it, as id:{archive}", quoted(name))
            }
            Self::FoundNotStored { name } => {
                write!(f, "an earlier upload of {} had not stored it", quoted(name))
            }
            Self::DownloadResumed { name, bytes } => {
                write!(f, "going on with archive {}: {bytes} bytes are here", quoted(name))
            }
            Self::JobFailed { name } => {
                write!(f, "a job for archive {} failed at Glacier; started another", quoted(name))
            }
            Self::AlsoFailed { why } => f.write_str(why),
            Self::OutputExpired { name } => {
                write!(f, "what was ready of archive {} has expired; started another job", quoted(name))
            }
        }
    }
}
