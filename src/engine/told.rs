//! What others know of archives, and whether storing one would double it.

use std::time::Duration;

use super::presence::CLOCKS_APART;
use super::{Engine, EngineError, Presence};
use crate::cache::{Archive, INVENTORY_LAG, ToldArchive};
use crate::types::{ArchiveId, ArchiveRef, Timestamp, VaultName, quoted};

/// That an archive was stored, as someone else tells who has stored it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its id.
    pub id: ArchiveId,
    /// Its size.
    pub size_bytes: u64,
    /// When it was stored, by the teller's clock.
    pub stored: Timestamp,
}

/// What is known of an archive that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// It is there: this one.
    Stored(Archive),
    /// One of that name is there, of another size.
    OtherSize(Archive),
    /// It is not known to be there.
    Nothing,
    /// It was there, and whether it still is is not known, for this reason.
    Unknown(String),
}

impl Engine {
    /// Takes in that an archive of the name was stored. From now on it is known here as if it had been stored from
    /// here at that time: present as long as that is recent, until an inventory tells more. What is on file under the
    /// id already is not changed. A time that lies ahead is not believed: the archive then counts as known to have
    /// been there, not as present.
    pub async fn adopt(&self, vault: &VaultName, name: &str, told: &Told) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        if !self.cache.find(&scope, vault, &ArchiveRef::Id(told.id.clone()))?.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let stored = (told.stored <= now + CLOCKS_APART).then(|| told.stored.min(now));
        let archive = ToldArchive { id: &told.id, name, size_bytes: told.size_bytes, stored };
        Ok(self.cache.adopt(&scope, vault, &archive)?)
    }

    /// Takes in that archives were deleted by someone else: those that are on file here no longer count as known to
    /// exist, unless an inventory lists them that must know, and if the service has acknowledged it they are gone.
    pub async fn told_deleted(
        &self,
        vault: &VaultName,
        archives: &[ArchiveId],
        since: Timestamp,
        is_acknowledged: bool,
    ) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        let since = since.min(self.clock.now());
        for id in archives {
            let known = self.find(&scope, vault, &ArchiveRef::Id(id.clone()))?;
            let must_know = |seen| since + INVENTORY_LAG <= seen;
            let is_news = |archive: &&Archive| !archive.last_seen_upstream.is_some_and(must_know);
            let Some(archive) = known.iter().find(is_news) else { continue };
            if is_acknowledged {
                self.cache.mark_deleted(id, since)?;
            } else if archive.deletion_begun < Some(since) {
                self.cache.begin_deletion(id, since)?;
            }
        }
        Ok(())
    }

    /// Returns whether some of these archives are on file, each deleted, and nothing else is known that what was stored under
    /// the name, or under theirs, could be: no other archive, and no upload without an answer. Of what never was on file
    /// nothing is said.
    pub async fn are_all_deleted(
        &self,
        vault: &VaultName,
        name: &str,
        archives: &[ArchiveId],
    ) -> Result<bool, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut rows = Vec::new();
        for id in archives {
            rows.extend(self.cache.find(&scope, vault, &ArchiveRef::Id(id.clone()))?);
        }
        if rows.is_empty() || rows.iter().any(|row| row.deleted_here.is_none()) {
            return Ok(false);
        }
        for name in rows.iter().filter_map(Archive::shown_name).chain([name]) {
            let is_any_left = !self.find(&scope, vault, &ArchiveRef::Name(name.to_owned()))?.is_empty();
            if is_any_left || !self.unanswered(&scope, vault, name)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the archives of the name that are known here to have been deleted since that time, by whomever.
    pub async fn deleted_since(
        &self,
        vault: &VaultName,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<ArchiveId>, EngineError> {
        let scope = self.scope_of(vault).await?;
        let rows = self.cache.find(&scope, vault, &ArchiveRef::Name(name.to_owned()))?;
        let is_recent = |row: &Archive| row.deleted_here >= Some(since);
        Ok(rows.into_iter().filter(is_recent).map(|row| row.id).collect())
    }

    /// Tells whether storing an archive of this name and size, or of any size, would double it. Like [`Engine::presence`], but an archive
    /// of which nothing is known costs no request.
    pub async fn holding(
        &self,
        vault: &VaultName,
        name: &str,
        size_bytes: Option<u64>,
        max_age: Duration,
    ) -> Result<Holding, EngineError> {
        let scope = self.scope_of(vault).await?;
        let reference = ArchiveRef::Name(name.to_owned());
        if self.find(&scope, vault, &reference)?.is_empty() {
            if self.unanswered(&scope, vault, name)?.is_empty() {
                return Ok(Holding::Nothing);
            }
            if let Some(why) = self.open_outcome(vault, name).await? {
                return Ok(Holding::Unknown(format!("archive {} is not stored now: {why}", quoted(name))));
            }
        }
        match self.presence(vault, &reference, max_age).await? {
            Presence::Absent => return Ok(Holding::Nothing),
            Presence::Unknown(why) => return Ok(Holding::Unknown(why)),
            Presence::Present => {}
        }
        let inventory = self.last_inventory(&scope, vault)?;
        let found = self.find(&scope, vault, &reference)?;
        // One that is gone, beside another that is there, is none to be named.
        let mut is_there = Vec::new();
        for archive in found {
            if self.is_known_here(&scope, vault, &archive, inventory, max_age)? {
                is_there.push(archive);
            }
        }
        // The original did not note sizes.
        let is_alike = |archive: &&Archive| {
            archive.size_bytes.zip(size_bytes).is_none_or(|(there, wanted)| there == wanted)
        };
        Ok(match (is_there.iter().find(is_alike), is_there.first()) {
            (Some(alike), _) => Holding::Stored(alike.clone()),
            (None, Some(other)) => Holding::OtherSize(other.clone()),
            (None, None) => Holding::Nothing,
        })
    }
}
