//! Who may read and write the file and what stands beside it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What SQLite keeps beside a file in whose mode readers and a writer do not wait for each other.
pub(super) const LOGS: [&str; 2] = ["-wal", "-shm"];

/// Returns the name of a file that SQLite keeps beside this one: if that is a link, beside what it leads to.
pub(super) fn log(path: &Path, suffix: &str) -> PathBuf {
    beside(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), suffix)
}

/// Returns why a file may not be written, if it is there. Asked without opening it: whoever closes a file gives all locks
/// back that this process has on it.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    match accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS) {
        Err(Errno::NOENT) => Ok(()),
        asked => Ok(asked?),
    }
}

/// Returns whether the file is that of whoever runs this.
pub(super) fn is_own(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.uid() == rustix::process::geteuid().as_raw())
}

/// Returns whether there is such a file, for others or for nobody to write.
pub(super) fn is_protected(path: &Path) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    may_write(path).is_err_and(|error| [PermissionDenied, ReadOnlyFilesystem].contains(&error.kind()))
}

/// The original left its file to the umask. When it is taken over it becomes its owner's alone, as one that is made here is;
/// who opens it to others later on, or owns it, is respected.
pub(super) fn narrow(path: &Path) {
    const OF_OTHERS: u32 = 0o077;
    let Ok(mode) = fs::metadata(path).map(|file| file.permissions().mode()) else { return };
    if mode & OF_OTHERS != 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & !OF_OTHERS));
    }
}

/// For the owner alone, if it is made here.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// The same for files.
pub(super) fn private_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
}
