//! Uploads in parts (API reference, "Multipart Upload Operations").

use hyper::StatusCode;
use hyper::body::Incoming;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::archives::{NewArchive, check_hashes};
use super::job_index::unsigned;
use super::pages::Page;
use super::{Answer, Glacier, description};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::store::Store;
use crate::treehash::Leaves;
use crate::{body, ids, response};

/// Smallest and largest part, in bytes (developer guide, "Uploading Large Archives in Parts").
const PART_MIN_BYTES: u64 = 1024 * 1024;
const PART_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Most parts of an upload.
const PARTS_MAX: u64 = 10_000;
/// How long an upload may rest, in milliseconds (developer guide, "Uploading Large Archives in Parts").
const IDLE_MAX: i64 = 24 * 60 * 60 * 1000;
/// Items on a page.
const PAGE_MAX: usize = 50;

/// An upload as the index has it.
struct Upload {
    /// In the order in which uploads began.
    position: i64,
    id: String,
    description: String,
    part_size_bytes: u64,
    created: i64,
    archive: Option<String>,
}

/// A part as the index has it.
struct Part {
    start_byte: u64,
    length_bytes: u64,
    leaves: Leaves,
    file: String,
}

impl Glacier {
    pub(super) fn initiate_upload(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let text = request.header("x-amz-part-size").ok_or_else(|| Refusal::missing("x-amz-part-size"))?;
        let part_size_bytes = number(text)
            .filter(|size| size.is_power_of_two() && (PART_MIN_BYTES..=PART_MAX_BYTES).contains(size));
        let part_size_bytes = part_size_bytes.ok_or_else(|| Refusal::invalid(format!(
            "Invalid part size: {text}. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes."
        )))?;
        let (id, description) = (ids::upload_id(), description(request)?);
        self.forget_idle_uploads()?;
        let sql = "INSERT INTO upload (id, region, vault, description, part_size, created, touched)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        let part_size = i64::try_from(part_size_bytes).unwrap_or(i64::MAX);
        let values =
            (&id, &request.region, &request.vault, description, part_size, self.clock.now_milliseconds());
        self.store.index().execute(sql, values)?;
        let location = self.location(request, &format!("/multipart-uploads/{id}"));
        let headers = [("location", &*location), ("x-amz-multipart-upload-id", &*id)];
        Ok(response::empty(StatusCode::CREATED, &headers))
    }

    pub(super) async fn upload_part(&self, request: &Request, body: Incoming) -> Answer {
        let checked = self.open_upload(request).and_then(|upload| check_part(request, &upload));
        let (start_byte, length_bytes) = match checked {
            Ok(range) => range,
            Err(refusal) => {
                body::drain(body).await;
                return Err(refusal);
            }
        };
        // A name of its own: a part that was sent before stays until this one is known to be right.
        let file = ids::request_id();
        let new_file = self.store.new_file(self.store.part_path(&file))?;
        let received = body::receive(body, new_file.path()).await?;
        check_hashes(request, &received)?;
        if received.size_bytes != length_bytes {
            let range = request.header("content-range").unwrap_or_default();
            let length = received.size_bytes;
            let message = format!("Content-Range: {range} is incompatible with Content-Length: {length}");
            return Err(Refusal::invalid(message));
        }
        new_file.sync_name()?;
        let part = Part { start_byte, length_bytes, leaves: received.leaves.clone(), file };
        self.replace_part(&request.id, &part)?;
        new_file.keep();
        let headers = [("x-amz-sha256-tree-hash", &*received.leaves.root())];
        Ok(response::empty(StatusCode::NO_CONTENT, &headers))
    }

    /// The upload may have been completed or given up while the part came in.
    fn replace_part(&self, upload: &str, part: &Part) -> Result<(), Refusal> {
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let sql = "UPDATE upload SET touched = ?1 WHERE id = ?2 AND archive IS NULL AND aborted = 0";
        if transaction.execute(sql, (self.clock.now_milliseconds(), upload))? == 0 {
            return Err(unknown(upload));
        }
        let start = i64::try_from(part.start_byte).unwrap_or(i64::MAX);
        let sql = "SELECT file FROM part WHERE upload = ?1 AND start = ?2";
        let former: Option<String> =
            transaction.query_row(sql, (upload, start), |row| row.get(0)).optional()?;
        let sql =
            "INSERT OR REPLACE INTO part (upload, start, length, leaves, file) VALUES (?1, ?2, ?3, ?4, ?5)";
        let length = i64::try_from(part.length_bytes).unwrap_or(i64::MAX);
        transaction.execute(sql, (upload, start, length, part.leaves.to_bytes(), &part.file))?;
        transaction.commit()?;
        Store::remove_files(&former, |file| self.store.part_path(file));
        Ok(())
    }

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

    /// Who repeats the call, for want of an answer, gets the same archive.
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
        transaction.execute("UPDATE upload SET archive = ?1 WHERE id = ?2", [archive.id, &upload.id])?;
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

    /// Removes the uploads that no one can go on with any more, with their parts.
    fn forget_idle_uploads(&self) -> Result<(), Refusal> {
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let forgotten: Vec<String> = {
            let mut query = transaction.prepare("DELETE FROM upload WHERE touched <= ?1 RETURNING id")?;
            query.query_map([self.oldest_upload()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        let mut files = Vec::new();
        for upload in &forgotten {
            files.extend(forget_parts(&transaction, upload)?);
        }
        transaction.commit()?;
        Store::remove_files(&files, |file| self.store.part_path(file));
        Ok(())
    }

    pub(super) fn list_parts(&self, request: &Request) -> Answer {
        let upload = self.open_upload(request)?;
        let page = Page::of(request, PAGE_MAX)?;
        let (parts, next) = page.cut(self.parts(&upload.id)?, |part| part.start_byte)?;
        let part = |part: &Part| {
            let last_byte = part.start_byte + part.length_bytes - 1;
            json!({"RangeInBytes": format!("{}-{last_byte}", part.start_byte), "SHA256TreeHash": part.leaves.root()})
        };
        let mut answer = self.upload_json(request, &upload);
        answer["Marker"] = next.into();
        answer["Parts"] = parts.iter().map(part).collect();
        Ok(self.json(&answer))
    }

    pub(super) fn list_uploads(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let uploads: Vec<Upload> = {
            let index = self.store.index();
            let mut query = index.prepare(
                "SELECT rowid, id, description, part_size, created, archive FROM upload
                 WHERE region = ?1 AND vault = ?2 AND archive IS NULL AND aborted = 0 AND touched > ?3
                 ORDER BY rowid",
            )?;
            let rows = query.query_map((&request.region, &request.vault, self.oldest_upload()), upload)?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let (uploads, next) = Page::of(request, PAGE_MAX)?.cut(uploads, |upload| upload.position)?;
        let uploads: Vec<Value> = uploads.iter().map(|upload| self.upload_json(request, upload)).collect();
        Ok(self.json(&json!({"Marker": next, "UploadsList": uploads})))
    }

    fn upload_json(&self, request: &Request, upload: &Upload) -> Value {
        json!({
            "ArchiveDescription": (!upload.description.is_empty()).then_some(&upload.description),
            "CreationDate": date(upload.created),
            "MultipartUploadId": upload.id,
            "PartSizeInBytes": upload.part_size_bytes,
            "VaultARN": self.vault_arn(request, &request.vault),
        })
    }

    /// Finds an upload that was not given up; it may be complete.
    fn find_upload(&self, request: &Request) -> Result<Upload, Refusal> {
        let sql = "SELECT rowid, id, description, part_size, created, archive FROM upload
                   WHERE id = ?1 AND region = ?2 AND vault = ?3 AND aborted = 0 AND touched > ?4";
        let values = (&request.id, &request.region, &request.vault, self.oldest_upload());
        let found = self.store.index().query_row(sql, values, upload);
        found.optional()?.ok_or_else(|| unknown(&request.id))
    }

    /// Uploads without activity since then are forgotten.
    fn oldest_upload(&self) -> i64 {
        self.clock.now_milliseconds() - IDLE_MAX
    }

    /// Finds an upload that can still take parts.
    fn open_upload(&self, request: &Request) -> Result<Upload, Refusal> {
        self.require_vault(request)?;
        let upload = self.find_upload(request)?;
        if upload.archive.is_some() {
            return Err(unknown(&request.id));
        }
        Ok(upload)
    }

    fn parts(&self, upload: &str) -> Result<Vec<Part>, Refusal> {
        let index = self.store.index();
        let sql = "SELECT start, length, leaves, file FROM part WHERE upload = ?1 ORDER BY start";
        let mut query = index.prepare(sql)?;
        let parts = query.query_map([upload], |row| {
            Ok(Part {
                start_byte: unsigned(row.get(0)?),
                length_bytes: unsigned(row.get(1)?),
                leaves: Leaves::from_bytes(&row.get::<_, Vec<u8>>(2)?),
                file: row.get(3)?,
            })
        })?;
        Ok(parts.collect::<rusqlite::Result<_>>()?)
    }
}

fn wrong_hash(sent: &str) -> Refusal {
    Refusal::invalid(format!("Invalid x-amz-sha256-tree-hash: {sent}"))
}

fn unknown(upload: &str) -> Refusal {
    Refusal::not_found(format!("The upload ID was not found: {upload}"))
}

/// Returns the files that are of no more use once this is committed.
pub(super) fn forget_parts(index: &Connection, upload: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = index.prepare("DELETE FROM part WHERE upload = ?1 RETURNING file")?;
    query.query_map([upload], |row| row.get(0))?.collect()
}

fn upload(row: &rusqlite::Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        position: row.get(0)?,
        id: row.get(1)?,
        description: row.get(2)?,
        part_size_bytes: unsigned(row.get(3)?),
        created: row.get(4)?,
        archive: row.get(5)?,
    })
}

/// Holds a part against its upload before its data is read, and returns its first byte and its length.
fn check_part(request: &Request, upload: &Upload) -> Result<(u64, u64), Refusal> {
    let text = request.header("content-range").ok_or_else(|| Refusal::missing("Content-Range"))?;
    let invalid = || Refusal::invalid(format!("Invalid Content-Range: {text}"));
    let (first, last) = content_range(text).ok_or_else(invalid)?;
    let length_bytes = (last - first).checked_add(1).ok_or_else(invalid)?;
    let is_aligned = first.is_multiple_of(upload.part_size_bytes) && length_bytes <= upload.part_size_bytes;
    if !is_aligned || first / upload.part_size_bytes >= PARTS_MAX {
        return Err(invalid());
    }
    if let Some(sent) = request.header("content-length").filter(|sent| number(sent) != Some(length_bytes)) {
        let message = format!("Content-Range: {text} is incompatible with Content-Length: {sent}");
        return Err(Refusal::invalid(message));
    }
    if request.header("x-amz-sha256-tree-hash").is_none() {
        return Err(Refusal::missing("x-amz-sha256-tree-hash"));
    }
    Ok((first, length_bytes))
}

/// Reads `bytes FIRST-LAST/*`; in place of the asterisk may stand a number, which says nothing.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let is_total = total == "*" || number(total).is_some();
    Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last && is_total)
}

/// Returns the size of the archive that the parts make, if none is missing and only the last is short.
fn whole_size(upload: &Upload, parts: &[Part]) -> Option<u64> {
    let (last, full) = parts.split_last()?;
    let all_full = full.iter().all(|part| part.length_bytes == upload.part_size_bytes);
    let no_gap =
        parts.iter().zip(0..).all(|(part, position)| part.start_byte == position * upload.part_size_bytes);
    (all_full && no_gap).then_some(last.start_byte + last.length_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::content_range;

    #[test]
    fn a_range_is_two_numbers_and_a_total() {
        assert_eq!(content_range("bytes 0-4194303/*"), Some((0, 4_194_303)));
        assert_eq!(content_range("bytes 0-4194303/8388608"), Some((0, 4_194_303)));
        for bad in [
            "",
            "bytes",
            "bytes 0-1",
            "bytes 5-4/*",
            "bytes=0-1/*",
            "bytes +0-1/*",
            "bytes 0-1/x",
            "bytes -1/*",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
        assert_eq!(content_range("bytes 0-18446744073709551616/*"), None, "more than there can be");
    }

    proptest! {
        #[test]
        fn a_range_may_be_anything(text in "(bytes )?[-+0-9a-z/* ]{0,50}|.*") {
            if let Some((first, last)) = content_range(&text) {
                prop_assert!(first <= last);
            }
        }
    }
}
