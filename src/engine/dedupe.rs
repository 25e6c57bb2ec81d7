//! Deleting what is stored more than once.
//!
//! Of archives with the same name, size and tree hash one is enough. The oldest is kept, for it is past the 90 days
//! that are paid in any case before the others are; but only one that the last inventory lists, and that is known to exist
//! as for git-annex to drop a copy, can stand for the rest.
//!
//! Others delete too, and whoever has seen two believes that one may go. So what is deleted must be in the same inventory as
//! what is kept: an archive that was stored after it may be there because the other one is not any more. And while the oldest
//! that is listed is in doubt all are left alone: another machine, which has no doubt, keeps that one.

use std::time::Duration;

use super::presence::lists;
use super::{Engine, EngineError};
use crate::cache::Archive;
use crate::types::VaultName;

/// An archive of which another one with the same content is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The archive.
    pub archive: Archive,
    /// The one that is kept in its place; none if this one must stay as well.
    pub kept: Option<Archive>,
}

impl Engine {
    /// Returns the archives that [`Engine::dedupe`] would delete, and those that it would if one like them were known
    /// to have existed within `max_age`.
    pub async fn duplicates(
        &self,
        vault: &VaultName,
        max_age: Duration,
    ) -> Result<Vec<Duplicate>, EngineError> {
        let scope = self.scope_of(vault).await?;
        if self.cache.vault_knowledge(&scope, vault)?.is_none() {
            self.require_vault(vault).await?;
        }
        let inventory = self.last_inventory(&scope, vault)?;
        let archives = self.cache.duplicated(&scope, vault)?;
        let mut duplicates = Vec::new();
        for same in archives.chunk_by(|one, next| one.name == next.name && one.is_equal_to(next)) {
            // What only this machine knows of may have been deleted by another.
            let is_listed = |archive: &&Archive| inventory.is_some_and(|taken| lists(taken, archive));
            let kept = same
                .iter()
                .find(is_listed)
                .filter(|oldest| self.is_recent(std::iter::once(*oldest), inventory, max_age));
            let others = same.iter().filter(|archive| kept.is_none_or(|kept| kept.id != archive.id));
            duplicates.extend(others.map(|archive| {
                let kept = kept.filter(|_| is_listed(&archive)).cloned();
                Duplicate { archive: archive.clone(), kept }
            }));
        }
        Ok(duplicates)
    }

    /// Deletes a duplicate of which another one is kept, and nothing else.
    pub async fn dedupe(&self, vault: &VaultName, duplicate: &Duplicate) -> Result<(), EngineError> {
        match &duplicate.kept {
            Some(kept) if kept.is_equal_to(&duplicate.archive) && kept.id != duplicate.archive.id => {
                self.delete_one(vault, &duplicate.archive).await
            }
            _ => Ok(()),
        }
    }
}
