//! An inventory that was taken in before.
//!
//! Inventories are not made anew while a vault does not change, and one that is there is used for a day; so most syncs
//! meet one that the cache knows. If it is the same job, or another that brought the same bytes, and the rows that it
//! lists are as it left them, what there is to tell follows from the rows alone.

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior};

use super::checksum::checksum;
use super::inventory::{Comparison, InventoryTaken};
use super::reconciliation::Reconciliation;
use super::values::{integer, parsed, time};
use super::{Cache, CacheError, Finding, findings};
use crate::treehash::TreeHash;
use crate::types::{AccountId, JobId, Timestamp};

/// How an inventory is recognised.
#[derive(Debug, Clone, Copy)]
pub enum Recognised {
    /// By the job that brings it.
    Job,
    /// By its bytes.
    Content(TreeHash),
}

/// What is remembered of the last inventory of a vault.
struct Last {
    account: AccountId,
    date: Timestamp,
    job: Option<JobId>,
    content: Option<TreeHash>,
    checksum: Option<i64>,
    serial: i64,
}

impl Cache {
    /// Does what [`Cache::reconcile`] would do with the inventory, if it is the last that was taken in and its rows are as
    /// it left them; else nothing.
    pub fn reconcile_repeated(
        &self,
        comparison: Comparison<'_>,
        inventory: Recognised,
        tell: &mut dyn FnMut(Finding),
    ) -> Result<Option<InventoryTaken>, CacheError> {
        self.with(|connection| {
            connection.execute_batch(findings::TABLE)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let taken = repeat(&transaction, comparison, inventory)?;
            transaction.commit()?;
            findings::tell(connection, tell)?;
            Ok(taken)
        })
    }
}

fn repeat(
    transaction: &Transaction<'_>,
    comparison: Comparison<'_>,
    inventory: Recognised,
) -> rusqlite::Result<Option<InventoryTaken>> {
    let Some(last) = last(transaction, comparison)? else { return Ok(None) };
    let is_same = match inventory {
        Recognised::Job => last.job.as_ref() == Some(comparison.job),
        Recognised::Content(hash) => last.content == Some(hash),
    };
    if !is_same || last.checksum.is_none() || last.checksum != Some(checksum(transaction, last.serial)?) {
        return Ok(None);
    }
    let taken = InventoryTaken { account: last.account, date: last.date, unreadable_rows: 0 };
    let reconciliation = Reconciliation { comparison, taken: &taken, transaction };
    reconciliation.see_again(last.serial)?;
    reconciliation.find_deleted(last.serial)?;
    reconciliation.find_not_listed(last.serial, None)?;
    reconciliation.forget()?;
    Ok(Some(taken))
}

fn last(transaction: &Transaction<'_>, comparison: Comparison<'_>) -> rusqlite::Result<Option<Last>> {
    let sql = "SELECT account, inventory_date, inventory_job, inventory_content, inventory_checksum, inventory_serial
               FROM vault WHERE account = ?1 AND region = ?2 AND name = ?3 AND inventory_serial = inventory_last";
    let scope = comparison.scope;
    let values = (scope.account_text(), scope.region.as_str(), comparison.vault.as_str());
    let last = |row: &Row<'_>| {
        Some(Last {
            account: parsed(row, 0)?,
            date: time(row, 1)?,
            job: parsed(row, 2),
            content: parsed(row, 3),
            checksum: integer(row, 4),
            serial: integer(row, 5)?,
        })
    };
    Ok(transaction.query_row(sql, values, |row| Ok(last(row))).optional()?.flatten())
}
