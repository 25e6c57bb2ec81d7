//! A vault, two machines, and whoever else uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use aws_sdk_glacier::primitives::ByteStream;
use glacier_emulator::{ACCESS_KEY_ID, Emulator, SECRET_ACCESS_KEY};
use glacier_engine::treehash::TreeHash;
use glacier_engine::types::VaultName;
use tempfile::TempDir;

use super::knowledge::{HOUR, LAG, Taken};
use super::peer::Peer;
use super::people::Sent;
use super::step::{NAMES, PLAIN_NAMES, Step};
use super::support::ROTATED_KEY_ID;
use super::support::branch::Branch;
use super::truth::{Archives, Books, Job};
use super::wire::Break;

/// How long after its first upload a vault has an inventory, and how often a new one.
const INVENTORY_EVERY: f64 = 24.0 * HOUR;
/// How long jobs take.
pub const JOB_MINUTES: u16 = 4 * 60;

pub struct World {
    pub emulator: Arc<Emulator>,
    pub client: Client,
    pub books: Books,
    pub vault: VaultName,
    pub peers: Vec<Peer>,
    /// What is in the vault, as the model has it.
    pub archives: Archives,
    /// When the vault was made.
    pub made: f64,
    /// How many jobs the step must begin.
    pub jobs_begun: usize,
    /// Who has asked for the deletion of which archive that is gone, and has not lost the cache since.
    pub deleted_by: BTreeSet<(usize, String)>,
    /// What was stored without an answer, and by whom.
    pub unclaimed: BTreeMap<String, usize>,
    trouble: Option<Break>,
    _directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let directory = super::directory();
        let builder = Emulator::builder().job_delay(Duration::from_secs(u64::from(JOB_MINUTES) * 60));
        let builder = builder.inventory_lag(Duration::from_secs(24 * 3600)).data_dir(directory.path());
        let builder = builder.keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY).keys(ROTATED_KEY_ID, SECRET_ACCESS_KEY);
        let emulator = Arc::new(builder.start().await.unwrap());
        let mut peers = vec![Peer::new(&emulator).await, Peer::new(&emulator).await];
        let vault: VaultName = "v".parse().unwrap();
        for peer in &peers {
            peer.engine.create_vault(&vault).await.unwrap();
        }
        peers[0].knows.is_made_here = true;
        let client = Client::new(&emulator.sdk_config());
        let books = Books::open(directory.path());
        let made = books.vault_made();
        Self {
            emulator,
            client,
            books,
            vault,
            peers,
            archives: Archives::new(),
            made,
            jobs_begun: 0,
            deleted_by: BTreeSet::new(),
            unclaimed: BTreeMap::new(),
            trouble: None,
            _directory: directory,
        }
    }

    pub fn now(&self) -> f64 {
        glacier_engine::types::Timestamp::from(self.emulator.now()).unix_seconds()
    }

    /// Takes a step, then holds the vault and both caches against the model.
    pub async fn take(&mut self, step: &Step) {
        if let Step::Trouble { request, is_done, is_deadly, is_refused_then } = *step {
            self.trouble = Some(Break { request, is_done, is_deadly, is_refused_then });
            return;
        }
        let (began, jobs_before) = (self.now(), self.books.job_ids());
        let there_before: BTreeSet<String> = self.there().map(str::to_owned).collect();
        self.jobs_begun = 0;
        let trouble = self.trouble.take();
        if let Some(who) = step.is_remote() {
            self.act_remotely(who, step, trouble).await;
        }
        match (step.meets_trouble(), trouble) {
            (Some(who), planned) if planned.is_some() || self.is_unsettled(who, step) => {
                self.act_in_trouble(who, step, planned).await;
            }
            _ => self.act(step).await,
        }
        let jobs = self.books.job_ids().difference(&jobs_before).count();
        assert_eq!(jobs, self.jobs_begun, "the jobs that were begun, each of which costs");
        let lasted = self.now() - began;
        let archives = self.books.archives();
        for (id, archive) in &mut self.archives {
            let there = archives.get(id).unwrap_or_else(|| panic!("{id} is not in the vault: {archive:?}"));
            if archive
                .deleted
                .zip(there.deleted)
                .is_some_and(|(one, other)| (one - other).abs() <= lasted + 0.01)
            {
                archive.deleted = there.deleted;
            }
        }
        assert_eq!(archives, self.archives, "the archives of the vault");
        if let Some(who) = step.deletes() {
            let is_gone = |id: &String| self.archives[id].deleted.is_some();
            self.deleted_by.extend(there_before.into_iter().filter(is_gone).map(|id| (who, id)));
        }
        for peer in &mut self.peers {
            peer.compare(if let Step::Pass { .. } = step { 0.0 } else { lasted + 1.0 });
        }
        self.check_unclaimed();
    }

    /// Whether it depends on an upload of before that is not finished.
    fn is_unsettled(&self, who: usize, step: &Step) -> bool {
        let mut open = self.peers[who].knows.open.iter();
        match *step {
            Step::Upload { name, .. } => open.any(|open| open.name == name_of(name)),
            Step::Presence { name, .. } => open.any(|open| open.name == name_of(name) && open.is_in_parts),
            _ => false,
        }
    }

    async fn act(&mut self, step: &Step) {
        match *step {
            Step::Upload { who, name, content, source, insists } => {
                let content = content_for(name, content);
                self.upload(who, &name_of(name), Sent { content, source, insists }).await;
            }
            Step::Retrieve { who, name } => self.retrieve(who, &name_of(name)).await,
            Step::RetrieveById { who, which } => self.retrieve_by_id(who, which).await,
            Step::Delete { who, name } => self.delete(who, &name_of(name)).await,
            Step::DeleteById { who, which } => self.delete_by_id(who, which).await,
            Step::Dedupe { who } => self.dedupe(who).await,
            Step::CheckPresent { who, name } => self.check_present(who, &name_of(name)).await,
            Step::Presence { who, name } => self.presence(who, &name_of(name)).await,
            Step::Sync { who, max_age_hours, fix } => self.sync(who, max_age_hours, fix).await,
            Step::List { who } => self.list(who).await,
            Step::StoreOutside { name, content } => {
                self.store_outside(&name_of(name), content_for(name, content)).await;
            }
            Step::DeleteOutside { which } => self.delete_outside(which).await,
            Step::Merge => self.merge(),
            Step::Copy { .. }
            | Step::CopyFast { .. }
            | Step::Fsck { .. }
            | Step::Fetch { .. }
            | Step::Remove { .. }
            | Step::Trouble { .. } => {}
            Step::FailNextJob => {
                self.emulator.clear_faults();
                self.emulator.set_fault("fail-job#1".parse().unwrap());
            }
            Step::Restart { who } => self.peers[who].restart().await,
            Step::RotateKeys { who } => self.peers[who].rotate_keys().await,
            Step::LoseCache { who } => {
                self.peers[who].lose_cache().await;
                self.unclaimed.retain(|_, by| *by != who);
                self.deleted_by.retain(|(by, _)| *by != who);
            }
            Step::Pass { minutes } => self.emulator.advance(Duration::from_secs(u64::from(minutes) * 60)),
        }
    }

    /// Some time goes by: a remote goes by what it has just been told for up to a minute.
    fn merge(&mut self) {
        let branches: Vec<Branch> = self.peers.iter().map(|peer| peer.branch.clone()).collect();
        for peer in &mut self.peers {
            branches.iter().for_each(|branch| peer.branch.merge(branch));
        }
        self.emulator.advance(Duration::from_secs(61));
    }

    async fn store_outside(&mut self, name: &str, content: u8) {
        let data = super::bytes_of(content);
        let request = self.client.upload_archive().vault_name("v").archive_description(name);
        let request = request.checksum(TreeHash::of(&data).to_string()).body(ByteStream::from(data));
        let id = request.send().await.unwrap().archive_id.unwrap();
        self.expect_new(&id, name, content);
    }

    async fn delete_outside(&mut self, which: u8) {
        let there: Vec<String> = self.there().map(str::to_owned).collect();
        let Some(id) = chosen(&there, which) else { return };
        self.client.delete_archive().vault_name("v").archive_id(id).send().await.unwrap();
        self.expect_deleted(id);
    }

    /// The archives that exist, the oldest first.
    pub fn there(&self) -> impl Iterator<Item = &str> {
        let there = self.archives.iter().filter(|(_, archive)| archive.deleted.is_none());
        let mut there: Vec<_> = there.map(|(id, archive)| (archive.number, id.as_str())).collect();
        there.sort_unstable();
        there.into_iter().map(|(_, id)| id)
    }

    /// One of the archives that a machine knows.
    pub fn known(&self, who: usize, which: u8) -> Option<String> {
        let mut known: Vec<_> = self.peers[who].knows.live().map(|(id, _)| id).collect();
        known.sort_by_key(|id| self.archives[*id].number);
        chosen(&known, which).map(|id| (*id).clone())
    }

    /// From now on the vault holds it, with what was sent in it.
    pub fn expect_new(&mut self, id: &str, name: &str, content: u8) {
        assert!(!self.archives.contains_key(id), "{id} was stored before");
        let mut there = self.books.archives();
        let stored =
            there.remove(id).unwrap_or_else(|| panic!("{id} was acknowledged and is not in the vault"));
        let data = super::bytes_of(content);
        assert_eq!((stored.name.as_str(), stored.deleted), (name, None));
        assert_eq!(self.books.content(id).as_deref(), Some(&*data), "what the vault holds of {id}");
        assert_eq!(stored.hash, hash_of(content));
        self.archives.insert(id.to_owned(), stored);
    }

    pub fn expect_deleted(&mut self, id: &str) {
        let now = self.now();
        let archive = self.archives.get_mut(id).unwrap();
        archive.deleted = archive.deleted.or(Some(now));
    }

    /// Whether the service has made an inventory of the vault.
    pub fn has_inventory(&self) -> bool {
        let first = self.archives.values().map(|archive| archive.created).min_by(f64::total_cmp);
        first.is_some_and(|first| first + INVENTORY_EVERY <= self.now())
    }

    pub fn inventory_jobs(&self) -> Vec<Job> {
        let mut jobs = self.books.jobs(self.now());
        jobs.retain(|job| job.archive.is_none());
        jobs
    }

    /// Lets the machine know the inventory of the job; returns what is told.
    pub fn take_in(&mut self, who: usize, job: &Job, fix: bool) -> BTreeSet<String> {
        let (inventory, now) = (self.books.inventory(job), self.now());
        self.peers[who].knows.take_in(&inventory, now, fix)
    }

    /// A vault that is old and has no inventory was empty.
    pub fn learn_that_it_was_empty(&mut self, who: usize) {
        let now = self.now();
        let date = now - LAG;
        let is_old = self.made < date && !self.has_inventory();
        let knows = &mut self.peers[who].knows;
        if is_old && !knows.live().any(|(_, row)| row.made < date) {
            knows.inventory = Some(Taken { date, requested: now, listed: BTreeSet::new() });
            knows.settle();
        }
    }
}

pub fn name_of(name: u8) -> String {
    if name < PLAIN_NAMES { format!("n{name}") } else { format!("WORM-s33--{name}") }
}

/// What a key holds is always the same.
pub fn content_of(key: u8) -> u8 {
    10 + key
}

/// What a person stores under a name.
pub fn content_for(name: u8, content: u8) -> u8 {
    if name < PLAIN_NAMES { content } else { content_of(name) }
}

pub fn hash_of(content: u8) -> String {
    TreeHash::of(&super::bytes_of(content)).to_string()
}

pub fn chosen<T>(of: &[T], which: u8) -> Option<&T> {
    (!of.is_empty()).then(|| &of[usize::from(which) % of.len()])
}

impl World {
    /// When all has come to rest, everything that is in the vault is known, brought back and no other than what was
    /// stored.
    pub async fn ends(&mut self) {
        self.emulator.clear_faults();
        for who in 0..self.peers.len() {
            for fix in [false, true] {
                self.take(&Step::Pass { minutes: 4 * 24 * 60 }).await;
                self.take(&Step::Sync { who, max_age_hours: 0, fix }).await;
                self.take(&Step::Pass { minutes: JOB_MINUTES }).await;
                self.take(&Step::Sync { who, max_age_hours: 1, fix }).await;
            }
            let known: BTreeSet<&str> = self.peers[who].knows.live().map(|(id, _)| id.as_str()).collect();
            assert_eq!(known, self.there().collect(), "what is known in the end");
            let is_open = self.peers[who].knows.open.iter().any(|open| open.storing.is_some());
            assert!(!is_open, "what became of an upload is not known in the end");
            for name in 0..NAMES {
                self.take(&Step::Presence { who, name }).await;
                self.take(&Step::Retrieve { who, name }).await;
            }
            self.brings_all_keys(who).await;
        }
        let all = u8::try_from(self.there().count()).unwrap();
        for _ in 0..2 {
            for which in 0..all {
                self.take(&Step::RetrieveById { who: 0, which }).await;
            }
            self.take(&Step::Pass { minutes: JOB_MINUTES }).await;
        }
    }
    /// git-annex gets every key of which there is an archive.
    async fn brings_all_keys(&mut self, who: usize) {
        for _ in 0..2 {
            for key in PLAIN_NAMES..NAMES {
                self.take(&Step::Fetch { who, key }).await;
            }
            self.take(&Step::Pass { minutes: JOB_MINUTES }).await;
        }
        for key in PLAIN_NAMES..NAMES {
            self.take(&Step::Fetch { who, key }).await;
            let is_there = self.there().any(|id| self.archives[id].name == name_of(key));
            let is_brought = self.peers[who].home.path().join("fetched").exists();
            assert!(is_brought || !is_there, "{} was not brought", name_of(key));
        }
    }
}
