//! Archives that are stored more than once.

use rusqlite::named_params;

use super::accounts::OWNED;
use super::archives::{COLUMNS, archives};
use super::{Archive, Cache, CacheError, Scope};
use crate::types::VaultName;

impl Cache {
    /// Returns the archives that have another with the same description, size and tree hash, by these three, the oldest
    /// first. Archives without a description are left out: their ids are all that others can know them by.
    pub fn duplicated(&self, scope: &Scope, vault: &VaultName) -> Result<Vec<Archive>, CacheError> {
        self.with(|connection| {
            let live = format!(
                "FROM archive AS a WHERE vault = :vault AND deleted_here IS NULL AND name <> ''
                     AND size_bytes IS NOT NULL AND tree_hash IS NOT NULL AND {OWNED}"
            );
            let mut query = connection.prepare(&format!(
                "SELECT {COLUMNS} {live} AND (name, size_bytes, tree_hash) IN (
                     SELECT name, size_bytes, tree_hash {live} GROUP BY name, size_bytes, tree_hash HAVING count(*) > 1)
                 ORDER BY name, size_bytes, tree_hash, coalesce(created_upstream, created_here), created_here, id"
            ))?;
            let parameters = named_params! {
                ":vault": vault.as_str(), ":account": scope.account_text(), ":key": &scope.access_key_id,
                ":region": scope.region.as_str()
            };
            archives(&mut query.query(parameters)?)
        })
    }
}
