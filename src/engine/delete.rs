//! Deleting archives.
//!
//! Order of writes: the row is marked "deletion begun", then the service is asked, then the row is hidden. Whoever
//! dies in between leaves a row that is still listed and can be deleted again (the service takes a repeat), but that
//! no longer counts as known to exist: nobody may drop another copy on its word.

use super::{Engine, EngineError};
use crate::cache::Archive;
use crate::types::{ArchiveRef, VaultName};

impl Engine {
    /// Deletes the one archive that the reference means.
    pub async fn delete(&self, vault: &VaultName, reference: &ArchiveRef) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        let archive = self.resolve(&scope, vault, reference)?;
        self.delete_one(vault, &archive).await
    }

    /// Deletes every archive of that name that the cache knows, and returns how many there were.
    pub async fn delete_all_of_name(&self, vault: &VaultName, name: &str) -> Result<usize, EngineError> {
        let scope = self.scope_of(vault).await?;
        let found = self.find(&scope, vault, &ArchiveRef::Name(name.to_owned()))?;
        for archive in &found {
            self.delete_one(vault, archive).await?;
        }
        Ok(found.len())
    }

    pub(super) async fn delete_one(&self, vault: &VaultName, archive: &Archive) -> Result<(), EngineError> {
        self.cache.begin_deletion(&archive.id, self.clock.now())?;
        match self.glacier.delete_archive(vault, &archive.id).await {
            Ok(()) => Ok(self.cache.mark_deleted(&archive.id, self.clock.now())?),
            Err(error) => {
                if !error.is_outcome_unknown() {
                    self.cache.cancel_deletion(&archive.id)?;
                }
                Err(self.about_vault(vault)(error))
            }
        }
    }
}
