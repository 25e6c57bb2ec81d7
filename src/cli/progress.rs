//! How far work has come, on standard error: bars on a terminal, a line now and then with `--verbose` elsewhere, records
//! for programs. Silence where nobody looks: scripts and git-annex rely on it.

mod bars;
mod events;
mod lines;
mod words;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ValueEnum;

use crate::engine::Progress;
use bars::Bars;
use events::Events;
use lines::Lines;

/// How often there is a line where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// There is one terminal, so there is one who draws on it.
static BARS: OnceLock<Bars> = OnceLock::new();

/// Whether progress is shown, and how: `docs/progress.md` has it for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    Auto,
    Never,
    Always,
    Json,
}

/// Returns who shows progress. To be called once.
pub(super) fn shown(mode: Mode, is_verbose: bool) -> Arc<dyn Progress> {
    let is_terminal = std::io::stderr().is_terminal() && knows_bars(std::env::var_os("TERM").as_deref());
    match mode {
        Mode::Always => Arc::new(BARS.get_or_init(Bars::start).clone()),
        Mode::Auto if is_terminal => Arc::new(BARS.get_or_init(Bars::start).clone()),
        Mode::Auto if is_verbose => Arc::new(Lines::every(LINE_EVERY)),
        Mode::Auto | Mode::Never => Arc::new(()),
        Mode::Json => Arc::new(Events::default()),
    }
}

/// Writes something to the terminal while there may be bars: they make room, and stand below it then.
pub(super) fn beside<R>(write: impl FnOnce() -> R) -> R {
    match BARS.get() {
        Some(bars) => bars.beside(write),
        None => write(),
    }
}

/// Takes all bars away, for good. Returns whether there were any.
pub(super) fn close() -> bool {
    BARS.get().is_some_and(Bars::close)
}

/// Returns whether a terminal of this name can draw over what it has written.
fn knows_bars(term: Option<&std::ffi::OsStr>) -> bool {
    term.is_some_and(|term| !term.is_empty() && term != "dumb")
}
