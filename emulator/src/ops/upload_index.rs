//! Uploads in parts as the index has them.

use rusqlite::{Connection, OptionalExtension};

use super::Glacier;
use super::job_index::unsigned;
use crate::error::Refusal;
use crate::request::Request;
use crate::store::Store;
use crate::treehash::Leaves;

/// How long an upload may rest, in milliseconds (developer guide, "Uploading Large Archives in Parts").
const IDLE_MAX: i64 = 24 * 60 * 60 * 1000;

/// An upload as the index has it.
pub(super) struct Upload {
    /// In the order in which uploads began.
    pub(super) position: i64,
    pub(super) id: String,
    pub(super) description: String,
    pub(super) part_size_bytes: u64,
    pub(super) created: i64,
    pub(super) archive: Option<String>,
}

/// A part as the index has it.
pub(super) struct Part {
    pub(super) start_byte: u64,
    pub(super) length_bytes: u64,
    pub(super) leaves: Leaves,
    pub(super) file: String,
}

impl Glacier {
    /// Returns the uploads of the vault that can still take parts, in the order in which they began.
    pub(super) fn open_uploads(&self, request: &Request) -> Result<Vec<Upload>, Refusal> {
        let index = self.store.index();
        let mut query = index.prepare(
            "SELECT rowid, id, description, part_size, created, archive FROM upload
             WHERE region = ?1 AND vault = ?2 AND archive IS NULL AND aborted = 0 AND touched > ?3
             ORDER BY rowid",
        )?;
        let rows = query.query_map((&request.region, &request.vault, self.oldest_upload()), upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Finds an upload that was not given up; it may be complete.
    fn find_upload(&self, index: &Connection, request: &Request) -> Result<Upload, Refusal> {
        let sql = "SELECT rowid, id, description, part_size, created, archive FROM upload
                   WHERE id = ?1 AND region = ?2 AND vault = ?3 AND aborted = 0 AND touched > ?4";
        let values = (&request.id, &request.region, &request.vault, self.oldest_upload());
        let found = index.query_row(sql, values, upload);
        found.optional()?.ok_or_else(|| unknown(&request.id))
    }

    /// Finds an upload that was not given up, with its parts, which it has until it is complete.
    pub(super) fn upload_with_parts(&self, request: &Request) -> Result<(Upload, Vec<Part>), Refusal> {
        let index = self.store.index();
        self.require_vault_in(&index, request)?;
        let upload = self.find_upload(&index, request)?;
        let parts = parts(&index, &upload.id)?;
        Ok((upload, parts))
    }

    /// Uploads without activity since then are forgotten.
    pub(super) fn oldest_upload(&self) -> i64 {
        self.clock.now_milliseconds() - IDLE_MAX
    }

    /// Finds an upload that can still take parts.
    pub(super) fn open_upload(&self, request: &Request) -> Result<Upload, Refusal> {
        let index = self.store.index();
        self.require_vault_in(&index, request)?;
        let upload = self.find_upload(&index, request)?;
        if upload.archive.is_some() {
            return Err(unknown(&request.id));
        }
        Ok(upload)
    }

    /// Puts a part on record, in place of one that was sent before; the upload may have ended while it came in.
    pub(super) fn replace_part(&self, upload: &str, part: &Part) -> Result<(), Refusal> {
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

    /// Removes the uploads that no one can go on with any more, with their parts.
    pub(super) fn forget_idle_uploads(&self) -> Result<(), Refusal> {
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
}

/// Returns the parts of an upload, in order.
fn parts(index: &Connection, upload: &str) -> rusqlite::Result<Vec<Part>> {
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
    parts.collect()
}

/// Returns the files of an upload's parts, in order. A part that is sent again has another file.
pub(super) fn files_of_parts(index: &Connection, upload: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = index.prepare("SELECT file FROM part WHERE upload = ?1 ORDER BY start")?;
    query.query_map([upload], |row| row.get(0))?.collect()
}

pub(super) fn unknown(upload: &str) -> Refusal {
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
