//! Why something could not be done, in sentences for the person who asked.

use std::io;
use std::path::PathBuf;

use crate::cache::{Archive, CacheError};
use crate::service::ServiceError;
use crate::types::{
    ArchiveId, ArchiveRef, InvalidValue, JobId, Region, TagKey, Timestamp, UploadId, VaultName, quoted,
};

/// Why something could not be done. A job that is not finished is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The cache could not be read or written.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A value is not what it was meant to be.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// There is no such vault.
    #[error("vault {} not found in region {region}; see 'glacier vault list'", quoted(.vault.as_str()))]
    VaultNotFound {
        /// The vault.
        vault: VaultName,
        /// Where it was looked for.
        region: Region,
    },
    /// The cache knows no such archive.
    #[error("archive {} not found", quoted(.reference))]
    ArchiveNotFound {
        /// The reference as it was given.
        reference: String,
    },
    /// Several archives have the name.
    #[error("archive {} is {} archives; use one of these:{}", quoted(.reference), candidates.len(), choices(candidates))]
    Ambiguous {
        /// The reference as it was given.
        reference: String,
        /// What it may mean.
        candidates: Vec<Archive>,
    },
    /// There is nothing to store.
    #[error("archive {} would be empty, and Glacier holds no empty archives", quoted(.name))]
    EmptyArchive {
        /// The name it would have had.
        name: String,
    },
    /// The data to store could not be read.
    #[error("cannot read the data of archive {}: {source}", quoted(.name))]
    CannotRead {
        /// The name of the archive.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// The file had another size than when it was opened.
    #[error("the file of archive {} changed while it was read; nothing was stored", quoted(.name))]
    ChangedWhileRead {
        /// The name of the archive.
        name: String,
    },
    /// The data has no end within what parts of this size can hold.
    #[error("the data of archive {} is longer than {max_bytes} bytes, the most that can be stored without knowing its size beforehand; nothing was stored", quoted(.name))]
    TooLong {
        /// The name of the archive.
        name: String,
        /// The limit.
        max_bytes: u64,
    },
    /// No answer to the request that stores the archive.
    #[error("{source}; archive {} may or may not have been stored in {vault}. Before storing it again, run 'glacier vault sync {vault}' in a day or two, when an inventory would list it", quoted(.name))]
    MayBeStored {
        /// The vault.
        vault: VaultName,
        /// The name of the archive.
        name: String,
        /// What happened.
        source: Box<ServiceError>,
    },
    /// No answer to the request that makes the parts an archive, which can be asked again.
    #[error("{source}; archive {} may or may not have been stored in {vault}. Run the same command again, which asks Glacier once more", quoted(.name))]
    Unconfirmed {
        /// The vault.
        vault: VaultName,
        /// The name of the archive.
        name: String,
        /// What happened.
        source: Box<ServiceError>,
    },
    /// An earlier upload of the same data had no answer.
    #[error("an upload of archive {} on {since} had no answer and may have stored it in {vault}; 'glacier vault sync {vault}' settles that with an inventory of some days later. To store it now, perhaps a second time, use --allow-duplicate", quoted(.name))]
    EarlierMayBeStored {
        /// The vault.
        vault: VaultName,
        /// The name of the archive.
        name: String,
        /// When it was sent.
        since: Timestamp,
    },
    /// An upload in parts from a file stopped; the same call goes on with it.
    #[error("{source}; {stored_bytes} of {size_bytes} bytes of archive {} are at Glacier. Run the same command again to go on", quoted(.name))]
    Interrupted {
        /// The name of the archive.
        name: String,
        /// How much the service has.
        stored_bytes: u64,
        /// How much there is.
        size_bytes: u64,
        /// Why it stopped.
        source: Box<EngineError>,
    },
    /// Another process uploads the same file under the same name.
    #[error("archive {} is being stored from the same file by another process", quoted(.name))]
    BeingStored {
        /// The name of the archive.
        name: String,
    },
    /// Another process downloads the same archive to the same file.
    #[error("archive {} is being written to the same file by another process", quoted(.name))]
    BeingRetrieved {
        /// How the archive is referred to.
        name: String,
    },
    /// An upload is at work in another process.
    #[error("upload {id} is at work in another process; stop that first")]
    UploadInUse {
        /// The id of the upload.
        id: UploadId,
    },
    /// Stored, but the cache does not know.
    #[error("archive {} is stored as id:{id}, but that could not be noted: {source}. 'glacier vault sync' will find it in a day or two", quoted(.name))]
    StoredButNotNoted {
        /// The name of the archive.
        name: String,
        /// Its id.
        id: ArchiveId,
        /// Why it could not be noted.
        source: Box<EngineError>,
    },
    /// What came is not what was stored.
    #[error("archive {} came damaged: {what}; nothing was written", quoted(.name))]
    Damaged {
        /// How the archive is referred to.
        name: String,
        /// How that was noticed.
        what: String,
    },
    /// The job that was waited for brought nothing.
    #[error("the job for {what} failed at Glacier; run the same command again to start another")]
    JobFailed {
        /// What it was to bring.
        what: String,
    },
    /// The service lists no such job.
    #[error("job {} not found; see 'glacier job list -l'", quoted(.id.as_str()))]
    JobNotFound {
        /// The id as it was given.
        id: JobId,
    },
    /// A tag is to be set and removed at once.
    #[error("tag {} cannot be set and removed at once; nothing was changed", quoted(.key.as_str()))]
    TagSetAndRemoved {
        /// Its key.
        key: TagKey,
    },
    /// A vault holds only so many tags.
    #[error("vault {} would have {tags} tags, and Glacier takes at most {max}; nothing was changed", quoted(.vault.as_str()))]
    TooManyTags {
        /// The vault.
        vault: VaultName,
        /// How many it would have.
        tags: usize,
        /// How many it can have.
        max: usize,
    },
    /// The retrieved data could not be written.
    #[error("cannot write {}: {source}", path.display())]
    CannotWrite {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EngineError {
    /// A vault that is not there deserves its own sentence, whichever call noticed.
    pub(super) fn about_vault(vault: &VaultName, region: &Region, error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound { message } if message.starts_with("Vault not found") => {
                Self::VaultNotFound { vault: vault.clone(), region: region.clone() }
            }
            error => Self::Service(error),
        }
    }

    pub(super) fn archive_not_found(reference: &ArchiveRef) -> Self {
        Self::ArchiveNotFound { reference: reference.to_string() }
    }
}

/// One line for each, so that the user can pick by date and size.
fn choices(candidates: &[Archive]) -> String {
    let unknown = || "unknown".to_owned();
    let line = |archive: &Archive| {
        let date =
            archive.created_upstream.or(archive.created_here).map_or_else(unknown, |date| date.to_string());
        let size = archive.size_bytes.map_or_else(unknown, |size| size.to_string());
        format!("\nid:{}  date {date}  bytes {size}", archive.id)
    };
    candidates.iter().map(line).collect()
}
