//! Records for programs: one a line on standard error, whenever something has happened.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;

use crate::cli::records::{Record, print_record};
use crate::engine::{Item, ItemKind, ItemProgress, Progress, Wait};
use crate::types::Timestamp;

/// Prints what happens.
#[derive(Default)]
pub(super) struct Events {
    is_waiting: AtomicBool,
}

/// What has happened. Of an archive, bytes are told; of what is taken in from an inventory, archives.
#[derive(Serialize, Default)]
struct ProgressRecord<'a> {
    /// `begun`, `advanced`, `finished`, or `stopped` where it was not finished; `waiting`, then `waited`.
    event: &'a str,
    /// `upload`, `retrieval`, `inventory` or `taking-in`; `jobs` where these are waited for.
    work: &'a str,
    /// The name of the archive, else of the vault.
    name: Option<&'a str>,
    done: Option<u64>,
    total: Option<u64>,
    parts_under_way: Option<usize>,
    jobs: Option<usize>,
    /// When the first job was asked for.
    asked_date: Option<String>,
    /// When the last job is ready at the latest, as a rule.
    ready_by_date: Option<String>,
}

impl Record for ProgressRecord<'_> {
    const SCHEMA: &'static str = "progress/1";
}

impl ProgressRecord<'_> {
    fn print(&self) {
        let mut line = Vec::new();
        if print_record(&mut line, self).is_ok() {
            // Whoever has closed standard error does not want to know.
            let _ = std::io::stderr().lock().write_all(&line);
        }
    }
}

impl Progress for Events {
    fn begin<'a>(&'a self, item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        let (work, name) = match item.kind {
            ItemKind::Upload(name) => ("upload", name),
            ItemKind::Retrieval(name) => ("retrieval", name),
            ItemKind::Reading(name) => ("reading", name),
            ItemKind::Inventory(vault) => ("inventory", vault.as_str()),
            ItemKind::TakingIn(vault) => ("taking-in", vault.as_str()),
        };
        let event = ItemEvents {
            work,
            name: name.to_owned(),
            total: item.total,
            parts: AtomicUsize::new(0),
            is_finished: false.into(),
        };
        event.print("begun", Some(0));
        Box::new(event)
    }

    fn waiting(&self, wait: &Wait<'_>) {
        self.is_waiting.store(true, Ordering::Relaxed);
        let record = ProgressRecord {
            event: "waiting",
            work: "jobs",
            name: wait.name,
            jobs: Some(wait.jobs),
            asked_date: Some(Timestamp::rfc3339(wait.asked)),
            ready_by_date: Some(Timestamp::rfc3339(wait.ready_by)),
            ..ProgressRecord::default()
        };
        record.print();
    }

    fn waited(&self) {
        if !self.is_waiting.swap(false, Ordering::Relaxed) {
            return;
        }
        ProgressRecord { event: "waited", work: "jobs", ..ProgressRecord::default() }.print();
    }
}

struct ItemEvents {
    work: &'static str,
    name: String,
    total: Option<u64>,
    parts: AtomicUsize,
    is_finished: AtomicBool,
}

impl ItemEvents {
    fn print(&self, event: &str, done: Option<u64>) {
        let parts = self.parts.load(Ordering::Relaxed);
        let record = ProgressRecord {
            event,
            work: self.work,
            name: Some(&self.name),
            done,
            total: self.total,
            parts_under_way: (parts > 0).then_some(parts),
            ..ProgressRecord::default()
        };
        record.print();
    }
}

impl ItemProgress for ItemEvents {
    fn advanced(&self, done: u64) {
        self.print("advanced", Some(done));
    }

    fn under_way(&self, parts: usize) {
        self.parts.store(parts, Ordering::Relaxed);
    }

    fn finished(&self) {
        self.is_finished.store(true, Ordering::Relaxed);
    }
}

impl Drop for ItemEvents {
    fn drop(&mut self) {
        self.parts.store(0, Ordering::Relaxed);
        self.print(if self.is_finished.load(Ordering::Relaxed) { "finished" } else { "stopped" }, None);
    }
}
