//! What is known of a vault as a whole.

use rusqlite::{OptionalExtension, Row, named_params};

use super::accounts::OWNED;
use super::lag::seen_at;
use super::values::{all_parsed, integer, time};
use super::{Cache, CacheError, Scope};
use crate::types::{AccountId, Region, Timestamp, VaultName};

/// What is known of a vault as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VaultKnowledge {
    /// When it was made here: nothing can be in it from before.
    pub empty_since: Option<Timestamp>,
    /// The last inventory taken in.
    pub inventory: Option<InventoryKnowledge>,
}

/// What is remembered of an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryKnowledge {
    /// How old it says it is.
    pub date: Timestamp,
    /// When its job was asked for.
    pub requested: Timestamp,
    /// How many archives it lists.
    pub rows: u64,
    /// Whether each of its rows could be read, so that what it does not list was not there.
    pub is_complete: bool,
}

impl InventoryKnowledge {
    /// Returns when the archives that it lists are known to have existed.
    pub fn seen_at(&self) -> Timestamp {
        seen_at(self.date, self.requested)
    }
}

impl Cache {
    /// Remembers that the vault exists, and that it was made just now if `empty_since` says so. In a file that can only be
    /// read nothing is remembered: that is learnt again.
    pub fn remember_vault(
        &self,
        account: &AccountId,
        scope: &Scope,
        vault: &VaultName,
        empty_since: Option<Timestamp>,
    ) -> Result<(), CacheError> {
        self.remember(|connection| {
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

    /// Remembers that a vault was empty at `date`, as an inventory of then would have told. Asked at `now`.
    pub fn remember_empty(
        &self,
        scope: &Scope,
        vault: &VaultName,
        date: Timestamp,
        now: Timestamp,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "
                UPDATE vault SET inventory_date = :date, inventory_requested = :now, inventory_rows = 0,
                    inventory_unreadable = 0
                WHERE account = :account AND region = :region AND name = :name";
            let parameters = named_params! {
                ":account": scope.account_text(), ":region": scope.region.as_str(), ":name": vault.as_str(),
                ":date": date.unix_seconds(), ":now": now.unix_seconds()
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
                "SELECT empty_since, inventory_date, inventory_requested, inventory_rows, inventory_unreadable
                 FROM vault WHERE account = :account AND region = :region AND name = :name",
            )?;
            let parameters = named_params! {
                ":account": scope.account_text(), ":region": scope.region.as_str(), ":name": vault.as_str()
            };
            query.query_row(parameters, |row| Ok(knowledge(row))).optional()
        })
    }

    /// Returns the accounts that are known to have a vault of that name in the region.
    pub fn owners_of(&self, region: &Region, vault: &VaultName) -> Result<Vec<AccountId>, CacheError> {
        self.with(|connection| {
            let sql = "SELECT account FROM vault WHERE region = ?1 AND name = ?2 ORDER BY account";
            let mut query = connection.prepare_cached(sql)?;
            all_parsed(&mut query.query([region.as_str(), vault.as_str()])?)
        })
    }

    /// Returns where vaults of that name are known, in all accounts and regions.
    pub fn places_of(&self, vault: &VaultName) -> Result<Vec<(AccountId, Region)>, CacheError> {
        let places: Vec<(String, String)> = self.with(|connection| {
            let sql = "SELECT account, region FROM vault WHERE name = ?1 ORDER BY region";
            let mut query = connection.prepare_cached(sql)?;
            query.query_map([vault.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let parsed =
            places.iter().map(|(account, region)| Some((account.parse().ok()?, region.parse().ok()?)));
        Ok(parsed.flatten().collect())
    }

    /// Makes sure that [`Cache::forget_vault`] is not bound to fail.
    pub fn can_forget_vault(&self) -> Result<(), CacheError> {
        // That a transaction begins is no proof: SQLite lets one begin where nothing can be written.
        self.with(|connection| connection.execute("UPDATE vault SET name = name WHERE false", []).map(drop))
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

fn knowledge(row: &Row<'_>) -> VaultKnowledge {
    let inventory = time(row, 1).zip(time(row, 2)).map(|(date, requested)| InventoryKnowledge {
        date,
        requested,
        rows: integer(row, 3).and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default(),
        is_complete: integer(row, 4) == Some(0),
    });
    VaultKnowledge { empty_since: time(row, 0), inventory }
}
