//! Calls that store and delete archives. Those that carry data are sent once: the engine decides about repeats.

use std::sync::Arc;

use aws_sdk_glacier::primitives::ByteStream;
use bytes::Bytes;
use tracing::debug;

use super::pages::{PAGES_MAX, Pages};
use super::sending::{Gate, Hook, Sending};
use super::{ByteRange, Glacier, ServiceError, error::answered, retries, vaults::account_of_location};
use crate::treehash::TreeHash;
use crate::types::{AccountId, ArchiveId, ArchiveName, PartSize, UploadId, VaultName};

/// What the service says of an archive that it has stored.
#[derive(Debug, Clone)]
pub struct StoredArchive {
    /// Its id, the only way to it besides an inventory.
    pub id: ArchiveId,
    /// The account it is in, if the answer says so.
    pub account: Option<AccountId>,
    /// The tree hash that the answer names, if that is another than was sent.
    pub other_tree_hash: Option<String>,
}

/// A part that the service holds.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// Where in the archive it is.
    pub range: ByteRange,
    /// Its tree hash.
    pub tree_hash: TreeHash,
}

/// An upload in parts that is not finished.
#[derive(Debug, Clone)]
pub struct OpenUpload {
    /// Its id.
    pub id: UploadId,
    /// The name that its archive will have.
    pub name: String,
    /// When it was begun, as the service wrote it.
    pub created: String,
    /// The size of its parts in bytes.
    pub part_size_bytes: u64,
}

impl Glacier {
    /// Stores `data` as one archive by one request; the last of the data goes through `gate`.
    ///
    /// # Errors
    ///
    /// After one for which [`ServiceError::is_outcome_unknown`] holds, the archive may be in the vault: a second
    /// request may make a second archive.
    pub async fn upload_archive(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        tree_hash: TreeHash,
        data: Bytes,
        gate: &Arc<Gate>,
    ) -> Result<StoredArchive, ServiceError> {
        gate.reopen();
        let sending = self.sending(&data, gate, Box::new(|| ()));
        let request = self
            .client()
            .await
            .upload_archive()
            .vault_name(vault.as_str())
            .archive_description(name.as_str())
            .checksum(tree_hash.to_string())
            .body(ByteStream::from(data));
        let request =
            request.customize().config_override(retries::with_data()).interceptor(Hook(Arc::clone(&sending)));
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(|error| self.sorted(&error))?,
            () = sending.silence() => return Err(self.silent()),
        };
        stored(vault, answer.archive_id(), answer.location(), answer.checksum(), tree_hash)
    }

    /// Begins an upload in parts. Nothing is stored until it is completed.
    pub async fn initiate_upload(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        part_size: PartSize,
    ) -> Result<UploadId, ServiceError> {
        let request = self
            .client()
            .await
            .initiate_multipart_upload()
            .vault_name(vault.as_str())
            .archive_description(name.as_str())
            .part_size(part_size.bytes().to_string());
        let request = request.customize().config_override(retries::left_to_the_engine());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let id: UploadId = answered(answer.upload_id().unwrap_or_default())?;
        debug!("upload {id} has begun in vault {vault}, in parts of {} bytes", part_size.bytes());
        Ok(id)
    }

    /// Stores one part that begins at `start_byte`; sent again, it takes the place of the former. Returns its tree
    /// hash, which the service has checked. `when_sent` is called when the data is on its way, before the answer.
    pub async fn upload_part(
        &self,
        vault: &VaultName,
        upload: &UploadId,
        start_byte: u64,
        data: Bytes,
        when_sent: Box<dyn FnOnce() + Send>,
    ) -> Result<TreeHash, ServiceError> {
        let last_byte = start_byte + data.len() as u64 - 1;
        let sending = self.sending(&data, &Arc::default(), when_sent);
        // Without a checksum of ours, the SDK computes it in the same pass as the one it signs.
        let request = self
            .client()
            .await
            .upload_multipart_part()
            .vault_name(vault.as_str())
            .upload_id(upload.as_str())
            .range(format!("bytes {start_byte}-{last_byte}/*"))
            .body(ByteStream::from(data));
        let request =
            request.customize().config_override(retries::with_data()).interceptor(Hook(Arc::clone(&sending)));
        let sent = tokio::select! {
            answer = request.send() => answer.map(drop).map_err(|error| self.sorted(&error)),
            () = sending.silence() => Err(self.silent()),
        };
        // An early answer leaves data behind.
        sending.note_sent();
        sent?;
        sending.tree_hash().ok_or_else(|| ServiceError::bad_answer("an answer to nothing"))
    }

    /// Makes the parts an archive. Safe to repeat: for a while the service gives the same archive again.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotFound`] once the upload has expired, was given up, or was completed a while ago.
    pub async fn complete_upload(
        &self,
        vault: &VaultName,
        upload: &UploadId,
        size_bytes: u64,
        tree_hash: TreeHash,
    ) -> Result<StoredArchive, ServiceError> {
        let request = self
            .client()
            .await
            .complete_multipart_upload()
            .vault_name(vault.as_str())
            .upload_id(upload.as_str())
            .archive_size(size_bytes.to_string())
            .checksum(tree_hash.to_string());
        let request = request.customize().config_override(retries::long_work());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        stored(vault, answer.archive_id(), answer.location(), answer.checksum(), tree_hash)
    }

    /// Lists the parts that the service holds, in their order.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotFound`] when there is no such upload, or no more.
    pub async fn list_parts(
        &self,
        vault: &VaultName,
        upload: &UploadId,
    ) -> Result<Vec<StoredPart>, ServiceError> {
        let (mut pages, mut parts) = (Pages::at_most(PAGES_MAX), Vec::new());
        loop {
            let request = self.client().await.list_parts().vault_name(vault.as_str());
            let request = request.upload_id(upload.as_str()).set_marker(pages.marker.clone());
            let page = request.send().await.map_err(|error| self.sorted(&error))?;
            for part in page.parts() {
                let range = part.range_in_bytes().and_then(byte_range);
                let tree_hash = part.sha256_tree_hash().and_then(|hash| hash.parse().ok());
                let (Some(range), Some(tree_hash)) = (range, tree_hash) else {
                    return Err(ServiceError::bad_answer("a part without a range or a hash"));
                };
                parts.push(StoredPart { range, tree_hash });
            }
            if !pages.turn(page.marker())? {
                return Ok(parts);
            }
        }
    }

    /// Lists the vault's uploads in parts that are not finished.
    pub async fn list_uploads(&self, vault: &VaultName) -> Result<Vec<OpenUpload>, ServiceError> {
        let (mut pages, mut uploads) = (Pages::at_most(PAGES_MAX), Vec::new());
        loop {
            let request = self.client().await.list_multipart_uploads().vault_name(vault.as_str());
            let page = request.set_marker(pages.marker.clone()).send().await;
            let page = page.map_err(|error| self.sorted(&error))?;
            for upload in page.uploads_list() {
                uploads.push(OpenUpload {
                    id: answered(upload.multipart_upload_id().unwrap_or_default())?,
                    name: upload.archive_description().unwrap_or_default().to_owned(),
                    created: upload.creation_date().unwrap_or_default().to_owned(),
                    part_size_bytes: u64::try_from(upload.part_size_in_bytes()).unwrap_or(0),
                });
            }
            if !pages.turn(page.marker())? {
                return Ok(uploads);
            }
        }
    }

    /// Gives an upload in parts up; what it has stored is gone.
    pub async fn abort_upload(&self, vault: &VaultName, upload: &UploadId) -> Result<(), ServiceError> {
        let request = self
            .client()
            .await
            .abort_multipart_upload()
            .vault_name(vault.as_str())
            .upload_id(upload.as_str());
        request.send().await.map_err(|error| self.sorted(&error))?;
        debug!("upload {upload} in vault {vault} is given up");
        Ok(())
    }

    /// Deletes the archive; one that is deleted already counts as done. Sent once, so that whoever repeats it knows how
    /// each try ended.
    pub async fn delete_archive(&self, vault: &VaultName, archive: &ArchiveId) -> Result<(), ServiceError> {
        let request =
            self.client().await.delete_archive().vault_name(vault.as_str()).archive_id(archive.as_str());
        let request = request.customize().config_override(retries::left_to_the_engine());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        self.require_genuine(&answer)?;
        debug!("archive {archive} is deleted from vault {vault}");
        Ok(())
    }

    fn sending(&self, data: &Bytes, gate: &Arc<Gate>, when_sent: Box<dyn FnOnce() + Send>) -> Arc<Sending> {
        Sending::new(data.clone(), Arc::clone(gate), self.bandwidth.clone(), when_sent)
    }

    fn silent(&self) -> ServiceError {
        ServiceError::unanswered(self.place(), "it fell silent".into(), false)
    }
}

/// Reads an answer that acknowledges an archive with the tree hash `sent`.
fn stored(
    vault: &VaultName,
    id: Option<&str>,
    location: Option<&str>,
    said: Option<&str>,
    sent: TreeHash,
) -> Result<StoredArchive, ServiceError> {
    let id: ArchiveId = answered(id.unwrap_or_default())?;
    debug!("archive {id} is stored in vault {vault}");
    Ok(StoredArchive {
        id,
        account: location.and_then(account_of_location),
        other_tree_hash: said.filter(|said| said.parse().ok() != Some(sent)).map(str::to_owned),
    })
}

/// Reads `0-4194303`.
fn byte_range(text: &str) -> Option<ByteRange> {
    let (first, last) = text.split_once('-')?;
    let (start_byte, last_byte): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some(ByteRange { start_byte, length_bytes: last_byte.checked_sub(start_byte)?.checked_add(1)? })
}
