//! Asking for an archive, to bring it later.

use std::fmt;

use super::wait::Pauses;
use super::{Engine, EngineError, Patience};
use crate::service::{JobStatus, Repeat, ServiceError, Tier};
use crate::types::{ArchiveRef, VaultName};

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

/// What came of asking once.
enum Asked {
    /// There is a job.
    Known(Prefetch),
    /// The request was refused for now. One that may have been carried out is none of those: a second job would cost a
    /// second time.
    TooBusy(ServiceError),
}

impl Engine {
    /// Starts a job for the archive unless one brings it already. Nothing is downloaded. While the service has too much
    /// to do, this waits and asks again, if there is patience. Others who want the archive do not wait with it.
    pub async fn prefetch(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        tier: Option<Tier>,
        patience: Patience,
    ) -> Result<Prefetch, EngineError> {
        let mut pauses = Pauses::new();
        let mut repeats_left = if patience == Patience::Wait { REPEATS_MAX } else { 0 };
        loop {
            match self.prefetch_now(vault, reference, tier).await? {
                Asked::Known(prefetch) => return Ok(prefetch),
                Asked::TooBusy(error) if repeats_left == 0 => return Err(self.about_vault(vault)(error)),
                Asked::TooBusy(_) => self.clock.sleep(pauses.next()).await,
            }
            repeats_left -= 1;
        }
    }

    /// Looks anew each time, as someone else may have started a job meanwhile.
    async fn prefetch_now(
        &self,
        vault: &VaultName,
        reference: &ArchiveRef,
        tier: Option<Tier>,
    ) -> Result<Asked, EngineError> {
        let scope = self.scope_of(vault).await?;
        let equal = self.resolve_content(&scope, vault, reference)?;
        let [first, ..] = equal.as_slice() else { return Err(EngineError::archive_not_found(reference)) };
        let _lock = self.lock_job(&first.id).await?;
        let list = self.job_list(vault).await?;
        for archive in &equal {
            let is_listed = list.of(&archive.id).iter().any(|(job, _)| job.status != JobStatus::Failed);
            if is_listed || self.remembered_job(vault, &archive.id).await?.is_some() {
                return Ok(Asked::Known(Prefetch::AskedBefore));
            }
        }
        let _noting = self.stop.noting().await;
        let job = match self.glacier.initiate_archive_job(vault, &first.id, tier).await {
            Ok(job) => job,
            // It may have been started all the same; another would cost a second time.
            Err(error) if error.is_outcome_unknown() => {
                self.find_started(vault, &first.id).await?.ok_or(EngineError::Service(error))?
            }
            Err(error) if error.repeat() != Repeat::Useless => return Ok(Asked::TooBusy(error)),
            Err(error) => {
                if error.is_missing_in_vault() {
                    self.doubt_now(first)?;
                }
                return Err(self.about_vault(vault)(error));
            }
        };
        self.cache.remember_job(&scope, vault, &first.id, &job, self.clock.now())?;
        Ok(Asked::Known(Prefetch::Queued))
    }
}
