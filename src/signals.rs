//! The signals that end a program: Ctrl-C, `SIGTERM`, and `SIGHUP`, which comes when the terminal is closed or its line lost.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those that are listened for, each with its number for whoever shows how a program has ended.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// Listens from now on, inside a runtime.
    pub(crate) fn listen(kinds: impl IntoIterator<Item = SignalKind>) -> io::Result<Self> {
        let listening = kinds.into_iter().map(|kind| Ok((kind, signal(kind)?)));
        listening.collect::<io::Result<_>>().map(Self)
    }

    /// Returns the next that comes.
    pub(crate) async fn next(&mut self) -> SignalKind {
        poll_fn(|context| {
            for (kind, signal) in &mut self.0 {
                // One that says nothing more is for a signal that will never come again.
                if signal.poll_recv(context) == Poll::Ready(Some(())) {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Returns whether whoever started this wants a signal to be ignored, as a shell does with Ctrl-C for what runs in the
/// background of a script, and `nohup` with what a closed terminal sends. Only Linux tells.
pub(crate) fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
