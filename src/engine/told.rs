//! What others know of archives, and whether storing one would double it.

use std::time::Duration;

use super::presence::CLOCKS_APART;
use super::{Engine, EngineError, Presence};
use crate::cache::{Archive, INVENTORY_LAG, Scope, ToldArchive};
use crate::types::{ArchiveId, ArchiveRef, Timestamp, VaultName, quoted};

/// For how long a deletion is of interest to whoever has not heard of it: what was seen counts as present for sixty hours, of
/// an inventory that may be three days old.
const LATELY: Duration = INVENTORY_LAG.saturating_mul(2);

/// How exactly a deletion is told of.
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);

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

/// That what was stored under a name was deleted, as someone else tells.
#[derive(Debug, Clone, Copy)]
pub struct ToldDeletion<'a> {
    /// The archives that they knew of.
    pub archives: &'a [ArchiveId],
    /// When, by the teller's clock.
    pub since: Timestamp,
    /// Whether the service has acknowledged it.
    pub is_acknowledged: bool,
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
    /// id already is not changed, but that what was doubted before is there after all. A time that lies ahead is not believed:
    /// the archive then counts as known to have been there, not as present.
    ///
    /// Any other archive of the name that is older may have been deleted before this one was stored; it is in doubt.
    pub async fn adopt(&self, vault: &VaultName, name: &str, told: &Told) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        self.doubt_what_is_older(&scope, vault, name, std::slice::from_ref(&told.id), told.stored)?;
        let known = self.cache.find(&scope, vault, &ArchiveRef::Id(told.id.clone()))?;
        if let Some(archive) = known.first() {
            if archive.doubted.is_some_and(|doubted| doubted < told.stored) {
                self.end_doubt(archive, told.stored);
            }
            return Ok(());
        }
        let now = self.clock.now();
        let stored = (told.stored <= now + CLOCKS_APART).then(|| told.stored.min(now));
        let size_bytes = Some(told.size_bytes);
        let (deletion_begun, deleted) = (None, None);
        let archive = ToldArchive { id: &told.id, name, size_bytes, stored, deletion_begun, deleted };
        Ok(self.cache.adopt(&scope, vault, &archive)?)
    }

    /// Takes in that someone else has deleted what was stored under the name, these archives: they no longer count as known
    /// to exist, unless an inventory lists them that must know, and if the service has acknowledged it they are gone. While
    /// it has not, those that are not on file are filed, as they may be there; and so are those that were deleted lately, as
    /// another clone may still call them present, and is to hear of that by the next deletion, too.
    ///
    /// Any other archive of the name that is older than that may have been deleted before, by someone of whom nothing is
    /// told any more; it is in doubt.
    pub async fn told_deleted(
        &self,
        vault: &VaultName,
        name: &str,
        deletion: &ToldDeletion<'_>,
    ) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        let since = deletion.since.min(self.clock.now());
        for id in deletion.archives {
            let reference = ArchiveRef::Id(id.clone());
            let is_of_interest = !deletion.is_acknowledged || since > self.clock.now() - LATELY;
            if is_of_interest && self.cache.find(&scope, vault, &reference)?.is_empty() {
                let (stored, deleted) = (Some(since), deletion.is_acknowledged.then_some(since));
                let deletion_begun = (!deletion.is_acknowledged).then_some(since);
                let archive = ToldArchive { id, name, size_bytes: None, stored, deletion_begun, deleted };
                self.cache.adopt(&scope, vault, &archive)?;
            }
            let known = self.find(&scope, vault, &reference)?;
            let Some(archive) = known.iter().find(|archive| is_news_of(archive, since)) else { continue };
            if deletion.is_acknowledged {
                self.cache.mark_deleted(id, since)?;
            } else if archive.deletion_begun < Some(since) {
                self.cache.begin_deletion(id, since)?;
            }
        }
        self.doubt_what_is_older(&scope, vault, name, deletion.archives, since)
    }

    /// Puts the archives of the name in doubt that are older than what was told at that time, but those that were named.
    fn doubt_what_is_older(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &str,
        named: &[ArchiveId],
        since: Timestamp,
    ) -> Result<(), EngineError> {
        let since = since.min(self.clock.now());
        for other in self.find(scope, vault, &ArchiveRef::Name(name.to_owned()))? {
            if named.contains(&other.id) || !is_news_of(&other, since) || other.doubted >= Some(since) {
                continue;
            }
            // Nobody hears of an upload from here and has deleted it within a second; but clocks differ.
            let (stored, newest) = match self.cache.is_stored_here(&other.id)? {
                true => (other.created_here.min(other.stored_at()), since - WITHIN_A_SECOND),
                false => (other.stored_at(), since + CLOCKS_APART),
            };
            if stored.is_none_or(|stored| stored <= newest) {
                self.cache.doubt(&other.id, since)?;
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

    /// Returns the archives that the reference means and that are known here to have existed within that age.
    pub async fn known_to_exist(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<Vec<Archive>, EngineError> {
        let scope = self.scope_of(vault).await?;
        let inventory = self.last_inventory(&scope, vault)?;
        let mut there = Vec::new();
        for archive in self.find(&scope, vault, reference)? {
            if self.is_known_here(&scope, vault, &archive, inventory, max_age)? {
                there.push(archive);
            }
        }
        Ok(there)
    }

    /// Returns those of them that an upload from here has stored.
    pub fn stored_here(&self, archives: Vec<Archive>) -> Result<Vec<Archive>, EngineError> {
        let mut stored = Vec::new();
        for archive in archives {
            if self.cache.is_stored_here(&archive.id)? {
                stored.push(archive);
            }
        }
        Ok(stored)
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
        // One that is gone, beside another that is there, is none to be named.
        let is_there = self.known_to_exist(vault, &reference, max_age).await?;
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

/// Returns whether no inventory of later, by which it must be known, has listed the archive.
fn is_news_of(archive: &Archive, since: Timestamp) -> bool {
    archive.last_seen_upstream.is_none_or(|seen| seen < since + INVENTORY_LAG)
}
