//! Removing a key.
//!
//! # Order of writes
//!
//! The key's state, by which other clones no longer call the archives present; then the archives; then the key's state
//! again, by which they call them gone. Whoever dies in between, or is refused, leaves archives of which nobody knows
//! whether they exist: an inventory tells, or the next REMOVE.
//!
//! After a refusal the state of before is not written again, although the archives are there as far as this clone knows: it
//! would take the place of a removal by another clone that was not merged yet, and all would call present what is gone.

use std::time::Duration;

use super::failure::Failure;
use super::protocol::{Key, Statement};
use super::session::Conversation;
use super::state::{KeyState, Removal};
use super::vault::{Vault, by_name, newer};
use crate::engine::{Archive, Presence, Told};
use crate::types::{ArchiveId, ArchiveName, quoted};

/// What is deleted earlier is charged as if it had been kept so long (developer guide, "Deleting an Archive").
const CHARGED_AT_LEAST: Duration = Duration::from_secs(90 * DAY_SECONDS);
const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Vault {
    /// Removes every archive of the key. Gone is gone, whoever did it; but what is not known to be gone is not called
    /// so.
    pub(super) async fn remove(&self, talk: &Conversation, key: &Key) -> Result<(), Failure> {
        let archive = self.name_of(key)?;
        let state = KeyState::read(&talk.state(key).await?, &self.place);
        self.take_in(&archive, &state).await?;
        // What an upload may have stored beside what is known would be left behind, and nobody would know.
        if let Some(why) = self.engine.open_outcome(&self.name, archive.as_str()).await? {
            let name = quoted(archive.as_str());
            return Err(Failure::said(format!("archive {name} cannot be removed yet: {why}")));
        }
        if state == KeyState::Newer {
            return Err(Failure::said(newer(key)));
        }
        let mut known = self.known(&archive).await?;
        if let KeyState::Stored(told) = &state
            && !known.iter().any(|archive| archive.id == told.id)
        {
            known.extend(self.known_by_id(told).await?);
        }
        self.tell_of_fee(talk, &known)?;
        if !known.is_empty() {
            let archives = known.iter().map(|archive| archive.id.clone()).collect();
            let removal = self.removal(&archive, archives).await?;
            self.keep(talk, key, &KeyState::Removed(removal.clone()))?;
            self.engine.delete_each(&self.name, &known).await?;
            return self.keep(talk, key, &KeyState::Removed(Removal { is_done: true, ..removal }));
        }
        let removed = match state {
            KeyState::Empty(_) => return self.keep(talk, key, &KeyState::Nothing),
            // Deleted from here before, but what is kept is older than that, or came from a clone that did not know.
            KeyState::Stored(Told { id, .. }) => {
                let removal = self.removal(&archive, vec![id]).await?;
                let removal = Removal { is_done: true, ..removal };
                self.keep(talk, key, &KeyState::Removed(removal.clone()))?;
                removal.archives
            }
            KeyState::Removed(Removal { archives, is_done: true, .. }) => archives,
            KeyState::Removed(_) | KeyState::Newer | KeyState::Nothing => Vec::new(),
        };
        if self.engine.are_all_deleted(&self.name, archive.as_str(), &removed).await? {
            return Ok(());
        }
        match self.engine.presence(&self.name, &by_name(&archive), self.max_age).await? {
            Presence::Absent => Ok(()),
            Presence::Present => {
                Err(Failure::said(format!("archive {} was stored meanwhile", quoted(archive.as_str()))))
            }
            Presence::Unknown(why) => Err(Failure::Said(why)),
        }
    }

    /// The removal of these archives, and of those that were removed so short a time ago that a clone which has heard of
    /// none of it may still call them present: a key that was stored again in between says nothing of them. That is as many
    /// as were removed within `maxage`. None of those can be left out: it may be the very one that a clone has on file.
    async fn removal(&self, name: &ArchiveName, mut archives: Vec<ArchiveId>) -> Result<Removal, Failure> {
        let since = self.clock.now();
        let earlier = self.engine.deleted_since(&self.name, name.as_str(), since - self.max_age).await?;
        archives.extend(earlier.into_iter().filter(|id| !archives.contains(id)).collect::<Vec<_>>());
        Ok(Removal { since, archives, is_done: false })
    }

    /// Says so once: of a thousand removals nobody wants to read it a thousand times.
    fn tell_of_fee(&self, talk: &Conversation, archives: &[Archive]) -> Result<(), Failure> {
        let now = self.clock.now();
        let ages = archives.iter().filter_map(Archive::stored_at).map(|stored| now.since(stored));
        let Some(age) = ages.min().filter(|age| *age < CHARGED_AT_LEAST) else { return Ok(()) };
        if self.may_tell_of_fee() {
            let days = age.as_secs() / DAY_SECONDS;
            talk.tell(&Statement::Info(&format!(
                "Glacier charges for at least 90 days of each archive; this one was stored {days} days ago (said once)"
            )))?;
        }
        Ok(())
    }
}
