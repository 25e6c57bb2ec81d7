//! A machine with a cache and files of its own, and what the model says it knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use glacier_emulator::Emulator;
use glacier_engine::engine::Engine;
use glacier_engine::types::VaultName;
use rusqlite::OptionalExtension;
use tempfile::TempDir;

use super::knowledge::{Knowledge, Row};
use super::support::machine::{EmulatorClock, connection};

pub struct Peer {
    pub engine: Engine,
    pub knows: Knowledge,
    pub home: TempDir,
}

impl Peer {
    pub async fn new(emulator: &Arc<Emulator>) -> Self {
        let home = super::directory();
        let engine = open(emulator, &home).await;
        Self { engine, knows: Knowledge::default(), home }
    }

    pub fn file(&self, content: u8) -> PathBuf {
        let path = self.home.path().join(format!("content-{content}"));
        if !path.exists() {
            std::fs::write(&path, super::bytes_of(content)).unwrap();
        }
        path
    }

    /// Holds the cache, read as another program reads it, against what the model says is known here. Times are those of
    /// the model, give or take how long the step lasted; from then on the cache's own.
    pub fn compare(&mut self, vault: &VaultName, lasted: f64) {
        let db = rusqlite::Connection::open(self.home.path().join("db")).unwrap();
        let mut rows = rows(&db, vault);
        let known = &mut self.knows.rows;
        for (id, row) in known.iter_mut() {
            let Some(cached) = rows.get_mut(id) else { panic!("{id} is missing from the cache: {row:?}") };
            let is_close = |one: Option<f64>, other: Option<f64>| match (one, other) {
                (Some(one), Some(other)) => (one - other).abs() <= lasted + 0.01,
                (one, other) => one == other,
            };
            let pairs = [
                (Some(row.made), Some(cached.made)),
                (row.begun, cached.begun),
                (row.deleted, cached.deleted),
            ];
            assert!(pairs.iter().all(|(one, other)| is_close(*one, *other)), "{id}: {cached:?}, not {row:?}");
            (row.made, row.begun, row.deleted) = (cached.made, cached.begun, cached.deleted);
            let is_same_time = |one: Option<f64>, other: Option<f64>| match (one, other) {
                (Some(one), Some(other)) => (one - other).abs() < 0.01,
                (one, other) => one == other,
            };
            assert!(is_same_time(row.seen, cached.seen), "{id}: {cached:?}, not {row:?}");
            row.seen = cached.seen;
        }
        assert_eq!(rows, *known, "the rows of the cache");
        let sql = "SELECT inventory_date, inventory_requested FROM vault WHERE name = 'v'";
        let taken = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional().unwrap();
        let (date, requested): (Option<f64>, Option<f64>) = taken.unwrap_or_default();
        let taken = self.knows.inventory.as_mut();
        let known = (taken.as_ref().map(|taken| taken.date), taken.as_ref().map(|taken| taken.requested));
        let is_close = |one: Option<f64>, other: Option<f64>| {
            one.is_some() == other.is_some()
                && one.zip(other).is_none_or(|(one, other)| (one - other).abs() <= lasted + 0.01)
        };
        let is_same = is_close(date, known.0) && is_close(requested, known.1);
        assert!(is_same, "the inventory is that of {date:?}, asked for {requested:?}, not {known:?}");
        if let (Some(taken), Some(date), Some(requested)) = (taken, date, requested) {
            (taken.date, taken.requested) = (date, requested);
        }
    }
}

async fn open(emulator: &Arc<Emulator>, home: &TempDir) -> Engine {
    let clock = Arc::new(EmulatorClock(Arc::clone(emulator)));
    Engine::open(&connection(emulator), &home.path().join("db"), clock).await.unwrap()
}

fn rows(db: &rusqlite::Connection, vault: &VaultName) -> BTreeMap<String, Row> {
    let sql =
        "SELECT id, name, tree_hash, created_upstream, created_here, last_seen_upstream, deletion_begun,
                      deleted_here FROM archive WHERE vault = ?1";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([vault.as_str()], |row| {
        let known = Row {
            name: row.get(1)?,
            hash: row.get(2)?,
            created: row.get(3)?,
            made: row.get(4)?,
            seen: row.get(5)?,
            begun: row.get(6)?,
            deleted: row.get(7)?,
        };
        Ok((row.get(0)?, known))
    });
    rows.unwrap().map(Result::unwrap).collect()
}
