//! The special remote of git-annex: `git annex initremote NAME type=external externaltype=glacier`.
//!
//! `protocol` is the lines, pure; `session` is who may talk when; `serving` lets requests of several jobs be served at
//! once; `remote` turns requests into work for the engine. Standard output carries the protocol and nothing else,
//! through the session's line only.

mod chunks;
mod config;
mod credentials;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod info;
mod manual;
mod notices;
mod protocol;
mod remote;
mod remove;
mod retrieve;
mod serving;
mod session;
mod state;
mod store;
mod vault;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::BufReader;
use tokio::signal::unix::SignalKind;

use crate::engine::SystemClock;
use crate::settings::Settings;
use crate::signals::{Signals, is_ignored};
pub use manual::manual_page;
pub use serving::{End, serve};

/// Serves git-annex on standard input and output until it has no more to ask.
pub fn run(settings: Settings) -> ExitCode {
    let kinds = ending();
    if let Err(error) = end_after_a_signal(&kinds) {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen(kinds)?;
        let stop = async { u8::try_from(signals.next().await.as_raw_value()).unwrap_or_default() };
        let (clock, input) = (Arc::new(SystemClock), BufReader::new(tokio::io::stdin()));
        serve(settings, clock, input, Box::new(std::io::stdout()), stop).await
    });
    // A read of standard input that is still blocked must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(End::Served) => ExitCode::SUCCESS,
        Ok(End::BrokenOff) => ExitCode::FAILURE,
        // As a shell tells of a program that a signal has ended.
        Ok(End::Stopped(signal)) => ExitCode::from(128 + signal),
        // git-annex has gone, and with it whoever would read why.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => failed(&error),
    }
}

/// Ends the process some time after a signal, should it have had no other end: git-annex may have ceased to read what it
/// is told, and who speaks waits for it.
fn end_after_a_signal(kinds: &[SignalKind]) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(kinds.iter().map(SignalKind::as_raw_value))?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            std::thread::sleep(serving::GRACE * 2);
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// The signals that end the remote. A closed terminal is none to whoever was started by `nohup`.
fn ending() -> Vec<SignalKind> {
    let hangup = Some(SignalKind::hangup()).filter(|kind| !is_ignored(*kind));
    [SignalKind::terminate(), SignalKind::interrupt()].into_iter().chain(hangup).collect()
}

fn failed(error: &std::io::Error) -> ExitCode {
    // The terminal may be gone.
    let _ = writeln!(std::io::stderr(), "git-annex-remote-glacier: {error}");
    ExitCode::FAILURE
}
