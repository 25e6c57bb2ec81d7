//! A machine with a cache and files of its own, and what the model says it knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use glacier_emulator::{ACCESS_KEY_ID, Emulator};
use glacier_engine::engine::{Connection, Engine};
use rusqlite::OptionalExtension;
use tempfile::TempDir;

use super::knowledge::{Knowledge, Open, Row, Storing};
use super::support::ROTATED_KEY_ID;
use super::support::branch::Branch;
use super::support::machine::{EmulatorClock, connection};
use super::support::session::Session;
use super::wire::Wire;

pub struct Peer {
    pub engine: Engine,
    pub knows: Knowledge,
    pub home: TempDir,
    pub wire: Wire,
    /// git-annex's remote, and the branch of the repository here.
    pub session: Option<Session>,
    pub branch: Branch,
    emulator: Arc<Emulator>,
    access_key_id: &'static str,
}

/// What a cache says.
#[derive(Debug)]
pub struct Cached {
    pub rows: BTreeMap<String, Row>,
    pub open: Vec<Open>,
    /// Its date, and when it was asked for.
    inventory: Option<(f64, f64)>,
}

impl Cached {
    /// Whether the inventory that it knows is that of the model.
    pub fn has_inventory_of(&self, knows: &Knowledge, apart: f64) -> bool {
        match (&knows.inventory, self.inventory) {
            (Some(taken), Some((date, requested))) => {
                (taken.date - date).abs().max((taken.requested - requested).abs()) <= apart
            }
            (taken, cached) => taken.is_none() && cached.is_none(),
        }
    }
}

impl Peer {
    pub async fn new(emulator: &Arc<Emulator>) -> Self {
        let (home, wire) = (super::directory(), Wire::to(emulator.endpoint_url()).await);
        let engine = open(&connected(emulator, &wire, ACCESS_KEY_ID), emulator, &home).await;
        let (emulator, knows) = (Arc::clone(emulator), Knowledge::default());
        let branch = Branch::default();
        Self { engine, knows, home, wire, session: None, branch, emulator, access_key_id: ACCESS_KEY_ID }
    }

    /// Other processes take the place of those that were.
    pub async fn restart(&mut self) {
        if let Some(session) = self.session.take() {
            session.ends().await;
        }
        self.engine = open(&self.connection(), &self.emulator, &self.home).await;
    }

    /// The processes die; others take their place.
    pub async fn dies(&mut self) {
        if let Some(session) = self.session.take() {
            session.dies().await;
        }
        self.restart().await;
    }

    pub fn connection(&self) -> Connection {
        connected(&self.emulator, &self.wire, self.access_key_id)
    }

    pub async fn rotate_keys(&mut self) {
        let is_first = self.access_key_id == ACCESS_KEY_ID;
        self.access_key_id = if is_first { ROTATED_KEY_ID } else { ACCESS_KEY_ID };
        self.restart().await;
    }

    pub async fn lose_cache(&mut self) {
        for name in ["db", "db-wal", "db-shm"] {
            let _ = std::fs::remove_file(self.home.path().join(name));
        }
        self.knows = Knowledge::default();
        self.restart().await;
    }

    pub fn file(&self, content: u8) -> PathBuf {
        let path = self.home.path().join(format!("content-{content}"));
        if !path.exists() {
            std::fs::write(&path, super::bytes_of(content)).unwrap();
        }
        path
    }

    /// Reads the cache as another program would.
    pub fn cached(&self) -> Cached {
        let db = rusqlite::Connection::open(self.home.path().join("db")).unwrap();
        let sql = "SELECT inventory_date, inventory_requested FROM vault WHERE name = 'v'";
        let taken = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional().unwrap();
        let (date, requested): (Option<f64>, Option<f64>) = taken.unwrap_or_default();
        Cached { rows: rows(&db), open: uploads(&db), inventory: date.zip(requested) }
    }

    /// Holds the cache against what the model says is known here. Times are those of the model, give or take how long
    /// the step lasted; from then on the cache's own.
    pub fn compare(&mut self, lasted: f64) {
        let cached = self.cached();
        self.knows.take_times_of(&cached.rows, lasted + 0.01);
        assert_eq!(cached.rows, self.knows.rows, "the rows of the cache");
        assert_eq!(cached.open, self.knows.open, "the uploads that are not finished");
        self.compare_inventory(&cached, lasted + 0.01);
    }

    pub fn compare_inventory(&mut self, cached: &Cached, apart: f64) {
        let is_same = cached.has_inventory_of(&self.knows, apart);
        assert!(is_same, "the inventory is {:?}, not {:?}", cached.inventory, self.knows.inventory);
        if let (Some(taken), Some(inventory)) = (&mut self.knows.inventory, cached.inventory) {
            (taken.date, taken.requested) = inventory;
        }
    }
}

async fn open(connection: &Connection, emulator: &Arc<Emulator>, home: &TempDir) -> Engine {
    let clock = Arc::new(EmulatorClock(Arc::clone(emulator)));
    Engine::open(connection, &home.path().join("db"), clock).await.unwrap()
}

fn connected(emulator: &Emulator, wire: &Wire, access_key_id: &str) -> Connection {
    let mut connection = Connection { endpoint_url: Some(wire.url.clone()), ..connection(emulator) };
    if let Some(keys) = &mut connection.keys {
        keys.access_key_id = access_key_id.to_owned();
    }
    connection
}

fn rows(db: &rusqlite::Connection) -> BTreeMap<String, Row> {
    let sql =
        "SELECT id, name, tree_hash, created_upstream, created_here, last_seen_upstream, deletion_begun,
                      deleted_here, doubted, proved, is_stored_here FROM archive WHERE vault = 'v'";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |row| {
        let known = Row {
            name: row.get(1)?,
            hash: row.get(2)?,
            created: row.get(3)?,
            made: row.get(4)?,
            seen: row.get(5)?,
            begun: row.get(6)?,
            deleted: row.get(7)?,
            doubted: row.get(8)?,
            proved: row.get(9)?,
            is_stored_here: row.get::<_, Option<bool>>(10)?.unwrap_or(false),
        };
        Ok((row.get(0)?, known))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn uploads(db: &rusqlite::Connection) -> Vec<Open> {
    let sql =
        "SELECT name, id IS NOT NULL, storing_since, tree_hash FROM upload WHERE vault = 'v' ORDER BY number";
    let mut query = db.prepare(sql).unwrap();
    let open = query.query_map([], |row| {
        let storing = row.get::<_, Option<f64>>(2)?.zip(row.get(3)?);
        let storing = storing.map(|(since, hash)| Storing { since, hash });
        Ok(Open { name: row.get(0)?, is_in_parts: row.get(1)?, storing })
    });
    open.unwrap().map(Result::unwrap).collect()
}
