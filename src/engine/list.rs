//! What the cache knows of a vault's archives.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Engine, EngineError};
use crate::cache::{Archive, Listed, Scope, VaultKnowledge};
use crate::service::Tier;
use crate::types::{AccountId, ArchiveRef, VaultName};

/// How much a list of a vault's archives says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whether anything was ever learnt of what the vault holds.
    pub is_known: bool,
    /// Whether there was a time of which all that the vault held is known, by an inventory or as it was empty. Else archives
    /// that were not stored from here are missing.
    pub was_whole: bool,
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

/// How many archives of a vault are known, and how many retrieval jobs were started from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The archives that are not deleted.
    pub archives: u64,
    /// The jobs that were asked for less than five hours ago.
    pub jobs_pending: u64,
    /// Those from before whose output should still be there.
    pub jobs_ready: u64,
}

impl Engine {
    /// Counts what the cache knows of a vault, for a caller that was met before; else there is nothing to count. How jobs
    /// stand is guessed from their age: the service is not asked.
    pub fn counts(&self, vault: &VaultName) -> Result<Option<Counts>, EngineError> {
        let Some(scope) = self.scope_here(vault)? else { return Ok(None) };
        let (ready, gone) = (Tier::Standard.ready_within(), Duration::from_secs(24 * 60 * 60));
        let now = self.clock.now();
        let begun_since = |date| self.cache.jobs_begun_since(&scope, vault, date);
        let jobs_pending = begun_since(now - ready)?;
        let jobs_ready = begun_since(now - ready - gone)? - jobs_pending;
        Ok(Some(Counts { archives: self.cache.count(&scope, vault)?, jobs_pending, jobs_ready }))
    }

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

    /// The same of a caller that was met before; else nothing. Asks no service at all.
    pub fn known_here(&self, vault: &VaultName, reference: &ArchiveRef) -> Result<Vec<Archive>, EngineError> {
        self.scope_here(vault)?.map_or(Ok(Vec::new()), |scope| self.find(&scope, vault, reference))
    }

    /// Returns what the cache knows of the vault as a whole, for a caller that was met before; else nothing. Asks no
    /// service at all.
    pub fn summary_here(&self, vault: &VaultName) -> Result<Option<Summary>, EngineError> {
        self.scope_here(vault)?.map(|scope| self.summary_of(scope, vault)).transpose()
    }

    /// Returns what the cache knows of the vault as a whole. Asks no service about a caller that was met before.
    pub async fn summary(&self, vault: &VaultName) -> Result<Summary, EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        self.summary_of(scope, vault)
    }

    fn summary_of(&self, scope: Scope, vault: &VaultName) -> Result<Summary, EngineError> {
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
        let knowledge = self.cache.vault_knowledge(&scope, vault)?;
        let was_whole =
            knowledge.is_some_and(|known| known.empty_since.is_some() || known.inventory.is_some());
        let is_known = match knowledge {
            _ if !is_empty => true,
            Some(_) => was_whole,
            None => {
                let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
                scope.access_key_id = self.glacier.access_key_id().await?;
                self.learn(&mut scope, vault, &described.account)?;
                false
            }
        };
        let is_one_of_several = self.cache.accounts()?.len() > 1;
        Ok(Listing { is_known, was_whole, account_of_several: scope.account.filter(|_| is_one_of_several) })
    }
}
