//! What a user wants done with a vault: store, bring back, list, check, delete.
//!
//! Policy lives here: what is looked up where, which write comes first, what is verified before it is trusted. That a
//! job is still running is a value, not an error; whether an archive exists is yes, no or unknown. This room knows
//! neither the command line nor git-annex, neither the environment nor the SDK; time and progress come in from
//! outside.

mod clock;
mod dedupe;
mod delete;
mod download;
mod error;
mod inventory;
mod jobs;
mod list;
mod presence;
mod retrieve;
mod scope;
mod sync;
mod upload;
mod vaults;
mod wait;

use std::path::Path;
use std::sync::Arc;

pub use clock::{Clock, SystemClock};
pub use dedupe::Duplicate;
pub use download::{RangeSize, Target};
pub use error::EngineError;
pub use jobs::VaultJob;
pub use list::{Listing, Summary};
pub use presence::Presence;
pub use retrieve::{Retrieval, Wanted};
pub use sync::Sync;
pub use upload::Source;
pub use vaults::VaultDetails;
pub use wait::Patience;

pub use crate::cache::{Archive, Finding, FindingKind, InventoryKnowledge, InventoryTaken, VaultKnowledge};
pub use crate::service::{Caller, Connection, Job, JobStatus, JobTask, Keys};

use crate::cache::Cache;
use crate::service::Glacier;
use crate::types::VaultName;

/// Hears how far a transfer has come.
pub trait Progress: Send + std::marker::Sync {
    /// `total_bytes` since the beginning have been acknowledged by the service, or verified on their way here.
    /// Never smaller than before.
    fn transferred(&self, total_bytes: u64);
}

/// For callers who do not want to know.
impl Progress for () {
    fn transferred(&self, _total_bytes: u64) {}
}

/// One Glacier, one cache, one clock. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    glacier: Glacier,
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    caller: Caller,
}

impl Engine {
    /// Returns an engine for the Glacier that is meant and the cache at `cache_path`, which is made if it is not
    /// there. Nothing is sent.
    ///
    /// # Errors
    ///
    /// When the AWS configuration or the cache cannot be used.
    pub async fn open(
        connection: &Connection,
        cache_path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let glacier = Glacier::connect(connection).await?;
        let cache = Arc::new(Cache::open(cache_path)?);
        let caller = match &connection.keys {
            Some(keys) => Caller { access_key_id: Some(keys.access_key_id.clone()), ..Caller::default() },
            None => connection.caller.clone(),
        };
        Ok(Self { glacier, cache, clock, caller })
    }

    /// Returns where a damaged cache was moved to when a new one was begun in its place.
    pub fn cache_set_aside(&self) -> Option<&Path> {
        self.cache.set_aside()
    }

    /// Returns the region that is spoken to.
    pub fn region(&self) -> &crate::types::Region {
        self.glacier.region()
    }

    /// Gives an error of a call about `vault` the sentence it deserves.
    fn about_vault(&self, vault: &VaultName) -> impl Fn(crate::service::ServiceError) -> EngineError {
        let (vault, region) = (vault.clone(), self.glacier.region().clone());
        move |error| EngineError::about_vault(&vault, &region, error)
    }
}
