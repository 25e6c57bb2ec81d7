//! Vaults as a whole.

use std::time::Duration;

use super::{Engine, EngineError};
use crate::cache::VaultKnowledge;
use crate::service::{ServiceError, Vault};
use crate::types::{AccountId, VaultName};

/// A vault as the service describes it, and what the cache knows of it.
#[derive(Debug, Clone)]
pub struct VaultDetails {
    /// The service's description. Its counts are those of the last inventory.
    pub vault: Vault,
    /// What the cache knows.
    pub knowledge: VaultKnowledge,
}

/// A vault, and what the cache knows of what is in it and on its way to it.
#[derive(Debug, Clone)]
pub struct VaultInfo {
    /// The service's description. Its counts are those of the last inventory.
    pub vault: Vault,
    /// What the cache knows.
    pub knowledge: VaultKnowledge,
    /// How old the inventory is that the cache knows.
    pub inventory_age: Option<Duration>,
    /// How many archives the cache knows.
    pub archives: u64,
    /// How many uploads were begun from here and have not sent all.
    pub uploads_unfinished: u64,
    /// How many uploads from here had no answer: they may or may not have stored an archive.
    pub uploads_without_answer: u64,
}

impl Engine {
    /// Returns what the service says of the vault now and what the cache knows of it.
    pub async fn vault_info(&self, vault: &VaultName) -> Result<VaultInfo, EngineError> {
        let mut scope = self.scope().await?;
        let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
        self.learn(&mut scope, vault, &described.account)?;
        let knowledge = self.cache.vault_knowledge(&scope, vault)?.unwrap_or_default();
        let uploads = self.cache.unfinished_uploads(&scope, vault)?;
        let without_answer = uploads.iter().filter(|upload| upload.storing.is_some()).count();
        let now = self.clock.now();
        Ok(VaultInfo {
            vault: described,
            knowledge,
            inventory_age: knowledge.inventory.map(|taken| now.since(taken.date)),
            archives: self.cache.count(&scope, vault)?,
            uploads_unfinished: (uploads.len() - without_answer) as u64,
            uploads_without_answer: without_answer as u64,
        })
    }

    /// Returns all vaults of the region by name, as the service has them now.
    pub async fn vaults(&self) -> Result<Vec<VaultDetails>, EngineError> {
        let mut scope = self.scope().await?;
        let mut details = Vec::new();
        for vault in self.glacier.list_vaults().await? {
            self.learn(&mut scope, &vault.name, &vault.account)?;
            let knowledge = self.cache.vault_knowledge(&scope, &vault.name)?.unwrap_or_default();
            details.push(VaultDetails { vault, knowledge });
        }
        Ok(details)
    }

    /// Makes sure that the vault exists, and returns whose it is. None is made.
    ///
    /// # Errors
    ///
    /// [`EngineError::VaultNotFound`] if it does not.
    pub async fn require_vault(&self, vault: &VaultName) -> Result<AccountId, EngineError> {
        let mut scope = self.scope().await?;
        let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
        self.learn(&mut scope, vault, &described.account)?;
        Ok(described.account)
    }

    /// Makes sure that the vault exists, and returns whose it is.
    ///
    /// Asked first is whether it does: of a vault that was not there, it is known from then on that all it holds is
    /// in this cache. A crash after its creation only loses that knowledge.
    pub async fn create_vault(&self, vault: &VaultName) -> Result<AccountId, EngineError> {
        let mut scope = self.scope().await?;
        let before = self.glacier.describe_vault(vault).await;
        match before {
            Ok(described) => {
                self.learn(&mut scope, vault, &described.account)?;
                Ok(described.account)
            }
            Err(error @ (ServiceError::Unanswered { .. } | ServiceError::NotGlacier { .. })) => {
                Err(error.into())
            }
            Err(error) => {
                let was_missing = matches!(error, ServiceError::NotFound { .. });
                let _noting = self.stop.noting().await;
                let account = self.glacier.create_vault(vault).await?;
                if was_missing {
                    self.learn_account(&mut scope, &account)?;
                    self.cache.remember_vault(&account, &scope, vault, Some(self.clock.now()))?;
                } else {
                    self.learn(&mut scope, vault, &account)?;
                }
                Ok(account)
            }
        }
    }

    /// Deletes the vault, then what the cache knows of it.
    ///
    /// # Errors
    ///
    /// The service refuses while the last inventory holds archives or anything was written since.
    pub async fn delete_vault(&self, vault: &VaultName) -> Result<(), EngineError> {
        let mut scope = self.scope().await?;
        let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
        self.learn(&mut scope, vault, &described.account)?;
        self.cache.can_forget_vault()?;
        let _noting = self.stop.noting().await;
        self.glacier.delete_vault(vault).await.map_err(self.about_vault(vault))?;
        Ok(self.cache.forget_vault(&scope, vault)?)
    }
}
