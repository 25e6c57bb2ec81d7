//! Bringing the cache in line with an inventory.
//!
//! Order of writes: the inventory goes into a temporary table first, which locks nobody out; then one transaction
//! compares and changes. A crash at any point leaves either the old rows or the new ones.

use rusqlite::{Connection, TransactionBehavior};

use super::reconciliation::Reconciliation;
use super::{Cache, CacheError, Finding, Scope, findings};
use crate::treehash::TreeHash;
use crate::types::{AccountId, ArchiveId, JobId, Timestamp, VaultName, file_name_in};

/// What SQLite may hold in memory of the file, and of the temporary tables, while a large vault is compared; in KiB below
/// zero, as its pragma wants it.
const CACHE_SIZE_COMPARING: i64 = -24 * 1024;
const CACHE_SIZE_TEMPORARY: i64 = -16 * 1024;
const CACHE_SIZE_DEFAULT: i64 = -2000;

/// An archive as an inventory lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArchive {
    /// Its id.
    pub id: ArchiveId,
    /// Its description.
    pub name: Option<String>,
    /// When the service stored it.
    pub created: Option<Timestamp>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Its tree hash, in hex of small letters.
    pub tree_hash: Option<String>,
}

/// Takes in one archive that an inventory lists.
pub type ListedSink<'a> = dyn FnMut(ListedArchive) -> Result<(), CacheError> + 'a;

/// What is known of an inventory once it has been read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryTaken {
    /// The account whose vault it is of.
    pub account: AccountId,
    /// What it says of its age.
    pub date: Timestamp,
    /// How many of its rows made no sense and were left out. With any, what is not listed may yet be there.
    pub unreadable_rows: u64,
}

/// What an inventory is compared with, and how.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// Whose rows.
    pub scope: &'a Scope,
    /// The vault that the inventory is of.
    pub vault: &'a VaultName,
    /// The job that brings the inventory.
    pub job: &'a JobId,
    /// When it was asked for.
    pub requested: Timestamp,
    /// Whether the inventory overrides the cache where they disagree.
    pub fix: bool,
    /// The present.
    pub now: Timestamp,
}

impl Cache {
    /// Compares the vault's rows with an inventory, whose bytes have the tree hash `content` and which `read` gives row by
    /// row, and takes over what it says. When
    /// that is done for good, each finding is told of; what is strange is only told, not changed, without `fix`.
    ///
    /// # Errors
    ///
    /// Whatever `read` or the file says; the rows are then as they were.
    pub fn reconcile<E: From<CacheError>>(
        &self,
        comparison: Comparison<'_>,
        content: TreeHash,
        read: impl FnOnce(&mut ListedSink<'_>) -> Result<InventoryTaken, E>,
        tell: &mut dyn FnMut(Finding),
    ) -> Result<InventoryTaken, E> {
        let failed = |source| self.failed(source);
        let mut connection = self.lock();
        let taken = self.load(&mut connection, read)?;
        #[cfg(debug_assertions)]
        let changes_before = connection.total_changes();
        let outcome =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
                Reconciliation { comparison, taken: &taken, transaction: &transaction }.run(content)?;
                transaction.commit()
            });
        #[cfg(debug_assertions)]
        super::failpoint::pass(&connection, changes_before);
        set_cache_size(&connection, CACHE_SIZE_DEFAULT, CACHE_SIZE_DEFAULT).map_err(failed)?;
        outcome.and_then(|()| findings::tell(&connection, tell)).map_err(failed)?;
        connection.execute_batch(DROP).map_err(failed)?;
        Ok(taken)
    }

    /// Puts the inventory into a temporary table, which lives in a file of its own, and sorts it by id: what follows goes
    /// through it and the file's index of ids side by side. Of two rows with one id the first counts.
    fn load<E: From<CacheError>>(
        &self,
        connection: &mut Connection,
        read: impl FnOnce(&mut ListedSink<'_>) -> Result<InventoryTaken, E>,
    ) -> Result<InventoryTaken, E> {
        let failed = |source| self.failed(source);
        set_cache_size(connection, CACHE_SIZE_COMPARING, CACHE_SIZE_TEMPORARY).map_err(failed)?;
        connection.execute_batch(&format!("{TABLES}{}", findings::TABLE)).map_err(failed)?;
        let transaction = connection.transaction().map_err(failed)?;
        let sql = "INSERT INTO temp.arrived (id, name, file_name, created, size_bytes, tree_hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut insert = transaction.prepare(sql).map_err(failed)?;
        let taken = read(&mut |archive| {
            let size_bytes = archive.size_bytes.and_then(|size| i64::try_from(size).ok());
            let created = archive.created.map(Timestamp::unix_seconds);
            let file_name = archive.name.as_deref().and_then(file_name_in);
            let values =
                (archive.id.as_str(), archive.name, file_name, created, size_bytes, archive.tree_hash);
            insert.execute(values).map(drop).map_err(failed)
        })?;
        drop(insert);
        transaction.execute_batch(SORT).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(taken)
    }
}

const TABLES: &str = "
    DROP TABLE IF EXISTS temp.arrived; DROP TABLE IF EXISTS temp.listed; DROP TABLE IF EXISTS temp.changed;
    CREATE TEMP TABLE arrived (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL, name, file_name, created, size_bytes, tree_hash
    );
    CREATE TEMP TABLE listed (
        id TEXT PRIMARY KEY, name, file_name, created, size_bytes, tree_hash, position INTEGER
    ) WITHOUT ROWID;
    CREATE TEMP TABLE changed (id TEXT PRIMARY KEY) WITHOUT ROWID;";

const SORT: &str = "
    INSERT OR IGNORE INTO temp.listed (id, name, file_name, created, size_bytes, tree_hash, position)
        SELECT id, name, file_name, created, size_bytes, tree_hash, position FROM temp.arrived ORDER BY id, position;
    DROP TABLE temp.arrived;";

const DROP: &str = "DROP TABLE temp.listed; DROP TABLE temp.changed; DROP TABLE temp.finding";

fn set_cache_size(connection: &Connection, main: i64, temporary: i64) -> rusqlite::Result<()> {
    connection.pragma_update(Some("main"), "cache_size", main)?;
    connection.pragma_update(Some("temp"), "cache_size", temporary)
}
