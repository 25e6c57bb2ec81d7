//! Uploads in parts (API reference, "Multipart Upload Operations").

use hyper::StatusCode;
use hyper::body::Incoming;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::archives::{NewArchive, check_hashes};
use super::pages::Page;
use super::{Answer, Glacier, description};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::Request;
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
        let part_size_bytes = text
            .parse::<u64>()
            .ok()
            .filter(|size| size.is_power_of_two() && (PART_MIN_BYTES..=PART_MAX_BYTES).contains(size));
        let part_size_bytes = part_size_bytes.ok_or_else(|| Refusal::invalid(format!(
            "Invalid part size: {text}. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes."
        )))?;
        let (id, description) = (ids::upload_id(), description(request)?);
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
        let checked = self.open_upload(request).and_then(|upload| part_range(request, &upload));
        let (start_byte, length_bytes) = match checked {
            Ok(range) => range,
            Err(refusal) => {
                body::drain(body).await;
                return Err(refusal);
            }
        };
        // A name of its own: a part that was sent before stays until this one is known to be right.
        let file = ids::request_id();
        let path = self.store.part_path(&file);
        let received = body::to_file(body, &path, self.link).await.and_then(|received| {
            check_hashes(request, &received)?;
            if received.size_bytes != length_bytes {
                let range = request.header("content-range").unwrap_or_default();
                let length = received.size_bytes;
                let message = format!("Content-Range: {range} is incompatible with Content-Length: {length}");
                return Err(Refusal::invalid(message));
            }
            Ok(received)
        });
        let received = received.inspect_err(|_| drop(std::fs::remove_file(&path)))?;
        Store::sync_directory_of(&path)?;
        let part = Part { start_byte, length_bytes, leaves: received.leaves.clone(), file };
        let replaced = self.replace_part(&request.id, &part);
        replaced.inspect_err(|_| drop(std::fs::remove_file(&path)))?;
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
            return Ok(self.stored(request, archive, hash));
        }
        let parts = self.parts(&upload.id)?;
        let size_bytes = whole_size(&upload, &parts)
            .filter(|whole| size.parse() == Ok(*whole) && *whole > 0)
            .ok_or_else(|| Refusal::invalid(format!("Invalid x-amz-archive-size: {size}")))?;
        let mut leaves = Leaves::default();
        parts.iter().for_each(|part| leaves.extend(&part.leaves));
        if leaves.root() != hash {
            return Err(Refusal::invalid(format!("Invalid x-amz-sha256-tree-hash: {hash}")));
        }
        let id = ids::archive_id();
        let files: Vec<_> = parts.iter().map(|part| self.store.part_path(&part.file)).collect();
        Store::join(&files, &self.store.archive_path(&id))?;
        let archive = NewArchive { id: &id, description: &upload.description, size_bytes, leaves: &leaves };
        let made = self.record_completion(request, &upload, &archive);
        if !matches!(&made, Ok(made) if *made == id) {
            // The file is of no use; what no row speaks of would be swept at the next start anyway.
            let _ = std::fs::remove_file(self.store.archive_path(&id));
        }
        Ok(self.stored(request, &made?, hash))
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

    pub(super) fn abort_upload(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let upload = self.find_upload(request)?;
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let sql = "UPDATE upload SET aborted = 1 WHERE id = ?1 AND archive IS NULL";
        if transaction.execute(sql, [&upload.id])? == 0 {
            return Err(unknown(&upload.id));
        }
        let files = forget_parts(&transaction, &upload.id)?;
        transaction.commit()?;
        Store::remove_files(&files, |file| self.store.part_path(file));
        Ok(response::empty(StatusCode::NO_CONTENT, &[]))
    }

    pub(super) fn list_parts(&self, request: &Request) -> Answer {
        let upload = self.open_upload(request)?;
        let page = Page::of(request, PAGE_MAX)?;
        let (parts, next) = page.cut(self.parts(&upload.id)?, |part| part.start_byte.to_string())?;
        let part = |part: &Part| {
            let last_byte = part.start_byte + part.length_bytes - 1;
            json!({"RangeInBytes": format!("{}-{last_byte}", part.start_byte), "SHA256TreeHash": part.leaves.root()})
        };
        let mut answer = self.upload_json(request, &upload);
        answer["Marker"] = next.into();
        answer["Parts"] = parts.iter().map(part).collect();
        Ok(response::json(StatusCode::OK, &answer))
    }

    pub(super) fn list_uploads(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let uploads: Vec<Upload> = {
            let index = self.store.index();
            let mut query = index.prepare(
                "SELECT id, description, part_size, created, archive FROM upload
                 WHERE region = ?1 AND vault = ?2 AND archive IS NULL AND aborted = 0 AND touched > ?3
                 ORDER BY created, id",
            )?;
            let rows = query.query_map((&request.region, &request.vault, self.oldest_upload()), upload)?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let (uploads, next) = Page::of(request, PAGE_MAX)?.cut(uploads, |upload| upload.id.clone())?;
        let uploads: Vec<Value> = uploads.iter().map(|upload| self.upload_json(request, upload)).collect();
        Ok(response::json(StatusCode::OK, &json!({"Marker": next, "UploadsList": uploads})))
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
        let sql = "SELECT id, description, part_size, created, archive FROM upload
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
        id: row.get(0)?,
        description: row.get(1)?,
        part_size_bytes: unsigned(row.get(2)?),
        created: row.get(3)?,
        archive: row.get(4)?,
    })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Reads `bytes FIRST-LAST/*` and holds it against the upload's part size.
fn part_range(request: &Request, upload: &Upload) -> Result<(u64, u64), Refusal> {
    let text = request.header("content-range").ok_or_else(|| Refusal::missing("Content-Range"))?;
    let range = text.strip_prefix("bytes ").and_then(|rest| rest.split('/').next()?.split_once('-'));
    let range = range.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    let invalid = || Refusal::invalid(format!("Invalid Content-Range: {text}"));
    let (first, last) = range.filter(|(first, last)| first <= last).ok_or_else(invalid)?;
    let length_bytes =
        last.checked_sub(first).and_then(|length| length.checked_add(1)).ok_or_else(invalid)?;
    let is_aligned = first.is_multiple_of(upload.part_size_bytes) && length_bytes <= upload.part_size_bytes;
    if !is_aligned || first / upload.part_size_bytes >= PARTS_MAX {
        return Err(invalid());
    }
    if let Some(sent) = request.header("content-length").filter(|sent| sent.parse() != Ok(length_bytes)) {
        let message = format!("Content-Range: {text} is incompatible with Content-Length: {sent}");
        return Err(Refusal::invalid(message));
    }
    Ok((first, length_bytes))
}

/// Returns the size of the archive that the parts make, if none is missing and only the last is short.
fn whole_size(upload: &Upload, parts: &[Part]) -> Option<u64> {
    let (last, full) = parts.split_last()?;
    let all_full = full.iter().all(|part| part.length_bytes == upload.part_size_bytes);
    let no_gap =
        parts.iter().zip(0..).all(|(part, position)| part.start_byte == position * upload.part_size_bytes);
    (all_full && no_gap).then_some(last.start_byte + last.length_bytes)
}
