//! How uploads in parts end (API reference, "Complete Multipart Upload", "Abort Multipart Upload").

use hyper::StatusCode;
use rusqlite::OptionalExtension;

use super::archives::NewArchive;
use super::upload_index::{Part, Upload, forget_parts, unknown};
use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::store::Store;
use crate::treehash::Leaves;
use crate::{ids, response};

impl Glacier {
    pub(super) fn complete_upload(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let upload = self.find_upload(request)?;
        let size =
            request.header("x-amz-archive-size").ok_or_else(|| Refusal::missing("x-amz-archive-size"))?;
        let hash = request.header("x-amz-sha256-tree-hash");
        let hash = hash.ok_or_else(|| Refusal::missing("x-amz-sha256-tree-hash"))?;
        if let Some(archive) = &upload.archive {
            return self.completed_before(request, archive, hash);
        }
        let parts = self.parts(&upload.id)?;
        let size_bytes = whole_size(&upload, &parts)
            .filter(|whole| number(size) == Some(*whole) && *whole > 0)
            .ok_or_else(|| Refusal::invalid(format!("Invalid x-amz-archive-size: {size}")))?;
        let mut leaves = Leaves::default();
        parts.iter().for_each(|part| leaves.extend(&part.leaves));
        if leaves.root() != hash {
            return Err(wrong_hash(hash));
        }
        let id = ids::archive_id();
        let files: Vec<_> = parts.iter().map(|part| self.store.part_path(&part.file)).collect();
        let whole = self.store.new_file(self.store.archive_path(&id))?;
        Store::join(&files, &whole)?;
        let archive = NewArchive { id: &id, description: &upload.description, size_bytes, leaves: &leaves };
        let made = self.record_completion(request, &upload, &archive)?;
        if made == id {
            whole.keep();
        }
        Ok(self.stored(request, &made, hash))
    }

    /// Who repeats the call within a day, for want of an answer, gets the same archive.
    fn completed_before(&self, request: &Request, archive: &str, hash: &str) -> Answer {
        let sql = "SELECT tree_hash FROM archive WHERE id = ?1";
        let tree_hash: String = self.store.index().query_row(sql, [archive], |row| row.get(0))?;
        if tree_hash != hash {
            return Err(wrong_hash(hash));
        }
        Ok(self.stored(request, archive, hash))
    }

    /// Turns the parts into the archive and returns its id; that of another request if that was faster.
    fn record_completion(
        &self,
        request: &Request,
        upload: &Upload,
        archive: &NewArchive<'_>,
    ) -> Result<String, Refusal> {
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let sql = "SELECT archive FROM upload WHERE id = ?1 AND aborted = 0";
        let found: Option<Option<String>> =
            transaction.query_row(sql, [&upload.id], |row| row.get(0)).optional()?;
        match found {
            None => return Err(unknown(&upload.id)),
            Some(Some(other)) => return Ok(other),
            Some(None) => {}
        }
        self.insert_archive(&transaction, request, archive)?;
        let sql = "UPDATE upload SET archive = ?1, touched = ?2 WHERE id = ?3";
        transaction.execute(sql, (archive.id, self.clock.now_milliseconds(), &upload.id))?;
        let files = forget_parts(&transaction, &upload.id)?;
        transaction.commit()?;
        Store::remove_files(&files, |file| self.store.part_path(file));
        Ok(archive.id.to_owned())
    }

    /// One that was given up before is answered the same for a day; one that is complete cannot be given up.
    pub(super) fn abort_upload(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let sql =
            "UPDATE upload SET aborted = 1 WHERE id = ?1 AND region = ?2 AND vault = ?3 AND touched > ?4
                   AND archive IS NULL";
        let values = (&request.id, &request.region, &request.vault, self.oldest_upload());
        if transaction.execute(sql, values)? == 0 {
            return Err(unknown(&request.id));
        }
        let files = forget_parts(&transaction, &request.id)?;
        transaction.commit()?;
        Store::remove_files(&files, |file| self.store.part_path(file));
        Ok(response::empty(StatusCode::NO_CONTENT, &[]))
    }
}

fn wrong_hash(sent: &str) -> Refusal {
    Refusal::invalid(format!("Invalid x-amz-sha256-tree-hash: {sent}"))
}

/// Returns the size of the archive that the parts make, if none is missing and only the last is short.
fn whole_size(upload: &Upload, parts: &[Part]) -> Option<u64> {
    let (last, full) = parts.split_last()?;
    let all_full = full.iter().all(|part| part.length_bytes == upload.part_size_bytes);
    let no_gap =
        parts.iter().zip(0..).all(|(part, position)| part.start_byte == position * upload.part_size_bytes);
    (all_full && no_gap).then_some(last.start_byte + last.length_bytes)
}
