//! Bringing the cache in line with the vault, by way of an inventory.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::download::Output;
use super::inventory::{self, InventorySummary, ReadError};
use super::progress::{Item, ItemKind, Progress, Rising, Wait, expected};
use super::wait::Pauses;
use super::{Engine, EngineError, Patience, RangeSize, blocking};
use crate::cache::{
    Cache, CacheError, Comparison, Finding, INVENTORY_LAG, InventoryTaken, Recognised, Scope,
};
use crate::service::{Job, JobStatus, JobTask, ServiceError};
use crate::treehash::TreeHash;
use crate::types::{AccountId, JobId, Timestamp, VaultName, quoted};

/// How much of an inventory one request fetches.
const INVENTORY_RANGE_BYTES: u64 = 1024 * 1024;
/// After how many archives of an inventory it is told how many they are.
const TOLD_EVERY: u64 = 1000;

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// The cache agrees with an inventory.
    Done(InventoryTaken),
    /// A job for an inventory was started.
    Queued,
    /// A job for an inventory that was started before is not finished.
    Pending,
}

/// The inventory jobs of a vault that bring all of it.
pub(super) struct InventoryJobs {
    finished: Option<Job>,
    pending: Option<Job>,
}

impl Engine {
    /// Uses the newest inventory that was finished within `max_age`; else lets one go on that is being made, else
    /// asks for one. Of zero age, none is recent enough. With `fix`, what the inventory says overrides the cache. When
    /// the cache has taken over what it says, each finding is told of.
    pub async fn sync(
        &self,
        vault: &VaultName,
        max_age: Duration,
        fix: bool,
        patience: Patience,
        tell: impl FnMut(Finding) + Send + 'static,
        progress: &dyn Progress,
    ) -> Result<Sync, EngineError> {
        let scope = self.scope_of(vault).await?;
        let oldest = self.clock.now() - max_age;
        let is_recent = |job: &Job| !max_age.is_zero() && job.completed_at() > Some(oldest);
        let jobs = self.inventory_jobs(vault, is_recent).await?;
        let mut tell: Tell = Box::new(tell);
        if let Some(job) = &jobs.finished {
            match self.take_in(&scope, vault, job, fix, &mut tell, progress).await {
                // It was listed, but has expired since.
                Err(EngineError::Service(ServiceError::NotFound { .. })) => {}
                result => return result.map(Sync::Done),
            }
        }
        let (id, unfinished) = match jobs.pending {
            Some(job) => (job.id, Sync::Pending),
            None => (self.ask_for_inventory(&scope, vault).await?, Sync::Queued),
        };
        if patience == Patience::ComeBackLater {
            return Ok(unfinished);
        }
        let job = self.wait_for_inventory(vault, &id, progress).await?;
        self.take_in(&scope, vault, &job, fix, &mut tell, progress).await.map(Sync::Done)
    }

    /// Takes in an inventory that was asked for after `oldest` if one is finished. Returns how far one is.
    pub(super) async fn sync_if_finished(
        &self,
        scope: &Scope,
        vault: &VaultName,
        oldest: Timestamp,
    ) -> Result<Finished, EngineError> {
        let is_recent = |job: &Job| job.created_at().is_ok_and(|created| created > oldest);
        let jobs = self.inventory_jobs(vault, is_recent).await?;
        let Some(job) = &jobs.finished else {
            let asked = |job: Job| job.created_at().unwrap_or_else(|_| self.clock.now());
            return Ok(jobs.pending.map_or(Finished::No, |job| Finished::Pending { asked: asked(job) }));
        };
        let mut tell: Tell = Box::new(|_| {});
        match self.take_in(scope, vault, job, false, &mut tell, &()).await {
            Err(EngineError::Service(ServiceError::NotFound { .. })) => Ok(Finished::No),
            result => result.map(|_| Finished::TakenIn),
        }
    }

    async fn inventory_jobs(
        &self,
        vault: &VaultName,
        is_recent: impl Fn(&Job) -> bool,
    ) -> Result<InventoryJobs, EngineError> {
        let mut jobs = self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))?;
        jobs.retain(|job| matches!(&job.task, JobTask::Inventory(task) if task.is_full_json));
        let pending = jobs.iter().find(|job| job.status == JobStatus::InProgress).cloned();
        let finished = jobs.into_iter().filter(|job| job.status == JobStatus::Succeeded && is_recent(job));
        Ok(InventoryJobs { finished: finished.max_by_key(Job::completed_at), pending })
    }

    /// Starts a job for an inventory. Of a vault that never had one, that is worth remembering.
    pub(super) async fn ask_for_inventory(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<JobId, EngineError> {
        let started = self.glacier.initiate_inventory_job(vault).await;
        if let Err(ServiceError::InventoryNotReady) = started {
            self.learn_that_it_was_empty(scope, vault).await?;
        }
        started.map_err(self.about_vault(vault))
    }

    /// A first inventory is made about a day after the first upload (developer guide, "Downloading a Vault Inventory in
    /// Amazon S3 Glacier"). Of an older vault that has none, nothing was in it until lately.
    pub(super) async fn learn_that_it_was_empty(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<Inventories, EngineError> {
        let described = self.glacier.describe_vault(vault).await.map_err(self.about_vault(vault))?;
        let now = self.clock.now();
        let date = now - INVENTORY_LAG;
        let is_old = described.created.is_some_and(|created| created < date);
        if described.last_inventory.is_none() && is_old && !self.cache.has_older_than(scope, vault, date)? {
            self.cache.remember_empty(scope, vault, date, now)?;
            // Had an upload without an answer been stored long ago, there would be an inventory.
            self.settle_uploads(scope, vault)?;
        }
        let has_one = described.last_inventory.is_some();
        Ok(if has_one { Inventories::Made } else { Inventories::NoneYet })
    }

    async fn wait_for_inventory(
        &self,
        vault: &VaultName,
        id: &JobId,
        progress: &dyn Progress,
    ) -> Result<Job, EngineError> {
        let mut pauses = Pauses::new();
        loop {
            let job = self.glacier.describe_job(vault, id).await.map_err(self.about_vault(vault))?;
            match job.status {
                JobStatus::Succeeded => {
                    progress.waited();
                    return Ok(job);
                }
                JobStatus::Failed => {
                    return Err(EngineError::JobFailed { what: format!("an inventory of {vault}") });
                }
                JobStatus::InProgress => {
                    let now = self.clock.now();
                    progress.waiting(&Wait::of([(expected(&job, now), None)], now));
                    self.clock.sleep(pauses.next()).await;
                }
            }
        }
    }

    /// Downloads the inventory as a whole, then lets the cache agree with it. One that was taken in before is not even
    /// downloaded.
    async fn take_in(
        &self,
        scope: &Scope,
        vault: &VaultName,
        job: &Job,
        fix: bool,
        tell: &mut Tell,
        progress: &dyn Progress,
    ) -> Result<InventoryTaken, EngineError> {
        let told = std::mem::replace(tell, Box::new(|_| {}));
        let asked = Asked {
            scope: scope.clone(),
            vault: vault.clone(),
            job: job.id.clone(),
            requested: job.created_at()?,
            now: self.clock.now(),
            fix,
        };
        let mut intake = Intake { cache: Arc::clone(&self.cache), asked, tell: told };
        let (known, back) = blocking(move || (intake.repeated(None), intake)).await;
        intake = back;
        let taken = match known? {
            Some(taken) => taken,
            None => {
                let file = self.download_inventory(vault, job, progress).await?;
                let item = progress.begin(&Item { kind: ItemKind::TakingIn(vault), total: None });
                let (counted, mut counts) = mpsc::unbounded_channel();
                let taking = blocking(move || (intake.unseen(file, &counted), intake));
                let mut taking = std::pin::pin!(taking);
                let (taken, back) = loop {
                    tokio::select! {
                        taken = &mut taking => break taken,
                        Some(archives) = counts.recv() => item.advanced(archives),
                    }
                };
                intake = back;
                item.finished();
                taken?
            }
        };
        *tell = intake.tell;
        let mut scope = scope.clone();
        self.learn(&mut scope, vault, &taken.account)?;
        self.settle_uploads(&scope, vault)?;
        Ok(taken)
    }

    async fn download_inventory(
        &self,
        vault: &VaultName,
        job: &Job,
        progress: &dyn Progress,
    ) -> Result<File, EngineError> {
        let size_bytes = match &job.task {
            JobTask::Inventory(task) => task.size_bytes,
            JobTask::Archive(_) => None,
        };
        let name = format!("inventory of {vault}");
        // Several are in memory at once, beside what SQLite holds there.
        let range_size = RangeSize::at_most(INVENTORY_RANGE_BYTES);
        let identity = job.id.as_str();
        let output =
            Output { vault, job: &job.id, name: &name, identity, size_bytes, tree_hash: None, range_size };
        let item = progress.begin(&Item { kind: ItemKind::Inventory(vault), total: size_bytes });
        let rising = Rising::new(&*item);
        let file = self.download_to_unnamed(&output, &rising).await?;
        item.finished();
        Ok(file)
    }
}

/// An inventory on its way into the cache, away from the threads that talk to the network.
struct Intake {
    cache: Arc<Cache>,
    asked: Asked,
    tell: Tell,
}

/// What was asked for.
struct Asked {
    scope: Scope,
    vault: VaultName,
    job: JobId,
    requested: Timestamp,
    now: Timestamp,
    fix: bool,
}

impl Asked {
    fn comparison(&self) -> Comparison<'_> {
        let Self { scope, vault, job, requested, now, fix } = self;
        Comparison { scope, vault, job, requested: *requested, fix: *fix, now: *now }
    }
}

impl Intake {
    /// Does what there is to do if this inventory, known by its job or its bytes, was the last that was taken in.
    fn repeated(&mut self, content: Option<TreeHash>) -> Result<Option<InventoryTaken>, EngineError> {
        let inventory = content.map_or(Recognised::Job, Recognised::Content);
        Ok(self.cache.reconcile_repeated(self.asked.comparison(), inventory, &mut self.tell)?)
    }

    /// `counted` hears how many archives have been read.
    fn unseen(
        &mut self,
        mut file: File,
        counted: &mpsc::UnboundedSender<u64>,
    ) -> Result<InventoryTaken, EngineError> {
        let unreadable_file = |error: io::Error| ServiceError::BadAnswer { cause: error.to_string() };
        let content = TreeHash::of_reader(&mut file).map_err(unreadable_file)?;
        if let Some(taken) = self.repeated(Some(content))? {
            return Ok(taken);
        }
        file.rewind().map_err(unreadable_file)?;
        let asked = &self.asked;
        let read = |take: &mut crate::cache::ListedSink<'_>| {
            let mut archives: u64 = 0;
            let counting = |listed| {
                archives += 1;
                if archives.is_multiple_of(TOLD_EVERY) {
                    // Nobody may want to know.
                    let _ = counted.send(archives);
                }
                take(listed)
            };
            let summary = inventory::read(file, counting).map_err(unreadable)?;
            taken(&asked.scope, &asked.vault, &summary)
        };
        self.cache.reconcile(asked.comparison(), content, read, &mut self.tell)
    }
}

/// How far an inventory is that someone has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finished {
    /// The cache agrees with it.
    TakenIn,
    /// It is being made.
    Pending {
        /// Since then.
        asked: Timestamp,
    },
    /// There is none.
    No,
}

/// Whether the service has ever made an inventory of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inventories {
    Made,
    NoneYet,
}

/// Where findings go.
type Tell = Box<dyn FnMut(Finding) + Send>;

/// What came must be dated, and of this vault: its rows decide what is called lost. It also tells whose the vault is, to
/// a caller who may list jobs but not describe the vault.
fn taken(
    scope: &Scope,
    vault: &VaultName,
    summary: &InventorySummary,
) -> Result<InventoryTaken, EngineError> {
    let bad = |cause: String| EngineError::from(ServiceError::BadAnswer { cause });
    let arn = summary.vault_arn.as_deref();
    let of_inventory = arn.map(|arn| {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, "glacier", region, account, name] = fields[..] else { return None };
        let is_this = region == scope.region.as_str() && name == format!("vaults/{vault}");
        account.parse::<AccountId>().ok().filter(|_| is_this)
    });
    let account = match (of_inventory, scope.account.clone()) {
        (None, Some(known)) => known,
        (Some(Some(told)), known) if known.as_ref().is_none_or(|known| *known == told) => told,
        (None, None) => return Err(bad("the inventory does not say whose it is".into())),
        _ => {
            let arn = quoted(arn.unwrap_or_default());
            return Err(bad(format!("the inventory is that of another vault, {arn}")));
        }
    };
    let date: Timestamp = summary.date.ok_or_else(|| bad("the inventory has no date".into()))?;
    Ok(InventoryTaken { account, date, unreadable_rows: summary.unreadable_rows })
}

fn unreadable(error: ReadError<CacheError>) -> EngineError {
    match error {
        ReadError::Take(error) => error.into(),
        ReadError::Malformed(cause) => {
            ServiceError::BadAnswer { cause: format!("the inventory cannot be read: {cause}") }.into()
        }
    }
}
