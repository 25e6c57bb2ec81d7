//! What stands where a file is to be written.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// What stands where a file is to be written.
pub(super) enum Place {
    /// A file, or nothing: it will be replaced as a whole.
    Replaced(Replaced),
    /// A device or pipe: it is written to.
    WrittenTo,
}

/// A file to be replaced.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    /// The file; behind a symbolic link the one that it points to.
    pub(super) file: PathBuf,
    /// Its permissions, if it is there.
    pub(super) permissions: Option<Permissions>,
}

impl Place {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if there.is_file() => {
                let permissions = Some(there.permissions());
                Ok(Self::Replaced(Replaced { file: path.canonicalize()?, permissions }))
            }
            Ok(_) => Ok(Self::WrittenTo),
            // What it was to point to is not for us to make, and the link not for us to replace.
            Err(error) if path.is_symlink() => {
                Err(io::Error::new(error.kind(), "it is a link to what is not there"))
            }
            Err(_) => Ok(Self::Replaced(Replaced { file: path.to_owned(), permissions: None })),
        }
    }
}

pub(super) fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the new name last through a loss of power.
pub(super) fn sync_directory_of(file: &Path) -> io::Result<()> {
    File::open(directory_of(file))?.sync_all()
}
