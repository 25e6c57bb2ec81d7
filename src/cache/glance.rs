//! Names of vaults and archives for whoever is typing one: at once, without waiting, without changing anything.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a writer is waited for: a person who has pressed a key notices more.
const WAIT: Duration = Duration::from_millis(200);

/// A cache file that is only looked into. What cannot be read now is as good as not there.
#[derive(Debug)]
pub struct Glance(Connection);

impl Glance {
    /// Opens the file, if there is one that can be read.
    pub fn open(path: &Path) -> Option<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.busy_timeout(WAIT).ok()?;
        Some(Self(connection))
    }

    /// Returns the first names of vaults, of all accounts and regions, that begin with `prefix`.
    pub fn vaults(&self, prefix: &str, count_max: u32) -> Vec<String> {
        let sql = "
            SELECT DISTINCT name FROM vault WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3";
        self.names(sql, rusqlite::params![prefix, after(prefix), count_max])
    }

    /// Returns the first names of archives of a vault of that name that begin with `prefix`, as they are shown.
    pub fn archives(&self, vault: &str, prefix: &str, count_max: u32) -> Vec<String> {
        let sql = "
            SELECT DISTINCT coalesce(file_name, name) FROM archive
            WHERE vault = ?1 AND coalesce(file_name, name) >= ?2 AND coalesce(file_name, name) < ?3
                AND deleted_here IS NULL
            ORDER BY coalesce(file_name, name) LIMIT ?4";
        self.names(sql, rusqlite::params![vault, prefix, after(prefix), count_max])
    }

    fn names(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Vec<String> {
        let names = || {
            let mut query = self.0.prepare(sql)?;
            query.query_map(parameters, |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        names().unwrap_or_default()
    }
}

/// Returns what comes after everything that begins with `prefix`.
fn after(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}
