//! Deleting archives.
//!
//! Order of writes: the row is marked "deletion begun", then the service is asked, then the row is hidden. Whoever
//! dies in between leaves a row that is still listed and can be deleted again (the service takes a repeat), but that
//! no longer counts as known to exist: nobody may drop another copy on its word.

use super::{Engine, EngineError};
use crate::cache::{Archive, Scope};
use crate::types::{ArchiveRef, VaultName};

impl Engine {
    /// Deletes the one archive that the reference means.
    pub async fn delete(&self, vault: &VaultName, reference: &ArchiveRef) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        let archive = self.resolve(&scope, vault, reference)?;
        self.delete_one(vault, &archive).await
    }

    /// Deletes every archive of that name, and says whether that leaves none for certain.
    pub async fn delete_all_of_name(&self, vault: &VaultName, name: &str) -> Result<bool, EngineError> {
        let scope = self.scope_of(vault).await?;
        let reference = ArchiveRef::Name(name.to_owned());
        let found = self.find(&scope, vault, &reference)?;
        for archive in &found {
            self.delete_one(vault, archive).await?;
        }
        Ok(!found.is_empty() || self.is_known_absent(&scope, vault, &reference)?)
    }

    fn is_known_absent(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<bool, EngineError> {
        let has_row = !self.cache.find(scope, vault, reference)?.is_empty();
        let known = self.cache.vault_knowledge(scope, vault)?.unwrap_or_default();
        Ok(has_row || known.empty_since.is_some() || known.inventory_date.is_some())
    }

    async fn delete_one(&self, vault: &VaultName, archive: &Archive) -> Result<(), EngineError> {
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
