//! What stands for a file on a command line.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A path, or `-` for standard input or output.
#[derive(Debug, Clone)]
pub(super) enum FileOrStandard {
    Standard,
    File(PathBuf),
}

impl FileOrStandard {
    /// Returns whether it is a file that can be read again, and not a stream.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(path) if path.is_file())
    }

    /// As [`From`], for what is written to. A path that stands for standard output is that: to replace the file which is
    /// behind it would lose what others write there.
    pub(super) fn output(text: OsString) -> Self {
        match Self::from(text) {
            Self::File(path) if descriptor_named(&path) == Some(1) => Self::Standard,
            other => other,
        }
    }
}

impl From<OsString> for FileOrStandard {
    fn from(text: OsString) -> Self {
        if text == "-" { Self::Standard } else { Self::File(text.into()) }
    }
}

/// Returns which open descriptor of this process the path stands for, such as 1 for `/dev/stdout`.
pub(super) fn descriptor_named(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    // The system itself follows no more links than so many.
    for _ in 0..40 {
        let directory = path.parent()?.canonicalize().ok()?;
        if directory.starts_with("/proc") && directory.ends_with("fd") {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = directory.join(std::fs::read_link(&path).ok()?);
    }
    None
}

/// Returns whether what is written to standard output is lost. One that was closed when the program was started is the null
/// device, opened by Rust's runtime for reading and writing. Some programs open it like that on purpose for those they
/// start, so this is worth a warning and no more; a shell's `>/dev/null` opens it for writing only.
pub(super) fn is_standard_output_nowhere() -> bool {
    let output = std::io::stdout();
    let (Ok(there), Ok(null), Ok(flags)) =
        (rustix::fs::fstat(&output), std::fs::metadata("/dev/null"), rustix::fs::fcntl_getfl(&output))
    else {
        return true;
    };
    (there.st_dev, there.st_ino) == (null.dev(), null.ino()) && flags.contains(rustix::fs::OFlags::RDWR)
}
