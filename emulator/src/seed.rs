//! Vaults of many archives, for those who must cope with them.

use std::path::Path;

use rusqlite::Connection;

use crate::clock::Clock;
use crate::ids;
use crate::ops::is_vault_name;
use crate::store::{Keeps, Store, StoreError};
use crate::treehash::Hasher;

/// The archives get sizes up to this, in bytes, which is one leaf.
const SIZE_MAX_BYTES: u64 = 1024 * 1024;

/// Puts `archives` archives without content into a vault in the data directory, and makes the vault if it is not there.
///
/// Their names are `seeded/0000000000` and on; sizes and hashes differ.
///
/// # Errors
///
/// When the vault cannot be called so, and when the directory is in use or cannot be written. Nothing is in the vault
/// then that was not before.
pub fn seed(directory: &Path, region: &str, vault: &str, archives: u64) -> Result<(), StoreError> {
    if !is_vault_name(vault) {
        return Err(StoreError::VaultName(vault.to_owned()));
    }
    let store = Store::open(directory, Keeps::AllForGood)?;
    let index = |source| StoreError::Index { path: directory.to_owned(), source };
    let (ahead, latest) = store.clock().map_err(index)?;
    let now = Clock::new(ahead, latest).now_milliseconds();
    insert(&store.index(), now, region, vault, archives).map_err(index)
}

fn insert(index: &Connection, now: i64, region: &str, vault: &str, archives: u64) -> rusqlite::Result<()> {
    // New pages need no journal, where the usual log would write each twice. The next start has the log again.
    index.pragma_update(None, "journal_mode", "delete")?;
    let transaction = index.unchecked_transaction()?;
    let sql = "INSERT OR IGNORE INTO vault (region, name, created) VALUES (?1, ?2, ?3)";
    transaction.execute(sql, (region, vault, now))?;
    let sql = "INSERT INTO archive (id, region, vault, description, size, leaves, tree_hash, created)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut statement = transaction.prepare(sql)?;
    for (number, id) in (0_u64..).zip(ids::ascending_archive_ids(archives)) {
        let mut hasher = Hasher::default();
        hasher.update(&number.to_be_bytes());
        let (_, leaves) = hasher.finish();
        let size = i64::try_from(number * 7919 % SIZE_MAX_BYTES + 1).unwrap_or(1);
        let name = format!("seeded/{number:010}");
        statement.execute((id, region, vault, name, size, leaves.to_bytes(), leaves.root(), now))?;
    }
    drop(statement);
    transaction.commit()
}
