//! What the cache knows of archives that their costs depend on.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::{Engine, EngineError, Selection};
use crate::cache::{Archive, Scope};
use crate::estimate::Weight;
use crate::types::{ArchiveRef, Timestamp, VaultName};

/// What a name means that several archives have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The content that all of them hold, as for a retrieval.
    Content,
    /// Nothing: one archive must be meant, as for a deletion.
    Archive,
}

/// Archives as far as their costs depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Those that count as stored.
    pub weights: Vec<Weight>,
    /// How many are left out because they may be gone: their deletion was begun, or the last inventory must list them and
    /// does not. Archives that are named are not left out.
    pub may_be_gone: u64,
    /// The date of the last inventory that the cache knows. Without one it knows only of what was stored from here.
    pub inventory: Option<Timestamp>,
    /// Whether anything was ever learnt of what the vault holds.
    pub is_known: bool,
}

impl Engine {
    /// Weighs the archives that are meant, none twice; all of the vault if the selection is empty. Asks the service only
    /// about a vault or a caller that was never met.
    ///
    /// # Errors
    ///
    /// When a name means nothing, or not what it must, or a pattern matches nothing.
    pub async fn weigh(
        &self,
        vault: &VaultName,
        selection: &Selection,
        of: Of,
    ) -> Result<Weighed, EngineError> {
        if selection.references.is_empty() && selection.patterns.is_empty() {
            return self.weigh_all(vault).await;
        }
        let scope = self.scope_for_reading(vault).await?;
        let (mut seen, mut weights) = (HashSet::new(), Vec::new());
        for archive in self.meant(&scope, vault, selection, of)? {
            if seen.insert(archive.id.clone()) {
                weights.push(weight(&archive));
            }
        }
        Ok(Weighed {
            weights,
            may_be_gone: 0,
            inventory: self.inventory_date(&scope, vault)?,
            is_known: true,
        })
    }

    async fn weigh_all(&self, vault: &VaultName) -> Result<Weighed, EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        let is_stored = self.counts_as_stored(&scope, vault)?;
        let (mut weights, mut may_be_gone) = (Vec::new(), 0);
        let weigh = |listed: &crate::cache::Listed<'_>| {
            let archive = listed.archive();
            if is_stored(&archive) {
                weights.push(weight(&archive));
            } else {
                may_be_gone += 1;
            }
            ControlFlow::Continue(())
        };
        let is_known = self.list(vault, weigh).await?.is_known;
        Ok(Weighed { weights, may_be_gone, inventory: self.inventory_date(&scope, vault)?, is_known })
    }

    fn meant(
        &self,
        scope: &Scope,
        vault: &VaultName,
        selection: &Selection,
        of: Of,
    ) -> Result<Vec<Archive>, EngineError> {
        let mut meant = Vec::new();
        for reference in &selection.references {
            meant.push(self.one_of(scope, vault, reference, of)?);
        }
        for pattern in &selection.patterns {
            meant.extend(self.matching(scope, vault, pattern)?);
        }
        Ok(meant)
    }

    fn one_of(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
        of: Of,
    ) -> Result<Archive, EngineError> {
        match of {
            Of::Archive => self.resolve(scope, vault, reference),
            Of::Content => {
                let equal = self.resolve_content(scope, vault, reference)?;
                equal.into_iter().next().ok_or_else(|| EngineError::archive_not_found(reference))
            }
        }
    }

    fn inventory_date(&self, scope: &Scope, vault: &VaultName) -> Result<Option<Timestamp>, EngineError> {
        let known = self.cache.vault_knowledge(scope, vault)?;
        Ok(known.and_then(|known| known.inventory).map(|taken| taken.date))
    }
}

fn weight(archive: &Archive) -> Weight {
    Weight { size_bytes: archive.size_bytes, stored_at: archive.stored_at() }
}
