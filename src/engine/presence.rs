//! Whether an archive exists: yes, no, or unknown.

use std::time::Duration;

use super::{Engine, EngineError, Patience, Sync, SyncReport};
use crate::cache::{Archive, Scope};
use crate::service::ServiceError;
use crate::types::{ArchiveRef, VaultName, quoted};

/// What is known of an archive's existence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is known to have existed within the age that was allowed, and was not deleted from here.
    Present,
    /// It was deleted from here, or never was in a vault of which all is known.
    Absent,
    /// Neither is certain, for this reason, which says what to do.
    Unknown(String),
}

impl Engine {
    /// Tells whether an archive of the name exists, as far as is known without waiting.
    ///
    /// Where the knowledge is older than `max_age`, an inventory that was made meanwhile is taken in, or one is asked
    /// for, and the answer is unknown until it is there.
    pub async fn presence(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<Presence, EngineError> {
        let scope = self.scope_of(vault).await?;
        let rows = self.cache.find(&scope, vault, reference)?;
        let live: Vec<&Archive> = rows.iter().filter(|row| row.deleted_here.is_none()).collect();
        if live.is_empty() {
            let was_deleted = !rows.is_empty();
            return self.absence(&scope, vault, was_deleted, max_age);
        }
        if self.is_recent(live.iter().copied(), max_age) {
            return Ok(Presence::Present);
        }
        let why = match self.sync(vault, max_age, false, Patience::ComeBackLater).await {
            Ok(Sync::Done(_)) => {
                let found = self.find(&scope, vault, reference)?;
                if self.is_recent(found.iter(), max_age) {
                    return Ok(Presence::Present);
                }
                format!("run 'glacier vault sync --fix {vault}' to settle whether it still exists")
            }
            Ok(Sync::Queued | Sync::Pending) => {
                "an inventory has been asked for; try again in about four hours".to_owned()
            }
            Err(error) => error.to_string(),
        };
        let hours = max_age.as_secs() / 3600;
        Ok(Presence::Unknown(format!(
            "archive {} is not known to have existed within the last {hours} hours: {why}",
            quoted(&reference.to_string())
        )))
    }

    /// No row says that it exists. That is an answer only where all is known.
    fn absence(
        &self,
        scope: &Scope,
        vault: &VaultName,
        was_deleted: bool,
        max_age: Duration,
    ) -> Result<Presence, EngineError> {
        let known = self.cache.vault_knowledge(scope, vault)?.unwrap_or_default();
        let is_listed =
            known.inventory_requested.is_some_and(|requested| requested >= self.clock.now() - max_age);
        if was_deleted || known.empty_since.is_some() || is_listed {
            return Ok(Presence::Absent);
        }
        Ok(Presence::Unknown(format!(
            "not known what vault {vault} holds; run 'glacier vault sync {vault}', and again when its inventory is there"
        )))
    }

    /// Answers as the original's `checkpresent`, which has two answers: whether the archive is known to exist. The
    /// reason if not is for people. Syncs like [`Engine::sync`] when the knowledge is too old, and, with patience,
    /// when there is none.
    pub async fn is_known_present(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
        patience: Patience,
    ) -> Result<(Result<(), String>, SyncReport), EngineError> {
        let scope = self.scope_of(vault).await?;
        let name = quoted(&reference.to_string());
        let found = self.find(&scope, vault, reference)?;
        if found.is_empty() && patience == Patience::ComeBackLater {
            return Ok((Err(format!("archive {name} not found")), SyncReport::default()));
        }
        if self.is_recent(found.iter(), max_age) {
            return Ok((Ok(()), SyncReport::default()));
        }
        let report = match self.sync(vault, max_age, false, patience).await {
            Ok(Sync::Done(report)) => report,
            Ok(Sync::Queued | Sync::Pending) => SyncReport::default(),
            Err(EngineError::Service(ServiceError::InventoryNotReady)) => SyncReport::default(),
            Err(error) => return Err(error),
        };
        let found = self.find(&scope, vault, reference)?;
        let answer = if self.is_recent(found.iter(), max_age) {
            Ok(())
        } else if found.is_empty() {
            Err(format!(
                "archive {name} not found; an upload of the last days may be missing from the inventory"
            ))
        } else {
            Err(format!("archive {name} found, but it was seen too long ago to be called present"))
        };
        Ok((answer, report))
    }

    /// Returns whether an archive of this name and size is known to exist, so that storing it again would double it.
    pub async fn holds(
        &self,
        vault: &VaultName,
        name: &str,
        size_bytes: u64,
        max_age: Duration,
    ) -> Result<bool, EngineError> {
        let mut found = self.known(vault, &ArchiveRef::Name(name.to_owned())).await?;
        found.retain(|archive| archive.size_bytes == Some(size_bytes));
        Ok(self.is_recent(found.iter(), max_age))
    }

    fn is_recent<'a>(&self, archives: impl Iterator<Item = &'a Archive>, max_age: Duration) -> bool {
        let oldest = self.clock.now() - max_age;
        !max_age.is_zero() && archives.filter_map(Archive::known_at).any(|known_at| known_at >= oldest)
    }
}
