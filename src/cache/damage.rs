//! What becomes of a file that SQLite calls damaged.
//!
//! Most damage shows when the file is opened. Damage that shows later, in the middle of a command, leaves a mark beside
//! the file: to look through a large file at every start would take seconds, so only a marked one is.
//!
//! Order of writes: under a lock of its own the file is checked once more, for another process may have set the damaged
//! one aside already; then its log goes the same way and the file last. Whoever dies in between leaves the damaged file
//! in its place, to be found again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::CacheError;
use super::access::{beside, private_file};

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Notes that damage was met, for the next who opens the file.
pub(super) fn mark(path: &Path) {
    // Without the mark the damage will be met again.
    let mark = private_file().create(true).truncate(true).write(true).open(beside(path, "-damaged"));
    drop(mark);
}

pub(super) fn is_marked(path: &Path) -> bool {
    beside(path, "-damaged").exists()
}

pub(super) fn unmark(path: &Path) {
    let _ = fs::remove_file(beside(path, "-damaged"));
}

/// Looks through all of the file.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some(found)))
}

/// Moves the file to a name of its own and returns that; nothing if another process was faster.
pub(super) fn set_aside(path: &Path) -> Result<Option<PathBuf>, CacheError> {
    let failed = |source| CacheError::CannotSetAside { path: path.to_owned(), source };
    let lock = private_file().create(true).truncate(false).write(true).open(beside(path, "-lock"));
    let lock = lock.map_err(failed)?;
    lock.lock().map_err(failed)?;
    if !is_still_damaged(path) {
        return Ok(None);
    }
    let aside = free_name(path).map_err(failed)?;
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    unmark(path);
    Ok(Some(aside))
}

fn is_still_damaged(path: &Path) -> bool {
    let looked_at = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| check(&connection));
    looked_at.is_err_and(|error| is_damage(&error))
}

/// Returns the first of `db.damaged-1`, `db.damaged-2`, ... that is not taken.
fn free_name(path: &Path) -> io::Result<PathBuf> {
    let names = (1..).map(|number: u32| beside(path, &format!(".damaged-{number}")));
    let mut free = names.take(10_000).filter(|name| !name.exists());
    free.next().ok_or_else(|| io::Error::other("too many damaged files beside it"))
}
