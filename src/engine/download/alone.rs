//! Having a file for oneself, whatever others do with its name.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Opens the file of this name, or makes it, and takes its lock, which ends with the process; returns nothing if another
/// process has it. It is opened to no more than may read and write by `mode`.
pub(super) fn open_alone(path: &Path, mode: u32) -> io::Result<Option<File>> {
    loop {
        let file = open_own(path, mode)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever had it before may have renamed or removed it meanwhile.
        if is_at(&file, path)? {
            return Ok(Some(file));
        }
    }
}

/// Returns whether it is this file that has the name.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let number = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let own = number(file.metadata()?);
    Ok(fs::symlink_metadata(path).map(number).is_ok_and(|there| there == own))
}

/// The name can be foreseen, so what stands there may be a trap: neither a link nor a file of another user is used.
fn open_own(path: &Path, mode: u32) -> io::Result<File> {
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(mode).custom_flags(no_link);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() || metadata.nlink() > 1 {
        let why = format!("{} is in the way", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    // Begun when another file, or none, was to be replaced.
    if metadata.mode() & !mode & 0o777 != 0 {
        file.set_permissions(Permissions::from_mode(metadata.mode() & mode))?;
    }
    Ok(file)
}
