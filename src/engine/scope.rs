//! Whose rows of the cache a command works on, and which archive a reference means.

use super::{Engine, EngineError};
use crate::cache::{Archive, Scope};
use crate::service::ServiceError;
use crate::types::{AccountId, ArchiveRef, VaultName};

impl Engine {
    /// By the access key alone; the account only if it is known already. Sends nothing.
    pub(super) async fn scope(&self) -> Result<Scope, EngineError> {
        let access_key_id = self.glacier.access_key_id().await?;
        let account = self.cache.account_of_key(&access_key_id)?;
        Ok(Scope { account, access_key_id, region: self.glacier.region().clone() })
    }

    /// With the account. A key that was never used here is looked up once, by describing the vault; if that does not
    /// succeed, rows that the original filed under the key are still found.
    pub(super) async fn scope_of(&self, vault: &VaultName) -> Result<Scope, EngineError> {
        let mut scope = self.scope().await?;
        if scope.account.is_some() {
            return Ok(scope);
        }
        match self.glacier.describe_vault(vault).await {
            Ok(described) => self.learn(&mut scope, vault, &described.account)?,
            Err(_) if self.cache.has_rows_of_key(&scope.access_key_id)? => {}
            Err(error) => return Err(self.about_vault(vault)(error)),
        }
        Ok(scope)
    }

    /// For reading the cache: without credentials, the only account known will be meant.
    pub(super) async fn scope_for_reading(&self, vault: &VaultName) -> Result<Scope, EngineError> {
        match self.scope_of(vault).await {
            Err(EngineError::Service(error @ ServiceError::NoCredentials { .. })) => {
                let [account] = <[AccountId; 1]>::try_from(self.cache.accounts()?).map_err(|_| error)?;
                let region = self.glacier.region().clone();
                Ok(Scope { account: Some(account), access_key_id: String::new(), region })
            }
            scope => scope,
        }
    }

    /// Remembers what an answer of the service told: whose the key is, and that the vault exists.
    pub(super) fn learn(
        &self,
        scope: &mut Scope,
        vault: &VaultName,
        account: &AccountId,
    ) -> Result<(), EngineError> {
        if scope.account.as_ref() != Some(account) {
            self.cache.remember_account(&scope.access_key_id, account)?;
            scope.account = Some(account.clone());
        }
        if self.cache.vault_knowledge(scope, vault)?.is_none() {
            self.cache.remember_vault(account, scope, vault, None)?;
        }
        Ok(())
    }

    /// Returns the archives that the reference means and that were not deleted from here.
    pub(super) fn find(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Vec<Archive>, EngineError> {
        let mut found = self.cache.find(scope, vault, reference)?;
        found.retain(|archive| archive.deleted_here.is_none());
        Ok(found)
    }

    /// Returns the one archive that the reference means.
    pub(super) fn resolve(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Archive, EngineError> {
        let mut found = self.find(scope, vault, reference)?;
        match (found.pop(), found.is_empty()) {
            (Some(archive), true) => Ok(archive),
            (Some(last), false) => {
                found.push(last);
                Err(EngineError::Ambiguous { reference: reference.to_string(), candidates: found })
            }
            (None, _) => Err(EngineError::archive_not_found(reference)),
        }
    }
}
