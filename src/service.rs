//! Glacier as this program speaks to it: one method a call of the service, in the types of this crate.
//!
//! Nothing of the SDK leaves this room. It knows neither the cache nor what a caller is up to; errors are sorted by
//! one table in `error`.

mod answers;
mod bandwidth;
mod connection;
mod error;
mod jobs;
mod outputs;
mod pages;
mod requests;
mod retries;
mod retrieval_policy;
mod sending;
mod sentences;
mod uploads;
mod vault_settings;
mod vaults;

pub use bandwidth::Bandwidth;
pub use connection::{Caller, Connection, Glacier, Keys, REGION_OF_THE_ORIGINAL};
pub use error::{Repeat, ServiceError};
pub use jobs::{ArchiveJob, INVENTORY_READY_WITHIN, InventoryJob, Job, JobStatus, JobTask, Tier};
pub use outputs::{ByteRange, JobOutput};
pub use retrieval_policy::RetrievalPolicy;
pub use sending::Gate;
pub use uploads::{OpenUpload, StoredArchive, StoredPart};
pub use vault_settings::{Event, Notifications};
pub use vaults::Vault;
