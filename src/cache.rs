//! The local cache: the SQLite file that the original program made and that both programs here share.
//!
//! # Compatibility
//!
//! The original's table keeps its columns and their meaning; ours are extra, nullable columns and tables, so that the
//! old program can still use the file. The schema's version is `user_version`; a file of a later version is refused
//! and left as it is.
//!
//! # Whose rows
//!
//! The original filed rows under the access key in use. A row of ours also has the account and the region; a row
//! without them belongs to whoever uses its access key, or another key known to be of the same account.
//!
//! # Damage
//!
//! A file that SQLite calls damaged is set aside under a new name, never deleted, and a new one is begun: what it held
//! can be learnt again from inventories.
//!
//! # Locking
//!
//! Any number of processes may use the file. Each method is one transaction; writers queue for [`BUSY_TIMEOUT`].
//! This room knows nothing of the network, nor what to do about a row that is missing.

mod accounts;
mod archives;
mod checksum;
mod damage;
mod duplicates;
mod findings;
mod glance;
mod inventory;
mod jobs;
mod lag;
mod reconciliation;
mod repeated;
mod schema;
mod told;
mod uploads;
mod vaults;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use accounts::Scope;
pub use archives::{Archive, Listed, NewArchive};
pub use findings::{Finding, FindingKind};
pub use glance::Glance;
pub use inventory::{Comparison, InventoryTaken, ListedArchive, ListedSink};
pub(crate) use lag::INVENTORY_LAG;
pub use repeated::Recognised;
pub use told::ToldArchive;
pub use uploads::{FileIdentity, NewUpload, SettledUpload, Storing, Taken, UnfinishedUpload, UploadLock};
pub use vaults::{InventoryKnowledge, VaultKnowledge};

/// How long a writer waits for another to finish: the longest transaction is the end of a sync of a large vault.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Why the cache could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory of the file could not be made.
    #[error("cannot make the directory of the cache, {path}: {source}")]
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
        "the cache {path} is damaged ({source}); run the same command again: it will set the file aside and begin a new one"
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
    /// SQLite could not do it.
    #[error("the cache {path} cannot be used: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

/// The cache file, open. Shared by reference between the tasks of a process.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    connection: Mutex<Connection>,
    set_aside: Option<PathBuf>,
}

impl Cache {
    /// Opens the file, makes it and its directory if they are not there, brings its schema up to date. A damaged file
    /// is set aside first; [`Cache::set_aside`] tells.
    ///
    /// # Errors
    ///
    /// Among others [`CacheError::TooNew`], with the file untouched.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        make_directory(path)?;
        match Self::open_sound(path) {
            Err(CacheError::Damaged { .. }) => {
                let set_aside = damage::set_aside(path)?;
                Ok(Self { set_aside, ..Self::open_sound(path)? })
            }
            outcome => outcome,
        }
    }

    fn open_sound(path: &Path) -> Result<Self, CacheError> {
        let failed = |source| CacheError::new(path, source);
        refuse_newer(path)?;
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        schema::bring_up_to_date(&mut connection).map_err(failed)?;
        schema::prefer_wal(&connection);
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection), set_aside: None })
    }

    /// Returns where a damaged file was moved to when this one was opened in its place.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Runs one piece of work on the connection, alone in this process.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, CacheError> {
        work(&mut self.lock()).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> CacheError {
        let error = CacheError::new(&self.path, source);
        if let CacheError::Damaged { .. } = error {
            damage::mark(&self.path);
        }
        error
    }

    /// A panic elsewhere leaves no transaction open: dropping one rolls it back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheError {
    fn new(path: &Path, source: rusqlite::Error) -> Self {
        if damage::is_damage(&source) {
            return Self::Damaged { path: path.to_owned(), source };
        }
        Self::Sqlite { path: path.to_owned(), source }
    }
}

/// Looks at the version without a right to write, so that a file of a newer release stays as it is to the last byte.
fn refuse_newer(path: &Path) -> Result<(), CacheError> {
    if !path.exists() {
        return Ok(());
    }
    let failed = |source| CacheError::new(path, source);
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let connection = connection.map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if damage::is_marked(path) {
        damage::check(&connection).map_err(failed)?;
        damage::unmark(path);
    }
    let (version, known) = (schema::version(&connection).map_err(failed)?, schema::KNOWN_VERSION);
    if version > known {
        return Err(CacheError::TooNew { path: path.to_owned(), version, known });
    }
    Ok(())
}

/// Names of archives are nobody else's business: the directory, if it is made here, is for its owner alone.
fn make_directory(path: &Path) -> Result<(), CacheError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| CacheError::Directory { path: directory.to_owned(), source })
}
