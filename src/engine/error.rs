//! Why something could not be done, in sentences for the person who asked.

use std::io;
use std::path::PathBuf;

use crate::cache::{Archive, CacheError};
use crate::service::{Repeat, ServiceError};
use crate::types::{
    ArchiveId, ArchiveRef, InvalidValue, JobId, Region, TagKey, Timestamp, UploadId, VaultName, plain_reason,
    quoted,
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
    #[error("vault {} not found in region {region}{}", quoted(.vault.as_str()), but_elsewhere(.elsewhere))]
    VaultNotFound {
        /// The vault.
        vault: VaultName,
        /// Where it was looked for.
        region: Region,
        /// Other regions in which the account has one of that name, as far as the cache knows.
        elsewhere: Vec<Region>,
        /// The command that lists those that there are, in the first of those regions if any.
        list: String,
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
    /// The cache knows no archive of such a name.
    #[error("no archive of vault {vault} that is known here matches {}; see '{list}'", quoted(.pattern))]
    NothingMatches {
        /// The vault.
        vault: VaultName,
        /// The command that lists its archives.
        list: String,
        /// The pattern.
        pattern: String,
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
    /// The file, or directory, could not be read.
    #[error("cannot read {}: {source}", quoted(&path.to_string_lossy()))]
    CannotReadFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Two of the files to store would have the same name.
    #[error("two of the files would be archive {}; nothing was stored", quoted(.name))]
    TwoOfOneName {
        /// The name.
        name: String,
    },
    /// Too little is known of an archive to compare a file with it.
    #[error("the tree hash of archive {} in {vault} is not known here; run '{sync}' first", quoted(.name))]
    NotComparable {
        /// The vault.
        vault: VaultName,
        /// The command that takes in an inventory.
        sync: String,
        /// The name of the archive.
        name: String,
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
    #[error("{source}; archive {} may or may not have been stored in {vault}. Before storing it again, run '{sync}' in a day or two, when an inventory would list it", quoted(.name))]
    MayBeStored {
        /// The vault.
        vault: VaultName,
        /// The command that takes in an inventory.
        sync: String,
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
    #[error("an upload of archive {} on {since} had no answer and may have stored it in {vault}; '{sync}' settles that with an inventory of some days later. To store it now, perhaps a second time, use --allow-duplicate", quoted(.name))]
    EarlierMayBeStored {
        /// The vault.
        vault: VaultName,
        /// The command that takes in an inventory.
        sync: String,
        /// The name of the archive.
        name: String,
        /// When it was sent.
        since: Timestamp,
    },
    /// An upload in parts from a file stopped; the same call goes on with it.
    #[error("{source}{}; {stored_bytes} of {size_bytes} bytes of archive {} are at Glacier. Run the same command again to go on", unless_repeatable(.source), quoted(.name))]
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
    /// The service lists no such upload.
    #[error("upload {} not found in vault {vault}; see '{list}'", quoted(.id.as_str()))]
    UploadNotFound {
        /// The vault.
        vault: VaultName,
        /// The command that lists its uploads.
        list: String,
        /// The id as it was given.
        id: UploadId,
    },
    /// Stored, but the cache does not know.
    #[error("archive {} is stored as id:{id}, but that could not be noted: {source}. '{sync}' will find it in a day or two", quoted(.name))]
    StoredButNotNoted {
        /// The command that takes in an inventory.
        sync: String,
        /// The name of the archive.
        name: String,
        /// Its id.
        id: ArchiveId,
        /// Why it could not be noted.
        source: Box<EngineError>,
    },
    /// Glacier has stored an archive, but by its own word not of what was sent.
    #[error("archive {} is stored as id:{id}, but Glacier says that its tree hash is {}, which is not that of what was sent; it does not count as known to exist. Keep the data, and run '{sync}' in a day or two: an inventory tells which holds. To store it once more now, delete the archive 'id:{id}' and use --allow-duplicate", quoted(.name), quoted(.said))]
    StoredOtherwise {
        /// The command that takes in an inventory.
        sync: String,
        /// The name of the archive.
        name: String,
        /// Its id.
        id: ArchiveId,
        /// What the answer says of its tree hash.
        said: String,
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
    #[error("job {} not found; see '{list}'", quoted(.id.as_str()))]
    JobNotFound {
        /// The command that lists those that there are.
        list: String,
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
    #[error("cannot write {}: {source}", quoted(&path.to_string_lossy()))]
    CannotWrite {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The retrieved data could not be written to the stream that it was meant for.
    #[error("cannot pass on the data of archive {}: {source}", quoted(.name))]
    CannotPassOn {
        /// The archive as it was referred to.
        name: String,
        /// Why not.
        source: io::Error,
    },
}

impl EngineError {
    /// Returns what to do about it, where the error itself does not say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Service(error) => error.hint(),
            Self::Unconfirmed { source, .. } if source.repeat() == Repeat::Useless => source.hint(),
            Self::VaultNotFound { list, .. } => Some(format!("see '{list}'")),
            Self::CannotReadFile { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                Some("'glacier archive upload -r DIR' stores what is in it".to_owned())
            }
            _ => None,
        }
    }

    /// Returns whether every other call about the vault would end like this, whichever archive it is about.
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::VaultNotFound { .. } | Self::Cache(_) => true,
            Self::Service(error) => meets_all(error),
            Self::Unconfirmed { source, .. } => meets_all(source),
            _ => false,
        }
    }

    /// Returns all that there is to say: the error, then the hint.
    pub fn explained(&self) -> String {
        let said = self.to_string();
        let said = plain_reason(&said);
        self.hint().map_or_else(|| said.to_string(), |hint| format!("{said}; {hint}"))
    }

    /// Returns whether there is no such archive, here or at the service.
    pub fn is_of_missing_archive(&self) -> bool {
        matches!(self, Self::ArchiveNotFound { .. } | Self::Service(ServiceError::NotFound { .. }))
    }

    pub(super) fn archive_not_found(reference: &ArchiveRef) -> Self {
        Self::ArchiveNotFound { reference: reference.to_string() }
    }
}

fn meets_all(error: &ServiceError) -> bool {
    use ServiceError::{Configuration, Denied, NoCredentials, NoLongerSupported};
    matches!(error, NoCredentials { .. } | Configuration { .. } | Denied { .. } | NoLongerSupported)
}

fn but_elsewhere(regions: &[Region]) -> String {
    let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
    if regions.is_empty() { String::new() } else { format!(", but in {}", regions.join(", ")) }
}

/// What must be put right before going on makes sense. Where a repeat may help by itself, that is all there is to say.
fn unless_repeatable(error: &EngineError) -> String {
    match error {
        EngineError::Service(error) if error.repeat() != Repeat::Useless => String::new(),
        error => match error.hint() {
            Some(hint) => format!("; {}", hint.trim_end_matches(", then run the same command again")),
            None => String::new(),
        },
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
