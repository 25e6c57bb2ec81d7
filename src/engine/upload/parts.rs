//! Cutting data into parts and sending them, several at a time.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;

use super::source::{Since, SourceFile};
use super::{Earlier, Upload};
use crate::cache::{Archive, FileIdentity, UploadLock};
use crate::engine::transfers::{Room, Transfers};
use crate::engine::{EngineError, blocking};
use crate::service::ServiceError;
use crate::treehash::{TreeHash, TreeHasher};
use crate::types::{ArchiveName, PartSize, UploadId};

/// A part in memory.
pub(super) struct Part {
    pub(super) index: usize,
    pub(super) data: Bytes,
    room: Room,
}

/// Cuts data into parts, in order.
pub(super) struct Parts {
    name: String,
    data: PartsOf,
    part_size: PartSize,
    next_index: usize,
    read_bytes: u64,
}

enum PartsOf {
    /// Parts that are stored already are left out.
    File(SourceFile, Vec<bool>),
    /// With the byte of the next part that was read to see whether there is one.
    Stream(Box<dyn AsyncRead + Send + Unpin>, Option<u8>),
}

impl Parts {
    pub(super) fn of_file(name: &ArchiveName, file: SourceFile, part_size: PartSize) -> Self {
        Self::new(name, PartsOf::File(file, Vec::new()), part_size)
    }

    /// Leaves out the parts that are stored.
    pub(super) fn missing_of_file(
        name: &ArchiveName,
        file: SourceFile,
        part_size: PartSize,
        stored: &[Option<TreeHash>],
    ) -> Self {
        let stored = stored.iter().map(Option::is_some).collect();
        Self::new(name, PartsOf::File(file, stored), part_size)
    }

    pub(super) fn of_stream(
        name: &ArchiveName,
        reader: Box<dyn AsyncRead + Send + Unpin>,
        part_size: PartSize,
    ) -> Self {
        Self::new(name, PartsOf::Stream(reader, None), part_size)
    }

    fn new(name: &ArchiveName, data: PartsOf, part_size: PartSize) -> Self {
        Self { name: name.as_str().to_owned(), data, part_size, next_index: 0, read_bytes: 0 }
    }

    pub(super) fn part_size(&self) -> PartSize {
        self.part_size
    }

    pub(super) fn file_identity(&self) -> Option<&FileIdentity> {
        match &self.data {
            PartsOf::File(file, _) => Some(file.identity()),
            PartsOf::Stream(..) => None,
        }
    }

    /// Returns the next part, or none at the end of the data. No part is empty.
    pub(super) async fn next(&mut self, transfers: &Transfers) -> Result<Option<Part>, EngineError> {
        match &mut self.data {
            PartsOf::File(..) => self.next_of_file(transfers).await,
            PartsOf::Stream(..) => self.next_of_stream(transfers).await,
        }
    }

    /// Returns whether all has been read. Takes no room in memory: those who hold a part must not wait for another.
    pub(super) async fn is_at_end(&mut self) -> Result<bool, EngineError> {
        let PartsOf::Stream(reader, peeked) = &mut self.data else {
            let size_bytes = self.file_identity().map_or(0, |file| file.size_bytes);
            return Ok(self.next_index as u64 * self.part_size.bytes() >= size_bytes);
        };
        let mut byte = [0];
        match reader.read(&mut byte).await {
            Ok(0) => Ok(true),
            Ok(_) => {
                *peeked = Some(byte[0]);
                Ok(false)
            }
            Err(source) => Err(self.cannot_read(source)),
        }
    }

    async fn next_of_file(&mut self, transfers: &Transfers) -> Result<Option<Part>, EngineError> {
        let PartsOf::File(file, stored) = &self.data else { return Ok(None) };
        while stored.get(self.next_index) == Some(&true) {
            self.next_index += 1;
        }
        let (index, size_bytes) = (self.next_index, file.identity().size_bytes);
        let start_byte = index as u64 * self.part_size.bytes();
        if start_byte >= size_bytes {
            return Ok(None);
        }
        self.next_index += 1;
        let length = (size_bytes - start_byte).min(self.part_size.bytes());
        let room = transfers.room(PartSize::at_least(length)).await;
        let mut buffer = transfers.buffer(usize::try_from(length).unwrap_or(usize::MAX));
        let file = file.clone();
        let read = blocking(move || file.read_at(start_byte, &mut buffer).map(|()| buffer.freeze())).await;
        let data = read.map_err(|source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => EngineError::ChangedWhileRead { name: self.name.clone() },
            _ => self.cannot_read(source),
        })?;
        self.read_bytes += length;
        Ok(Some(Part { index, data, room }))
    }

    async fn next_of_stream(&mut self, transfers: &Transfers) -> Result<Option<Part>, EngineError> {
        let PartsOf::Stream(reader, peeked) = &mut self.data else { return Ok(None) };
        let room = transfers.room(self.part_size).await;
        let length = usize::try_from(self.part_size.bytes()).unwrap_or(usize::MAX);
        let mut buffer = transfers.buffer(length);
        let mut filled = 0;
        if let Some(byte) = peeked.take() {
            buffer[0] = byte;
            filled = 1;
        }
        while filled < length {
            match reader.read(&mut buffer[filled..]).await {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(source) => return Err(self.cannot_read(source)),
            }
        }
        self.read_bytes += filled as u64;
        let max_bytes = self.part_size.archive_max_bytes();
        if self.read_bytes > max_bytes {
            return Err(EngineError::TooLong { name: self.name.clone(), max_bytes });
        }
        if filled == 0 {
            transfers.give_back(buffer.freeze());
            return Ok(None);
        }
        buffer.truncate(filled);
        self.next_index += 1;
        Ok(Some(Part { index: self.next_index - 1, data: buffer.freeze(), room }))
    }

    /// Makes sure that the file is the one that was opened. One that was only touched is read once more.
    pub(super) async fn check_unchanged(&mut self, tree_hash: TreeHash) -> Result<(), EngineError> {
        let PartsOf::File(file, _) = &self.data else { return Ok(()) };
        let changed = || EngineError::ChangedWhileRead { name: self.name.clone() };
        match file.since().map_err(|source| self.cannot_read(source))? {
            Since::Nothing => Ok(()),
            Since::WrittenTo => Err(changed()),
            Since::Touched => {
                let file = file.clone();
                let read = blocking(move || hash_all(&file)).await;
                let hash = read.map_err(|source| self.cannot_read(source))?;
                if hash == tree_hash { Ok(()) } else { Err(changed()) }
            }
        }
    }

    fn cannot_read(&self, source: std::io::Error) -> EngineError {
        EngineError::CannotRead { name: self.name.clone(), source }
    }
}

/// Returns the tree hash of the file as it is now.
pub(super) fn hash_all(file: &SourceFile) -> std::io::Result<TreeHash> {
    let mut hasher = TreeHasher::new();
    let mut buffer = vec![0; 1 << 20];
    let (mut start_byte, size_bytes) = (0, file.identity().size_bytes);
    while start_byte < size_bytes {
        let length = usize::try_from(size_bytes - start_byte).unwrap_or(usize::MAX).min(buffer.len());
        file.read_at(start_byte, &mut buffer[..length])?;
        hasher.update(&buffer[..length]);
        start_byte += length as u64;
    }
    Ok(hasher.finish())
}

impl Upload<'_> {
    pub(super) async fn store_in_parts(
        &mut self,
        first: Option<Part>,
        parts: Parts,
        earlier: &Earlier,
    ) -> Result<Archive, EngineError> {
        let lock = self.begin(&parts, None, earlier)?;
        let (engine, part_size) = (self.engine, parts.part_size);
        let what = format!("begin the upload of archive {}", crate::types::quoted(self.name.as_str()));
        let begin = || async {
            let noting = engine.stop.noting().await;
            let begun = engine.glacier.initiate_upload(self.vault, self.name, part_size).await;
            begun.map(|id| (id, noting))
        };
        let (id, noting) = match engine.transfers.repeat(&what, begin).await {
            Ok(begun) => begun,
            Err(error) => {
                self.engine.cache.forget_upload(lock)?;
                return Err(self.engine.about_vault(self.vault)(error));
            }
        };
        self.engine.cache.note_upload_id(&lock, &id)?;
        drop(noting);
        self.send_parts(lock, id, first, parts, Vec::new(), earlier).await
    }

    /// Sends what is missing, then makes it an archive. `stored` has the hashes of the parts that are there already.
    pub(super) async fn send_parts(
        &mut self,
        lock: UploadLock,
        id: UploadId,
        first: Option<Part>,
        mut parts: Parts,
        stored: Vec<Option<TreeHash>>,
        earlier: &Earlier,
    ) -> Result<Archive, EngineError> {
        let mut sender = Sender::new(self, id.clone(), parts.part_size, stored);
        let sent = async {
            sender.send_all(first, &mut parts).await?;
            let hash = sender.tree_hash();
            parts.check_unchanged(hash).await?;
            let storing = self.storing(sender.acknowledged_bytes, hash);
            Ok((storing, self.already_stored(&storing, earlier)?))
        };
        let (error, acknowledged_bytes) = match sent.await {
            Ok((storing, None)) => return self.complete(lock, &id, &storing, parts.file_identity()).await,
            Ok((_, Some(archive))) => {
                self.give_up(lock, Some(&id)).await?;
                return Ok(archive);
            }
            Err(error) => (error, sender.acknowledged_bytes),
        };
        let can_go_on = matches!(error, EngineError::Service(_) | EngineError::CannotRead { .. });
        match parts.file_identity().filter(|_| can_go_on) {
            Some(file) => Err(self.interrupted(error, acknowledged_bytes, file.size_bytes)),
            None => {
                self.give_up(lock, Some(&id)).await?;
                Err(error)
            }
        }
    }

    pub(super) fn interrupted(&self, source: EngineError, stored_bytes: u64, size_bytes: u64) -> EngineError {
        EngineError::Interrupted {
            name: self.name.as_str().to_owned(),
            stored_bytes,
            size_bytes,
            source: Box::new(source),
        }
    }

    /// Makes the parts an archive. That can be asked for again, so a lost answer is no reason to stop.
    async fn complete(
        &mut self,
        lock: UploadLock,
        id: &UploadId,
        storing: &crate::cache::Storing,
        file: Option<&FileIdentity>,
    ) -> Result<Archive, EngineError> {
        self.engine.cache.note_storing(&lock, storing)?;
        let is_unknown = std::sync::atomic::AtomicBool::new(false);
        let (engine, vault) = (self.engine, self.vault);
        let what = format!("complete the upload of archive {}", crate::types::quoted(self.name.as_str()));
        let completed = engine.transfers.repeat(&what, || async {
            let noting = engine.stop.noting().await;
            let completing = engine.glacier.complete_upload(vault, id, storing.size_bytes, storing.tree_hash);
            let outcome = completing.await;
            let unknown = outcome.as_ref().is_err_and(ServiceError::is_outcome_unknown);
            is_unknown.fetch_or(unknown, std::sync::atomic::Ordering::Relaxed);
            outcome.map(|stored| (stored, noting))
        });
        let error = match completed.await {
            Ok((stored, _noting)) => return self.finish(lock, &stored, storing),
            Err(error) => error,
        };
        let is_unknown = is_unknown.into_inner();
        let (vault, name) = (self.vault.clone(), self.name.as_str().to_owned());
        match error {
            // It may be known here no more because it is an archive by now, or because it has expired.
            error @ ServiceError::NotFound { .. } if is_unknown => {
                let sync = engine.sync_command(&vault);
                Err(EngineError::MayBeStored { vault, sync, name, source: Box::new(error) })
            }
            error if is_unknown => Err(EngineError::Unconfirmed { vault, name, source: Box::new(error) }),
            error @ (ServiceError::Refused { .. } | ServiceError::NotFound { .. }) => {
                let _ = engine.glacier.abort_upload(&vault, id).await;
                self.engine.cache.forget_upload(lock)?;
                Err(self.engine.about_vault(&vault)(error))
            }
            error => {
                self.engine.cache.note_not_storing(&lock)?;
                let error = self.engine.about_vault(&vault)(error);
                match file {
                    Some(file) => Err(self.interrupted(error, file.size_bytes, file.size_bytes)),
                    None => Err(error),
                }
            }
        }
    }
}

/// Sends parts, several at a time.
struct Sender<'a> {
    upload: &'a Upload<'a>,
    id: UploadId,
    part_size: PartSize,
    tasks: JoinSet<(usize, usize, Result<TreeHash, ServiceError>)>,
    hashes: Vec<Option<TreeHash>>,
    acknowledged_bytes: u64,
}

impl<'a> Sender<'a> {
    fn new(upload: &'a Upload<'a>, id: UploadId, part_size: PartSize, stored: Vec<Option<TreeHash>>) -> Self {
        Self { upload, id, part_size, tasks: JoinSet::new(), hashes: stored, acknowledged_bytes: 0 }
    }

    /// Ends when each part is acknowledged. How many travel at once, and how many are in memory, is for
    /// [`Transfers`] to say.
    async fn send_all(&mut self, first: Option<Part>, rest: &mut Parts) -> Result<(), EngineError> {
        if let Some(file) = rest.file_identity() {
            let stored = (0_u64..).zip(&self.hashes).filter(|(_, hash)| hash.is_some());
            self.acknowledged_bytes =
                stored.map(|(index, _)| part_bytes(file.size_bytes, self.part_size, index)).sum();
        }
        if let Some(part) = first {
            self.start(part);
        }
        while let Some(part) = self.next_while_sending(rest).await? {
            self.start(part);
        }
        while let Some(joined) = self.tasks.join_next().await {
            self.take(joined)?;
        }
        Ok(())
    }

    /// Reads the next part; hears of those that arrive meanwhile.
    async fn next_while_sending(&mut self, rest: &mut Parts) -> Result<Option<Part>, EngineError> {
        let engine = self.upload.engine;
        let fewer = engine.transfers.fewer_at_once(self.part_size.bytes());
        while self.tasks.len() >= fewer.unwrap_or_else(|| at_once(engine.transfers.jobs())) {
            let Some(joined) = self.tasks.join_next().await else { break };
            self.take(joined)?;
        }
        // Begun once: a read that is broken off would lose what it has read.
        let mut reading = std::pin::pin!(rest.next(&engine.transfers));
        loop {
            tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next() => self.take(joined)?,
                next = &mut reading => return next,
            }
        }
    }

    fn start(&mut self, part: Part) {
        let Part { index, data, room } = part;
        if self.hashes.len() <= index {
            self.hashes.resize(index + 1, None);
        }
        let start_byte = index as u64 * self.part_size.bytes();
        let (engine, vault, id) = (self.upload.engine.clone(), self.upload.vault.clone(), self.id.clone());
        let what =
            format!("part {} of archive {}", index + 1, crate::types::quoted(self.upload.name.as_str()));
        self.tasks.spawn(async move {
            // The place is free for the next part while the answer to this one is on its way.
            let send = |slot| {
                engine.glacier.upload_part(&vault, &id, start_byte, data.clone(), Box::new(|| drop(slot)))
            };
            let sent = engine.transfers.repeat_in_turn(&what, send).await;
            let length = data.len();
            engine.transfers.give_back(data);
            drop(room);
            (index, length, sent)
        });
        self.upload.progress.under_way(self.tasks.len());
    }

    fn take(
        &mut self,
        joined: Result<(usize, usize, Result<TreeHash, ServiceError>), tokio::task::JoinError>,
    ) -> Result<(), EngineError> {
        let joined = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let (index, length, sent) = joined;
        self.hashes[index] = Some(sent.map_err(self.upload.engine.about_vault(self.upload.vault))?);
        self.acknowledged_bytes += length as u64;
        self.upload.progress.under_way(self.tasks.len());
        self.upload.progress.advanced(self.acknowledged_bytes);
        Ok(())
    }

    fn tree_hash(&self) -> TreeHash {
        TreeHash::combine(self.hashes.iter().copied().flatten())
    }
}

/// Returns how many parts there are at most when so many travel: some wait for their answers, or are read ahead. More
/// would only be out of the processor's cache when their turn comes.
fn at_once(jobs: usize) -> usize {
    jobs + 1 + jobs / 8
}

/// Returns how many bytes the part of this index has.
pub(super) fn part_bytes(size_bytes: u64, part_size: PartSize, index: u64) -> u64 {
    size_bytes.saturating_sub(index * part_size.bytes()).min(part_size.bytes())
}
