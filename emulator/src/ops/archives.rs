//! Archives (API reference, "Archive Operations").

use hyper::StatusCode;
use hyper::body::Incoming;
use rusqlite::{Connection, OptionalExtension};

use super::job_index::IS_UNNEEDED;
use super::{Answer, Glacier, description};
use crate::body::{self, Received};
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::treehash::Leaves;
use crate::{ids, response, store::Store};

/// Largest archive that one request can store, in bytes (developer guide, "Uploading an Archive in a Single
/// Operation").
const SINGLE_UPLOAD_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// An archive whose file is in place, before its row.
pub(super) struct NewArchive<'a> {
    pub(super) id: &'a str,
    pub(super) description: &'a str,
    pub(super) size_bytes: u64,
    pub(super) leaves: &'a Leaves,
}

impl Glacier {
    pub(super) async fn upload_archive(&self, request: &Request, body: Incoming) -> Answer {
        let description = match self.check_upload(request) {
            Ok(description) => description,
            Err(refusal) => {
                body::drain(body).await;
                return Err(refusal);
            }
        };
        let id = ids::archive_id();
        let file = self.store.new_file(self.store.archive_path(&id))?;
        let received = body::receive(body, &file).await?;
        check_hashes(request, &received)?;
        check_size(received.size_bytes)?;
        file.sync_name()?;
        let (size_bytes, leaves) = (received.size_bytes, &received.leaves);
        let archive = NewArchive { id: &id, description: &description, size_bytes, leaves };
        self.insert_archive(&self.store.index(), request, &archive)?;
        file.keep();
        Ok(self.stored(request, &id, &received.leaves.root()))
    }

    fn check_upload(&self, request: &Request) -> Result<String, Refusal> {
        self.require_vault(request)?;
        if request.header("x-amz-sha256-tree-hash").is_none() {
            return Err(Refusal::missing("x-amz-sha256-tree-hash"));
        }
        let length = request.header("content-length").and_then(number);
        check_size(length.ok_or_else(|| Refusal::missing("Content-Length"))?)?;
        description(request)
    }

    /// Refuses if the vault was deleted while the data came in.
    pub(super) fn insert_archive(
        &self,
        index: &Connection,
        request: &Request,
        archive: &NewArchive<'_>,
    ) -> Result<(), Refusal> {
        self.require_vault_in(index, request)?;
        let sql = "INSERT INTO archive (id, region, vault, description, size, leaves, tree_hash, created)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = (
            archive.id,
            &request.region,
            &request.vault,
            archive.description,
            i64::try_from(archive.size_bytes).unwrap_or(i64::MAX),
            archive.leaves.to_bytes(),
            archive.leaves.root(),
            self.clock.now_milliseconds(),
        );
        index.execute(sql, values)?;
        Ok(())
    }

    pub(super) fn stored(
        &self,
        request: &Request,
        id: &str,
        tree_hash: &str,
    ) -> hyper::Response<response::Body> {
        let location = self.location(request, &format!("/archives/{id}"));
        let headers =
            [("location", &*location), ("x-amz-archive-id", id), ("x-amz-sha256-tree-hash", tree_hash)];
        response::empty(StatusCode::CREATED, &headers)
    }

    pub(super) fn delete_archive(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let index = self.store.index();
        let sql = "SELECT region, vault FROM archive WHERE id = ?1";
        let owner: Option<(String, String)> =
            index.query_row(sql, [&request.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((region, vault)) = owner else {
            return Err(unknown(&request.id));
        };
        if region != request.region || vault != request.vault {
            let arn = self.vault_arn(request, &request.vault);
            return Err(Refusal::invalid(format!("Invalid vault name: {arn}")));
        }
        let sql = "UPDATE archive SET deleted = ?1 WHERE id = ?2 AND deleted IS NULL";
        index.execute(sql, (self.clock.now_milliseconds(), &request.id))?;
        if index.query_row(IS_UNNEEDED, [&request.id], |row| row.get(0))? {
            Store::remove_files([&request.id], |id| self.store.archive_path(id));
        }
        Ok(response::empty(StatusCode::NO_CONTENT, &[]))
    }
}

pub(super) fn unknown(archive: &str) -> Refusal {
    Refusal::not_found(format!("The archive ID was not found: {archive}"))
}

fn check_size(size_bytes: u64) -> Result<(), Refusal> {
    if size_bytes == 0 || size_bytes > SINGLE_UPLOAD_MAX_BYTES {
        return Err(Refusal::invalid(format!("Invalid Content-Length: {size_bytes}")));
    }
    Ok(())
}

/// Compares what arrived with what the client says that it sent.
pub(super) fn check_hashes(request: &Request, received: &Received) -> Result<(), Refusal> {
    let computed = received.leaves.root();
    for (name, computed) in
        [("x-amz-content-sha256", &received.linear_hash), ("x-amz-sha256-tree-hash", &computed)]
    {
        if let Some(sent) = request.header(name).filter(|sent| *sent != computed) {
            return Err(Refusal::invalid(format!("Checksum mismatch: expected {sent}, computed {computed}")));
        }
    }
    Ok(())
}
