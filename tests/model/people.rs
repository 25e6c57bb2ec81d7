//! What people do with `glacier`, and what may come of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glacier_engine::engine::{
    Archive, EngineError, Finding, FindingKind, Listed, Patience, Presence, RangeSize, Retrieval,
    RetrieveOptions, Source, Sync, Target, UploadOptions, Wanted,
};
use glacier_engine::service::ServiceError;
use glacier_engine::types::{ArchiveRef, PartSize};

use super::knowledge::{Answer, HOUR, MAX_AGE, Row};
use super::step::From;
use super::truth::Job;
use super::world::{World, hash_of};

/// How long a process may go by a list of jobs that it has read.
const LIST_SERVES: f64 = 60.0;
/// How far clocks may differ.
const CLOCKS_APART: f64 = 0.25 * HOUR;

pub fn max_age() -> Duration {
    Duration::from_secs_f64(MAX_AGE)
}

pub fn by_name(name: &str) -> ArchiveRef {
    ArchiveRef::Name(name.to_owned())
}

pub fn by_id(id: &str) -> ArchiveRef {
    ArchiveRef::Id(id.parse().unwrap())
}

/// What is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub content: u8,
    pub source: From,
    /// Whether it is stored even if it may be stored already.
    pub insists: bool,
}

impl World {
    pub async fn upload(&mut self, who: usize, name: &str, sent: Sent) {
        let content = sent.content;
        let stored = self.uploaded(who, name, sent).await;
        let stored = stored.unwrap_or_else(|error| panic!("not stored: {error}"));
        let id = stored.id.as_str();
        self.expect_new(id, name, content);
        let row = Row {
            name: name.to_owned(),
            hash: Some(hash_of(content)),
            created: None,
            made: stored.created_here.unwrap().unix_seconds(),
            seen: None,
            begun: None,
            doubted: None,
            proved: None,
            deleted: None,
            is_stored_here: true,
        };
        self.peers[who].knows.rows.insert(id.to_owned(), row);
    }

    pub async fn uploaded(&self, who: usize, name: &str, sent: Sent) -> Result<Archive, EngineError> {
        let Sent { content, source, insists } = sent;
        let peer = &self.peers[who];
        let source = match source {
            From::File => Source::open(&peer.file(content)).unwrap(),
            From::Pipe => Source::stream(std::io::Cursor::new(super::bytes_of(content)), None),
        };
        let options = UploadOptions { part_size: Some(PartSize::at_most(1 << 20)), allow_duplicate: insists };
        peer.engine.upload(&self.vault, &name.parse().unwrap(), source, options, &()).await
    }

    pub async fn retrieve(&mut self, who: usize, name: &str) {
        let named = self.peers[who].knows.named(name);
        let ids: Vec<String> = named.iter().map(|(id, _)| (*id).clone()).collect();
        let hashes: BTreeSet<_> = named.iter().map(|(_, row)| row.hash.clone()).collect();
        let is_one = ids.len() == 1 || (hashes.len() == 1 && !hashes.contains(&None));
        let expected_error = match ids.len() {
            0 => Some("not found"),
            _ if !is_one => Some("archives; use one of these"),
            _ => None,
        };
        match expected_error {
            Some(expected) => {
                let said = self.retrieved(who, by_name(name)).await.unwrap_err().to_string();
                assert!(said.contains(expected), "{said}, where {expected} was to be said of {ids:?}");
            }
            None => self.retrieve_one_of(who, by_name(name), &ids).await,
        }
    }

    pub async fn retrieve_by_id(&mut self, who: usize, which: u8) {
        let Some(id) = self.known(who, which) else { return };
        self.retrieve_one_of(who, by_id(&id), std::slice::from_ref(&id)).await;
    }

    pub async fn retrieved(&self, who: usize, reference: ArchiveRef) -> Result<Retrieval, EngineError> {
        let peer = &self.peers[who];
        let file = peer.home.path().join("retrieved");
        let _ = std::fs::remove_file(&file);
        let wanted = Wanted { reference, target: Target::File(file) };
        let options = RetrieveOptions {
            range_size: RangeSize::default(),
            tier: None,
            patience: Patience::ComeBackLater,
        };
        let retrieved = peer.engine.retrieve(&self.vault, vec![wanted], options, &()).await?;
        Ok(retrieved[0])
    }

    /// Retrieves what any of these archives holds. If a job has brought one of them, it is there; if one is under way,
    /// it is waited for; else one is started, if any of them is still there.
    async fn retrieve_one_of(&mut self, who: usize, reference: ArchiveRef, ids: &[String]) {
        let now = self.now();
        let mut jobs = self.books.jobs(now);
        jobs.retain(|job| job.archive.as_ref().is_some_and(|archive| ids.contains(archive)));
        let is_done = |job: &&Job| job.completes <= now && !job.fails;
        let is_under_way = |job: &&Job| job.completes > now;
        let expected = match &jobs {
            jobs if jobs.iter().any(|job| is_done(&job)) => vec![Retrieval::Done],
            jobs if jobs.iter().filter(is_under_way).any(|job| job.created > now - LIST_SERVES) => {
                vec![Retrieval::Pending, Retrieval::Queued]
            }
            jobs if jobs.iter().any(|job| is_under_way(&job)) => vec![Retrieval::Pending],
            _ => vec![Retrieval::Queued],
        };
        let is_there = ids.iter().any(|id| self.archives[id].deleted.is_none());
        let retrieved = self.retrieved(who, reference).await;
        self.take_doubts(who, ids, &jobs);
        match retrieved {
            Ok(Retrieval::Queued) if expected.contains(&Retrieval::Queued) => {
                self.jobs_begun += 1;
                self.check_asked_for(&jobs, ids);
            }
            Ok(retrieval) => {
                assert!(expected.contains(&retrieval), "{retrieval:?}, not {expected:?}: {jobs:?}");
            }
            Err(error) => {
                let is_gone = !is_there && expected == [Retrieval::Queued];
                let is_said = matches!(error, EngineError::Service(ServiceError::NotFound { .. }));
                assert!(is_gone && is_said, "{error}, not {expected:?}");
                let is_in_doubt = |id: &String| self.peers[who].knows.rows[id].doubted.is_some();
                assert!(ids.iter().all(is_in_doubt), "Glacier has none of {ids:?}");
                return;
            }
        }
        let brought = std::fs::read(self.peers[who].home.path().join("retrieved")).ok();
        assert_eq!(brought.is_some(), expected == [Retrieval::Done]);
        if let Some(brought) = brought {
            let hash = glacier_engine::treehash::TreeHash::of(&brought).to_string();
            let expected = &self.archives[&ids[0]].hash;
            assert_eq!(hash, *expected, "what was brought");
        }
    }

    /// What Glacier does not have when it is asked for, or has not brought, is in doubt since then, until a job brings it
    /// that was asked for later; nothing else is.
    fn take_doubts(&mut self, who: usize, ids: &[String], jobs: &[Job]) {
        let (now, peer) = (self.now(), &mut self.peers[who]);
        let cached = peer.cached().rows;
        for id in ids {
            let (Some(row), Some(cached)) = (peer.knows.rows.get_mut(id), cached.get(id)) else { continue };
            if cached.doubted == row.doubted {
                continue;
            }
            let is_gone = self.archives[id].deleted.is_some();
            let has_reason = may_change_doubt(id, (row.doubted, cached.doubted), is_gone, jobs, now);
            assert!(has_reason, "{id} is in doubt, or no longer, for no reason: {cached:?}, before {row:?}");
            (row.doubted, row.proved) = (cached.doubted, cached.proved);
        }
    }

    /// One whose job has failed, as it is deleted perhaps, is asked for again only if no other is left.
    fn check_asked_for(&self, before: &[Job], ids: &[String]) {
        let asked = self.books.jobs(self.now()).swap_remove(0).archive.unwrap();
        let has_failed = |id: &String| before.iter().any(|job| job.fails && job.archive.as_ref() == Some(id));
        let is_there = |id: &String| self.archives[id].deleted.is_none();
        let other = ids.iter().find(|id| is_there(id) && !has_failed(id));
        assert!(!has_failed(&asked) || other.is_none(), "{asked} was asked for again, not {other:?}");
    }

    pub async fn delete(&mut self, who: usize, name: &str) {
        let named = self.peers[who].knows.named(name);
        let ids: Vec<String> = named.iter().map(|(id, _)| (*id).clone()).collect();
        match &ids[..] {
            [id] => self.delete_one(who, by_name(name), id).await,
            _ => {
                let expected = if ids.is_empty() { "not found" } else { "archives; use one of these" };
                let deleted = self.peers[who].engine.delete(&self.vault, &by_name(name)).await;
                let said = deleted.unwrap_err().to_string();
                assert!(said.contains(expected), "{said}, where {expected} was to be said of {ids:?}");
            }
        }
    }

    pub async fn delete_by_id(&mut self, who: usize, which: u8) {
        let Some(id) = self.known(who, which) else { return };
        self.delete_one(who, by_id(&id), &id).await;
    }

    async fn delete_one(&mut self, who: usize, reference: ArchiveRef, id: &str) {
        self.peers[who].engine.delete(&self.vault, &reference).await.unwrap();
        self.expect_deleted_here(who, id);
    }

    fn expect_deleted_here(&mut self, who: usize, id: &str) {
        self.expect_deleted(id);
        let now = Some(self.now());
        let row = self.peers[who].knows.rows.get_mut(id).unwrap();
        (row.begun, row.deleted) = (now, now);
    }

    /// Of archives with one name and content all but the oldest go which the last inventory lists and that is known to
    /// have existed lately; none if there is no such.
    pub async fn dedupe(&mut self, who: usize) {
        let (now, knows) = (self.now(), &self.peers[who].knows);
        let mut expected = BTreeSet::new();
        for (id, row) in knows.live().filter(|(_, row)| row.hash.is_some()) {
            let same: Vec<_> =
                knows.named(&row.name).into_iter().filter(|(_, other)| other.hash == row.hash).collect();
            let kept = same.iter().find(|(id, _)| knows.is_listed(id));
            let kept = kept.filter(|(id, row)| knows.is_recent(id, row, now));
            if knows.is_listed(id) && kept.is_some_and(|kept| kept.0 != id) {
                expected.insert(id.clone());
            }
        }
        let engine = self.peers[who].engine.clone();
        let duplicates = engine.duplicates(&self.vault, max_age()).await.unwrap();
        let told = duplicates.iter().filter(|duplicate| duplicate.kept.is_some());
        let told: BTreeSet<String> = told.map(|duplicate| duplicate.archive.id.to_string()).collect();
        assert_eq!(told, expected, "the duplicates");
        for duplicate in &duplicates {
            engine.dedupe(&self.vault, duplicate).await.unwrap();
        }
        for id in &expected {
            self.expect_deleted_here(who, id);
        }
    }

    pub async fn list(&mut self, who: usize) {
        let peer = &self.peers[who];
        let mut listed = BTreeSet::new();
        let visit = |archive: &Listed<'_>| {
            listed.insert(archive.id.to_owned());
            ControlFlow::Continue(())
        };
        peer.engine.list(&self.vault, visit).await.unwrap();
        let expected: BTreeSet<String> = peer.knows.live().map(|(id, _)| id.clone()).collect();
        assert_eq!(listed, expected, "the list");
    }

    pub async fn sync(&mut self, who: usize, max_age_hours: u16, fix: bool) {
        let max_age = f64::from(max_age_hours) * HOUR;
        let expected = self.expect_sync(who, max_age, fix);
        let findings = Arc::new(Mutex::new(BTreeSet::new()));
        let told = Arc::clone(&findings);
        let tell = move |finding: Finding| {
            told.lock().unwrap().insert(said(&finding));
        };
        let age = Duration::from_secs_f64(max_age);
        let synced =
            self.peers[who].engine.sync(&self.vault, age, fix, Patience::ComeBackLater, tell, &()).await;
        match (&synced, &expected) {
            (Ok(Sync::Done(taken)), Synced::Done(expected)) => {
                assert_eq!(taken.unreadable_rows, 0);
                assert_eq!(*findings.lock().unwrap(), *expected, "what a sync tells");
            }
            (Ok(Sync::Queued), Synced::Queued) | (Ok(Sync::Pending), Synced::Pending) => {}
            (Err(error), Synced::NotReady) if error.to_string().contains("first inventory") => {}
            _ => panic!("a sync ended with {synced:?}, not {expected:?}"),
        }
    }

    /// What a sync must do: take in the newest inventory that was finished within the age, else wait for one that was
    /// asked for, else ask.
    pub fn expect_sync(&mut self, who: usize, max_age: f64, fix: bool) -> Synced {
        let (now, jobs) = (self.now(), self.inventory_jobs());
        let is_finished =
            |job: &&Job| job.completes <= now && !job.fails && max_age > 0.0 && job.completes > now - max_age;
        if let Some(job) = jobs.iter().find(is_finished) {
            return Synced::Done(self.take_in(who, job, fix));
        }
        if jobs.iter().any(|job| job.completes > now) {
            return Synced::Pending;
        }
        self.expect_asking(who)
    }

    fn expect_asking(&mut self, who: usize) -> Synced {
        if self.has_inventory() {
            self.jobs_begun += 1;
            return Synced::Queued;
        }
        self.learn_that_it_was_empty(who);
        Synced::NotReady
    }

    /// The original's question, which has two answers.
    pub async fn check_present(&mut self, who: usize, name: &str) {
        let is_recent = |world: &Self| {
            let (knows, now) = (&world.peers[who].knows, world.now());
            knows.named(name).iter().any(|(id, row)| knows.is_recent(id, row, now))
        };
        let mut expected = is_recent(self);
        if !expected && !self.peers[who].knows.named(name).is_empty() {
            self.expect_sync(who, MAX_AGE, false);
            expected = is_recent(self);
        }
        let (reference, patience) = (by_name(name), Patience::ComeBackLater);
        let peer = &self.peers[who];
        let said =
            peer.engine.is_known_present(&self.vault, &reference, max_age(), patience, |_| {}, &()).await;
        let (answer, _) = said.unwrap();
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
        if expected {
            self.check_yes(who, name);
        }
    }

    pub async fn presence(&mut self, who: usize, name: &str) {
        let expected = self.expect_presence(who, name);
        let presence = self.peers[who].engine.presence(&self.vault, &by_name(name), max_age()).await.unwrap();
        let answer = match presence {
            Presence::Present => Answer::Yes,
            Presence::Absent => Answer::No,
            Presence::Unknown(_) => Answer::Unknown,
        };
        assert_eq!(answer, expected, "{presence:?}");
        match answer {
            Answer::Yes => self.check_yes(who, name),
            Answer::No => self.check_no(who, name),
            Answer::Unknown => {}
        }
    }

    /// What is known, if need be after the newest inventory was taken in that was asked for since the last one. Where
    /// there is none, and there was one before, one is asked for.
    pub fn expect_presence(&mut self, who: usize, name: &str) -> Answer {
        let now = self.now();
        let answer = |world: &Self| world.peers[who].knows.answer(name, now);
        if answer(self) != Answer::Unknown {
            return answer(self);
        }
        let knows = &self.peers[who].knows;
        let last = knows.inventory.as_ref().map(|taken| taken.requested);
        let oldest = last.map_or(now - MAX_AGE, |last| last.max(now - MAX_AGE));
        let jobs = self.inventory_jobs();
        // The cache has seconds as SQLite's numbers.
        let is_newer = |job: &&Job| job.completes <= now && !job.fails && job.created > oldest + 0.0005;
        if let Some(job) = jobs.iter().find(is_newer) {
            self.take_in(who, job, false);
        } else if jobs.iter().any(|job| job.completes > now) || last > Some(now - 12.0 * HOUR) {
            // One is on its way, or the last one is as new as any.
        } else if last.is_some() || knows.live().any(|(_, row)| row.made < now - MAX_AGE) {
            self.expect_asking(who);
        } else {
            self.learn_that_it_was_empty(who);
        }
        answer(self)
    }

    /// Yes is only said if one exists, or existed within sixty hours and was deleted by someone else who has not told.
    pub fn check_yes(&self, who: usize, name: &str) {
        let (now, knows) = (self.now(), &self.peers[who].knows);
        let may_count =
            self.archives.iter().filter(|(_, archive)| archive.name == name).any(|(id, archive)| {
                let is_told = knows
                    .rows
                    .get(id)
                    .is_some_and(|row| row.begun.is_some() || row.doubted.is_some() || !row.is_live());
                let is_own = self.deleted_by.contains(&(who, id.clone()));
                archive.deleted.is_none_or(|deleted| deleted >= now - MAX_AGE && !is_told && !is_own)
            });
        assert!(may_count, "yes was said of what is not there: {:?}", self.archives);
    }

    /// No is only said if none exists of which this machine can know.
    pub fn check_no(&self, who: usize, name: &str) {
        let mut known = self.peers[who].knows.can_know(&self.archives);
        let there = known.find(|(_, known)| *known == name);
        assert_eq!(there, None, "no was said of what is there");
        let mut unclaimed = self.unclaimed.iter().filter(|(_, by)| **by == who);
        let there = unclaimed.find(|(id, _)| self.archives[*id].name == name);
        assert_eq!(there, None, "no was said of what was stored from here without an answer");
    }
}

/// Whether a retrieval may have changed since when the archive is in doubt: to when its last job has failed, or Glacier did
/// not have it; or to never, by a job that was asked for later and has brought it.
pub fn may_change_doubt(
    id: &str,
    (before, after): (Option<f64>, Option<f64>),
    is_gone: bool,
    jobs: &[Job],
    now: f64,
) -> bool {
    let is_at = |time: f64| after.is_some_and(|after| (after - time).abs() < 1.0);
    let mut of_archive = jobs.iter().filter(|job| job.completes <= now && job.archive.as_deref() == Some(id));
    match after {
        Some(_) => {
            (is_gone && is_at(now + CLOCKS_APART))
                || of_archive.any(|job| job.fails && is_at(job.completes.max(job.created + CLOCKS_APART)))
        }
        None => of_archive.any(|job| !job.fails && Some(job.created) > before),
    }
}

/// How a sync ended.
#[derive(Debug)]
pub enum Synced {
    Done(BTreeSet<String>),
    Queued,
    Pending,
    NotReady,
}

fn said(finding: &Finding) -> String {
    let kind = match &finding.kind {
        FindingKind::Renamed { .. } => "renamed",
        FindingKind::ContentChanged { .. } => "content changed",
        FindingKind::StillPresent { .. } => "still present",
        FindingKind::DeletionNotYetListed => "deletion not yet listed",
        FindingKind::DeletionConfirmed => "deletion confirmed",
        FindingKind::Disappeared { fixed: true } => "disappeared, fixed",
        FindingKind::Disappeared { fixed: false } => "disappeared",
        FindingKind::NotYetListed => "not yet listed",
    };
    format!("{} {kind}", finding.archive.id)
}
