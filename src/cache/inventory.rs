//! Bringing the cache in line with an inventory.
//!
//! Order of writes: the inventory goes into a temporary table first, which locks nobody out; then one transaction
//! compares and changes. A crash at any point leaves either the old rows or the new ones.

use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior, named_params};

use super::accounts::OWNED;
use super::archives::{Archive, COLUMNS, archive};
use super::{Cache, CacheError, Scope};
use crate::types::{ArchiveId, ArchiveRef, Timestamp, VaultName};

/// How long an upload may be missing from inventories before that is strange. Inventories are made about daily, and
/// an archive may be missing even from one that was made after its upload.
const INVENTORY_LAG: Duration = Duration::from_secs(3 * 24 * 60 * 60);

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
    /// Its tree hash, in hex.
    pub tree_hash: Option<String>,
}

/// How old an inventory is.
#[derive(Debug, Clone, Copy)]
struct InventoryDates {
    /// Its own date.
    inventory: Timestamp,
    /// When the job that brought it was asked for.
    requested: Timestamp,
}

impl InventoryDates {
    /// Returns when the listed archives are known to have existed. An inventory is not made anew while a vault does
    /// not change, so one that was asked for long after its date still tells of a time shortly before the asking.
    fn seen_at(self) -> Timestamp {
        self.inventory.max(self.requested - INVENTORY_LAG)
    }
}

/// Something that a sync found which the owner should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The archive.
    pub archive: Archive,
    /// What about it.
    pub kind: FindingKind,
}

/// What a sync found about one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingKind {
    /// The inventory has another name for it. With `fixed` the cache has taken that over.
    Renamed {
        /// The name in the inventory.
        to: String,
        /// Whether the cache now has it.
        fixed: bool,
    },
    /// Deleted from here before the inventory was made, which still lists it.
    StillPresent,
    /// Deleted from here after the inventory was made.
    DeletionNotYetListed,
    /// Deleted from here and gone from the inventory: its row is removed.
    DeletionConfirmed,
    /// No longer listed although it was seen before, or was uploaded long enough ago.
    Disappeared {
        /// Whether its row was removed.
        fixed: bool,
    },
    /// Not listed, and too young to worry.
    NotYetListed,
}

impl Finding {
    /// Returns how to refer to the archive.
    pub fn reference(&self) -> ArchiveRef {
        self.archive.reference()
    }
}

impl Cache {
    /// Makes the cache agree with a full inventory of the vault and returns what was strange, in the inventory's
    /// order, then what it does not list. Names and rows are only overridden with `fix`.
    ///
    /// `read` gives each archive that the inventory lists to the function it is handed and returns the inventory's
    /// date; `requested` is when the job of the inventory was asked for.
    ///
    /// # Errors
    ///
    /// When `read` fails; then nothing has changed.
    pub fn reconcile<E: From<CacheError>>(
        &self,
        scope: &Scope,
        vault: &VaultName,
        requested: Timestamp,
        read: impl FnOnce(&mut ListedSink<'_>) -> Result<Timestamp, E>,
        fix: bool,
        now: Timestamp,
    ) -> Result<Vec<Finding>, E> {
        let failed = |source| CacheError::Sqlite { path: self.path.clone(), source };
        let mut connection = self.lock();
        let inventory = load(&mut connection, read, failed)?;
        let dates = InventoryDates { inventory, requested };
        let reconciliation = Reconciliation { scope, vault, dates, fix, now };
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let findings = reconciliation.run(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        connection.execute_batch("DROP TABLE temp.listed").map_err(failed)?;
        Ok(findings)
    }
}

/// Takes in one archive that an inventory lists.
pub type ListedSink<'a> = dyn FnMut(ListedArchive) -> Result<(), CacheError> + 'a;

/// Puts the inventory into a temporary table, which lives in a file of its own. Of two rows with one id the first
/// counts.
fn load<E: From<CacheError>>(
    connection: &mut Connection,
    read: impl FnOnce(&mut ListedSink<'_>) -> Result<Timestamp, E>,
    failed: impl Fn(rusqlite::Error) -> CacheError + Copy,
) -> Result<Timestamp, E> {
    let transaction = connection.transaction().map_err(failed)?;
    transaction
        .execute_batch(
            "DROP TABLE IF EXISTS temp.listed;
             CREATE TEMP TABLE listed (
                 position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, created, size_bytes, tree_hash
             );",
        )
        .map_err(failed)?;
    let sql = "INSERT OR IGNORE INTO temp.listed (id, name, created, size_bytes, tree_hash) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = transaction.prepare(sql).map_err(failed)?;
    let date = read(&mut |archive| {
        let size_bytes = archive.size_bytes.and_then(|size| i64::try_from(size).ok());
        let created = archive.created.map(Timestamp::unix_seconds);
        let values = (archive.id.as_str(), archive.name, created, size_bytes, archive.tree_hash);
        insert.execute(values).map(drop).map_err(failed)
    })?;
    drop(insert);
    transaction.commit().map_err(failed)?;
    Ok(date)
}

struct Reconciliation<'a> {
    scope: &'a Scope,
    vault: &'a VaultName,
    dates: InventoryDates,
    fix: bool,
    now: Timestamp,
}

impl Reconciliation<'_> {
    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Finding>> {
        let mut findings = self.strange_among_listed(transaction)?;
        self.take_over_listed(transaction)?;
        for archive in self.not_listed(transaction)? {
            let kind = self.judge_not_listed(&archive);
            if matches!(kind, FindingKind::DeletionConfirmed | FindingKind::Disappeared { fixed: true }) {
                transaction.execute("DELETE FROM archive WHERE id = ?1", [archive.id.as_str()])?;
            }
            findings.push(Finding { archive, kind });
        }
        self.remember_inventory(transaction)?;
        Ok(findings)
    }

    /// Archives listed under another name, or although they were deleted from here.
    fn strange_among_listed(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Finding>> {
        let mut query = transaction.prepare(&format!(
            "SELECT {COLUMNS}, coalesce(l.name, '')
             FROM temp.listed AS l JOIN main.archive AS a ON a.id = l.id
             WHERE a.deleted_here IS NOT NULL OR (a.name <> '' AND a.name <> coalesce(l.name, ''))
             ORDER BY l.position"
        ))?;
        let rows: Vec<(Archive, String)> =
            query.query_map([], |row| Ok((archive(row)?, row.get(9)?)))?.collect::<rusqlite::Result<_>>()?;
        let mut findings = Vec::new();
        for (mut archive, listed_name) in rows {
            if archive.name.as_ref().is_some_and(|name| !name.is_empty() && *name != listed_name) {
                let kind = FindingKind::Renamed { to: listed_name.clone(), fixed: self.fix };
                findings.push(Finding { archive: archive.clone(), kind });
                if self.fix {
                    archive.name = Some(listed_name);
                }
            }
            if let Some(deleted) = archive.deleted_here {
                let kind = if deleted < self.dates.inventory {
                    FindingKind::StillPresent
                } else {
                    FindingKind::DeletionNotYetListed
                };
                findings.push(Finding { archive, kind });
            }
        }
        Ok(findings)
    }

    /// Ids are unique everywhere, so a row that was filed under a key of old is found by its id and taken over.
    fn take_over_listed(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let sql = "
            INSERT INTO main.archive (id, name, vault, key, created_here, account, region,
                                      last_seen_upstream, size_bytes, tree_hash, created_upstream)
            SELECT id, name, :vault, :key, :now, :account, :region, :seen, size_bytes, tree_hash, created
            FROM temp.listed WHERE true ORDER BY position
            ON CONFLICT (id) DO UPDATE SET
                name = CASE WHEN coalesce(name, '') = '' OR :fix THEN excluded.name ELSE name END,
                vault = excluded.vault, account = excluded.account, region = excluded.region,
                last_seen_upstream = excluded.last_seen_upstream,
                size_bytes = coalesce(excluded.size_bytes, size_bytes),
                tree_hash = coalesce(excluded.tree_hash, tree_hash),
                created_upstream = coalesce(excluded.created_upstream, created_upstream)";
        let parameters = named_params! {
            ":vault": self.vault.as_str(), ":key": &self.scope.access_key_id, ":now": self.now.unix_seconds(),
            ":account": self.scope.account_text(), ":region": self.scope.region.as_str(),
            ":seen": self.dates.seen_at().unix_seconds(), ":fix": self.fix
        };
        transaction.execute(sql, parameters).map(drop)
    }

    fn not_listed(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Archive>> {
        let mut query = transaction.prepare(&format!(
            "SELECT {COLUMNS} FROM main.archive AS a
             WHERE vault = :vault AND {OWNED} AND id NOT IN (SELECT id FROM temp.listed) ORDER BY name, id"
        ))?;
        let parameters = named_params! {
            ":vault": self.vault.as_str(), ":account": self.scope.account_text(),
            ":key": &self.scope.access_key_id, ":region": self.scope.region.as_str()
        };
        query.query_map(parameters, archive)?.collect()
    }

    fn judge_not_listed(&self, archive: &Archive) -> FindingKind {
        let inventory = self.dates.inventory;
        let is_old = archive.created_here.is_some_and(|created| created < inventory - INVENTORY_LAG);
        match archive.deleted_here {
            Some(deleted) if deleted < inventory => FindingKind::DeletionConfirmed,
            None if archive.last_seen_upstream.is_some() || is_old => {
                FindingKind::Disappeared { fixed: self.fix }
            }
            _ => FindingKind::NotYetListed,
        }
    }

    fn remember_inventory(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some(account) = self.scope.account_text() else { return Ok(()) };
        let sql = "
            INSERT INTO vault (account, region, name, inventory_date, inventory_requested)
            VALUES (:account, :region, :name, :date, :requested)
            ON CONFLICT DO UPDATE SET
                inventory_date = excluded.inventory_date, inventory_requested = excluded.inventory_requested
            WHERE coalesce(inventory_requested <= excluded.inventory_requested, true)";
        let parameters = named_params! {
            ":account": account, ":region": self.scope.region.as_str(), ":name": self.vault.as_str(),
            ":date": self.dates.inventory.unix_seconds(), ":requested": self.dates.requested.unix_seconds()
        };
        transaction.execute(sql, parameters).map(drop)
    }
}
