//! Storing an archive.
//!
//! Order of writes: the service first, the cache after its acknowledgement; the cache was opened for writing before.
//! Dying in between leaves an archive that the next inventory tells of. A request whose answer is lost is reported
//! as such, never repeated in silence: a second success would be a second archive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;

use super::{Engine, EngineError, Progress};
use crate::cache::{Archive, NewArchive};
use crate::service::{Glacier, ServiceError, StoredArchive};
use crate::treehash::TreeHash;
use crate::types::{ArchiveName, PartSize, UploadId, VaultName, file_name_in};

/// What parts in flight may hold in memory together, in bytes.
const IN_FLIGHT_MAX_BYTES: u64 = 192 * 1024 * 1024;
/// More parts at once than this do not fill a link any better.
const IN_FLIGHT_MAX_PARTS: u64 = 4;

/// Where an archive's data comes from.
pub struct Source {
    /// The data, read once, from its beginning to its end.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// How many bytes there will be, if that is known; if others come, nothing is stored.
    pub size_bytes: Option<u64>,
}

impl Engine {
    /// Stores the data as one archive and files it in the cache: one request if it fits one part, else parts.
    ///
    /// # Errors
    ///
    /// Nothing was stored, except where the error says otherwise ([`EngineError::MayBeStored`],
    /// [`EngineError::StoredButNotNoted`]).
    pub async fn upload(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        source: Source,
        progress: &dyn Progress,
    ) -> Result<Archive, EngineError> {
        let scope = self.scope().await?;
        let part_size = match source.size_bytes {
            Some(size_bytes) => PartSize::for_archive(size_bytes)?,
            None => PartSize::OF_UNKNOWN_LENGTH,
        };
        let mut parts = Parts { name, source, part_size, read_bytes: 0 };
        let first = parts.next().await?;
        let second = parts.next().await?;
        let stored = match (first, second) {
            (None, _) => return Err(EngineError::EmptyArchive { name: name.as_str().to_owned() }),
            (Some(only), None) => self.upload_whole(vault, name, only, progress).await?,
            (Some(first), Some(second)) => {
                self.upload_in_parts(vault, [first, second], &mut parts, progress).await?
            }
        };
        self.note(scope, vault, name, &stored)
    }

    async fn upload_whole(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        data: Bytes,
        progress: &dyn Progress,
    ) -> Result<Stored, EngineError> {
        let (tree_hash, data) = hashed(data).await;
        let size_bytes = data.len() as u64;
        let answer = self.glacier.upload_archive(vault, name, tree_hash, data).await;
        let archive = answer.map_err(|error| self.may_be_stored(vault, name, error))?;
        progress.transferred(size_bytes);
        Ok(Stored { archive, size_bytes, tree_hash })
    }

    async fn upload_in_parts(
        &self,
        vault: &VaultName,
        first: [Bytes; 2],
        parts: &mut Parts<'_>,
        progress: &dyn Progress,
    ) -> Result<Stored, EngineError> {
        let upload = self.glacier.initiate_upload(vault, parts.name, parts.part_size).await;
        let upload = upload.map_err(self.about_vault(vault))?;
        let sender = PartSender::new(&self.glacier, vault, &upload, parts.part_size);
        let hashes = match sender.send_all(first, parts, progress).await {
            Ok(hashes) => hashes,
            Err(error) => {
                // Best effort: parts that are left behind vanish by themselves after a day.
                let _ = self.glacier.abort_upload(vault, &upload).await;
                return Err(error);
            }
        };
        let (size_bytes, tree_hash) = (parts.read_bytes, TreeHash::combine(hashes));
        let answer = self.glacier.complete_upload(vault, &upload, size_bytes, tree_hash).await;
        let archive = answer.map_err(|error| self.may_be_stored(vault, parts.name, error))?;
        Ok(Stored { archive, size_bytes, tree_hash })
    }

    fn may_be_stored(&self, vault: &VaultName, name: &ArchiveName, source: ServiceError) -> EngineError {
        if source.is_outcome_unknown() {
            return EngineError::MayBeStored {
                vault: vault.clone(),
                name: name.as_str().to_owned(),
                source: Box::new(source),
            };
        }
        self.about_vault(vault)(source)
    }

    /// Files what the service has acknowledged.
    fn note(
        &self,
        mut scope: crate::cache::Scope,
        vault: &VaultName,
        name: &ArchiveName,
        stored: &Stored,
    ) -> Result<Archive, EngineError> {
        let id = &stored.archive.id;
        let not_noted = |source| EngineError::StoredButNotNoted {
            name: name.as_str().to_owned(),
            id: id.clone(),
            source: Box::new(source),
        };
        let created_here = self.clock.now();
        if let Some(account) = &stored.archive.account {
            scope.account = Some(account.clone());
            self.cache.remember_account(&scope.access_key_id, account, created_here).map_err(not_noted)?;
            self.cache.remember_vault(account, &scope, vault, None).map_err(not_noted)?;
        }
        let (size_bytes, tree_hash) = (stored.size_bytes, stored.tree_hash);
        let row = NewArchive { id, name: name.as_str(), size_bytes, tree_hash, created_here };
        self.cache.record_upload(&scope, vault, &row).map_err(not_noted)?;
        Ok(Archive {
            id: id.clone(),
            name: Some(name.as_str().to_owned()),
            file_name: file_name_in(name.as_str()),
            size_bytes: Some(size_bytes),
            tree_hash: Some(tree_hash),
            created_upstream: None,
            created_here: Some(created_here),
            last_seen_upstream: None,
            deletion_begun: None,
            deleted_here: None,
        })
    }
}

struct Stored {
    archive: StoredArchive,
    size_bytes: u64,
    tree_hash: TreeHash,
}

/// Cuts the source into parts.
struct Parts<'a> {
    name: &'a ArchiveName,
    source: Source,
    part_size: PartSize,
    read_bytes: u64,
}

impl Parts<'_> {
    /// Returns the next part, or none at the end of the data. No part is empty.
    async fn next(&mut self) -> Result<Option<Bytes>, EngineError> {
        let name = || self.name.as_str().to_owned();
        let mut part = Vec::new();
        let mut window = (&mut self.source.reader).take(self.part_size.bytes());
        window
            .read_to_end(&mut part)
            .await
            .map_err(|source| EngineError::CannotRead { name: name(), source })?;
        self.read_bytes += part.len() as u64;
        if self.source.size_bytes.is_some_and(|size_bytes| self.has_changed(size_bytes, part.is_empty())) {
            return Err(EngineError::ChangedWhileRead { name: name() });
        }
        let max_bytes = self.part_size.archive_max_bytes();
        if self.read_bytes > max_bytes {
            return Err(EngineError::TooLong { name: name(), max_bytes });
        }
        Ok((!part.is_empty()).then(|| part.into()))
    }

    fn has_changed(&self, size_bytes: u64, at_end: bool) -> bool {
        self.read_bytes > size_bytes || (at_end && self.read_bytes != size_bytes)
    }
}

/// Sends parts, a few at a time.
struct PartSender {
    glacier: Glacier,
    vault: VaultName,
    upload: UploadId,
    part_size: PartSize,
    acknowledged_bytes: Arc<AtomicU64>,
    tasks: JoinSet<(usize, Result<TreeHash, ServiceError>)>,
    hashes: Vec<Option<TreeHash>>,
}

impl PartSender {
    fn new(glacier: &Glacier, vault: &VaultName, upload: &UploadId, part_size: PartSize) -> Self {
        Self {
            glacier: glacier.clone(),
            vault: vault.clone(),
            upload: upload.clone(),
            part_size,
            acknowledged_bytes: Arc::default(),
            tasks: JoinSet::new(),
            hashes: Vec::new(),
        }
    }

    /// Returns the hashes of all parts in their order, once each part is acknowledged.
    async fn send_all(
        mut self,
        first: [Bytes; 2],
        rest: &mut Parts<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<TreeHash>, EngineError> {
        let in_flight_max = (IN_FLIGHT_MAX_BYTES / self.part_size.bytes()).clamp(1, IN_FLIGHT_MAX_PARTS);
        for part in first {
            self.start(part);
        }
        while let Some(part) = rest.next().await? {
            while self.tasks.len() as u64 >= in_flight_max {
                self.await_one(progress).await?;
            }
            self.start(part);
        }
        while !self.tasks.is_empty() {
            self.await_one(progress).await?;
        }
        Ok(self.hashes.into_iter().flatten().collect())
    }

    fn start(&mut self, data: Bytes) {
        let index = self.hashes.len();
        self.hashes.push(None);
        let start_byte = index as u64 * self.part_size.bytes();
        let (glacier, vault, upload) = (self.glacier.clone(), self.vault.clone(), self.upload.clone());
        let acknowledged_bytes = Arc::clone(&self.acknowledged_bytes);
        self.tasks.spawn(async move {
            let (tree_hash, data) = hashed(data).await;
            let size_bytes = data.len() as u64;
            let sent = glacier.upload_part(&vault, &upload, start_byte, tree_hash, data).await;
            acknowledged_bytes.fetch_add(if sent.is_ok() { size_bytes } else { 0 }, Ordering::Relaxed);
            (index, sent.map(|()| tree_hash))
        });
    }

    async fn await_one(&mut self, progress: &dyn Progress) -> Result<(), EngineError> {
        let Some(joined) = self.tasks.join_next().await else { return Ok(()) };
        let (index, sent) = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let sent =
            sent.map_err(|error| EngineError::about_vault(&self.vault, self.glacier.region(), error))?;
        self.hashes[index] = Some(sent);
        progress.transferred(self.acknowledged_bytes.load(Ordering::Relaxed));
        Ok(())
    }
}

/// Hashes away from the threads that talk to the network.
async fn hashed(data: Bytes) -> (TreeHash, Bytes) {
    let work = tokio::task::spawn_blocking(move || (TreeHash::of(&data), data));
    work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
