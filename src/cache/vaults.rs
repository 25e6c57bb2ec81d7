//! What is known of a vault as a whole.

use rusqlite::{OptionalExtension, named_params};

use super::accounts::OWNED;
use super::{Cache, CacheError, Scope};
use crate::types::{AccountId, Timestamp, VaultName};

/// What is known of a vault as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VaultKnowledge {
    /// When it was made here: nothing can be in it from before.
    pub empty_since: Option<Timestamp>,
    /// How old the last inventory taken in says it is.
    pub inventory_date: Option<Timestamp>,
    /// When the job of that inventory was asked for.
    pub inventory_requested: Option<Timestamp>,
}

impl Cache {
    /// Remembers that the vault exists, and that it was made just now if `empty_since` says so.
    pub fn remember_vault(
        &self,
        account: &AccountId,
        scope: &Scope,
        vault: &VaultName,
        empty_since: Option<Timestamp>,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "
                INSERT INTO vault (account, region, name, empty_since) VALUES (:account, :region, :name, :since)
                ON CONFLICT DO UPDATE SET empty_since = coalesce(excluded.empty_since, empty_since)";
            let parameters = named_params! {
                ":account": account.as_str(), ":region": scope.region.as_str(), ":name": vault.as_str(),
                ":since": empty_since.map(Timestamp::unix_seconds)
            };
            connection.execute(sql, parameters).map(drop)
        })
    }

    /// Returns what is known of the vault, or `None` if it was never met.
    pub fn vault_knowledge(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<Option<VaultKnowledge>, CacheError> {
        self.with(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT empty_since, inventory_date, inventory_requested FROM vault
                 WHERE account = :account AND region = :region AND name = :name",
            )?;
            let parameters = named_params! {
                ":account": scope.account_text(), ":region": scope.region.as_str(), ":name": vault.as_str()
            };
            let time = |seconds: Option<f64>| seconds.map(Timestamp::from_unix_seconds);
            query
                .query_row(parameters, |row| {
                    Ok(VaultKnowledge {
                        empty_since: time(row.get(0)?),
                        inventory_date: time(row.get(1)?),
                        inventory_requested: time(row.get(2)?),
                    })
                })
                .optional()
        })
    }

    /// Forgets a vault that is no more, and its archives.
    pub fn forget_vault(&self, scope: &Scope, vault: &VaultName) -> Result<(), CacheError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let sql = "DELETE FROM vault WHERE account = :account AND region = :region AND name = :name";
            let (account, region) = (scope.account_text(), scope.region.as_str());
            let parameters = named_params! {":account": account, ":region": region, ":name": vault.as_str()};
            transaction.execute(sql, parameters)?;
            let sql = format!("DELETE FROM archive WHERE vault = :vault AND {OWNED}");
            let key = &scope.access_key_id;
            let parameters =
                named_params! {":vault": vault.as_str(), ":account": account, ":key": key, ":region": region};
            transaction.execute(&sql, parameters)?;
            transaction.commit()
        })
    }
}
