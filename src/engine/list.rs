//! What the cache knows of a vault's archives.

use std::ops::ControlFlow;

use super::{Engine, EngineError};
use crate::cache::{Archive, VaultKnowledge};
use crate::types::{AccountId, ArchiveRef, VaultName};

/// How much a list of a vault's archives says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All that is known, from here and from inventories.
    Known,
    /// Nothing was ever learnt of what the vault holds.
    NeverSynced,
}

/// What is known of a vault as a whole.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The account that owns it, if that is known here.
    pub account: Option<AccountId>,
    /// What the cache knows.
    pub knowledge: VaultKnowledge,
}

impl Engine {
    /// Returns the archives that the reference means, as far as the cache knows; asks no service.
    pub async fn known(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Vec<Archive>, EngineError> {
        let scope = self.scope().await?;
        self.find(&scope, vault, reference)
    }

    /// Returns what the cache knows of the vault as a whole; asks no service.
    pub async fn summary(&self, vault: &VaultName) -> Result<Summary, EngineError> {
        let scope = self.scope().await?;
        let knowledge = self.cache.vault_knowledge(&scope, vault)?.unwrap_or_default();
        Ok(Summary { account: scope.account, knowledge })
    }

    /// Gives every archive of the vault that the cache knows to `visit`, by name and id, until it breaks. Asks the
    /// service only about a vault or an access key that was never met.
    ///
    /// # Errors
    ///
    /// [`EngineError::VaultNotFound`] if the cache knows nothing of the vault and the service neither.
    pub async fn list(
        &self,
        vault: &VaultName,
        mut visit: impl FnMut(Archive) -> ControlFlow<()>,
    ) -> Result<Listing, EngineError> {
        let mut scope = self.scope_for_reading(vault).await?;
        let mut is_empty = true;
        self.cache.list(&scope, vault, |archive| {
            is_empty = false;
            visit(archive)
        })?;
        if !is_empty {
            return Ok(Listing::Known);
        }
        let Some(known) = self.cache.vault_knowledge(&scope, vault)? else {
            let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
            self.learn(&mut scope, vault, &described.account)?;
            return Ok(Listing::NeverSynced);
        };
        let is_known = known.empty_since.is_some() || known.inventory_date.is_some();
        Ok(if is_known { Listing::Known } else { Listing::NeverSynced })
    }
}
