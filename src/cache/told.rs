//! Archives of which someone else has told, such as another clone of a git-annex repository.
//!
//! What was told does not change when the archive is deleted, so that an archive which an inventory has proved to be gone
//! is remembered for a while after its row is: else it would come back as one that was stored lately.

use rusqlite::named_params;

use super::{Cache, CacheError, Scope};
use crate::types::{ArchiveId, Timestamp, VaultName, file_name_in};

/// An archive as someone else tells of it.
#[derive(Debug, Clone)]
pub struct ToldArchive<'a> {
    /// Its id.
    pub id: &'a ArchiveId,
    /// The description that it was stored with.
    pub name: &'a str,
    /// Its size, if that was told.
    pub size_bytes: Option<u64>,
    /// When it was stored, if that can be believed.
    pub stored: Option<Timestamp>,
    /// When its deletion was begun, if that is told of it and not how that ended.
    pub deletion_begun: Option<Timestamp>,
    /// When it was deleted, if that is told of it.
    pub deleted: Option<Timestamp>,
}

impl Cache {
    /// Files an archive that is not on file under its id; one that is stays as it is, deleted from here or not, and one
    /// that an inventory has proved to be gone stays so.
    pub fn adopt(
        &self,
        scope: &Scope,
        vault: &VaultName,
        archive: &ToldArchive<'_>,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "
                INSERT INTO archive (id, name, file_name, vault, key, created_here, account, region, size_bytes,
                    deletion_begun, deleted_here)
                SELECT :id, :name, :file_name, :vault, :key, :stored, :account, :region, :size, :begun, :deleted
                WHERE NOT EXISTS (SELECT 1 FROM gone WHERE id = :id)
                ON CONFLICT (id) DO NOTHING";
            let parameters = named_params! {
                ":id": archive.id.as_str(), ":name": archive.name, ":file_name": file_name_in(archive.name),
                ":vault": vault.as_str(), ":key": &scope.access_key_id,
                ":stored": archive.stored.map(Timestamp::unix_seconds),
                ":begun": archive.deletion_begun.map(Timestamp::unix_seconds),
                ":deleted": archive.deleted.map(Timestamp::unix_seconds),
                ":account": scope.account_text(), ":region": scope.region.as_str(),
                ":size": archive.size_bytes.and_then(|size| i64::try_from(size).ok())
            };
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }
}
