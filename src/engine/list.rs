//! What the cache knows of a vault's archives.

use std::ops::ControlFlow;

use super::{Engine, EngineError};
use crate::cache::{Archive, Listed, VaultKnowledge};
use crate::types::{AccountId, ArchiveRef, VaultName};

/// How much a list of a vault's archives says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whether anything was ever learnt of what the vault holds.
    pub is_known: bool,
    /// The account whose vault it is, where several are known here.
    pub account_of_several: Option<AccountId>,
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
    /// Returns the archives that the reference means, as far as the cache knows. Asks no service about a caller that
    /// was met before.
    pub async fn known(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Vec<Archive>, EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        self.find(&scope, vault, reference)
    }

    /// Returns what the cache knows of the vault as a whole. Asks no service about a caller that was met before.
    pub async fn summary(&self, vault: &VaultName) -> Result<Summary, EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        let knowledge = self.cache.vault_knowledge(&scope, vault)?.unwrap_or_default();
        Ok(Summary { account: scope.account, knowledge })
    }

    /// Gives every archive of the vault that the cache knows to `visit`, by name and id, until it breaks. Asks the
    /// service only about a vault or a caller that was never met.
    ///
    /// # Errors
    ///
    /// [`EngineError::VaultNotFound`] if the cache knows nothing of the vault and the service neither.
    pub async fn list(
        &self,
        vault: &VaultName,
        mut visit: impl FnMut(&Listed<'_>) -> ControlFlow<()>,
    ) -> Result<Listing, EngineError> {
        let mut scope = self.scope_for_reading(vault).await?;
        let mut is_empty = true;
        self.cache.list(&scope, vault, |archive| {
            is_empty = false;
            visit(archive)
        })?;
        let is_known = match self.cache.vault_knowledge(&scope, vault)? {
            _ if !is_empty => true,
            Some(known) => known.empty_since.is_some() || known.inventory.is_some(),
            None => {
                let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
                scope.access_key_id = self.glacier.access_key_id().await?;
                self.learn(&mut scope, vault, &described.account)?;
                false
            }
        };
        let is_one_of_several = self.cache.accounts()?.len() > 1;
        Ok(Listing { is_known, account_of_several: scope.account.filter(|_| is_one_of_several) })
    }
}
