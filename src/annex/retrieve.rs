//! Bringing a key back.

use std::cmp::Reverse;
use std::fs::File;
use std::path::Path;

use super::chunks;
use super::failure::Failure;
use super::protocol::{Key, Statement};
use super::session::Conversation;
use super::state::KeyState;
use super::vault::{Vault, by_name};
use crate::engine::{
    Archive, EngineError, Job, JobTask, Patience, Prefetch, RangeSize, Retrieval, RetrieveOptions, Target,
    Tier, Told, Wanted,
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
        let bring = |reference| self.bring(talk, reference, file);
        let candidates = self.candidates(talk, key, &archive, Ask::IfNoJobIsKnown).await?;
        let Some(candidates) = candidates else { return write_empty(file) };
        let mut retrieval = first_that_is_there(candidates, bring).await;
        if retrieval.as_ref().is_err_and(|error| !is_unknown_here(error) && error.is_of_missing_archive()) {
            let candidates = self.candidates(talk, key, &archive, Ask::InAnyCase).await?;
            let Some(candidates) = candidates else { return write_empty(file) };
            retrieval = first_that_is_there(candidates, bring).await;
        }
        match retrieval? {
            Retrieval::Done => Ok(()),
            Retrieval::Queued => {
                self.ask_for_later_chunks_if_possible(talk, key).await?;
                Err(self.queued(&archive))
            }
            Retrieval::Pending => {
                self.ask_for_later_chunks_if_possible(talk, key).await?;
                Err(self.pending(&archive).await)
            }
        }
    }

    /// Asks for the key unless a job brings it already, and fails as [`Vault::retrieve`] does until it is there.
    ///
    /// # Errors
    ///
    /// Always, unless the key is empty; what is said begins with the [`Prefetch`] that it was.
    pub(super) async fn prefetch(&self, talk: &Conversation, key: &Key, file: &Path) -> Result<(), Failure> {
        let archive = self.name_of(key)?;
        let candidates = self.candidates(talk, key, &archive, Ask::IfNoJobIsKnown).await?;
        let Some(candidates) = candidates else { return write_empty(file) };
        let asked = self.ask_for(candidates, Patience::Wait).await?;
        self.ask_for_later_chunks(talk, key, Patience::Wait).await?;
        Err(match asked {
            Prefetch::Queued => self.queued(&archive),
            before @ Prefetch::AskedBefore => {
                Failure::said(format!("{before} for archive {}", quoted(archive.as_str())))
            }
        })
    }

    /// Starts a job for the first of the archives that is there, unless one brings it already.
    async fn ask_for(
        &self,
        candidates: Vec<ArchiveRef>,
        patience: Patience,
    ) -> Result<Prefetch, EngineError> {
        let ask = |reference| async move {
            self.engine.prefetch(&self.name, &reference, self.tier, patience).await
        };
        first_that_is_there(candidates, ask).await
    }

    /// Starts jobs for all chunks that follow, as git-annex will not ask for them before this one is here. The first of
    /// which nothing is known ends them: what there is of it is another matter than the key that was asked for.
    async fn ask_for_later_chunks(
        &self,
        talk: &Conversation,
        key: &Key,
        patience: Patience,
    ) -> Result<(), Failure> {
        for chunk in chunks::later(key) {
            let archive = self.name_of(&chunk)?;
            let candidates = self.candidates(talk, &chunk, &archive, Ask::IfNoJobIsKnown).await?;
            let Some(candidates) = candidates else { return Ok(()) };
            match self.ask_for(candidates, patience).await {
                Err(error) if is_unknown_here(&error) => return Ok(()),
                asked => asked?,
            };
        }
        Ok(())
    }

    /// Does that for a chunk whose job is under way. What goes wrong with a later one is nothing that could be told of
    /// this one: the first that cannot be asked for at once ends them, until this one is wanted again.
    async fn ask_for_later_chunks_if_possible(&self, talk: &Conversation, key: &Key) -> Result<(), Failure> {
        match self.ask_for_later_chunks(talk, key, Patience::ComeBackLater).await {
            Err(Failure::Said(why)) => {
                Ok(talk.tell(&Statement::Debug(&format!("a later chunk was not asked for: {why}")))?)
            }
            asked => asked,
        }
    }

    /// Returns the archives that may bring the key, the best first; none if it is empty.
    ///
    /// Several of one name may differ and be the same to git-annex, which verifies what comes. Before a job is started,
    /// the repository is asked which it knows: the cache may know one that another clone has removed since. Those whose
    /// jobs have failed come last, as they may be deleted.
    async fn candidates(
        &self,
        talk: &Conversation,
        key: &Key,
        archive: &ArchiveName,
        ask: Ask,
    ) -> Result<Option<Vec<ArchiveRef>>, Failure> {
        let mut known = self.known(archive).await?;
        let mut told = None;
        if ask == Ask::InAnyCase || !self.is_any_asked_for(&known).await? {
            match self.learn(talk, key, archive).await? {
                KeyState::Empty(_) if known.is_empty() => return Ok(None),
                KeyState::Stored(stored) => told = Some(stored),
                _ => {}
            }
            known = self.known(archive).await?;
            if let (Some(told), true) = (&told, known.is_empty()) {
                // As it was stored with another prefix.
                known = self.known_by_id(told).await?;
            }
        }
        let is_of_name = |other: &Archive| other.shown_name() == Some(archive.as_str());
        match known.as_slice() {
            [] => Ok(Some(vec![by_name(archive)])),
            [only] if is_of_name(only) => Ok(Some(vec![by_name(archive)])),
            _ => self.ranked(known, told.as_ref(), key).await.map(Some),
        }
    }

    async fn ranked(
        &self,
        archives: Vec<Archive>,
        told: Option<&Told>,
        key: &Key,
    ) -> Result<Vec<ArchiveRef>, Failure> {
        let size_bytes = told.map(|told| told.size_bytes).or(key.size_bytes());
        let mut ranked = Vec::new();
        for archive in archives {
            let rank = (
                self.engine.have_jobs_failed(&self.name, &archive.id).await?,
                !self.engine.is_asked_for(&self.name, &archive.id).await?,
                told.is_none_or(|told| told.id != archive.id),
                archive.size_bytes != size_bytes,
                Reverse(archive.stored_at()),
            );
            ranked.push((rank, ArchiveRef::Id(archive.id)));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        Ok(ranked.into_iter().map(|(_, reference)| reference).collect())
    }

    async fn is_any_asked_for(&self, archives: &[Archive]) -> Result<bool, Failure> {
        for archive in archives {
            if self.engine.is_asked_for(&self.name, &archive.id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn bring(
        &self,
        talk: &Conversation,
        reference: ArchiveRef,
        file: &Path,
    ) -> Result<Retrieval, EngineError> {
        let wanted = Wanted { reference, target: Target::Growing(file.to_owned()) };
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
        let list = self.engine.command("job list");
        Failure::said(format!(
            "job still pending for archive {}{times}; run the same command again then ('{list}' shows it)",
            quoted(archive.as_str())
        ))
    }
}

/// When the repository is asked what it knows of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    IfNoJobIsKnown,
    InAnyCase,
}

/// Returns whether the cache knows no such archive; else it is Glacier that has none.
fn is_unknown_here(error: &EngineError) -> bool {
    matches!(error, EngineError::ArchiveNotFound { .. })
}

/// Tries one after the other until one is there.
async fn first_that_is_there<T, Trying: Future<Output = Result<T, EngineError>>>(
    candidates: Vec<ArchiveRef>,
    attempt: impl Fn(ArchiveRef) -> Trying,
) -> Result<T, EngineError> {
    let mut candidates = candidates.into_iter().peekable();
    loop {
        let reference = candidates.next().expect("there is at least one candidate");
        match attempt(reference).await {
            Err(error) if error.is_of_missing_archive() && candidates.peek().is_some() => {}
            outcome => return outcome,
        }
    }
}

fn write_empty(file: &Path) -> Result<(), Failure> {
    let cannot_write =
        |error| Failure::said(format!("cannot write {}: {error}", quoted(&file.to_string_lossy())));
    File::create(file).map(drop).map_err(cannot_write)
}

fn times_of(job: &Job) -> Option<String> {
    let JobTask::Archive(task) = &job.task else { return None };
    Some(format!(", {}", times(task.tier?, job.created_at().ok()?)))
}

fn times(tier: Tier, asked: Timestamp) -> String {
    let ready = asked + tier.ready_within();
    format!("{}: ready by about {ready}, there until {}", tier.as_str(), ready + OUTPUT_LASTS)
}
