//! Storing a key.
//!
//! # Order of writes
//!
//! The archive and its row in the cache (`engine::upload` has the steps), then the key's state, then the answer. After
//! a crash before the state is kept, or where the answer to the upload was lost, this machine's cache knows of the archive
//! sooner or later; the next CHECKPRESENT or STORE keeps the state, within an hour. After that other clones find the archive
//! by an inventory.

use std::io;
use std::path::Path;

use super::chunks;
use super::failure::Failure;
use super::protocol::Key;
use super::session::Conversation;
use super::state::KeyState;
use super::vault::{Vault, newer};
use crate::engine::{Archive, Holding, Presence, Source, Told, UploadOptions};
use crate::types::{ArchiveName, ArchiveRef, quoted};

impl Vault {
    /// Stores the file unless it is stored already.
    pub(super) async fn store(&self, talk: &Conversation, key: &Key, file: &Path) -> Result<(), Failure> {
        let archive = self.name_of(key)?;
        let cannot_read =
            |error: io::Error| Failure::said(format!("cannot read {}: {error}", file.display()));
        let source = Source::open(file).map_err(cannot_read)?;
        let is_no_file = || Failure::said(format!("{} is not a file", file.display()));
        let size_bytes = source.size_bytes().ok_or_else(is_no_file)?;
        if let Some(wanted) = chunks::content_bytes(key).filter(|wanted| *wanted != size_bytes) {
            return Err(Failure::said(format!(
                "the file of {} has {size_bytes} bytes, and the key {wanted}; 'git annex fsck' tells more",
                String::from_utf8_lossy(&key.0)
            )));
        }
        if size_bytes == 0 {
            return self.store_empty(talk, key, &archive).await;
        }
        let kept = if self.stateless.take(key, self.clock.now()) {
            KeyState::Nothing
        } else {
            self.learn(talk, key, &archive).await?
        };
        if kept == KeyState::Newer {
            return Err(Failure::said(newer(key)));
        }
        if let by_id @ ArchiveRef::Id(_) = self.reference(&archive, &kept).await? {
            match self.engine.presence(&self.name, &by_id, self.max_age).await? {
                Presence::Present => return Ok(()),
                Presence::Unknown(why) => return Err(Failure::Said(why)),
                Presence::Absent => {}
            }
        }
        // git-annex encrypts the same anew each time, and it may come out longer.
        let size_wanted = (!key.is_encrypted()).then_some(size_bytes);
        let ask = || self.engine.holding(&self.name, archive.as_str(), size_wanted, self.max_age);
        let mut holding = ask().await?;
        let is_called_stored = matches!(holding, Holding::Stored(_) | Holding::OtherSize(_));
        if self.may_be_removed_meanwhile(&archive, &kept, is_called_stored).await? {
            holding = ask().await?;
        }
        match holding {
            Holding::Stored(_) if matches!(kept, KeyState::Stored(_)) => Ok(()),
            Holding::Stored(_) => self.keep_what_nobody_heard_of(talk, key, &archive).await,
            Holding::OtherSize(other) => Err(other_size(&other, size_bytes)),
            Holding::Unknown(why) => Err(Failure::Said(why)),
            Holding::Nothing => {
                let options = UploadOptions::default();
                let stored = self.engine.upload(&self.name, &archive, source, options, talk).await?;
                self.keep(talk, key, &self.state_of(&stored, size_bytes))
            }
        }
    }

    /// Glacier holds no empty archives; that the key is stored is kept in the repository, which is all there is to it.
    /// A key of which there is an archive, or which does not tell that it is empty, may not be, whatever the file is: a loss
    /// of power leaves such files.
    async fn store_empty(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
    ) -> Result<(), Failure> {
        if key.size_bytes() != Some(0) {
            return Err(Failure::said(format!(
                "the file of {} is empty, and the key does not say that it is; 'git annex fsck' tells more",
                String::from_utf8_lossy(&key.0)
            )));
        }
        match self.learn(talk, key, archive).await? {
            KeyState::Empty(_) => Ok(()),
            KeyState::Newer => Err(Failure::said(newer(key))),
            _ => match self.known(archive).await?.first() {
                Some(other) => Err(other_size(other, 0)),
                None => self.keep(talk, key, &KeyState::Empty(self.clock.now())),
            },
        }
    }

    pub(super) fn state_of(&self, archive: &Archive, size_bytes: u64) -> KeyState {
        let stored = archive.stored_at().unwrap_or_else(|| self.clock.now() - self.max_age);
        KeyState::Stored(Told { id: archive.id.clone(), size_bytes, stored })
    }
}

/// Two archives of one name and unlike content could not be told apart when the key is wanted back.
fn other_size(other: &Archive, size_bytes: u64) -> Failure {
    let name = quoted(other.shown_name().unwrap_or_default());
    let size = other.size_bytes.unwrap_or_default();
    Failure::said(format!(
        "archive {name} is stored already with {size} bytes, not {size_bytes}; remove it first with 'git annex drop --from' to store this one"
    ))
}
