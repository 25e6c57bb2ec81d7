//! What is kept: an index in SQLite, archives and parts in files of their own.
//!
//! Order of writes: a file is complete and synced under its final name before the index has a row of it, and the row is
//! committed before the client hears of it. A row goes before its file. So every row has its file at any moment; files
//! without a row are left over from a crash and swept at the next start. A temporary directory has the same order, but
//! nothing in it waits for the disk.

mod files;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::Refusal;
pub(crate) use files::NewFile;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS vault (
        region TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, last_inventory INTEGER,
        PRIMARY KEY (region, name)
    );
    CREATE TABLE IF NOT EXISTS archive (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, region TEXT NOT NULL, vault TEXT NOT NULL,
        description TEXT NOT NULL, size INTEGER NOT NULL, leaves BLOB NOT NULL, tree_hash TEXT NOT NULL,
        created INTEGER NOT NULL, deleted INTEGER
    );
    CREATE INDEX IF NOT EXISTS archive_of_vault ON archive (region, vault, created, position, deleted, size);
    CREATE TABLE IF NOT EXISTS upload (
        id TEXT PRIMARY KEY, region TEXT NOT NULL, vault TEXT NOT NULL, description TEXT NOT NULL,
        part_size INTEGER NOT NULL, created INTEGER NOT NULL, touched INTEGER NOT NULL, archive TEXT,
        aborted INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS part (
        upload TEXT NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, leaves BLOB NOT NULL,
        file TEXT NOT NULL UNIQUE, PRIMARY KEY (upload, start)
    );
    CREATE TABLE IF NOT EXISTS job (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, region TEXT NOT NULL, vault TEXT NOT NULL,
        archive TEXT, range_start INTEGER, range_length INTEGER, tier TEXT,
        parameters TEXT, next_marker TEXT, output_size INTEGER,
        description TEXT, topic TEXT, created INTEGER NOT NULL, completes INTEGER NOT NULL,
        failed INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS job_of_archive ON job (archive);
    CREATE INDEX IF NOT EXISTS job_by_completion ON job (completes);
    CREATE INDEX IF NOT EXISTS job_not_told ON job (completes) WHERE told = 0;
    CREATE TABLE IF NOT EXISTS setting (
        region TEXT NOT NULL, vault TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (region, vault, kind)
    );
    CREATE TABLE IF NOT EXISTS message (position INTEGER PRIMARY KEY, topic TEXT NOT NULL, message TEXT NOT NULL);
";

/// The row that keeps how far the clock was pushed.
const CLOCK: &str = "region = '' AND vault = '' AND kind = 'clock'";

/// The data directory, open. One process at a time has it.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    connection: Mutex<Connection>,
    keeps: Keeps,
    _lock: Lock,
}

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Everything that was acknowledged, through a loss of power.
    AllForGood,
    /// Everything, in a directory that goes with this process: nothing waits for the disk.
    AllWhileItRuns,
    /// Nothing of archives but their rows, and those need not last.
    Rows,
}

/// Why the data directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It could not be made or read.
    #[error("cannot use the data directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another emulator has it open.
    #[error("the data directory {path} is in use by another emulator")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A vault cannot be called so.
    #[error("a vault's name is 1 to 255 of A-Z a-z 0-9 _ - . which {0:?} is not")]
    VaultName(String),
    /// Its index cannot be used.
    #[error("cannot use the index in {path}: {source}")]
    Index {
        /// The directory.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

/// A program that this process starts at that moment holds the file too, until it is loaded; the lock must not last as
/// long.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Store {
    /// Opens a data directory, which is made if it is not there.
    pub(crate) fn open(directory: &Path, keeps: Keeps) -> Result<Self, StoreError> {
        let io = |source| StoreError::Directory { path: directory.to_owned(), source };
        for name in ["archives", "parts", "jobs"] {
            std::fs::create_dir_all(directory.join(name)).map_err(io)?;
        }
        let lock = File::create(directory.join("lock")).map_err(io)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse { path: directory.to_owned() },
            TryLockError::Error(error) => io(error),
        })?;
        let index = |source| StoreError::Index { path: directory.to_owned(), source };
        let connection = Connection::open(directory.join("index.sqlite")).map_err(index)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(index)?;
        let synchronous = if keeps == Keeps::AllForGood { "full" } else { "off" };
        connection.pragma_update(None, "synchronous", synchronous).map_err(index)?;
        connection.execute_batch(SCHEMA).map_err(index)?;
        let connection = Mutex::new(connection);
        let store = Self { directory: directory.to_owned(), connection, keeps, _lock: Lock(lock) };
        store.sweep().map_err(|error| io(std::io::Error::other(error.message)))?;
        Ok(store)
    }

    /// Returns the index; one piece of work has it at a time.
    pub(crate) fn index(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the index for reading what takes long, as it is now; others can go on to write.
    pub(crate) fn snapshot(&self) -> rusqlite::Result<Connection> {
        let snapshot = Connection::open(self.directory.join("index.sqlite"))?;
        snapshot.execute_batch("BEGIN")?;
        Ok(snapshot)
    }

    /// Returns how far the clock was pushed, and the latest moment that is on record, both in milliseconds.
    pub(crate) fn clock(&self) -> rusqlite::Result<(i64, i64)> {
        let sql = format!(
            "SELECT (SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM setting WHERE {CLOCK}),
                    (SELECT max(coalesce(max(created), 0), coalesce(max(deleted), 0)) FROM archive)"
        );
        self.index().query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub(crate) fn keep_clock(index: &Connection, ahead: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO setting (region, vault, kind, value) VALUES ('', '', 'clock', ?1)";
        index.execute(sql, [ahead.to_string()]).map(drop)
    }

    pub(crate) fn archive_path(&self, id: &str) -> PathBuf {
        self.directory.join("archives").join(id)
    }

    pub(crate) fn part_path(&self, file: &str) -> PathBuf {
        self.directory.join("parts").join(file)
    }

    pub(crate) fn job_path(&self, id: &str) -> PathBuf {
        self.directory.join("jobs").join(id)
    }

    /// Removes the files that no row speaks of.
    fn sweep(&self) -> Result<(), Refusal> {
        let index = self.index();
        for (folder, is_needed) in [
            (
                "archives",
                "SELECT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND deleted IS NULL)
                     OR EXISTS (SELECT 1 FROM job WHERE archive = ?1)",
            ),
            ("parts", "SELECT EXISTS (SELECT 1 FROM part WHERE file = ?1)"),
            ("jobs", "SELECT EXISTS (SELECT 1 FROM job WHERE id = ?1)"),
        ] {
            let mut is_needed = index.prepare(is_needed)?;
            for entry in std::fs::read_dir(self.directory.join(folder))? {
                let entry = entry?;
                if !is_needed.query_row([entry.file_name().to_string_lossy()], |row| row.get(0))? {
                    std::fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_being_started_does_not_keep_the_directory_in_use() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = File::create(directory.path().join("lock")).expect("is made");
        file.try_lock().expect("is free");
        let _of_another = file.try_clone().expect("is held");
        let lock = Lock(file);
        assert!(matches!(Store::open(directory.path(), Keeps::Rows), Err(StoreError::InUse { .. })));
        drop(lock);
        assert!(Store::open(directory.path(), Keeps::Rows).is_ok());
    }
}
