//! Asking for many archives at once, to bring them later.

use std::collections::HashSet;

use super::wait::Pauses;
use super::{Engine, EngineError};
use crate::cache::{Archive, Scope};
use crate::service::{JobStatus, JobTask, Repeat, ServiceError, Tier};
use crate::types::{ArchiveId, ArchiveRef, JobId, VaultName};

/// How often one request is repeated while the service has too much to do: with pauses up to ten minutes, for hours.
const REPEATS_MAX: u32 = 30;

/// What came of asking for archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefetch {
    /// The jobs that were started.
    pub queued: Asked,
    /// The archives of which a job is under way or has finished already.
    pub asked_before: Asked,
    /// The names of which nothing is known here.
    pub unknown: Vec<String>,
}

/// How many archives, and how large they are together as far as their sizes are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// How many.
    pub archives: u64,
    /// Their sizes.
    pub bytes: u64,
}

impl Asked {
    fn add(&mut self, archive: &Archive) {
        self.archives += 1;
        self.bytes += archive.size_bytes.unwrap_or(0);
    }
}

impl Engine {
    /// Starts a job for each archive that none brings yet, in the order in which they were stored: the service likes that
    /// best. Nothing is downloaded. Of several archives of one name the oldest is taken.
    ///
    /// # Errors
    ///
    /// The first that repeating does not help; the jobs that were started by then go on.
    pub async fn prefetch(
        &self,
        vault: &VaultName,
        names: Vec<String>,
        tier: Option<Tier>,
    ) -> Result<Prefetch, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut outcome = Prefetch::default();
        let mut wanted = Vec::new();
        for name in names {
            let found = self.find(&scope, vault, &ArchiveRef::Name(name.clone()))?;
            match found.into_iter().next() {
                Some(archive) => wanted.push(archive),
                None => outcome.unknown.push(name),
            }
        }
        wanted.sort_by_key(Archive::stored_at);
        let asked = self.asked_for(vault).await?;
        for archive in &wanted {
            if asked.contains(&archive.id) || !self.cache.jobs_of(&archive.id)?.is_empty() {
                outcome.asked_before.add(archive);
            } else {
                self.start_job(&scope, vault, &archive.id, tier).await?;
                outcome.queued.add(archive);
            }
        }
        Ok(outcome)
    }

    /// Returns the archives that a job brings, under way or finished.
    async fn asked_for(&self, vault: &VaultName) -> Result<HashSet<ArchiveId>, EngineError> {
        let jobs = self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))?;
        let whole =
            jobs.into_iter().filter(|job| job.status != JobStatus::Failed).filter_map(|job| match job.task {
                JobTask::Archive(task) if task.is_whole => Some(task.archive),
                _ => None,
            });
        Ok(whole.collect())
    }

    /// A request that may have been carried out is not repeated: a second job would cost a second time.
    async fn start_job(
        &self,
        scope: &Scope,
        vault: &VaultName,
        archive: &ArchiveId,
        tier: Option<Tier>,
    ) -> Result<JobId, EngineError> {
        let mut pauses = Pauses::new();
        let may_help =
            |error: &ServiceError| error.repeat() != Repeat::Useless && !error.is_outcome_unknown();
        for repeat in 0.. {
            match self.glacier.initiate_archive_job(vault, archive, tier).await {
                Ok(job) => {
                    self.cache.remember_job(scope, vault, archive, &job, self.clock.now())?;
                    return Ok(job);
                }
                Err(error) if repeat < REPEATS_MAX && may_help(&error) => {
                    self.clock.sleep(pauses.next()).await;
                }
                Err(error) => return Err(self.about_vault(vault)(error)),
            }
        }
        unreachable!("the last repeat has returned")
    }
}
