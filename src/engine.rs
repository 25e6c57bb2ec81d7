//! What a user wants done with a vault: store, bring back, list, check, delete.
//!
//! Policy lives here: what is looked up where, which write comes first, what is verified before it is trusted. That a
//! job is still running is a value, not an error; whether an archive exists is yes, no or unknown. This room knows
//! neither the command line nor git-annex, neither the environment nor the SDK; time and progress come in from
//! outside.

mod clock;
mod dedupe;
mod delete;
mod doubts;
mod download;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inventory;
mod job_wait;
mod jobs;
mod list;
mod notices;
mod prefetch;
mod presence;
mod progress;
mod retrieve;
mod scope;
mod select;
mod several;
mod stop;
mod sync;
mod told;
mod transfers;
mod tree;
mod upload;
mod vault_settings;
mod vaults;
mod verify;
mod wait;
mod weights;

use std::path::Path;
use std::sync::Arc;

pub use clock::{Clock, SystemClock};
pub use dedupe::Duplicate;
pub use download::{PlaceBelow, RangeSize, Target};
pub use error::EngineError;
pub use job_wait::{Awaited, JobEnd};
pub use jobs::VaultJob;
pub use list::{Counts, Listing, Summary};
pub use notices::{Notice, Observer};
pub use prefetch::Prefetch;
pub use presence::Presence;
pub use progress::{Item, ItemKind, ItemProgress, Progress, Wait};
pub use retrieve::{Planned, Retrieval, RetrieveOptions, Retrieved, Step, Wanted};
pub use select::Selection;
pub use stop::Stop;
pub use sync::Sync;
pub use told::{Holding, Told, ToldDeletion};
pub use transfers::TransferSettings;
pub use tree::{LocalFile, LocalTree};
pub use upload::{FileToStore, OpenUploads, Source, StoreOptions, Stored, UploadOptions, UploadToAbort};
pub use vaults::{VaultDetails, VaultInfo};
pub use verify::{Verdict, Verification};
pub use wait::Patience;
pub use weights::{Of, Weighed};

pub use crate::cache::{
    Archive, Finding, FindingKind, Glance, InventoryKnowledge, InventoryTaken, Listed, Storing,
    UnfinishedUpload, VaultKnowledge,
};
pub use crate::service::{
    Caller, Connection, Event, Job, JobStatus, JobTask, Keys, Notifications, OpenUpload, RetrievalPolicy,
    Tier,
};

use crate::cache::Cache;
use crate::service::{Bandwidth, Glacier};
use crate::types::{VaultName, quoted};
use jobs::JobLists;
use presence::LearntOfVaults;
use transfers::Transfers;

/// One Glacier, one cache, one clock. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    glacier: Glacier,
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    caller: Caller,
    transfers: Arc<Transfers>,
    job_lists: Arc<JobLists>,
    learnt: Arc<LearntOfVaults>,
    stop: Arc<Stop>,
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
        tracing::debug!("region {}, cache {}", glacier.region(), quoted(&cache_path.to_string_lossy()));
        let caller = match &connection.keys {
            Some(keys) => Caller { access_key_id: Some(keys.access_key_id.clone()), ..Caller::default() },
            None => connection.caller.clone(),
        };
        let transfers = Transfers::new(TransferSettings::default(), Arc::clone(&clock), Arc::new(()));
        let (transfers, job_lists) = (Arc::new(transfers), Arc::default());
        let (learnt, stop) = (Arc::default(), Arc::default());
        Ok(Self { glacier, cache, clock, caller, transfers, job_lists, learnt, stop })
    }

    /// Returns where a damaged cache was moved to when a new one was begun in its place.
    pub fn cache_set_aside(&self) -> Option<&Path> {
        self.cache.set_aside()
    }

    /// Returns the words for the user if the cache can only be read: why.
    pub fn cache_read_only(&self) -> Option<String> {
        self.cache.read_only().map(|why| crate::types::plain_reason(&why.to_string()).into_owned())
    }

    /// Lets transfers go as the settings say, and `observer` hear of them. Clones of the result share their places,
    /// their memory and their bandwidth, and the lists of jobs that they have read.
    #[must_use]
    pub fn with_transfers(mut self, settings: TransferSettings, observer: Arc<dyn Observer>) -> Self {
        let bandwidth = settings.bytes_per_second.map(|limit| Arc::new(Bandwidth::new(limit)));
        self.glacier = self.glacier.with_bandwidth(bandwidth);
        self.transfers = Arc::new(Transfers::new(settings, Arc::clone(&self.clock), observer));
        self
    }

    /// Returns the command that brings the cache in line with the vault.
    pub fn sync_command(&self, vault: &VaultName) -> String {
        self.command(&format!("vault sync {vault}"))
    }

    /// Returns a command of `glacier`, with the options that say which Glacier is meant, where they were given.
    pub fn command(&self, words: &str) -> String {
        format!("glacier {words}{}", self.glacier.options())
    }

    /// Returns the present, as the engine's clock has it.
    pub fn now(&self) -> crate::types::Timestamp {
        self.clock.now()
    }

    /// Returns the region that is spoken to.
    pub fn region(&self) -> &crate::types::Region {
        self.glacier.region()
    }

    /// Gives an error of a call about `vault` the sentence it deserves.
    fn about_vault(&self, vault: &VaultName) -> impl Fn(crate::service::ServiceError) -> EngineError {
        let (vault, region) = (vault.clone(), self.glacier.region().clone());
        move |error| match error {
            crate::service::ServiceError::NotFound { message } if message.starts_with("Vault not found") => {
                let elsewhere = self.regions_of(&vault, &message);
                let list = match elsewhere.first() {
                    Some(other) => format!("glacier vault list{}", self.glacier.options_in(Some(other))),
                    None => self.command("vault list"),
                };
                EngineError::VaultNotFound { vault: vault.clone(), region: region.clone(), elsewhere, list }
            }
            error => EngineError::Service(error),
        }
    }

    /// Returns where else the account that the service's message names has such a vault, as far as the cache knows.
    fn regions_of(&self, vault: &VaultName, message: &str) -> Vec<crate::types::Region> {
        // Knowing nothing makes the error no worse.
        let known = self.cache.places_of(vault).unwrap_or_default();
        let of_account = known.into_iter().filter(|(account, _)| message.contains(&format!(":{account}:")));
        of_account.map(|(_, region)| region).filter(|region| region != self.region()).collect()
    }
}

/// Does work that computes or reads a disk, away from the threads that talk to the network.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The process is about to end, and with it whoever waits.
        Err(_) => std::future::pending().await,
    }
}

/// The special remote may run several transfers at once, each on a task of its own.
#[expect(dead_code, reason = "that it compiles is all there is to it")]
fn transfers_can_be_spawned(engine: &Engine, vault: &VaultName, name: &crate::types::ArchiveName) {
    fn can_be_spawned(_: impl Future + Send) {}
    let options =
        RetrieveOptions { range_size: RangeSize::default(), tier: None, patience: Patience::ComeBackLater };
    can_be_spawned(engine.retrieve(vault, Vec::new(), options, &()));
    can_be_spawned(engine.upload(
        vault,
        name,
        Source::stream(tokio::io::empty(), None),
        UploadOptions::default(),
        &(),
    ));
}
