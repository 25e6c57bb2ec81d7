//! A signal that ends the program: one line says so and how to go on, and what was acknowledged is noted before.
//!
//! Whatever the command is doing, it can end at any moment (`engine::stop` says why); so nobody asks it to. Only an
//! answer that is on its way and must be noted is waited for, a while. The program then ends by the signal itself, as
//! one that knows nothing of signals would: a shell shows 130 for Ctrl-C, 143 for SIGTERM and 129 for a
//! terminal that was closed, and its loop ends too.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tokio::sync::Notify;

use super::exit::Exit;
use super::output::say;
use super::progress;
use crate::engine::{Engine, Stop};
use crate::signals::{Signals, is_ignored};

/// How long an answer is waited for that is on its way.
const GRACE: Duration = Duration::from_secs(5);
/// How long that is nothing to talk about.
const UNNOTICED: Duration = Duration::from_secs(1);
/// How long a command may take from its last answer to its end, to be called done.
const LAST_STEPS: Duration = Duration::from_millis(100);

/// What there is to know when a signal comes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Interrupts(Arc<State>);

struct State {
    stop: OnceLock<Arc<Stop>>,
    heard: OnceLock<SignalKind>,
    has_ended: Notify,
    going_on: Mutex<Cow<'static, str>>,
}

impl Interrupts {
    /// Listens from now on. `going_on` is what to do after an interruption, if there is anything.
    pub(super) fn listen(runtime: &Runtime, going_on: Cow<'static, str>) -> std::io::Result<Self> {
        let _inside = runtime.enter();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals = Signals::listen(kinds.into_iter().filter(|kind| !is_ignored(*kind)))?;
        let state = State {
            stop: OnceLock::new(),
            heard: OnceLock::new(),
            has_ended: Notify::new(),
            going_on: Mutex::new(going_on),
        };
        let interrupts = Self(Arc::new(state));
        runtime.spawn(interrupts.clone().watch(signals));
        Ok(interrupts)
    }

    /// Lets this engine note what it is told when a signal comes.
    pub(super) fn wait_for(&self, engine: &Engine) {
        let _ = self.0.stop.set(engine.stop());
    }

    /// Says what is to be said of an interruption from now on, and returns what was before.
    pub(super) fn going_on(&self, words: impl Into<Cow<'static, str>>) -> Cow<'static, str> {
        let mut going_on = self.0.going_on.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *going_on, words.into())
    }

    /// Ends the program as the command has ended, or as it was told to meanwhile.
    pub(super) fn end(&self, exit: Exit) -> ExitCode {
        if self.0.heard.get().is_some() {
            if exit == Exit::Done {
                self.going_on("all was done by then");
            }
            self.0.has_ended.notify_one();
            // There is nothing left to wait for, so this is about to end.
            std::thread::sleep(GRACE);
        }
        exit.into()
    }

    async fn watch(self, mut signals: Signals) {
        let first = signals.next().await;
        let _ = self.0.heard.set(first);
        begin_line(first);
        let second = async {
            // Of a closed terminal the shell and the system may both tell.
            let second = loop {
                match signals.next().await {
                    again if again == SignalKind::hangup() => {}
                    second => break second,
                }
            };
            end_by(second)
        };
        tokio::select! {
            biased;
            never = second => never,
            is_settled = self.settled() => {
                let going_on = self.going_on("");
                let when = if is_settled { "interrupted" } else { "interrupted before Glacier had answered" };
                match &*going_on {
                    "" => say(when),
                    going_on => say(format_args!("{when}; {going_on}")),
                }
                end_by(first)
            }
        }
    }

    /// Waits for what is to be noted. Returns whether all of it is.
    async fn settled(&self) -> bool {
        let Some(stop) = self.0.stop.get() else { return true };
        let mut stopping = std::pin::pin!(stop.settle());
        let mut waited = tokio::time::timeout(UNNOTICED, &mut stopping).await;
        if waited.is_err() {
            if std::io::stderr().is_terminal() {
                say("waiting a moment for Glacier's answer; a second Ctrl-C ends this at once");
            }
            waited = tokio::time::timeout(GRACE - UNNOTICED, stopping).await;
        }
        if let Ok(true) = waited {
            let _ = tokio::time::timeout(LAST_STEPS, self.0.has_ended.notified()).await;
        }
        waited.is_ok()
    }
}

/// Whoever typed Ctrl-C finds `^C` on the terminal, behind whatever stood there. Behind bars it goes with them.
fn begin_line(signal: SignalKind) {
    let had_bars = progress::close();
    let mut terminal = std::io::stderr().lock();
    if !had_bars && signal == SignalKind::interrupt() && terminal.is_terminal() {
        let _ = terminal.write_all(b"\n");
    }
}

fn end_by(signal: SignalKind) -> ! {
    let number = signal.as_raw_value();
    // The first process of a container is not ended by a signal that it does not catch.
    if std::process::id() != 1 {
        let _ = signal_hook::low_level::emulate_default_handler(number);
    }
    std::process::exit(128 + number)
}
