//! Why the cache could not be used, in sentences that name the file and what to do.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::access::{LOGS, is_protected, log, may_write};
use super::damage;

/// Why the cache could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory of the file could not be made.
    #[error(
        "cannot make the directory of the cache, {path}: {source}; see to that, or set XDG_CACHE_HOME to another directory"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A newer release has changed the file in a way that this one does not know.
    #[error(
        "the cache {path} was made by a newer release (schema {version}, this one knows {known}); use that release, or set XDG_CACHE_HOME"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The highest version known here.
        known: i64,
    },
    /// The file turned out to be damaged while it was in use. It is where it was; the next to open it sets it aside.
    #[error(
        "the cache {path} is damaged ({}); run the same command again: it will set the file aside and begin a new one",
        reason(source)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        source: rusqlite::Error,
    },
    /// The damaged file could not be set aside.
    #[error(
        "the cache {path} is damaged and cannot be set aside: {source}; move it away, or set XDG_CACHE_HOME"
    )]
    CannotSetAside {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The lock of an upload could not be had.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// The file that is locked.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What stands in the place of the file is none.
    #[error(
        "the cache {path} is {what}, not a file; move it away, or set XDG_CACHE_HOME to another directory"
    )]
    NotAFile {
        /// The place.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The file, or what SQLite needs beside it, cannot be written.
    #[error(
        "the cache {path} cannot be written: {why}; see to that, or set XDG_CACHE_HOME to another directory"
    )]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The file cannot be read.
    #[error(
        "the cache {path} cannot be read: {why}; see to that, or set XDG_CACHE_HOME to another directory"
    )]
    CannotRead {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Another process has kept the file locked for [`super::BUSY_TIMEOUT`].
    #[error("another process keeps the cache {path} locked; run the same command again when that has ended")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// SQLite could not do it, for a reason that is not in the file's surroundings.
    #[error(
        "the cache {path} cannot be used: {}; if that stays so, move it away, and 'glacier vault sync VAULT' brings back what it knew of each vault",
        reason(error)
    )]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's reason; not called a source, for its own words would bring the statement along.
        error: rusqlite::Error,
    },
}

impl CacheError {
    /// A file that was opened although it, or what SQLite needs beside it, cannot be written.
    pub(super) fn read_only(path: &Path) -> Self {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        Self::new(path, rusqlite::Error::SqliteFailure(code, None))
    }

    /// Sorts an error of SQLite, whose own words do not tell what is wrong with a disk or a directory.
    pub(super) fn new(path: &Path, source: rusqlite::Error) -> Self {
        if damage::is_damage(&source) {
            return Self::Damaged { path: path.to_owned(), source };
        }
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => {
                let why = why_not_written(&path).unwrap_or_else(|| "there is no room for it".to_owned());
                Self::CannotWrite { path, why }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                let why = why_not_written(&path).unwrap_or_else(|| "it is read-only".to_owned());
                Self::CannotWrite { path, why }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
                if let Some(why) = why_not_read(&path) {
                    return Self::CannotRead { path, why };
                }
                match why_not_written(&path) {
                    Some(why) => Self::CannotWrite { path, why },
                    None => Self::Sqlite { path, error: source },
                }
            }
            _ => Self::Sqlite { path, error: source },
        }
    }
}

fn why_not_read(path: &Path) -> Option<String> {
    match File::open(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Some(error.to_string()),
        _ => None,
    }
}

/// Asks for what SQLite needs: to write to the file, if it is there, and to have some room for others beside it.
fn why_not_written(path: &Path) -> Option<String> {
    const ROOM_BYTES: usize = 64 * 1024;
    let beside = || {
        let mut file = tempfile::tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&[0; ROOM_BYTES])
    };
    let failed = may_write(path).and_then(|()| beside()).err().map(|error| error.to_string());
    failed.or_else(|| {
        let log = LOGS.map(|suffix| log(path, suffix)).into_iter().find(|log| is_protected(log))?;
        Some(format!("nor can {}, which SQLite has made beside it", log.display()))
    })
}

/// SQLite's reason, without the statement that it is about.
fn reason(source: &rusqlite::Error) -> &dyn std::fmt::Display {
    match source {
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other,
    }
}
