//! Where the keys of a remote are, and what is known of one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::chunks;
use super::credentials::Origin;
use super::failure::Failure;
use super::protocol::{Key, Statement};
use super::session::Conversation;
use super::state::{KeyState, Removal};
use crate::engine::{Archive, Clock, Engine, Patience, Presence, Tier, Told, ToldDeletion};
use crate::types::{
    AccountId, ArchiveName, ArchiveRef, InvalidValue, Timestamp, VaultName, annex_name, quoted,
};

/// Where the keys of a remote are.
pub(super) struct Vault {
    pub(super) engine: Engine,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) name: VaultName,
    /// The account that the vault is in, if the remote's settings say so.
    pub(super) account: Option<AccountId>,
    pub(super) is_account_checked: AtomicBool,
    pub(super) prefix: String,
    /// Stands for the vault in the state of keys.
    pub(super) place: String,
    pub(super) max_age: Duration,
    pub(super) tier: Option<Tier>,
    pub(super) patience: Patience,
    pub(super) origin: Origin,
    pub(super) has_told_of_fee: AtomicBool,
    pub(super) stateless: Stateless,
}

/// The keys of which nothing was kept when this process asked a moment ago: a STORE follows its CHECKPRESENT at once,
/// and each question costs git-annex a look into the repository.
#[derive(Default)]
pub(super) struct Stateless(Mutex<VecDeque<(Key, Timestamp)>>);

/// How long nobody else can have heard of what was stored here, as an inventory takes hours to be made (developer guide,
/// "Vault Inventory").
const UNHEARD_OF_FOR: Duration = Duration::from_secs(60 * 60);

/// More than there are requests at once.
const STATELESS_MAX: usize = 64;
const STATELESS_FOR: Duration = Duration::from_secs(60);

impl Stateless {
    fn remember(&self, key: &Key, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() == STATELESS_MAX {
            keys.pop_front();
        }
        keys.push_back((key.clone(), now));
    }

    /// Returns whether nothing was kept of the key, and forgets that.
    pub(super) fn take(&self, key: &Key, now: Timestamp) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stateless =
            keys.iter().any(|(other, asked)| other == key && now.since(*asked) < STATELESS_FOR);
        keys.retain(|(other, _)| other != key);
        is_stateless
    }
}

impl Vault {
    /// Refuses to work with the keys of another account: a vault of the name that it has is not the remote's, and what is
    /// known of it is not either.
    pub(super) async fn check_account(&self) -> Result<(), Failure> {
        let Some(account) = &self.account else { return Ok(()) };
        if self.is_account_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.engine.account_of_keys(&self.name).await? {
            Some(other) if other != *account => Err(Failure::said(format!(
                "the keys are of AWS account {other}, the remote is in account {account}; give it keys of that"
            ))),
            known => {
                self.is_account_checked.store(known.is_some(), Ordering::Relaxed);
                Ok(())
            }
        }
    }

    pub(super) fn name_of(&self, key: &Key) -> Result<ArchiveName, InvalidValue> {
        annex_name(&self.prefix, &key.0)
    }

    /// Returns the archives of the key that are not deleted, as far as the cache knows.
    pub(super) async fn known(&self, archive: &ArchiveName) -> Result<Vec<Archive>, Failure> {
        Ok(self.engine.known(&self.name, &by_name(archive)).await?)
    }

    /// Lets the cache know what is kept of the key in the repository, and returns that. Also where the cache knows an
    /// archive of the key, as another clone may have removed that one, and stored another.
    pub(super) async fn learn(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
    ) -> Result<KeyState, Failure> {
        let state = self.state(talk, key).await?;
        if state == KeyState::Nothing {
            self.stateless.remember(key, self.clock.now());
        }
        self.take_in(archive, &state).await?;
        Ok(state)
    }

    /// Lets the cache know what is kept of a key.
    pub(super) async fn take_in(&self, archive: &ArchiveName, state: &KeyState) -> Result<(), Failure> {
        match state {
            KeyState::Stored(told) => self.engine.adopt(&self.name, archive.as_str(), told).await?,
            KeyState::Removed(Removal { since, archives, is_done }) => {
                let deletion = ToldDeletion { archives, since: *since, is_acknowledged: *is_done };
                self.engine.told_deleted(&self.name, archive.as_str(), &deletion).await?;
            }
            KeyState::Empty(_) | KeyState::Newer | KeyState::Nothing => {}
        }
        Ok(())
    }

    /// Returns how to refer to the archive of the key: by its name, unless there is none of that name and the one that the
    /// repository tells of is on file under another, as it was stored with another prefix.
    pub(super) async fn reference(
        &self,
        archive: &ArchiveName,
        state: &KeyState,
    ) -> Result<ArchiveRef, Failure> {
        if let KeyState::Stored(told) = state
            && self.known(archive).await?.is_empty()
            && !self.known_by_id(told).await?.is_empty()
        {
            return Ok(ArchiveRef::Id(told.id.clone()));
        }
        Ok(by_name(archive))
    }

    /// Returns the archive that the repository tells of, if it is on file under any name and not deleted.
    pub(super) async fn known_by_id(&self, told: &Told) -> Result<Vec<Archive>, Failure> {
        Ok(self.engine.known(&self.name, &ArchiveRef::Id(told.id.clone())).await?)
    }

    /// An inventory that was taken in for a question may list what was removed, or is in doubt, by what is kept, which could
    /// not be filed before there was a row. Returns whether that is to be asked again.
    pub(super) async fn may_be_removed_meanwhile(
        &self,
        archive: &ArchiveName,
        state: &KeyState,
        is_called_stored: bool,
    ) -> Result<bool, Failure> {
        let is_in_doubt = is_called_stored && matches!(state, KeyState::Removed(_) | KeyState::Stored(_));
        if is_in_doubt {
            self.take_in(archive, state).await?;
        }
        Ok(is_in_doubt)
    }

    pub(super) async fn state(&self, talk: &Conversation, key: &Key) -> Result<KeyState, Failure> {
        Ok(match KeyState::read(&talk.state(key).await?, &self.place) {
            // An earlier version took a file that was cut to nothing for the content.
            KeyState::Empty(_) if key.is_encrypted() || key.size_bytes().is_some_and(|size| size > 0) => {
                KeyState::Nothing
            }
            state => state,
        })
    }

    /// Keeps in the repository which archive the key is.
    pub(super) fn keep(&self, talk: &Conversation, key: &Key, state: &KeyState) -> Result<(), Failure> {
        self.stateless.take(key, self.clock.now());
        Ok(talk.tell(&Statement::State(key, &state.text(&self.place)))?)
    }

    /// Tells whether the key is there; what is kept in the repository counts as knowledge of its time.
    pub(super) async fn presence(&self, talk: &Conversation, key: &Key) -> Result<Presence, Failure> {
        let archive = self.name_of(key)?;
        let state = self.learn(talk, key, &archive).await?;
        match state {
            KeyState::Empty(_) if key.size_bytes() == Some(0) => return Ok(Presence::Present),
            KeyState::Empty(_) => {
                let key = String::from_utf8_lossy(&key.0);
                return Ok(Presence::Unknown(format!(
                    "an empty file was stored for {key}, which does not say that it is empty"
                )));
            }
            // Where there is no archive, and none can be.
            KeyState::Nothing if key.size_bytes() == Some(0) => return Ok(Presence::Absent),
            _ => {}
        }
        if let KeyState::Removed(Removal { archives, is_done: true, .. }) = &state
            && self.engine.are_all_deleted(&self.name, archive.as_str(), archives).await?
        {
            return Ok(Presence::Absent);
        }
        let reference = self.reference(&archive, &state).await?;
        let ask = || self.engine.presence(&self.name, &reference, self.max_age);
        let mut presence = ask().await?;
        if self.may_be_removed_meanwhile(&archive, &state, presence == Presence::Present).await? {
            presence = ask().await?;
        }
        if presence == Presence::Present
            && let Some(why) = self.why_not_the_content(key, &reference).await?
        {
            return Ok(Presence::Unknown(why));
        }
        let is_none_told = match &state {
            KeyState::Nothing => true,
            KeyState::Removed(removal) => removal.is_done,
            KeyState::Stored(_) | KeyState::Empty(_) | KeyState::Newer => false,
        };
        if presence == Presence::Present && is_none_told {
            self.keep_what_nobody_heard_of(talk, key, &archive).await?;
        }
        // It may tell of a removal.
        Ok(if state == KeyState::Newer { Presence::Unknown(newer(key)) } else { presence })
    }

    /// Whoever dies between an upload and its record, or gets no answer, is told later that the archive is there; git-annex
    /// never asks to store it again, and other clones would not learn of it.
    ///
    /// Nothing is kept once anyone else can have heard of it, by an inventory: they may have removed it, and what is kept now
    /// would take the place of that.
    pub(super) async fn keep_what_nobody_heard_of(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
    ) -> Result<(), Failure> {
        let since = self.clock.now() - UNHEARD_OF_FOR;
        let is_new =
            |archive: &Archive| archive.created_here > Some(since) && archive.last_seen_upstream.is_none();
        let mut new = self.engine.stored_here(self.known(archive).await?)?;
        new.retain(is_new);
        if new.is_empty() {
            return Ok(());
        }
        let there = self.engine.known_to_exist(&self.name, &by_name(archive), self.max_age).await?;
        match there.iter().find(|archive| new.contains(archive)) {
            Some(archive) => {
                self.keep(talk, key, &self.state_of(archive, archive.size_bytes.unwrap_or_default()))
            }
            None => Ok(()),
        }
    }

    /// Returns why an archive that is there cannot be the key's content: it has another size, as what the built-in remote
    /// had begun to store when it was killed. Of what the original has stored the size is not known.
    async fn why_not_the_content(
        &self,
        key: &Key,
        reference: &ArchiveRef,
    ) -> Result<Option<String>, Failure> {
        let Some(wanted) = chunks::content_bytes(key) else { return Ok(None) };
        let is_alike = |archive: &Archive| archive.size_bytes.is_none_or(|size| size == wanted);
        let known = self.engine.known(&self.name, reference).await?;
        if known.iter().all(is_alike) {
            return Ok(None);
        }
        let there = self.engine.known_to_exist(&self.name, reference, self.max_age).await?;
        Ok(there.first().filter(|_| !there.iter().any(is_alike)).map(|other| {
            format!(
                "archive {} has {} bytes, and the key {wanted}, so it is not the key's content; '{}' deletes it",
                quoted(other.shown_name().unwrap_or_default()),
                other.size_bytes.unwrap_or_default(),
                self.engine.command(&format!("archive delete {} id:{}", self.name, other.id))
            )
        }))
    }

    /// Tells where the key is, without the network.
    pub(super) async fn whereis(&self, talk: &Conversation, key: &Key) -> Result<Option<String>, Failure> {
        let known = self.engine.known_here(&self.name, &by_name(&self.name_of(key)?))?;
        let mut places: Vec<String> = known.iter().map(|archive| self.place_of(archive)).collect();
        if places.is_empty() {
            match self.state(talk, key).await? {
                KeyState::Stored(Told { id, stored, .. }) => {
                    places.push(format!("id:{id} in vault {}, stored {stored}", self.name));
                }
                KeyState::Empty(_) => places.push("an empty file, kept in the repository".to_owned()),
                KeyState::Removed(_) | KeyState::Newer | KeyState::Nothing => return Ok(None),
            }
        }
        Ok(Some(places.join("; ")))
    }

    fn place_of(&self, archive: &Archive) -> String {
        let stored = archive.stored_at().map(|stored| format!(", stored {stored}")).unwrap_or_default();
        format!("id:{} in vault {}{stored}", archive.id, self.name)
    }

    /// Returns whether this is the first time that it is asked.
    pub(super) fn may_tell_of_fee(&self) -> bool {
        !self.has_told_of_fee.swap(true, Ordering::Relaxed)
    }
}

/// Why nothing is done with a key of which a later version has kept something.
pub(super) fn newer(key: &Key) -> String {
    let key = String::from_utf8_lossy(&key.0);
    format!(
        "a newer version of git-annex-remote-glacier has kept what it knows of {key} in the git-annex branch; update this one"
    )
}

pub(super) fn by_name(archive: &ArchiveName) -> ArchiveRef {
    ArchiveRef::Name(archive.as_str().to_owned())
}
