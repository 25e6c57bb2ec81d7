//! Whether an archive exists: yes, no, or unknown.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::sync::{Finished, Inventories};
use super::{Engine, EngineError, Patience, Progress, Sync};
use crate::cache::{Archive, Finding, INVENTORY_LAG, InventoryKnowledge, InventoryTaken, Scope};
use crate::service::{INVENTORY_READY_WITHIN, REGION_OF_THE_ORIGINAL, ServiceError};
use crate::types::{ArchiveRef, Timestamp, VaultName, quoted};

/// How long before its job was asked for an inventory, unchanged since long, still tells of what was in the vault. One
/// is made within a day of a change (developer guide, "Vault Inventory"); twice that is taken for safety.
const UNCHANGED_LAG: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How far ahead of this machine's clock a time may be to be believed.
pub(super) const CLOCKS_APART: Duration = Duration::from_secs(15 * 60);

/// How old an inventory must be for another one to tell more: the next is made within a day.
const ASK_AGAIN: Duration = Duration::from_secs(12 * 60 * 60);

/// Why an archive is unknown although there is an inventory.
const NOT_LISTED: &str =
    "the last inventory does not list it, as may be for three days after an upload; try again later";

/// Why an archive is unknown although the inventory that was just taken in lists it.
const TOO_LONG_AGO: &str =
    "the last inventory lists it, but was asked for too long ago; run the same command again for a newer one";

/// Why an archive is unknown although the last inventory lists it.
const TOO_SHORT: &str = "the last inventory lists it, but tells only of what was there two days before it was asked for; more than 48 hours must be allowed";

/// Why an archive is unknown although it was seen lately.
const IN_DOUBT: &str = "a deletion of it had no answer, or someone else has deleted what had its name, or Glacier did not have it when it was asked for, or an inventory has another content for it; an inventory that is made three days later, and has nothing against it, settles that, and 'glacier vault sync --fix' takes another content over";

/// Why nothing is known of a vault that others have made.
const NO_INVENTORY_YET: &str = "not all that the vault holds is known, as it was not made from here; wait for Glacier's first inventory of it, about a day after the first upload, or, if it is empty, for three days after it was made";

/// What someone has learnt of a vault by its inventories.
pub(super) struct Learnt {
    /// When that was: all who asked before may have it, and nobody who asks later.
    ended: Instant,
    /// Why the answer may still be unknown.
    why: String,
}

/// What was last learnt of each vault. Whoever holds it is learning.
pub(super) type LearntOfVaults = Mutex<HashMap<VaultName, Learnt>>;

/// What is known of an archive's existence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is known to have existed within the age that was allowed, and was not deleted from here.
    Present,
    /// It was deleted from here, or is missing from an inventory that would list it, or never was in a vault of which
    /// all is known; and no upload from here may have stored it.
    Absent,
    /// Neither is certain, for this reason, which says what to do.
    Unknown(String),
}

impl Engine {
    /// Tells whether an archive of the name exists, as far as is known without waiting.
    ///
    /// Where the knowledge is older than `max_age`, an inventory that was made meanwhile is taken in, or one is asked
    /// for, and the answer is unknown until it is there. An archive that an upload from here may have stored is not
    /// absent: the service is asked for the outcome where it can be asked, else the answer is unknown until an inventory
    /// tells.
    pub async fn presence(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<Presence, EngineError> {
        let scope = self.scope_of(vault).await?;
        let is_settled = |presence: &Presence| !matches!(presence, Presence::Unknown(_));
        let known = self.presence_here(&scope, vault, reference, max_age)?;
        if is_settled(&known) {
            return Ok(known);
        }
        let why = match self.learn_more(&scope, vault, reference, max_age).await {
            Ok(why) => why,
            Err(error) => error.explained(),
        };
        let known = self.presence_here(&scope, vault, reference, max_age)?;
        if is_settled(&known) {
            return Ok(known);
        }
        let name = quoted(&reference.to_string());
        let inventory = self.last_inventory(&scope, vault)?;
        let found = self.find(&scope, vault, reference)?;
        let is_listed = |archive: &Archive| inventory.is_some_and(|taken| lists(taken, archive));
        let is_gone = |archive: &Archive| inventory.is_some_and(|taken| lacks(taken, archive));
        let is_in_doubt = |archive: &Archive| {
            archive.deleted_here.is_none() && archive.may_be_deleted() && !is_gone(archive)
        };
        let why = match () {
            () if found.iter().any(is_in_doubt) => IN_DOUBT.to_owned(),
            () if max_age < UNCHANGED_LAG && found.iter().any(is_listed) => TOO_SHORT.to_owned(),
            () if why == NOT_LISTED && found.iter().any(is_listed) => TOO_LONG_AGO.to_owned(),
            () => why,
        };
        Ok(Presence::Unknown(format!("it is not known whether archive {name} exists: {why}")))
    }

    /// Asks the service for what the cache does not know. Returns why the answer may still be unknown.
    async fn learn_more(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<String, EngineError> {
        let Some(name) = reference.name() else {
            return Ok(self.learn_by_one_inventory(scope, vault, max_age).await);
        };
        if !self.unanswered(scope, vault, name)?.is_empty() {
            self.ask_for_outcomes(scope, vault, name).await?;
        }
        let why = self.learn_by_one_inventory(scope, vault, max_age).await;
        match self.unanswered(scope, vault, name)?.first() {
            Some(upload) => self.why_unknown(vault, upload),
            None => Ok(why),
        }
    }

    /// Lets all who ask about the vault at once share what one of them learns.
    async fn learn_by_one_inventory(&self, scope: &Scope, vault: &VaultName, max_age: Duration) -> String {
        let begun = Instant::now();
        let mut learnt = self.learnt.lock().await;
        if let Some(other) = learnt.get(vault).filter(|other| other.ended >= begun) {
            return other.why.clone();
        }
        let learning = self.learn_by_inventory(scope, vault, max_age).await;
        let why = learning.unwrap_or_else(|error| error.explained());
        learnt.insert(vault.clone(), Learnt { ended: Instant::now(), why: why.clone() });
        why
    }

    /// Takes in an inventory that is newer than the last, or asks for one where there was one before. Returns why the
    /// answer may still be unknown.
    async fn learn_by_inventory(
        &self,
        scope: &Scope,
        vault: &VaultName,
        max_age: Duration,
    ) -> Result<String, EngineError> {
        let now = self.clock.now();
        let last = self.last_inventory(scope, vault)?;
        let last_requested = last.map(|taken| taken.requested);
        let oldest = last_requested.map_or(now - max_age, |requested| requested.max(now - max_age));
        let asked_for = |asked: Timestamp| {
            let ready = asked + INVENTORY_READY_WITHIN;
            format!(
                "an inventory has been asked for, ready by about {ready}; run the same command again then"
            )
        };
        match self.sync_if_finished(scope, vault, oldest).await? {
            Finished::TakenIn => return Ok(NOT_LISTED.to_owned()),
            Finished::Pending { asked } => return Ok(asked_for(asked)),
            Finished::No if last_requested > Some(now - ASK_AGAIN) => return Ok(NOT_LISTED.to_owned()),
            Finished::No => {}
        }
        if last.is_some() || self.cache.has_older_than(scope, vault, now - max_age)? {
            return self.ask_for_inventory(scope, vault).await.map(|_| asked_for(now));
        }
        if self.learn_that_it_was_empty(scope, vault).await? == Inventories::NoneYet {
            return Ok(format!("{NO_INVENTORY_YET}, and then run: {}", self.sync_command(vault)));
        }
        Ok(format!("not all that the vault holds is known; run: {}", self.sync_command(vault)))
    }

    /// Tells whether an archive of the name exists, as far as the cache knows; if that is unknown, it does not know why.
    pub async fn known_presence(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<Presence, EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        self.presence_here(&scope, vault, reference, max_age)
    }

    /// Answers from the cache alone.
    fn presence_here(
        &self,
        scope: &Scope,
        vault: &VaultName,
        reference: &ArchiveRef,
        max_age: Duration,
    ) -> Result<Presence, EngineError> {
        let rows = self.cache.find(scope, vault, reference)?;
        let known = self.cache.vault_knowledge(scope, vault)?.unwrap_or_default();
        let unknown = || Ok(Presence::Unknown("not enough is known".to_owned()));
        let absent = || match reference.name() {
            Some(name) if !self.unanswered(scope, vault, name)?.is_empty() => unknown(),
            _ => Ok(Presence::Absent),
        };
        let live: Vec<&Archive> = rows.iter().filter(|row| row.deleted_here.is_none()).collect();
        if !live.is_empty() {
            for archive in &live {
                if self.is_known_here(scope, vault, archive, known.inventory, max_age)? {
                    return Ok(Presence::Present);
                }
            }
            let is_gone = |archive: &&Archive| known.inventory.is_some_and(|taken| lacks(taken, archive));
            return if live.iter().all(is_gone) { absent() } else { unknown() };
        }
        let oldest = self.clock.now() - max_age;
        let is_listed = known.inventory.is_some_and(|taken| taken.is_complete && taken.requested >= oldest);
        if !rows.is_empty() || known.empty_since.is_some() || is_listed {
            return absent();
        }
        unknown()
    }

    /// Returns whether the archive is known to have existed within that age, and in this account and region: the original
    /// noted only the access key. Its own region was us-east-1, unless it was told another.
    pub(super) fn is_known_here(
        &self,
        scope: &Scope,
        vault: &VaultName,
        archive: &Archive,
        inventory: Option<InventoryKnowledge>,
        max_age: Duration,
    ) -> Result<bool, EngineError> {
        let is_of_original = || scope.region.as_str() == REGION_OF_THE_ORIGINAL;
        Ok(self.is_recent([archive], inventory, max_age)
            && (self.cache.has_region(&archive.id)?
                || is_of_original()
                    && self.cache.other_regions_of(scope, vault)?.is_empty()
                    && !self.cache.is_of_presumed_account(&archive.id)?))
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
        tell: impl FnMut(Finding) + Send + 'static,
        progress: &dyn Progress,
    ) -> Result<(Result<(), String>, Option<InventoryTaken>), EngineError> {
        let scope = self.scope_for_reading(vault).await?;
        let name = quoted(&reference.to_string());
        let found = self.find(&scope, vault, reference)?;
        if found.is_empty() && patience == Patience::ComeBackLater {
            return Ok((Err(format!("archive {name} not found")), None));
        }
        if self.is_recent(&found, self.last_inventory(&scope, vault)?, max_age) {
            return Ok((Ok(()), None));
        }
        let taken = match self.sync(vault, max_age, false, patience, tell, progress).await {
            Ok(Sync::Done(taken)) => Some(taken),
            Ok(Sync::Queued | Sync::Pending) => None,
            Err(EngineError::Service(ServiceError::InventoryNotReady)) => None,
            Err(error) => return Err(error),
        };
        let found = self.find(&scope, vault, reference)?;
        let inventory = self.last_inventory(&scope, vault)?;
        let is_missing = |archive: &Archive| inventory.is_some_and(|taken| lacks(taken, archive));
        let answer = if self.is_recent(&found, inventory, max_age) {
            Ok(())
        } else if found.is_empty() {
            Err(format!(
                "archive {name} not found; an upload of the last days may be missing from the inventory"
            ))
        } else if found.iter().all(Archive::is_in_doubt) {
            Err(format!("archive {name} found, but it is in doubt: {IN_DOUBT}"))
        } else if found.iter().all(is_missing) {
            Err(format!("archive {name} found, but the last inventory must list it and does not"))
        } else {
            Err(format!("archive {name} found, but it was seen too long ago to be called present"))
        };
        Ok((answer, taken))
    }

    pub(super) fn last_inventory(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<Option<InventoryKnowledge>, EngineError> {
        Ok(self.cache.vault_knowledge(scope, vault)?.and_then(|known| known.inventory))
    }

    pub(super) fn is_recent<'a>(
        &self,
        archives: impl IntoIterator<Item = &'a Archive>,
        inventory: Option<InventoryKnowledge>,
        max_age: Duration,
    ) -> bool {
        let now = self.clock.now();
        let is_since = |oldest| move |known_at| known_at >= oldest;
        !max_age.is_zero()
            && archives
                .into_iter()
                .any(|archive| known_at(archive, inventory, now).is_some_and(is_since(now - max_age)))
    }
}

/// Returns the last time at which the archive is known to have existed, unless a deletion was begun since, or it is not
/// listed any more, however lately it was seen before. One that never was is known by this machine's clock alone, which
/// need not be the service's.
///
/// An inventory that lists it tells of the time when its job was asked for, less the time in which a change would have
/// brought about a new one. The column of the cache, which the original reads too, is more careful (three days), so
/// that in a vault that rests it is always older than the sixty hours that are allowed.
fn known_at(archive: &Archive, inventory: Option<InventoryKnowledge>, now: Timestamp) -> Option<Timestamp> {
    if archive.last_seen_upstream.is_some() && inventory.is_some_and(|taken| lacks(taken, archive)) {
        return None;
    }
    let stored = archive.created_here.filter(|stored| *stored <= now + CLOCKS_APART);
    let seen = archive.last_seen_upstream.or(stored)?;
    let listed_at =
        inventory.filter(|taken| lists(*taken, archive)).map(|taken| taken.requested - UNCHANGED_LAG);
    let known_at = listed_at.map_or(seen, |listed_at| seen.max(listed_at));
    archive.has_survived_deletion(known_at).then_some(known_at)
}

impl Engine {
    /// Returns what tells of an archive of the vault whether it counts as stored: it was not deleted from here, and does
    /// not miss in an inventory that must list it.
    pub(super) fn counts_as_stored(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<impl Fn(&Archive) -> bool + use<>, EngineError> {
        let inventory = self.last_inventory(scope, vault)?;
        Ok(move |archive: &Archive| {
            !archive.may_be_deleted() && !inventory.is_some_and(|taken| lacks(taken, archive))
        })
    }
}

/// Returns whether the inventory, the last that was taken in, lists the archive.
pub(super) fn lists(taken: InventoryKnowledge, archive: &Archive) -> bool {
    archive.last_seen_upstream >= Some(taken.seen_at())
}

/// Returns whether the inventory is proof that the archive is gone: it would list it.
fn lacks(taken: InventoryKnowledge, archive: &Archive) -> bool {
    let must_be_listed = archive.last_seen_upstream.is_some()
        || archive.created_here.is_some_and(|created| created < taken.seen_at() - INVENTORY_LAG);
    taken.is_complete && must_be_listed && !lists(taken, archive)
}
