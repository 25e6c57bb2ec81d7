//! What stands for a file on a command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// A path, or `-` for standard input or output.
#[derive(Debug, Clone)]
pub(super) enum FileOrStandard {
    Standard,
    File(PathBuf),
}

impl From<OsString> for FileOrStandard {
    fn from(text: OsString) -> Self {
        if text == "-" { Self::Standard } else { Self::File(text.into()) }
    }
}
