//! What really is: the emulator's own books, read by other means than the product's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use glacier_engine::types::Timestamp;
use rusqlite::{Connection, OpenFlags, Row};

/// How long the output of a job can be had.
const OUTPUT_LASTS: f64 = 24.0 * 3600.0;

/// An archive that is or was.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// In the order in which they were stored.
    pub number: i64,
    pub name: String,
    pub hash: String,
    pub created: f64,
    pub deleted: Option<f64>,
}

pub type Archives = BTreeMap<String, Stored>;

/// A job that the service still lists.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    /// What it brings; none for an inventory.
    pub archive: Option<String>,
    pub created: f64,
    pub completes: f64,
    pub fails: bool,
}

/// An inventory as a job brings it.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub date: f64,
    pub requested: f64,
    pub rows: BTreeMap<String, Listed>,
}

#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub hash: String,
    pub created: f64,
}

pub struct Books {
    index: Connection,
    directory: PathBuf,
}

impl Books {
    pub fn open(directory: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let index = Connection::open_with_flags(directory.join("index.sqlite"), flags).unwrap();
        Self { index, directory: directory.to_owned() }
    }

    pub fn archives(&self) -> Archives {
        let sql = "SELECT id, description, tree_hash, created, deleted, position FROM archive";
        let stored = |row: &Row<'_>| {
            let (name, hash, created, deleted) =
                (row.get(1)?, row.get(2)?, seconds(row, 3)?, seconds(row, 4)?);
            Ok((row.get(0)?, Stored { number: row.get(5)?, name, hash, created: created.unwrap(), deleted }))
        };
        self.all(sql, stored).into_iter().collect()
    }

    /// Newest first, as the service lists them.
    pub fn jobs(&self, now: f64) -> Vec<Job> {
        let sql = "SELECT id, archive, created, completes, failed FROM job ORDER BY position DESC";
        let job = |row: &Row<'_>| {
            let (created, completes) = (seconds(row, 2)?.unwrap(), seconds(row, 3)?.unwrap());
            Ok(Job { id: row.get(0)?, archive: row.get(1)?, created, completes, fails: row.get(4)? })
        };
        let mut jobs: Vec<Job> = self.all(sql, job);
        jobs.retain(|job| job.completes > now - OUTPUT_LASTS);
        jobs
    }

    /// When the vault was made.
    pub fn vault_made(&self) -> f64 {
        let sql = "SELECT created FROM vault WHERE name = 'v'";
        self.index.query_row(sql, [], |row| seconds(row, 0)).unwrap().unwrap()
    }

    /// The ids of all jobs.
    pub fn job_ids(&self) -> BTreeSet<String> {
        self.all("SELECT id FROM job", |row| row.get(0)).into_iter().collect()
    }

    /// What an archive holds; none if it is not there any more.
    pub fn content(&self, id: &str) -> Option<Vec<u8>> {
        std::fs::read(self.directory.join("archives").join(id)).ok()
    }

    pub fn inventory(&self, job: &Job) -> Inventory {
        let json = std::fs::read(self.directory.join("jobs").join(&job.id)).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let date = |value| text(value).parse::<Timestamp>().unwrap().unix_seconds();
        let rows = json["ArchiveList"].as_array().unwrap().iter().map(|row| {
            let (name, hash) = (text(&row["ArchiveDescription"]), text(&row["SHA256TreeHash"]));
            (text(&row["ArchiveId"]), Listed { name, hash, created: date(&row["CreationDate"]) })
        });
        Inventory { date: date(&json["InventoryDate"]), requested: job.created, rows: rows.collect() }
    }

    fn all<T>(&self, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut query = self.index.prepare_cached(sql).unwrap();
        query.query_map([], read).unwrap().map(Result::unwrap).collect()
    }
}

fn seconds(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<f64>> {
    Ok(row.get::<_, Option<f64>>(index)?.map(|milliseconds| milliseconds / 1000.0))
}
