//! Whose rows of the cache a command works on, and which archive a reference means.

use super::{Engine, EngineError};
use crate::cache::{Archive, Scope};
use crate::service::ServiceError;
use crate::types::{AccountId, ArchiveRef, VaultName};

impl Engine {
    /// By the access key alone; the account only if it is known already. Sends nothing to Glacier.
    pub(super) async fn scope(&self) -> Result<Scope, EngineError> {
        let access_key_id = self.glacier.access_key_id().await?;
        let account = self.cache.account_of(&access_key_id)?;
        Ok(Scope { account, access_key_id, region: self.glacier.region().clone() })
    }

    /// With the account. A key that was never used here is looked up once, by describing the vault; if that does not
    /// succeed, rows that the original filed under the key are still found. So is a vault of which the original has filed
    /// archives under a key that may be another of the account's.
    pub(super) async fn scope_of(&self, vault: &VaultName) -> Result<Scope, EngineError> {
        let mut scope = self.scope().await?;
        let is_known = scope.account.is_some();
        if is_known && !self.may_take_over(&scope, vault)? {
            return Ok(scope);
        }
        match self.glacier.describe_vault(vault).await {
            Ok(described) => self.learn(&mut scope, vault, &described.account)?,
            Err(_) if is_known || self.cache.has_rows_of_key(&scope.access_key_id)? => {}
            Err(error) => return Err(self.about_vault(vault)(error)),
        }
        Ok(scope)
    }

    /// Returns the account of the keys in use, if it is known or Glacier tells.
    pub async fn account_of_keys(&self, vault: &VaultName) -> Result<Option<AccountId>, EngineError> {
        Ok(self.scope_for_finding(vault).await?.account)
    }

    /// The same for whoever looks for archives that are known: in a vault that is not there, none is.
    pub(super) async fn scope_for_finding(&self, vault: &VaultName) -> Result<Scope, EngineError> {
        match self.scope_of(vault).await {
            Err(EngineError::VaultNotFound { .. }) => self.scope().await,
            scope => scope,
        }
    }

    /// Whether the vault was never met, and its rows of the original are nobody's who is known.
    fn may_take_over(&self, scope: &Scope, vault: &VaultName) -> Result<bool, EngineError> {
        Ok(self.cache.vault_knowledge(scope, vault)?.is_none()
            && self.cache.key_of_unknown_account(vault)?.is_some())
    }

    /// For reading the cache. Whoever was met before needs neither network nor credentials; of someone who does not say
    /// who they are, an account that is known here is meant: the one that has the vault, else the last that was used.
    pub(super) async fn scope_for_reading(&self, vault: &VaultName) -> Result<Scope, EngineError> {
        if let Some(scope) = self.scope_here(vault)? {
            return match self.may_take_over(&scope, vault)? {
                true => Ok(self.scope_of(vault).await.unwrap_or(scope)),
                false => Ok(scope),
            };
        }
        let accounts = self.cache.accounts()?;
        match self.scope_for_finding(vault).await {
            Err(EngineError::Service(
                error @ (ServiceError::NoCredentials { .. } | ServiceError::NoProfile { .. }),
            )) => {
                let mut old_keys = self.cache.old_keys_of(vault)?;
                match (old_keys.pop(), old_keys.is_empty()) {
                    _ if !accounts.is_empty() => self.scope_of_the_known(vault, &accounts),
                    (Some(only), true) => Ok(self.reading(None, only)),
                    _ => Err(error.into()),
                }
            }
            scope => scope,
        }
    }

    /// The same as far as the cache alone can tell; none of someone who was never met.
    pub(super) fn scope_here(&self, vault: &VaultName) -> Result<Option<Scope>, EngineError> {
        if let Some(account) = self.cache.account_of(&self.caller.name())? {
            let access_key_id = self.caller.access_key_id.clone().unwrap_or_default();
            return Ok(Some(self.reading(Some(account), access_key_id)));
        }
        let accounts = self.cache.accounts()?;
        if !self.caller.is_named() && !accounts.is_empty() {
            return self.scope_of_the_known(vault, &accounts).map(Some);
        }
        Ok(None)
    }

    fn scope_of_the_known(&self, vault: &VaultName, accounts: &[AccountId]) -> Result<Scope, EngineError> {
        let owners = self.cache.owners_of(self.glacier.region(), vault)?;
        let owner = accounts.iter().find(|account| owners.contains(account));
        Ok(self.reading(owner.or(accounts.first()).cloned(), String::new()))
    }

    fn reading(&self, account: Option<AccountId>, access_key_id: String) -> Scope {
        Scope { account, access_key_id, region: self.glacier.region().clone() }
    }

    /// Remembers what an answer of the service told: whose the caller's key is, and that the vault exists.
    pub(super) fn learn(
        &self,
        scope: &mut Scope,
        vault: &VaultName,
        account: &AccountId,
    ) -> Result<(), EngineError> {
        self.learn_account(scope, account)?;
        if self.cache.vault_knowledge(scope, vault)?.is_none() {
            self.cache.remember_vault(account, scope, vault, None)?;
            self.cache.presume_account(account, vault)?;
        }
        Ok(())
    }

    /// Remembers whose the caller's key is.
    pub(super) fn learn_account(&self, scope: &mut Scope, account: &AccountId) -> Result<(), EngineError> {
        if scope.account.as_ref() != Some(account) {
            let now = self.clock.now();
            self.cache.remember_account(&scope.access_key_id, account, now)?;
            if self.caller.access_key_id.is_none() {
                self.cache.remember_account(&self.caller.name(), account, now)?;
            }
            scope.account = Some(account.clone());
        }
        Ok(())
    }

    /// Returns the archives that the reference means and that were not deleted from here, the oldest first.
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

    /// Returns the archives, at least one, that all hold the one content which the reference means: several of one name
    /// are one content if size and tree hash are known and equal.
    pub(super) fn resolve_content(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Vec<Archive>, EngineError> {
        let found = self.find(scope, vault, reference)?;
        let [first, others @ ..] = found.as_slice() else {
            return Err(EngineError::archive_not_found(reference));
        };
        if !others.iter().all(|other| other.is_equal_to(first)) {
            return Err(EngineError::Ambiguous { reference: reference.to_string(), candidates: found });
        }
        Ok(found)
    }
}
