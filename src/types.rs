//! What a valid name, reference, id, size and point in time is: parsed once, trusted after.
//!
//! Nothing here does I/O or knows of the service, the cache or the command line.

mod annex_name;
mod archive_ref;
mod endpoint_url;
mod foreign_name;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ids;
mod name_pattern;
mod names;
mod part_size;
mod quoted;
mod tag;
mod timestamp;
mod topic;

pub use annex_name::annex_name;
pub use archive_ref::{ArchiveRef, needs_prefix};
pub(crate) use endpoint_url::URL_MAX_BYTES;
pub use endpoint_url::{endpoint_url, names_user, without_user};
pub use foreign_name::file_name_in;
pub use ids::{AccountId, ArchiveId, JobId, UploadId};
pub use name_pattern::NamePattern;
pub use names::{ArchiveName, Region, VaultName};
pub(crate) use part_size::ARCHIVE_MAX_BYTES;
pub use part_size::{MIB_BYTES, PartSize, bytes, total_bytes};
pub use quoted::{escaped, plain_reason, quoted, shortened, shortened_to};
pub use tag::{Tag, TagKey};
pub use timestamp::Timestamp;
pub use topic::TopicArn;

/// Why a text is not the value it was meant to be, in one sentence for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(crate) String);
