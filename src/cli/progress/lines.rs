//! A line now and then, for logs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::words;
use crate::cli::output::info;
use crate::engine::{Item, ItemKind, ItemProgress, Progress, Wait};

/// Says how far work has come whenever something has happened and so much time has gone by since the last word.
pub(super) struct Lines {
    every: Duration,
    state: Mutex<State>,
}

struct State {
    last: Instant,
    planned: usize,
    total_bytes: u64,
    ended: usize,
    done_bytes: u64,
}

impl Lines {
    pub(super) fn every(every: Duration) -> Self {
        let state = State { last: Instant::now(), planned: 0, total_bytes: 0, ended: 0, done_bytes: 0 };
        Self { every, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether it is time for a word.
    fn is_due(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let is_due = now.duration_since(state.last) >= self.every;
        if is_due {
            state.last = now;
        }
        is_due
    }

    fn say_when_due(&self, words: impl FnOnce() -> String) {
        if self.is_due(Instant::now()) {
            info(words());
        }
    }

    /// Returns how far all items are together, where there are several.
    fn overall(&self) -> Option<String> {
        let State { planned, total_bytes, ended, done_bytes, .. } = *self.lock();
        let amount = words::bytes_of(done_bytes, total_bytes);
        let percent = words::percent(done_bytes, total_bytes);
        (planned > 1).then(|| format!("{ended} of {planned} archives, {amount} ({percent} %)"))
    }
}

impl Progress for Lines {
    fn planned(&self, items: usize, total_bytes: u64) {
        let mut state = self.lock();
        state.planned += items;
        state.total_bytes += total_bytes;
    }

    fn begin<'a>(&'a self, item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        let is_counted = matches!(item.kind, ItemKind::TakingIn(_));
        let (name, total) = (words::name(item.kind), item.total);
        Box::new(Line { lines: self, name, total, is_counted, done: Mutex::new(0) })
    }

    fn waiting(&self, wait: &Wait<'_>) {
        self.say_when_due(|| words::waiting(wait, usize::MAX));
    }
}

struct Line<'a> {
    lines: &'a Lines,
    name: String,
    total: Option<u64>,
    is_counted: bool,
    done: Mutex<u64>,
}

impl Line<'_> {
    fn words(&self, done: u64) -> String {
        let name = &self.name;
        match self.total {
            _ if self.is_counted => format!("{name}: {done} read"),
            Some(total) => {
                let (amount, percent) = (words::bytes_of(done, total), words::percent(done, total));
                format!("{name}: {amount} ({percent} %)")
            }
            None => format!("{name}: {}", words::bytes(done)),
        }
    }
}

impl ItemProgress for Line<'_> {
    fn advanced(&self, done: u64) {
        let mut before = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_counted {
            self.lines.lock().done_bytes += done.saturating_sub(*before);
        }
        *before = done;
        self.lines.say_when_due(|| self.lines.overall().unwrap_or_else(|| self.words(done)));
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.lines.lock().ended += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_word_in_so_much_time() {
        let lines = Lines::every(Duration::from_secs(10));
        let at = |seconds| lines.lock().last + Duration::from_secs(seconds);
        let (first, second) = (at(9), at(10));
        assert!(!lines.is_due(first) && lines.is_due(second) && !lines.is_due(second));
        assert!(lines.is_due(second + Duration::from_secs(10)));
    }

    #[test]
    fn of_several_the_sum_is_told_and_of_one_its_own() {
        let lines = Lines::every(Duration::MAX);
        lines.planned(3, 6 << 20);
        let name = "a";
        let item = |total| Item { kind: ItemKind::Upload(name), total };
        let (first, second) = (lines.begin(&item(Some(1 << 20))), lines.begin(&item(None)));
        first.advanced(1 << 20);
        second.advanced(1 << 20);
        second.advanced(2 << 20);
        drop(first);
        assert_eq!(lines.overall().as_deref(), Some("1 of 3 archives, 3.00 of 6.00 MiB (50 %)"));
        let alone = Lines::every(Duration::MAX);
        assert_eq!(alone.overall(), None);
        let line = |total| Line {
            lines: &alone,
            name: "a".into(),
            total,
            is_counted: false,
            done: Mutex::default(),
        };
        assert_eq!(line(Some(4 << 20)).words(1 << 20), "a: 1.00 of 4.00 MiB (25 %)");
        assert_eq!(line(None).words(1 << 20), "a: 1.00 MiB");
    }
}
