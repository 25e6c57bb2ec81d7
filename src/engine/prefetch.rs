//! Asking for an archive, to bring it later.

use std::fmt;

use super::stop::Noting;
use super::wait::Pauses;
use super::{Engine, EngineError};
use crate::service::{JobStatus, Repeat, ServiceError, Tier};
use crate::types::{ArchiveId, ArchiveRef, JobId, VaultName};

/// How often one request is repeated while the service has too much to do: with pauses up to ten minutes, for hours.
const REPEATS_MAX: u32 = 30;

/// What came of asking for an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefetch {
    /// A job was started.
    Queued,
    /// A job of it is under way, or has finished and its output is there.
    AskedBefore,
}

impl Prefetch {
    const ALL: [Self; 2] = [Self::Queued, Self::AskedBefore];

    /// Returns what a sentence says that begins as this is written.
    pub fn said_by(sentence: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| sentence.starts_with(&outcome.to_string()))
    }
}

impl fmt::Display for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued => "queued retrieval job",
            Self::AskedBefore => "there is a retrieval job",
        })
    }
}

impl Engine {
    /// Starts a job for the archive unless one brings it already. Nothing is downloaded. While the service has too much
    /// to do, this waits and asks again.
    pub async fn prefetch(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        tier: Option<Tier>,
    ) -> Result<Prefetch, EngineError> {
        let scope = self.scope_of(vault).await?;
        let equal = self.resolve_content(&scope, vault, reference)?;
        let [first, ..] = equal.as_slice() else { return Err(EngineError::archive_not_found(reference)) };
        let _lock = self.lock_job(&first.id).await?;
        let list = self.job_list(vault).await?;
        for archive in &equal {
            let is_listed = list.of(&archive.id).iter().any(|(job, _)| job.status != JobStatus::Failed);
            if is_listed || self.remembered_job(vault, &archive.id).await?.is_some() {
                return Ok(Prefetch::AskedBefore);
            }
        }
        let (job, _noting) = match self.start_job(vault, &first.id, tier).await {
            Ok(started) => started,
            // It may have been started all the same; another would cost a second time.
            Err(error) if error.is_outcome_unknown() => {
                let noting = self.stop.noting().await;
                let found = self.find_started(vault, &first.id).await?;
                (found.ok_or(EngineError::Service(error))?, noting)
            }
            Err(error) => {
                if error.is_missing_in_vault() {
                    self.doubt(first, self.clock.now())?;
                }
                return Err(self.about_vault(vault)(error));
            }
        };
        self.cache.remember_job(&scope, vault, &first.id, &job, self.clock.now())?;
        Ok(Prefetch::Queued)
    }

    /// A request that may have been carried out is not repeated: a second job would cost a second time. The job is to be
    /// noted.
    async fn start_job(
        &self,
        vault: &VaultName,
        archive: &ArchiveId,
        tier: Option<Tier>,
    ) -> Result<(JobId, Noting<'_>), ServiceError> {
        let mut pauses = Pauses::new();
        let may_help =
            |error: &ServiceError| error.repeat() != Repeat::Useless && !error.is_outcome_unknown();
        for repeat in 0.. {
            let noting = self.stop.noting().await;
            match self.glacier.initiate_archive_job(vault, archive, tier).await {
                Ok(job) => return Ok((job, noting)),
                Err(error) if repeat < REPEATS_MAX && may_help(&error) => {
                    drop(noting);
                    self.clock.sleep(pauses.next()).await;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last repeat has returned")
    }
}
