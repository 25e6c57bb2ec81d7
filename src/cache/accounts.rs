//! Whose rows a command sees.

use rusqlite::{OptionalExtension, named_params};

use super::{Cache, CacheError};
use crate::types::{AccountId, Region};

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

/// Holds for a row of `archive` that a scope owns; wants the parameters `:account`, `:key` and `:region`.
pub(super) const OWNED: &str = "
    (region = :region OR region IS NULL)
    AND (account = :account
         OR account IS NULL AND (key = :key OR key IN (SELECT key FROM access_key WHERE account = :account)))";

impl Scope {
    pub(super) fn account_text(&self) -> Option<&str> {
        self.account.as_ref().map(AccountId::as_str)
    }
}

impl Cache {
    /// Returns the account that the access key is of, if an answer has ever told.
    pub fn account_of_key(&self, access_key_id: &str) -> Result<Option<AccountId>, CacheError> {
        let account: Option<String> = self.with(|connection| {
            let mut query = connection.prepare_cached("SELECT account FROM access_key WHERE key = :key")?;
            query.query_row(named_params! {":key": access_key_id}, |row| row.get(0)).optional()
        })?;
        Ok(account.and_then(|account| account.parse().ok()))
    }

    /// Remembers which account the access key is of.
    pub fn remember_account(&self, access_key_id: &str, account: &AccountId) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "INSERT OR REPLACE INTO access_key (key, account) VALUES (:key, :account)";
            connection
                .execute(sql, named_params! {":key": access_key_id, ":account": account.as_str()})
                .map(drop)
        })
    }

    /// Returns all accounts that are known here.
    pub fn accounts(&self) -> Result<Vec<AccountId>, CacheError> {
        let accounts: Vec<String> = self.with(|connection| {
            let mut query = connection.prepare("SELECT DISTINCT account FROM access_key ORDER BY account")?;
            query.query_map([], |row| row.get(0))?.collect()
        })?;
        Ok(accounts.iter().filter_map(|account| account.parse().ok()).collect())
    }

    /// Returns whether rows are filed under this access key, as the original did.
    pub fn has_rows_of_key(&self, access_key_id: &str) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM archive WHERE key = :key)";
            connection.query_row(sql, named_params! {":key": access_key_id}, |row| row.get(0))
        })
    }
}
