//! Going on with an upload that had stopped.

use futures_util::{FutureExt, StreamExt};

use super::parts::{Parts, part_bytes};
use super::source::SourceFile;
use super::{Earlier, Upload};
use crate::cache::{Archive, UnfinishedUpload, UploadLock};
use crate::engine::{EngineError, Notice, blocking};
use crate::service::{ServiceError, StoredPart};
use crate::treehash::TreeHash;
use crate::types::PartSize;

/// How many parts are read and hashed at once: as many as there are usually processors.
const HASHED_AT_ONCE: usize = 4;

impl Upload<'_> {
    /// Goes on with an upload of the same file. Returns none if that cannot be, and it is given up.
    pub(super) async fn resume(
        &mut self,
        lock: UploadLock,
        upload: &UnfinishedUpload,
        file: &SourceFile,
        earlier: &Earlier,
    ) -> Result<Option<Archive>, EngineError> {
        let Some(id) = upload.id.clone() else { return Ok(None) };
        let (glacier, vault) = (&self.engine.glacier, self.vault);
        let what = format!("list the parts of archive {}", crate::types::quoted(self.name.as_str()));
        let listed = self.engine.transfers.repeat(&what, || glacier.list_parts(vault, &id)).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(ServiceError::NotFound { .. }) => {
                self.engine.cache.forget_upload(lock)?;
                self.notice_anew("Glacier has dropped the parts, as it does after a day");
                return Ok(None);
            }
            Err(error) => return Err(self.engine.about_vault(vault)(error)),
        };
        let Some(stored) = self.compared(&listed, upload.part_size, file).await? else {
            self.give_up(lock, upload.id.as_ref()).await?;
            self.notice_anew("the file has changed");
            return Ok(None);
        };
        let size_bytes = file.identity().size_bytes;
        let indices = (0_u64..).zip(&stored).filter(|(_, hash)| hash.is_some());
        let bytes = indices.map(|(index, _)| part_bytes(size_bytes, upload.part_size, index)).sum();
        self.engine.transfers.notice(&Notice::Resumed { name: self.name.as_str().to_owned(), bytes });
        self.progress.resumed(bytes);
        let parts = Parts::missing_of_file(self.name, file.clone(), upload.part_size, &stored);
        self.send_parts(lock, id, None, parts, stored, earlier).await.map(Some)
    }

    /// Returns the hashes of the parts that the service holds, or none if one of them is not what the file has there.
    async fn compared(
        &self,
        listed: &[StoredPart],
        part_size: PartSize,
        file: &SourceFile,
    ) -> Result<Option<Vec<Option<TreeHash>>>, EngineError> {
        let size_bytes = file.identity().size_bytes;
        let count = usize::try_from(size_bytes.div_ceil(part_size.bytes())).unwrap_or(usize::MAX);
        let index_of = |part: &StoredPart| part.range.start_byte / part_size.bytes();
        let fits = |part: &StoredPart| {
            part.range.start_byte.is_multiple_of(part_size.bytes())
                && part.range.length_bytes == part_bytes(size_bytes, part_size, index_of(part))
        };
        // Before any memory is asked for: what the service says could be anything.
        if !listed.iter().all(fits) {
            return Ok(None);
        }
        let mut stored = vec![None; count];
        let hashing: Vec<_> = listed.iter().map(|part| self.hashed(part, part_size, file).boxed()).collect();
        let mut local = futures_util::stream::iter(hashing).buffered(HASHED_AT_ONCE);
        while let Some(hashed) = local.next().await {
            let Some((part, hash)) = hashed else { return Ok(None) };
            if hash != part.tree_hash {
                return Ok(None);
            }
            if let Some(place) = usize::try_from(index_of(part)).ok().and_then(|index| stored.get_mut(index))
            {
                *place = Some(hash);
            }
        }
        Ok(Some(stored))
    }

    /// Returns the hash of what the file has in the place of the part; none if it cannot be read there.
    async fn hashed<'p>(
        &self,
        part: &'p StoredPart,
        part_size: PartSize,
        file: &SourceFile,
    ) -> Option<(&'p StoredPart, TreeHash)> {
        let transfers = &self.engine.transfers;
        let _room = transfers.room(part_size).await;
        let mut buffer = transfers.buffer(usize::try_from(part.range.length_bytes).unwrap_or(usize::MAX));
        let (file, start_byte) = (file.clone(), part.range.start_byte);
        let read = blocking(move || {
            file.read_at(start_byte, &mut buffer)?;
            Ok::<_, std::io::Error>((TreeHash::of(&buffer), buffer.freeze()))
        });
        let (hash, buffer) = read.await.ok()?;
        transfers.give_back(buffer);
        Some((part, hash))
    }

    fn notice_anew(&self, why: &'static str) {
        self.engine.transfers.notice(&Notice::StartedAnew { name: self.name.as_str().to_owned(), why });
    }
}
