//! Which archives of a vault are meant, where there may be several.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::{Engine, EngineError};
use crate::cache::{Archive, Scope};
use crate::types::{ArchiveRef, NamePattern, VaultName};

/// Archives that are meant: each reference means one, each pattern all that the cache knows whose name matches.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The references; a name is meant as it stands.
    pub references: Vec<ArchiveRef>,
    /// The patterns.
    pub patterns: Vec<NamePattern>,
}

impl Engine {
    /// Returns the archives that are meant, in the order of the selection and then of their names; none twice.
    ///
    /// # Errors
    ///
    /// When a reference does not mean exactly one archive, or a pattern none.
    pub async fn select(
        &self,
        vault: &VaultName,
        selection: &Selection,
    ) -> Result<Vec<Archive>, EngineError> {
        let scope = self.scope_for_finding(vault).await?;
        let mut selected = Vec::new();
        for reference in &selection.references {
            selected.push(self.resolve(&scope, vault, reference)?);
        }
        for pattern in &selection.patterns {
            selected.extend(self.matching(&scope, vault, pattern)?);
        }
        let mut seen = HashSet::new();
        selected.retain(|archive| seen.insert(archive.id.clone()));
        Ok(selected)
    }

    /// Returns the archives whose name matches, by name.
    pub(super) fn matching(
        &self,
        scope: &Scope,
        vault: &VaultName,
        pattern: &NamePattern,
    ) -> Result<Vec<Archive>, EngineError> {
        let mut found = Vec::new();
        self.cache.list(scope, vault, |listed| {
            if pattern.matches(listed.shown_name) {
                found.push(listed.archive());
            }
            ControlFlow::Continue(())
        })?;
        if found.is_empty() {
            let (vault, list) = (vault.clone(), self.command(&format!("archive list {vault}")));
            return Err(EngineError::NothingMatches { vault, list, pattern: pattern.to_string() });
        }
        Ok(found)
    }
}
