//! Bringing a key back.

use std::fs::File;
use std::path::Path;

use super::chunks;
use super::failure::Failure;
use super::protocol::Key;
use super::session::Conversation;
use super::state::KeyState;
use super::vault::{Vault, by_name};
use crate::engine::{
    Archive, EngineError, Job, JobTask, Prefetch, RangeSize, Retrieval, RetrieveOptions, Target, Tier, Told,
    Wanted,
};
use crate::types::{ArchiveName, ArchiveRef, Timestamp, quoted};

/// For how long at least a job's output can be had (developer guide, "Downloading an Archive").
const OUTPUT_LASTS: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Vault {
    /// Brings the key to the file if a job of it has finished.
    ///
    /// # Errors
    ///
    /// Among others while Glacier is not ready, saying when it will be and what to run then.
    pub(super) async fn retrieve(&self, talk: &Conversation, key: &Key, file: &Path) -> Result<(), Failure> {
        let archive = self.name_of(key)?;
        if self.is_brought_empty(talk, key, &archive, file).await? {
            return Ok(());
        }
        let retrieval = match self.bring(talk, by_name(&archive), file).await {
            Err(error) if error.is_of_another_archive() => match self.learn(talk, key, &archive).await? {
                KeyState::Stored(told) => self.bring_one_of_several(talk, &archive, &told, file).await?,
                _ => Err(error),
            },
            brought => brought,
        };
        match retrieval? {
            Retrieval::Done => Ok(()),
            Retrieval::Queued => {
                self.ask_for_later_chunks(talk, key).await?;
                Err(self.queued(&archive))
            }
            Retrieval::Pending => Err(self.pending(&archive).await),
        }
    }

    /// Asks for the key unless a job brings it already, and fails as [`Vault::retrieve`] does until it is there.
    ///
    /// # Errors
    ///
    /// Always, unless the key is empty; what is said begins with the [`Prefetch`] that it was.
    pub(super) async fn prefetch(&self, talk: &Conversation, key: &Key, file: &Path) -> Result<(), Failure> {
        let archive = self.name_of(key)?;
        if self.is_brought_empty(talk, key, &archive, file).await? {
            return Ok(());
        }
        let asked = self.ask_for(talk, key, &archive).await?;
        self.ask_for_later_chunks(talk, key).await?;
        Err(match asked {
            Prefetch::Queued => self.queued(&archive),
            before @ Prefetch::AskedBefore => {
                Failure::said(format!("{before} for archive {}", quoted(archive.as_str())))
            }
        })
    }

    /// Starts a job for the key unless one brings it already.
    async fn ask_for(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
    ) -> Result<Prefetch, Failure> {
        let ask = |reference| async move { self.engine.prefetch(&self.name, &reference, self.tier).await };
        match ask(by_name(archive)).await {
            Err(error) if error.is_of_another_archive() => match self.learn(talk, key, archive).await? {
                KeyState::Stored(told) => Ok(ask(ArchiveRef::Id(told.id)).await?),
                _ => Err(error.into()),
            },
            asked => Ok(asked?),
        }
    }

    /// Starts jobs for all chunks that follow, as git-annex will not ask for them before this one is here. The first of
    /// which nothing is known ends them: what there is of it is another matter than the key that was asked for.
    async fn ask_for_later_chunks(&self, talk: &Conversation, key: &Key) -> Result<(), Failure> {
        for chunk in chunks::later(key) {
            let archive = self.name_of(&chunk)?;
            if self.known(&archive).await?.is_empty() {
                self.learn(talk, &chunk, &archive).await?;
                if self.known(&archive).await?.is_empty() {
                    return Ok(());
                }
            }
            self.ask_for(talk, &chunk, &archive).await?;
        }
        Ok(())
    }

    /// Lets the cache know what the repository knows of the key if it knows nothing itself; a key that is empty is
    /// brought by that alone.
    async fn is_brought_empty(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
        file: &Path,
    ) -> Result<bool, Failure> {
        if !self.known(archive).await?.is_empty() {
            return Ok(false);
        }
        let KeyState::Empty(_) = self.learn(talk, key, archive).await? else { return Ok(false) };
        let cannot_write =
            |error| Failure::said(format!("cannot write {}: {error}", quoted(&file.to_string_lossy())));
        File::create(file).map(|_| true).map_err(cannot_write)
    }

    /// Of several that may differ, or in place of one that is gone, brings the one that the repository names, unless it
    /// seems to be gone: then another of its size, as git-annex verifies what comes.
    async fn bring_one_of_several(
        &self,
        talk: &Conversation,
        archive: &ArchiveName,
        told: &Told,
        file: &Path,
    ) -> Result<Result<Retrieval, EngineError>, Failure> {
        let is_alike = |other: &Archive| other.id != told.id && other.size_bytes == Some(told.size_bytes);
        let others = self.known(archive).await?.into_iter().filter(is_alike).map(|other| other.id);
        let mut candidates = Vec::new();
        for id in std::iter::once(told.id.clone()).chain(others) {
            candidates.push((self.engine.have_jobs_failed(&self.name, &id).await?, id));
        }
        candidates.sort_by_key(|(has_failed, _)| *has_failed);
        let mut brought = Err(EngineError::ArchiveNotFound { reference: archive.as_str().to_owned() });
        for (_, id) in candidates {
            if !brought.as_ref().is_err_and(EngineError::is_of_missing_archive) {
                break;
            }
            brought = self.bring(talk, ArchiveRef::Id(id), file).await;
        }
        Ok(brought)
    }

    async fn bring(
        &self,
        talk: &Conversation,
        reference: ArchiveRef,
        file: &Path,
    ) -> Result<Retrieval, EngineError> {
        let wanted = Wanted { reference, target: Target::File(file.to_owned()) };
        let options =
            RetrieveOptions { range_size: RangeSize::default(), tier: self.tier, patience: self.patience };
        let retrievals = self.engine.retrieve(&self.name, vec![wanted], options, talk).await?;
        Ok(retrievals.first().copied().unwrap_or(Retrieval::Done))
    }

    fn queued(&self, archive: &ArchiveName) -> Failure {
        let times = times(self.tier.unwrap_or(Tier::Standard), self.clock.now());
        Failure::said(format!(
            "{} for archive {}, {times}; run the same command again then",
            Prefetch::Queued,
            quoted(archive.as_str())
        ))
    }

    async fn pending(&self, archive: &ArchiveName) -> Failure {
        let job = self.engine.job_under_way(&self.name, &by_name(archive)).await.ok().flatten();
        let times = job.as_ref().and_then(times_of).unwrap_or_default();
        Failure::said(format!(
            "job still pending for archive {}{times}; run the same command again then ('glacier job list' shows it)",
            quoted(archive.as_str())
        ))
    }
}

fn times_of(job: &Job) -> Option<String> {
    let JobTask::Archive(task) = &job.task else { return None };
    Some(format!(", {}", times(task.tier?, job.created_at().ok()?)))
}

fn times(tier: Tier, asked: Timestamp) -> String {
    let ready = asked + tier.ready_within();
    format!("{}: ready by about {ready}, there until {}", tier.as_str(), ready + OUTPUT_LASTS)
}
