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

use std::process::ExitCode;
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::BufReader;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::engine::SystemClock;
use crate::settings::Settings;
pub use manual::manual_page;
pub use serving::{End, serve};

/// Serves git-annex on standard input and output until it has no more to ask.
pub fn run(settings: Settings) -> ExitCode {
    if let Err(error) = end_after_a_signal() {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let outcome = runtime.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async {
            let number = |kind: SignalKind| u8::try_from(kind.as_raw_value()).unwrap_or_default();
            tokio::select! {
                () = heard(&mut terminate) => number(SignalKind::terminate()),
                () = heard(&mut interrupt) => number(SignalKind::interrupt()),
            }
        };
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
fn end_after_a_signal() -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            std::thread::sleep(serving::GRACE * 2);
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

async fn heard(signal: &mut Signal) {
    // None is for signals that will never come again; there is nothing to stop for then.
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

fn failed(error: &std::io::Error) -> ExitCode {
    eprintln!("git-annex-remote-glacier: {error}");
    ExitCode::FAILURE
}
