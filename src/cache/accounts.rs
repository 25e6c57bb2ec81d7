//! Whose rows a command sees.

use rusqlite::{OptionalExtension, named_params};

use super::values::{all_parsed, parsed};
use super::{Cache, CacheError};
use crate::types::{AccountId, ArchiveId, Region, Timestamp, VaultName};

/// The owner of the rows that a command reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The account, once an answer of the service has told it.
    pub account: Option<AccountId>,
    /// The access key in use; empty when rows are read without credentials.
    pub access_key_id: String,
    /// The region.
    pub region: Region,
}

/// Holds for a row of `archive` that a scope owns; wants the parameters `:account`, `:key` and `:region`. A row of the
/// original has neither account nor region: it is found by its key, by any other key of the same account, by the account that
/// it is taken to be of, and in each region until something tells where its archive is.
pub(super) const OWNED: &str = "
    (region = :region OR region IS NULL)
    AND (account = :account
         OR account IS NULL AND (key = :key OR key IN (
             SELECT key FROM caller WHERE account = :account
             UNION ALL SELECT key FROM old_key WHERE account = :account
             UNION ALL SELECT old_key FROM presumed WHERE owner = :account AND of_vault = vault)))";

impl Scope {
    pub(super) fn account_text(&self) -> Option<&str> {
        self.account.as_ref().map(AccountId::as_str)
    }
}

impl Cache {
    /// Returns the account that a caller (the id of an access key, or `profile:NAME`) is of, if an answer has told.
    pub fn account_of(&self, caller: &str) -> Result<Option<AccountId>, CacheError> {
        let account = self.with(|connection| {
            let mut query = connection.prepare_cached("SELECT account FROM caller WHERE key = ?1")?;
            query.query_row([caller], |row| Ok(parsed(row, 0))).optional()
        })?;
        Ok(account.flatten())
    }

    /// Remembers which account a caller is of. A profile may come to mean another account; an access key does not. In a file
    /// that can only be read nothing is remembered: each answer tells it again.
    pub fn remember_account(
        &self,
        caller: &str,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), CacheError> {
        self.remember(|connection| {
            let sql = "INSERT OR REPLACE INTO caller (key, account, last_used) VALUES (?1, ?2, ?3)";
            connection.execute(sql, (caller, account.as_str(), now.unix_seconds()))?;
            // What was presumed is known now, and may have been wrong.
            connection.execute("DELETE FROM presumed WHERE old_key = ?1", [caller]).map(drop)
        })
    }

    /// Takes the rows of the original in a vault of that name, which the account has, for the account's, if they stand under
    /// one access key of which nothing tells whose it is. Where another account is known to have a vault of that name they are
    /// nobody's.
    pub fn presume_account(&self, account: &AccountId, vault: &VaultName) -> Result<(), CacheError> {
        if self.places_of(vault)?.iter().any(|(other, _)| other != account) {
            return self.remember(|connection| {
                connection.execute("DELETE FROM presumed WHERE of_vault = ?1", [vault.as_str()]).map(drop)
            });
        }
        let Some(key) = self.key_of_unknown_account(vault)? else { return Ok(()) };
        // An inventory that has listed what was filed under the key has told.
        let told: Vec<AccountId> = self.with(|connection| {
            let sql = "SELECT DISTINCT account FROM archive WHERE key = ?1 AND account IS NOT NULL";
            all_parsed(&mut connection.prepare(sql)?.query([&key])?)
        })?;
        self.remember(|connection| match told.as_slice() {
            [] => {
                let sql = "INSERT OR IGNORE INTO presumed (old_key, of_vault, owner) VALUES (?1, ?2, ?3)";
                connection.execute(sql, [&key, vault.as_str(), account.as_str()]).map(drop)
            }
            [owner] => {
                let sql = "INSERT OR IGNORE INTO old_key (key, account) VALUES (?1, ?2)";
                connection.execute(sql, [&key, owner.as_str()]).map(drop)
            }
            _ => Ok(()),
        })
    }

    /// Returns the one access key under which the original filed archives of a vault of that name, if it was not used here
    /// and does not tell by itself whose it is.
    pub fn key_of_unknown_account(&self, vault: &VaultName) -> Result<Option<String>, CacheError> {
        let mut keys = self.old_keys_of(vault)?;
        let Some(key) = keys.pop().filter(|_| keys.is_empty()) else { return Ok(None) };
        let is_known: bool = self.with(|connection| {
            let sql = "SELECT ?1 IN (SELECT key FROM caller UNION ALL SELECT key FROM old_key)";
            connection.query_row(sql, [&key], |row| row.get(0))
        })?;
        Ok((!is_known && AccountId::told_by_access_key(&key).is_none()).then_some(key))
    }

    /// Returns whether nothing tells whose the archive is but that an account has its vault.
    pub fn is_of_presumed_account(&self, archive: &ArchiveId) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM archive JOIN presumed ON old_key = key AND of_vault = vault
                           WHERE id = ?1 AND account IS NULL)";
            connection.prepare_cached(sql)?.query_row([archive.as_str()], |row| row.get(0))
        })
    }

    /// Returns all accounts that are known here, the last used first.
    pub fn accounts(&self) -> Result<Vec<AccountId>, CacheError> {
        self.with(|connection| {
            let sql = "SELECT account FROM caller GROUP BY account ORDER BY max(last_used) DESC, account";
            all_parsed(&mut connection.prepare_cached(sql)?.query([])?)
        })
    }

    /// Returns whether rows are filed under this access key, as the original did.
    pub fn has_rows_of_key(&self, access_key_id: &str) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM archive WHERE key = ?1 AND account IS NULL)";
            connection.query_row(sql, [access_key_id], |row| row.get(0))
        })
    }

    /// Returns the access keys under which the original filed archives of a vault of that name.
    pub fn old_keys_of(&self, vault: &VaultName) -> Result<Vec<String>, CacheError> {
        self.with(|connection| {
            let sql = "SELECT DISTINCT key FROM archive WHERE vault = ?1 AND account IS NULL ORDER BY key";
            all_parsed(&mut connection.prepare(sql)?.query([vault.as_str()])?)
        })
    }

    /// Returns whether the region of the archive is on file; of what the original has noted, it is not.
    pub fn has_region(&self, archive: &ArchiveId) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND region IS NOT NULL)";
            connection.prepare_cached(sql)?.query_row([archive.as_str()], |row| row.get(0))
        })
    }

    /// Returns the other regions in which the scope's account has a vault of that name.
    pub fn other_regions_of(&self, scope: &Scope, vault: &VaultName) -> Result<Vec<Region>, CacheError> {
        self.with(|connection| {
            let sql =
                "SELECT region FROM vault WHERE account = :account AND name = :name AND region <> :region
                       ORDER BY region";
            let parameters = named_params! {
                ":account": scope.account_text(), ":name": vault.as_str(), ":region": scope.region.as_str()
            };
            all_parsed(&mut connection.prepare_cached(sql)?.query(parameters)?)
        })
    }
}
