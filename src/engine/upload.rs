//! Storing an archive.
//!
//! # Order of writes
//!
//! A row in the cache first, the service second, the archive's row and the end of the first one last, in one
//! transaction (`cache::uploads` has the steps). So at any moment the cache knows at least as much as could have
//! happened:
//!
//! - An upload in parts from a file that stops goes on at the next try: what the service holds is compared with the
//!   file, and only the rest is sent. If the file has changed, the upload is given up and begins anew.
//! - The request that makes parts an archive can be repeated, so a lost answer is asked for again, now or at the next
//!   try.
//! - An answer that names another tree hash than was sent acknowledges nothing: the archive is filed as one of which
//!   neither hash nor existence is known, and the upload stays on record as one without an answer.
//! - The request that stores an archive at once cannot: a second success would be a second archive. After a lost
//!   answer the upload stays on record until an inventory tells, and the same data is not stored under the same name
//!   again unless the caller insists.
//!
//! What is stored is the file of one moment: if it is written to meanwhile, nothing is stored. Its size and times tell; a
//! file that was written to in the last seconds before it was opened, or whose times were set back, is read once more
//! and must be the same. Of a program that writes by way of mapped memory the times need not tell.

mod earlier;
mod open;
mod parts;
mod resume;
mod several;
mod source;
mod unanswered;
mod whole;

pub use open::{OpenUploads, UploadToAbort};
pub use several::{FileToStore, StoreOptions, Stored};
pub use source::Source;

use super::{Engine, EngineError, Item, ItemKind, ItemProgress, Notice, Progress, blocking};
use crate::cache::{Archive, NewArchive, NewUpload, Scope, Storing, UploadLock};
use crate::service::StoredArchive;
use crate::types::{ArchiveName, PartSize, UploadId, VaultName, file_name_in};
use earlier::Earlier;
use parts::{Parts, hash_all};
use source::{Data, SourceFile};

/// How an archive is to be stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct UploadOptions {
    /// The size of its parts; chosen by the size of the archive unless given.
    pub part_size: Option<PartSize>,
    /// Whether it is stored even if an earlier upload without an answer may have stored it.
    pub allow_duplicate: bool,
}

impl Engine {
    /// Stores the data as one archive and files it in the cache: one request if it fits one part, else parts. An
    /// upload of the same file that had stopped goes on.
    ///
    /// # Errors
    ///
    /// Nothing was stored, except where the error says otherwise ([`EngineError::MayBeStored`],
    /// [`EngineError::Unconfirmed`], [`EngineError::StoredOtherwise`], [`EngineError::StoredButNotNoted`]). After [`EngineError::Interrupted`] the
    /// same call goes on where this one stopped.
    pub async fn upload(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        source: Source,
        options: UploadOptions,
        progress: &dyn Progress,
    ) -> Result<Archive, EngineError> {
        let mut scope = self.scope().await?;
        if scope.account.is_none() && self.cache.has_upload_of_anyone(&scope.region, vault, name.as_str())? {
            // It may be of another key of the account that this one is of.
            scope = self.scope_of(vault).await?;
        }
        let item =
            progress.begin(&Item { kind: ItemKind::Upload(name.as_str()), total: source.expected_bytes() });
        let mut upload = Upload { engine: self, scope, vault, name, options, progress: &*item };
        let stored = match source.0 {
            Data::File(file) => upload.store_file(file).await?,
            Data::Stream { reader, expected_size_bytes } => {
                let part_size = match (options.part_size, expected_size_bytes) {
                    (Some(part_size), _) => part_size,
                    (None, Some(size_bytes)) => PartSize::for_archive(size_bytes)?,
                    (None, None) => PartSize::OF_UNKNOWN_LENGTH,
                };
                let earlier = upload.clear_up(None).await?;
                upload.store_new(Parts::of_stream(name, reader, part_size), &earlier).await?
            }
        };
        item.finished();
        Ok(stored)
    }

    /// Tells of uploads without an answer what an inventory has told of them. For a sync that has taken one in.
    pub(super) fn settle_uploads(&self, scope: &Scope, vault: &VaultName) -> Result<(), EngineError> {
        for settled in self.cache.settle_uploads(scope, vault)? {
            let name = settled.name;
            self.transfers.notice(&match settled.archive {
                Some(archive) => Notice::FoundStored { name, archive },
                None => Notice::FoundNotStored { name },
            });
        }
        Ok(())
    }
}

/// One archive on its way up.
struct Upload<'a> {
    engine: &'a Engine,
    scope: Scope,
    vault: &'a VaultName,
    name: &'a ArchiveName,
    options: UploadOptions,
    progress: &'a dyn ItemProgress,
}

impl Upload<'_> {
    async fn store_file(&mut self, file: SourceFile) -> Result<Archive, EngineError> {
        let size_bytes = file.identity().size_bytes;
        let part_size = match self.options.part_size {
            Some(part_size) => part_size.holding(size_bytes)?,
            None => PartSize::for_archive(size_bytes)?,
        };
        let mut earlier = self.clear_up(Some(file.identity())).await?;
        if let Some(archive) = earlier.stored_from(file.identity()) {
            if self.is_content_of(&archive, &file).await? {
                return Ok(archive);
            }
            let name = self.name.as_str().to_owned();
            self.engine.transfers.notice(&Notice::FoundStored { name, archive: archive.id });
        }
        if let Some((lock, upload)) = earlier.resumable.take()
            && let Some(archive) = self.resume(lock, &upload, &file, &earlier).await?
        {
            return Ok(archive);
        }
        self.store_new(Parts::of_file(self.name, file, part_size), &earlier).await
    }

    /// Returns whether the archive holds what the file holds now, which its times alone do not tell.
    async fn is_content_of(&self, archive: &Archive, file: &SourceFile) -> Result<bool, EngineError> {
        let reading = file.clone();
        let hash = blocking(move || hash_all(&reading)).await;
        let name = self.name.as_str().to_owned();
        let hash = hash.map_err(|source| EngineError::CannotRead { name, source })?;
        Ok(archive.tree_hash == Some(hash))
    }

    /// Stores the data from its beginning.
    async fn store_new(&mut self, mut parts: Parts, earlier: &Earlier) -> Result<Archive, EngineError> {
        let transfers = &self.engine.transfers;
        let Some(first) = parts.next(transfers).await? else {
            return Err(EngineError::EmptyArchive { name: self.name.as_str().to_owned() });
        };
        if parts.is_at_end().await? {
            self.store_whole(first, &mut parts, earlier).await
        } else {
            self.store_in_parts(Some(first), parts, earlier).await
        }
    }

    /// Puts the upload on record.
    fn begin(
        &self,
        parts: &Parts,
        storing: Option<Storing>,
        earlier: &Earlier,
    ) -> Result<UploadLock, EngineError> {
        let upload = NewUpload {
            name: self.name.as_str(),
            file: parts.file_identity(),
            part_size: parts.part_size(),
            storing,
            known: &earlier.open,
            now: self.engine.clock.now(),
        };
        let lock = self.engine.cache.begin_upload(&self.scope, self.vault, &upload)?;
        lock.ok_or_else(|| self.in_use())
    }

    /// Files what the service has acknowledged, and ends the upload; of what it acknowledges otherwise, neither.
    fn finish(
        &mut self,
        lock: UploadLock,
        stored: &StoredArchive,
        storing: &Storing,
    ) -> Result<Archive, EngineError> {
        let id = &stored.id;
        let not_noted = |source| EngineError::StoredButNotNoted {
            sync: self.engine.sync_command(self.vault),
            name: self.name.as_str().to_owned(),
            id: id.clone(),
            source: Box::new(source),
        };
        if let Some(account) = &stored.account {
            self.engine.learn(&mut self.scope, self.vault, account).map_err(not_noted)?;
        }
        if let Some(said) = &stored.other_tree_hash {
            let filed =
                self.engine.cache.note_doubtful(&self.scope, self.vault, id, self.name.as_str(), storing);
            filed.map_err(|source| not_noted(source.into()))?;
            return Err(EngineError::StoredOtherwise {
                sync: self.engine.sync_command(self.vault),
                name: self.name.as_str().to_owned(),
                id: id.clone(),
                said: said.clone(),
            });
        }
        let created_here = self.engine.clock.now();
        let (name, size_bytes, tree_hash) = (self.name.as_str(), storing.size_bytes, storing.tree_hash);
        let row = NewArchive { id, name, size_bytes, tree_hash, created_here };
        let filed = self.engine.cache.finish_upload(lock, &self.scope, self.vault, &row);
        filed.map_err(|source| not_noted(source.into()))?;
        Ok(Archive {
            id: id.clone(),
            name: Some(name.to_owned()),
            file_name: file_name_in(name),
            size_bytes: Some(size_bytes),
            tree_hash: Some(tree_hash),
            created_upstream: None,
            created_here: Some(created_here),
            last_seen_upstream: None,
            deletion_begun: None,
            doubted: None,
            deleted_here: None,
        })
    }

    fn in_use(&self) -> EngineError {
        EngineError::BeingStored { name: self.name.as_str().to_owned() }
    }

    fn storing(&self, size_bytes: u64, tree_hash: crate::treehash::TreeHash) -> Storing {
        Storing { since: self.engine.clock.now(), size_bytes, tree_hash }
    }

    /// Returns the archive that an earlier upload of the same data turned out to have stored.
    ///
    /// # Errors
    ///
    /// [`EngineError::EarlierMayBeStored`] when that is not known.
    fn already_stored(&self, storing: &Storing, earlier: &Earlier) -> Result<Option<Archive>, EngineError> {
        if let Some(archive) = earlier.stored_like(storing) {
            return Ok(Some(archive));
        }
        let is_alike =
            |other: &Storing| (other.size_bytes, other.tree_hash) == (storing.size_bytes, storing.tree_hash);
        let alike = earlier.open.iter().filter_map(|upload| upload.storing).find(is_alike);
        match alike.filter(|_| !self.options.allow_duplicate) {
            Some(other) => Err(self.earlier_may_be_stored(&other)),
            None => Ok(None),
        }
    }

    fn earlier_may_be_stored(&self, storing: &Storing) -> EngineError {
        EngineError::EarlierMayBeStored {
            vault: self.vault.clone(),
            sync: self.engine.sync_command(self.vault),
            name: self.name.as_str().to_owned(),
            since: storing.since,
        }
    }

    /// Gives an upload in parts up, as well as that can be done: what is left behind vanishes after a day.
    async fn give_up(&self, lock: UploadLock, id: Option<&UploadId>) -> Result<(), EngineError> {
        if let Some(id) = id {
            let _ = self.engine.glacier.abort_upload(self.vault, id).await;
        }
        Ok(self.engine.cache.forget_upload(lock)?)
    }
}
