//! Deleting archives.
//!
//! Order of writes: the row is marked "deletion begun", then the service is asked, then the row is hidden. Whoever
//! dies in between leaves a row that is still listed and can be deleted again (the service takes a repeat), but that
//! no longer counts as known to exist: nobody may drop another copy on its word. The mark is taken back only if every
//! try of this deletion was refused, and then the mark of an earlier one stands again.
//!
//! Of several archives, those that are under way at once are left so.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Engine, EngineError, several};
use crate::cache::Archive;
use crate::estimate::PAID_FOR;
use crate::service::ServiceError;
use crate::types::{ArchiveRef, VaultName, quoted};

/// How many requests are under way at once: enough to hide a link's latency, few enough not to be throttled.
const DELETED_AT_ONCE: usize = 8;

impl Engine {
    /// Returns whether the archive is younger than the 90 days that are paid for in any case, so that its deletion
    /// costs as much as keeping it until then. One of unknown age is not called young.
    pub fn is_early_to_delete(&self, archive: &Archive) -> bool {
        archive.stored_at().is_some_and(|stored| self.clock.now().since(stored) < PAID_FOR)
    }

    /// Deletes the archives, several at once, and tells of each. One that fails does not stop the others, unless all
    /// would fail so: what `tell` has not heard of is as it was.
    pub async fn delete_all(
        &self,
        vault: &VaultName,
        archives: &[Archive],
        tell: impl FnMut(&Archive, Result<(), EngineError>),
    ) {
        several::each(archives, DELETED_AT_ONCE, |archive| self.delete_one(vault, archive), tell).await;
    }

    /// Deletes the one archive that the reference means.
    pub async fn delete(&self, vault: &VaultName, reference: &ArchiveRef) -> Result<(), EngineError> {
        let scope = self.scope_for_finding(vault).await?;
        let archive = self.resolve(&scope, vault, reference)?;
        self.delete_one(vault, &archive).await
    }

    /// Deletes the archives one after the other. After an error those that follow are as they were.
    pub async fn delete_each(&self, vault: &VaultName, archives: &[Archive]) -> Result<(), EngineError> {
        for archive in archives {
            self.delete_one(vault, archive).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_one(&self, vault: &VaultName, archive: &Archive) -> Result<(), EngineError> {
        let mut first = Some(self.stop.noting().await);
        let begun = self.clock.now();
        let before = self.cache.begin_deletion(&archive.id, begun)?;
        let is_unknown = &AtomicBool::new(false);
        let what = format!("delete archive {}", quoted(&archive.reference().to_string()));
        let deleted = self.transfers.repeat(&what, || {
            let first = first.take();
            async move {
                let noting = match first {
                    Some(noting) => noting,
                    None => self.stop.noting().await,
                };
                let outcome = self.glacier.delete_archive(vault, &archive.id).await;
                let unknown = outcome.as_ref().is_err_and(ServiceError::is_outcome_unknown);
                is_unknown.fetch_or(unknown, Ordering::Relaxed);
                outcome.map(|()| noting)
            }
        });
        match deleted.await {
            Ok(_noting) => Ok(self.cache.mark_deleted(&archive.id, self.clock.now())?),
            Err(error) => {
                if !is_unknown.load(Ordering::Relaxed) {
                    self.cache.cancel_deletion(&archive.id, begun, before)?;
                }
                Err(self.about_vault(vault)(error))
            }
        }
    }
}
