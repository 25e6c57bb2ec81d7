//! Calls that store and delete archives.

use aws_sdk_glacier::primitives::ByteStream;
use bytes::Bytes;

use super::{Glacier, ServiceError, retries, vaults::account_of_location};
use crate::treehash::TreeHash;
use crate::types::{AccountId, ArchiveId, ArchiveName, PartSize, UploadId, VaultName};

/// What the service says of an archive that it has stored.
#[derive(Debug, Clone)]
pub struct StoredArchive {
    /// Its id, the only way to it besides an inventory.
    pub id: ArchiveId,
    /// The account it is in, if the answer says so.
    pub account: Option<AccountId>,
}

impl Glacier {
    /// Stores `data` as one archive by one request. Not sent a second time unless the first was refused.
    ///
    /// # Errors
    ///
    /// After one for which [`ServiceError::is_outcome_unknown`] holds, the archive may be in the vault.
    pub async fn upload_archive(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        tree_hash: TreeHash,
        data: Bytes,
    ) -> Result<StoredArchive, ServiceError> {
        let settings = retries::once(retries::with_data(data.len()));
        let request = self
            .client
            .upload_archive()
            .vault_name(vault.as_str())
            .archive_description(name.as_str())
            .checksum(tree_hash.to_string())
            .body(ByteStream::from(data));
        let request = request.customize().config_override(settings);
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let account = answer.location().and_then(account_of_location);
        Ok(StoredArchive { id: archive_id(answer.archive_id())?, account })
    }

    /// Begins an upload in parts. Nothing is stored until it is completed.
    pub async fn initiate_upload(
        &self,
        vault: &VaultName,
        name: &ArchiveName,
        part_size: PartSize,
    ) -> Result<UploadId, ServiceError> {
        let request = self
            .client
            .initiate_multipart_upload()
            .vault_name(vault.as_str())
            .archive_description(name.as_str())
            .part_size(part_size.bytes().to_string());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let id = answer.upload_id().unwrap_or_default().parse();
        id.map_err(|error| ServiceError::bad_answer(format!("{error}")))
    }

    /// Stores one part that begins at `start_byte`; sent again, it takes the place of the former.
    pub async fn upload_part(
        &self,
        vault: &VaultName,
        upload: &UploadId,
        start_byte: u64,
        tree_hash: TreeHash,
        data: Bytes,
    ) -> Result<(), ServiceError> {
        let last_byte = start_byte + data.len() as u64 - 1;
        let settings = retries::with_data(data.len());
        let request = self
            .client
            .upload_multipart_part()
            .vault_name(vault.as_str())
            .upload_id(upload.as_str())
            .range(format!("bytes {start_byte}-{last_byte}/*"))
            .checksum(tree_hash.to_string())
            .body(ByteStream::from(data));
        let answer = request.customize().config_override(settings).send().await;
        answer.map(drop).map_err(|error| self.sorted(&error))
    }

    /// Makes the parts an archive. Safe to repeat: for a while the service gives the same archive again.
    pub async fn complete_upload(
        &self,
        vault: &VaultName,
        upload: &UploadId,
        size_bytes: u64,
        tree_hash: TreeHash,
    ) -> Result<StoredArchive, ServiceError> {
        let request = self
            .client
            .complete_multipart_upload()
            .vault_name(vault.as_str())
            .upload_id(upload.as_str())
            .archive_size(size_bytes.to_string())
            .checksum(tree_hash.to_string());
        let request = request.customize().config_override(retries::long_work());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let account = answer.location().and_then(account_of_location);
        Ok(StoredArchive { id: archive_id(answer.archive_id())?, account })
    }

    /// Gives an upload in parts up; what it has stored is gone.
    pub async fn abort_upload(&self, vault: &VaultName, upload: &UploadId) -> Result<(), ServiceError> {
        let request =
            self.client.abort_multipart_upload().vault_name(vault.as_str()).upload_id(upload.as_str());
        request.send().await.map(drop).map_err(|error| self.sorted(&error))
    }

    /// Deletes the archive; one that is deleted already counts as done.
    pub async fn delete_archive(&self, vault: &VaultName, archive: &ArchiveId) -> Result<(), ServiceError> {
        let request = self.client.delete_archive().vault_name(vault.as_str()).archive_id(archive.as_str());
        request.send().await.map(drop).map_err(|error| self.sorted(&error))
    }
}

fn archive_id(text: Option<&str>) -> Result<ArchiveId, ServiceError> {
    text.unwrap_or_default().parse().map_err(|error| ServiceError::bad_answer(format!("{error}")))
}
