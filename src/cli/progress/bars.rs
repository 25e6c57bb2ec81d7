//! Bars: a line for each item that has been under way for a while, one for all of them, one for the jobs that are waited
//! for. No line is wider than the terminal.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::words;
use crate::engine::{Item, ItemKind, ItemProgress, Progress, Wait};

/// What is done sooner is not shown.
const NOT_SHOWN: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(200);
/// How many items have a line at once.
const LINES_MAX: usize = 8;
/// Columns at the right that are left free: `^C` stands there when someone types it, and must not begin a line of its own.
const MARGIN: u16 = 3;

/// Draws bars. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bars(Arc<Drawing>);

struct Drawing {
    multi: MultiProgress,
    screen: Screen,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: BTreeMap<u64, Shown>,
    next_id: u64,
    all: All,
    wait: Option<Waiting>,
    columns: usize,
    is_closed: bool,
}

/// An item that is under way.
struct Shown {
    name: String,
    unit: Unit,
    total: Option<u64>,
    done: u64,
    parts: Arc<AtomicUsize>,
    since: Instant,
    bar: Option<ProgressBar>,
}

/// All items together.
#[derive(Default)]
struct All {
    planned: usize,
    total_bytes: u64,
    ended: usize,
    done_bytes: u64,
    since: Option<Instant>,
    bar: Option<ProgressBar>,
}

/// Jobs that are waited for.
struct Waiting {
    jobs: usize,
    name: Option<String>,
    asked: crate::types::Timestamp,
    ready_by: crate::types::Timestamp,
    now: crate::types::Timestamp,
    told: Instant,
    since: Instant,
    bar: Option<ProgressBar>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Archives,
}

impl Bars {
    /// Begins to draw; nothing is shown before there is something that lasts.
    pub(super) fn start() -> Self {
        let screen = Screen { terminal: Term::buffered_stderr(), column: Arc::default() };
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 10);
        let multi = MultiProgress::with_draw_target(target);
        let bars = Self(Arc::new(Drawing { multi, screen, state: Mutex::default() }));
        let ticking = bars.clone();
        // It ends with the process, at the latest.
        std::thread::spawn(move || {
            while ticking.tick(Instant::now()) {
                std::thread::sleep(TICK);
            }
        });
        bars
    }

    pub(super) fn beside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.0.multi.suspend(write)
    }

    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        let is_shown = state.all.bar.is_some()
            || state.wait.as_ref().is_some_and(|wait| wait.bar.is_some())
            || state.items.values().any(|item| item.bar.is_some());
        state.is_closed = true;
        let _ = self.0.multi.clear();
        self.0.multi.set_draw_target(ProgressDrawTarget::hidden());
        is_shown
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws what has become old enough to be shown, and all that moves with the time. Returns whether to go on.
    fn tick(&self, now: Instant) -> bool {
        let mut state = self.lock();
        if state.is_closed {
            return false;
        }
        let columns = usize::from(self.0.screen.width());
        let is_resized = std::mem::replace(&mut state.columns, columns) != columns;
        let State { items, all, wait, .. } = &mut *state;
        let multi = &self.0.multi;
        let is_lasting = |since: Instant| now.duration_since(since) >= NOT_SHOWN;
        let mut lines = items.values().filter(|item| item.bar.is_some()).count();
        for item in items.values_mut() {
            if item.bar.is_none() && is_lasting(item.since) && lines < LINES_MAX {
                lines += 1;
                let bar = ProgressBar::with_draw_target(item.total, ProgressDrawTarget::hidden());
                bar.set_style(item.style(columns));
                bar.set_message(item.name.clone());
                bar.set_position(item.done);
                bar.reset_eta();
                // That of all stays at the bottom.
                item.bar = Some(multi.insert(lines - 1, bar));
            }
            if let Some(bar) = &item.bar {
                if is_resized {
                    bar.set_style(item.style(columns));
                }
                bar.tick();
            }
        }
        all.tick(multi, columns, is_lasting, is_resized);
        if let Some(wait) = wait {
            wait.tick(multi, columns, now, is_lasting);
        }
        true
    }
}

impl Shown {
    fn style(&self, columns: usize) -> ProgressStyle {
        style(template(columns, self.unit, self.total.is_some()), &self.parts)
    }
}

impl All {
    fn tick(
        &mut self,
        multi: &MultiProgress,
        columns: usize,
        is_lasting: impl Fn(Instant) -> bool,
        is_resized: bool,
    ) {
        if self.planned < 2 || !self.since.is_some_and(is_lasting) {
            return;
        }
        let of_all = || style(template(columns, Unit::Bytes, true), &Arc::default());
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(self.total_bytes), ProgressDrawTarget::hidden());
            bar.set_style(of_all());
            bar.set_position(self.done_bytes);
            bar.reset_eta();
            multi.add(bar)
        });
        if is_resized {
            bar.set_style(of_all());
        }
        bar.set_length(self.total_bytes);
        bar.set_message(format!("{} of {} done", self.ended, self.planned));
        bar.set_position(self.done_bytes);
        bar.tick();
    }
}

impl Waiting {
    fn tick(
        &mut self,
        multi: &MultiProgress,
        columns: usize,
        now: Instant,
        is_lasting: impl Fn(Instant) -> bool,
    ) {
        if self.bar.is_none() && is_lasting(self.since) {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            bar.set_style(style("{wide_msg}", &Arc::default()));
            self.bar = Some(multi.add(bar));
        }
        let Some(bar) = &self.bar else { return };
        let wait = Wait {
            jobs: self.jobs,
            name: self.name.as_deref(),
            asked: self.asked,
            ready_by: self.ready_by,
            now: self.now + now.duration_since(self.told),
        };
        bar.set_message(words::waiting(&wait, columns));
    }
}

impl Progress for Bars {
    fn planned(&self, items: usize, total_bytes: u64) {
        let mut state = self.lock();
        let all = &mut state.all;
        all.planned += items;
        all.total_bytes += total_bytes;
    }

    fn begin<'a>(&'a self, item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        let mut state = self.lock();
        let (id, since) = (state.next_id, Instant::now());
        state.next_id += 1;
        state.all.since.get_or_insert(since);
        let unit = if matches!(item.kind, ItemKind::TakingIn(_)) { Unit::Archives } else { Unit::Bytes };
        let shown = Shown {
            name: words::name(item.kind),
            unit,
            total: item.total,
            done: 0,
            parts: Arc::default(),
            since,
            bar: None,
        };
        state.items.insert(id, shown);
        Box::new(Line { bars: self, id })
    }

    fn waiting(&self, wait: &Wait<'_>) {
        let told = Instant::now();
        let mut state = self.lock();
        let (since, bar) = state.wait.take().map_or((told, None), |before| (before.since, before.bar));
        state.wait = Some(Waiting {
            jobs: wait.jobs,
            name: wait.name.map(str::to_owned),
            asked: wait.asked,
            ready_by: wait.ready_by,
            now: wait.now,
            told,
            since,
            bar,
        });
    }

    fn waited(&self) {
        let wait = self.lock().wait.take();
        if let Some(bar) = wait.and_then(|wait| wait.bar) {
            self.remove(&bar);
        }
    }
}

impl Bars {
    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.0.multi.remove(bar);
    }
}

/// Hears of one item.
struct Line<'a> {
    bars: &'a Bars,
    id: u64,
}

impl Line<'_> {
    fn advance(&self, done: u64, is_new: bool) {
        let mut state = self.bars.lock();
        let State { items, all, .. } = &mut *state;
        let Some(item) = items.get_mut(&self.id) else { return };
        if item.unit == Unit::Bytes {
            all.done_bytes += done.saturating_sub(item.done);
        }
        item.done = done;
        for (bar, done) in [(&item.bar, done), (&all.bar, all.done_bytes)] {
            if let Some(bar) = bar {
                bar.set_position(done);
                if !is_new {
                    bar.reset_eta();
                }
            }
        }
    }
}

impl ItemProgress for Line<'_> {
    fn advanced(&self, done: u64) {
        self.advance(done, true);
    }

    fn resumed(&self, done: u64) {
        self.advance(done, false);
    }

    fn under_way(&self, parts: usize) {
        if let Some(item) = self.bars.lock().items.get(&self.id) {
            item.parts.store(parts, Ordering::Relaxed);
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut state = self.bars.lock();
        state.all.ended += 1;
        let mut bars: Vec<_> = state.items.remove(&self.id).and_then(|item| item.bar).into_iter().collect();
        if state.items.is_empty() && state.all.ended >= state.all.planned {
            bars.extend(state.all.bar.take());
            state.all = All::default();
        }
        drop(state);
        bars.iter().for_each(|bar| self.bars.remove(bar));
    }
}

/// Returns what fits so many columns.
fn template(columns: usize, unit: Unit, has_total: bool) -> &'static str {
    match (unit, has_total, columns) {
        (Unit::Archives, _, 40..) => "{wide_msg} {pos:>9} read",
        (Unit::Archives, _, 12..) => "{wide_msg} {pos}",
        (_, true, 100..) => {
            "{msg:24!} [{wide_bar}] {percent:>3}% {amount:>16} {rate:>10} {left:>11!} {parts:>9!}"
        }
        (_, true, 72..) => "{msg:12!} [{wide_bar}] {percent:>3}% {amount:>16} {rate:>10} {left:>11!}",
        (_, true, 48..) => "{wide_msg} {percent:>3}% {amount:>16} {left:>11!}",
        (_, true, 30..) => "{wide_msg} {percent:>3}% {left:>11!}",
        (_, true, 6..) => "{wide_msg} {percent:>3}%",
        (_, false, 48..) => "{wide_msg} {amount:>10} {rate:>10} {parts:>9!}",
        (_, false, 12..) => "{wide_msg} {amount:>10}",
        _ => "{wide_msg}",
    }
}

fn style(template: &str, parts: &Arc<AtomicUsize>) -> ProgressStyle {
    let parts = Arc::clone(parts);
    let under_way = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = match parts.load(Ordering::Relaxed) {
            0 => Ok(()),
            1 => out.write_str("1 part"),
            parts => write!(out, "{parts} parts"),
        };
    };
    let style = ProgressStyle::with_template(template).expect("the templates above are well formed");
    style
        .progress_chars("=> ")
        .with_key("amount", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = match state.len() {
                Some(total) => out.write_str(&words::bytes_of(state.pos(), total)),
                None => out.write_str(&words::bytes(state.pos())),
            };
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.per_sec() >= 1.0 {
                let _ = out.write_str(&words::rate(state.per_sec()));
            }
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.per_sec() >= 1.0 && !state.eta().is_zero() {
                let _ = write!(out, "{} left", words::duration(state.eta()));
            }
        })
        .with_key("parts", under_way)
}

/// Standard error, somewhat narrower than it is. indicatif fills each line up to the width and goes on writing, as on a
/// terminal that begins the next line then; so this does, too.
#[derive(Debug, Clone)]
struct Screen {
    terminal: Term,
    column: Arc<Mutex<usize>>,
}

impl Screen {
    fn column(&self) -> MutexGuard<'_, usize> {
        self.column.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.terminal.size().1.saturating_sub(MARGIN).max(1)
    }

    fn height(&self) -> u16 {
        self.terminal.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)?;
        *self.column() = 0;
        self.terminal.write_line("")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut column = self.column();
        if !text.is_empty() && *column >= usize::from(self.width()) {
            self.terminal.write_line("")?;
            *column = 0;
        }
        *column += console::measure_text_width(text);
        self.terminal.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        *self.column() = 0;
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.terminal.flush()
    }
}
