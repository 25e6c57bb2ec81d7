//! Bringing the cache in line with the vault, by way of an inventory.

use std::io::BufReader;
use std::time::Duration;

use super::download::Output;
use super::inventory::{self, ReadError};
use super::wait::Pauses;
use super::{Engine, EngineError, Patience, RangeSize};
use crate::cache::{CacheError, Finding, Scope};
use crate::service::{Job, JobStatus, JobTask, ServiceError};
use crate::types::{JobId, VaultName};

/// How a sync ended.
#[derive(Debug)]
pub enum Sync {
    /// The cache agrees with an inventory.
    Done(SyncReport),
    /// A job for an inventory was started.
    Queued,
    /// A job for an inventory that was started before is not finished.
    Pending,
}

/// What the owner should hear of.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// What was strange, archive by archive.
    pub findings: Vec<Finding>,
    /// How many rows of the inventory could not be read and were left out.
    pub unreadable_rows: u64,
}

impl Engine {
    /// Uses the newest inventory that was finished within `max_age`; else lets one go on that is being made, else
    /// asks for one. Of zero age, none is recent enough. With `fix`, what the inventory says overrides the cache.
    pub async fn sync(
        &self,
        vault: &VaultName,
        max_age: Duration,
        fix: bool,
        patience: Patience,
    ) -> Result<Sync, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut jobs = self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))?;
        jobs.retain(|job| matches!(&job.task, JobTask::Inventory(task) if task.is_full_json));
        if let Some(job) = self.newest_recent(&jobs, max_age) {
            match self.take_in(&scope, vault, job, fix).await {
                // It was listed, but has expired since.
                Err(EngineError::Service(ServiceError::NotFound { .. })) => {}
                result => return result.map(Sync::Done),
            }
        }
        let pending = jobs.iter().find(|job| job.status == JobStatus::InProgress).map(|job| job.id.clone());
        let (id, unfinished) = match pending {
            Some(id) => (id, Sync::Pending),
            None => {
                let id = self.glacier.initiate_inventory_job(vault).await.map_err(self.about_vault(vault))?;
                (id, Sync::Queued)
            }
        };
        if patience == Patience::ComeBackLater {
            return Ok(unfinished);
        }
        let job = self.wait_for_inventory(vault, &id).await?;
        self.take_in(&scope, vault, &job, fix).await.map(Sync::Done)
    }

    fn newest_recent<'a>(&self, jobs: &'a [Job], max_age: Duration) -> Option<&'a Job> {
        if max_age.is_zero() {
            return None;
        }
        let oldest = self.clock.now() - max_age;
        let succeeded = jobs.iter().filter(|job| job.status == JobStatus::Succeeded);
        succeeded.filter(|job| job.completed_at() > Some(oldest)).max_by_key(|job| job.completed_at())
    }

    async fn wait_for_inventory(&self, vault: &VaultName, id: &JobId) -> Result<Job, EngineError> {
        let mut pauses = Pauses::new();
        loop {
            let job = self.glacier.describe_job(vault, id).await.map_err(self.about_vault(vault))?;
            match job.status {
                JobStatus::Succeeded => return Ok(job),
                JobStatus::Failed => {
                    return Err(EngineError::JobFailed { what: format!("an inventory of {vault}") });
                }
                JobStatus::InProgress => self.clock.sleep(pauses.next()).await,
            }
        }
    }

    /// Downloads the inventory as a whole, then lets the cache agree with it.
    async fn take_in(
        &self,
        scope: &Scope,
        vault: &VaultName,
        job: &Job,
        fix: bool,
    ) -> Result<SyncReport, EngineError> {
        let size_bytes = match &job.task {
            JobTask::Inventory(task) => task.size_bytes,
            JobTask::Archive(_) => None,
        };
        let name = format!("inventory of {vault}");
        let range_size = RangeSize::default();
        let identity = job.id.as_str();
        let output =
            Output { vault, job: &job.id, name: &name, identity, size_bytes, tree_hash: None, range_size };
        let file = self.download_to_unnamed(&output).await?;
        let (cache, now, requested) = (self.cache.clone(), self.clock.now(), job.created_at()?);
        let (owned_scope, owned_vault) = (scope.clone(), vault.clone());
        let work = tokio::task::spawn_blocking(move || {
            let mut report = SyncReport::default();
            let read = |take: &mut crate::cache::ListedSink<'_>| {
                let summary = inventory::read(BufReader::new(file), take).map_err(unreadable)?;
                report.unreadable_rows = summary.unreadable_rows;
                let undated = || ServiceError::BadAnswer { cause: "the inventory has no date".into() };
                Ok::<_, EngineError>(summary.date.ok_or_else(undated)?)
            };
            let findings = cache.reconcile(&owned_scope, &owned_vault, requested, read, fix, now)?;
            report.findings = findings;
            Ok(report)
        });
        let report = work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        self.settle_uploads(scope, vault)?;
        report
    }
}

fn unreadable(error: ReadError<CacheError>) -> EngineError {
    match error {
        ReadError::Take(error) => error.into(),
        ReadError::Malformed(cause) => {
            ServiceError::BadAnswer { cause: format!("the inventory cannot be read: {cause}") }.into()
        }
    }
}
