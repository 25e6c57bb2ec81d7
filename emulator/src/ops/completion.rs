//! How uploads in parts end (API reference, "Complete Multipart Upload", "Abort Multipart Upload").

use hyper::StatusCode;
use rusqlite::OptionalExtension;

use super::archives::NewArchive;
use super::job_index::unsigned;
use super::upload_index::{Part, Upload, files_of_parts, forget_parts, unknown};
use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::store::Store;
use crate::treehash::Leaves;
use crate::{ids, response};

impl Glacier {
    /// While the parts are joined another request may end the upload, or send a part again: then what that has left counts.
    pub(super) fn complete_upload(&self, request: &Request) -> Answer {
        loop {
            let (upload, parts) = self.upload_with_parts(request)?;
            let whole = Whole::of(request)?;
            if let Some(archive) = &upload.archive {
                return self.completed_before(request, archive, &whole);
            }
            let leaves = whole.leaves(&upload, &parts)?;
            if let Some(archive) = self.join(request, &upload, &parts, &whole, &leaves)? {
                return Ok(self.stored(request, &archive, whole.tree_hash));
            }
        }
    }

    /// Who repeats the call within a day, for want of an answer, gets the same archive.
    fn completed_before(&self, request: &Request, archive: &str, whole: &Whole<'_>) -> Answer {
        let sql = "SELECT size, tree_hash FROM archive WHERE id = ?1";
        let found = self
            .store
            .index()
            .query_row(sql, [archive], |row| Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?)));
        let (size_bytes, tree_hash) = found.optional()?.ok_or_else(|| unknown(&request.id))?;
        whole.check(Some(size_bytes), &tree_hash)?;
        Ok(self.stored(request, archive, whole.tree_hash))
    }

    /// Joins the parts and returns the id of the archive that they make; none if they were not the upload's any more.
    fn join(
        &self,
        request: &Request,
        upload: &Upload,
        parts: &[Part],
        whole: &Whole<'_>,
        leaves: &Leaves,
    ) -> Result<Option<String>, Refusal> {
        let id = ids::archive_id();
        let files: Vec<_> = parts.iter().map(|part| self.store.part_path(&part.file)).collect();
        let file = self.store.new_file(self.store.archive_path(&id))?;
        let joined = Store::join(&files, &file);
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        if !files_of_parts(&transaction, &upload.id)?.iter().eq(parts.iter().map(|part| &part.file)) {
            return Ok(None);
        }
        joined?;
        let size_bytes = whole.size_bytes;
        let archive = NewArchive { id: &id, description: &upload.description, size_bytes, leaves };
        self.insert_archive(&transaction, request, &archive)?;
        let sql = "UPDATE upload SET archive = ?1, touched = ?2 WHERE id = ?3";
        transaction.execute(sql, (&id, self.clock.now_milliseconds(), &upload.id))?;
        let unneeded = forget_parts(&transaction, &upload.id)?;
        transaction.commit()?;
        file.keep();
        Store::remove_files(&unneeded, |file| self.store.part_path(file));
        Ok(Some(id))
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

/// What the client says that the parts make.
struct Whole<'a> {
    size: &'a str,
    size_bytes: u64,
    tree_hash: &'a str,
}

impl<'a> Whole<'a> {
    fn of(request: &'a Request) -> Result<Self, Refusal> {
        let header = |name: &str| request.header(name).ok_or_else(|| Refusal::missing(name));
        let (size, tree_hash) = (header("x-amz-archive-size")?, header("x-amz-sha256-tree-hash")?);
        Ok(Self { size, size_bytes: number(size).unwrap_or(0), tree_hash })
    }

    /// Returns the hashes of what the parts make, if that is it.
    fn leaves(&self, upload: &Upload, parts: &[Part]) -> Result<Leaves, Refusal> {
        let mut leaves = Leaves::default();
        parts.iter().for_each(|part| leaves.extend(&part.leaves));
        self.check(whole_size(upload, parts), &leaves.root())?;
        Ok(leaves)
    }

    fn check(&self, size_bytes: Option<u64>, tree_hash: &str) -> Result<(), Refusal> {
        if self.size_bytes == 0 || size_bytes != Some(self.size_bytes) {
            return Err(Refusal::invalid(format!("Invalid x-amz-archive-size: {}", self.size)));
        }
        if tree_hash != self.tree_hash {
            return Err(Refusal::invalid(format!("Invalid x-amz-sha256-tree-hash: {}", self.tree_hash)));
        }
        Ok(())
    }
}

/// Returns the size of the archive that the parts make, if none is missing and only the last is short.
fn whole_size(upload: &Upload, parts: &[Part]) -> Option<u64> {
    let (last, full) = parts.split_last()?;
    let all_full = full.iter().all(|part| part.length_bytes == upload.part_size_bytes);
    let no_gap =
        parts.iter().zip(0..).all(|(part, position)| part.start_byte == position * upload.part_size_bytes);
    (all_full && no_gap).then_some(last.start_byte + last.length_bytes)
}
