//! Jobs: those under way in all vaults, and those of one vault that a retrieval looks through.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Engine, EngineError};
use crate::cache::{JobLock, Scope};
use crate::service::{ArchiveJob, Job, JobStatus, JobTask};
use crate::types::{ArchiveId, ArchiveRef, JobId, Timestamp, VaultName};

/// How long a list of jobs serves the retrievals of one process, at least. How a job of it stands is asked again before
/// it is called pending.
const LIST_SERVES_MIN: Duration = Duration::from_secs(60);
/// How much longer it serves than it took to read: a vault with thousands of jobs is not read again all the time.
const LIST_SERVES_FACTOR: u32 = 10;

/// A job and what it is about.
#[derive(Debug, Clone)]
pub struct VaultJob {
    /// The vault.
    pub vault: VaultName,
    /// The job.
    pub job: Job,
    /// The archive that it brings; none for an inventory.
    pub archive: Option<ArchiveRef>,
}

impl VaultJob {
    /// Returns for how long from `now` its output will be there at least, if it is.
    pub fn expires_in(&self, now: Timestamp) -> Option<Duration> {
        self.job.expires().map(|expires| expires.since(now))
    }
}

/// The jobs of a vault as the service has listed them.
#[derive(Debug, Clone)]
pub(super) struct JobList {
    jobs: Arc<JobsByArchive>,
    listed: Timestamp,
    serves: Duration,
    /// Whether the list was read for this very question.
    pub(super) is_fresh: bool,
}

/// A vault may have thousands of jobs, of which each retrieval wants its own.
type JobsByArchive = HashMap<ArchiveId, Vec<(Job, ArchiveJob)>>;

impl JobList {
    /// Returns the jobs that bring all of the archive, in the service's order.
    pub(super) fn of(&self, archive: &ArchiveId) -> &[(Job, ArchiveJob)] {
        self.jobs.get(archive).map_or(&[], Vec::as_slice)
    }
}

/// The last list of each vault.
pub(super) type JobLists = Mutex<HashMap<VaultName, JobList>>;

impl Engine {
    /// Returns the jobs of one vault, or of all vaults of the region, in the service's order.
    pub async fn jobs(&self, of: Option<&VaultName>) -> Result<Vec<VaultJob>, EngineError> {
        if let Some(vault) = of {
            let scope = self.scope_of(vault).await?;
            return self.jobs_of(&scope, vault).await;
        }
        let mut scope = self.scope().await?;
        let mut found = Vec::new();
        for vault in self.glacier.list_vaults().await? {
            self.learn(&mut scope, &vault.name, &vault.account)?;
            found.extend(self.jobs_of(&scope, &vault.name).await?);
        }
        Ok(found)
    }

    async fn jobs_of(&self, scope: &Scope, vault: &VaultName) -> Result<Vec<VaultJob>, EngineError> {
        let mut found = Vec::new();
        for job in self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))? {
            let archive = match &job.task {
                JobTask::Inventory(_) => None,
                JobTask::Archive(task) => {
                    let by_id = ArchiveRef::Id(task.archive.clone());
                    let known = self.cache.find(scope, vault, &by_id)?.pop();
                    Some(known.map_or(by_id, |archive| archive.reference()))
                }
            };
            found.push(VaultJob { vault: vault.clone(), job, archive });
        }
        Ok(found)
    }

    /// Returns the job under way that brings an archive which the reference means, from a list that may be a minute
    /// old; one that is not in it but was started from here is asked for.
    pub async fn job_under_way(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
    ) -> Result<Option<Job>, EngineError> {
        let known = self.known(vault, reference).await?;
        let list = self.job_list(vault).await?;
        let mut listed = known.iter().flat_map(|archive| list.of(&archive.id));
        if let Some((job, _)) = listed.find(|(job, _)| job.status == JobStatus::InProgress) {
            return Ok(Some(job.clone()));
        }
        for archive in &known {
            if let Some(id) = self.cache.jobs_of(&archive.id)?.first() {
                return Ok(self.glacier.describe_job(vault, id).await.ok());
            }
        }
        Ok(None)
    }

    /// Returns whether a job brings the archive, by a list that may be some minutes old, or was started from here and is
    /// not listed yet.
    pub async fn is_asked_for(&self, vault: &VaultName, archive: &ArchiveId) -> Result<bool, EngineError> {
        let list = self.job_list(vault).await?;
        Ok(match list.of(archive) {
            [] => !self.cache.jobs_of(archive)?.is_empty(),
            jobs => jobs.iter().any(|(job, _)| job.status != JobStatus::Failed),
        })
    }

    /// Returns whether there were jobs for the archive and all have failed, as they do once it is deleted; by a list that
    /// may be some minutes old.
    pub async fn have_jobs_failed(
        &self,
        vault: &VaultName,
        archive: &ArchiveId,
    ) -> Result<bool, EngineError> {
        let list = self.job_list(vault).await?;
        let jobs = list.of(archive);
        Ok(!jobs.is_empty() && jobs.iter().all(|(job, _)| job.status == JobStatus::Failed))
    }

    /// Returns a job for the archive that was started from here, if the service knows it and it has not failed; it may be
    /// missing from the service's list. Those that will bring nothing more are forgotten.
    pub(super) async fn remembered_job(
        &self,
        vault: &VaultName,
        archive: &ArchiveId,
    ) -> Result<Option<Job>, EngineError> {
        for id in self.cache.jobs_of(archive)? {
            match self.describe_job(vault, &id).await? {
                Some(job) if job.status != JobStatus::Failed => return Ok(Some(job)),
                _ => self.cache.forget_job(&id)?,
            }
        }
        Ok(None)
    }

    /// Waits until no one else on this machine starts a job for the archive, so that two who want it at once pay for one.
    pub(super) async fn lock_job(&self, archive: &ArchiveId) -> Result<Option<JobLock>, EngineError> {
        let (cache, archive) = (Arc::clone(&self.cache), archive.clone());
        Ok(super::blocking(move || cache.lock_job(&archive)).await?)
    }

    /// Returns a job for the archive that was started by a request without an answer. The last list, which does not have it,
    /// serves nobody any more.
    pub(super) async fn find_started(
        &self,
        vault: &VaultName,
        archive: &ArchiveId,
    ) -> Result<Option<JobId>, EngineError> {
        self.job_lists.lock().await.remove(vault);
        let jobs = self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))?;
        let brings = |job: &Job| matches!(&job.task, JobTask::Archive(task) if task.is_whole && task.archive == *archive);
        let mut started = jobs.into_iter().filter(|job| job.status != JobStatus::Failed && brings(job));
        Ok(started.next().map(|job| job.id))
    }

    /// Returns how a job stands, or none if the service knows it no more.
    pub(super) async fn describe_job(
        &self,
        vault: &VaultName,
        id: &JobId,
    ) -> Result<Option<Job>, EngineError> {
        match self.glacier.describe_job(vault, id).await {
            Ok(job) => Ok(Some(job)),
            Err(error) if error.is_missing_in_vault() => Ok(None),
            Err(error) => Err(self.about_vault(vault)(error)),
        }
    }

    /// Returns the jobs of the vault, from a list that may be a minute old, or ten times as old as it took to read: one
    /// serves all who ask at once.
    pub(super) async fn job_list(&self, vault: &VaultName) -> Result<JobList, EngineError> {
        let mut lists = self.job_lists.lock().await;
        let begun = self.clock.now();
        if let Some(list) = lists.get(vault).filter(|list| begun.since(list.listed) < list.serves) {
            return Ok(JobList { is_fresh: false, ..list.clone() });
        }
        let mut jobs = JobsByArchive::new();
        for job in self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))? {
            if let JobTask::Archive(task) = &job.task
                && task.is_whole
            {
                let task = task.clone();
                jobs.entry(task.archive.clone()).or_default().push((job, task));
            }
        }
        let listed = self.clock.now();
        let serves = LIST_SERVES_MIN.max(listed.since(begun) * LIST_SERVES_FACTOR);
        let list = JobList { jobs: Arc::new(jobs), listed, serves, is_fresh: true };
        lists.insert(vault.clone(), list.clone());
        Ok(list)
    }
}
