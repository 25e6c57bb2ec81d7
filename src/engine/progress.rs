//! How far work has come, for whoever shows that.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::service::{INVENTORY_READY_WITHIN, Job, JobTask, Tier};
use crate::types::{Timestamp, VaultName};

/// Something that takes a while.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// What is done with it.
    pub kind: ItemKind<'a>,
    /// How much there is of it, if that is known.
    pub total: Option<u64>,
}

/// What is done. How much of it is told in bytes, but of [`ItemKind::TakingIn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind<'a> {
    /// An archive of this name is stored.
    Upload(&'a str),
    /// An archive, as it was referred to, is brought here.
    Retrieval(&'a str),
    /// A file of this name is read, to be compared.
    Reading(&'a str),
    /// An inventory of the vault is brought here.
    Inventory(&'a VaultName),
    /// The archives that an inventory of the vault lists are compared with the cache; they are counted.
    TakingIn(&'a VaultName),
}

/// Jobs that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait<'a> {
    /// How many.
    pub jobs: usize,
    /// What the only one brings, where that has a name.
    pub name: Option<&'a str>,
    /// When the first of them was asked for.
    pub asked: Timestamp,
    /// When the last of them is ready at the latest, as a rule.
    pub ready_by: Timestamp,
    /// The present.
    pub now: Timestamp,
}

/// Hears how far work has come. Called from any thread; must not block.
pub trait Progress: Send + Sync {
    /// So many items are going to be worked on, and so much is known of how many bytes they have together.
    fn planned(&self, _items: usize, _total_bytes: u64) {}

    /// Work on an item begins. It has ended when what is returned is dropped.
    fn begin<'a>(&'a self, item: &Item<'_>) -> Box<dyn ItemProgress + 'a>;

    /// Jobs are waited for, from now on; or how they stand has been looked at.
    fn waiting(&self, _wait: &Wait<'_>) {}

    /// No job is waited for any more, if any was.
    fn waited(&self) {}
}

/// Hears how far the work on one item has come. Called from any thread; must not block.
pub trait ItemProgress: Send + Sync {
    /// `done` in all has been acknowledged by the service, verified on its way here, or read. Never smaller than before.
    fn advanced(&self, done: u64);

    /// So much was done before the work began.
    fn resumed(&self, done: u64) {
        self.advanced(done);
    }

    /// So many parts are under way.
    fn under_way(&self, _parts: usize) {}

    /// All is done.
    fn finished(&self) {}
}

/// For callers who do not want to know.
impl Progress for () {
    fn begin<'a>(&'a self, _item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        Box::new(())
    }
}

impl ItemProgress for () {
    fn advanced(&self, _done: u64) {}
}

/// Work that may have to begin anew, which takes back nothing of what was said.
pub(super) struct Rising<'a> {
    item: &'a dyn ItemProgress,
    done: AtomicU64,
}

impl<'a> Rising<'a> {
    pub(super) fn new(item: &'a dyn ItemProgress) -> Self {
        Self { item, done: AtomicU64::new(0) }
    }
}

impl ItemProgress for Rising<'_> {
    fn advanced(&self, done: u64) {
        if self.done.fetch_max(done, Ordering::Relaxed) < done {
            self.item.advanced(done);
        }
    }

    fn resumed(&self, done: u64) {
        self.done.fetch_max(done, Ordering::Relaxed);
        self.item.resumed(done);
    }

    fn under_way(&self, parts: usize) {
        self.item.under_way(parts);
    }

    fn finished(&self) {
        self.item.finished();
    }
}

/// Returns when the job was asked for and when it is ready at the latest, as a rule; one that does not say counts as
/// asked for `now`.
pub(super) fn expected(job: &Job, now: Timestamp) -> (Timestamp, Timestamp) {
    let asked = job.created_at().unwrap_or(now);
    let within = match &job.task {
        JobTask::Archive(task) => task.tier.unwrap_or(Tier::Standard).ready_within(),
        JobTask::Inventory(_) => INVENTORY_READY_WITHIN,
    };
    (asked, asked + within)
}

impl<'a> Wait<'a> {
    /// Sums up the jobs, each with when it was asked for and when it is ready at the latest, and what it brings.
    pub(super) fn of(
        jobs: impl IntoIterator<Item = ((Timestamp, Timestamp), Option<&'a str>)>,
        now: Timestamp,
    ) -> Self {
        let mut wait = Self { jobs: 0, name: None, asked: now, ready_by: now, now };
        for ((asked, ready_by), name) in jobs {
            wait.jobs += 1;
            wait.name = name.filter(|_| wait.jobs == 1);
            wait.asked = wait.asked.min(asked);
            wait.ready_by = wait.ready_by.max(ready_by);
        }
        wait
    }
}
