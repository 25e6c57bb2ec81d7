//! Being stopped in the middle.
//!
//! The process may end at any moment: what is on record before, during and after each call says how to go on. But some
//! answers are dear: one that stores, deletes or asks for an archive and is not noted leaves something to find out
//! later. Such a call holds a [`Noting`] from what it puts on record before to what it notes after; whoever ends the
//! process can wait for them a while. Not one of them may be held while another is asked for.

use std::sync::Arc;

use tokio::sync::{RwLock, RwLockReadGuard, watch};

use super::Engine;

/// Whether the process is about to end, and who is not ready for that. It outlives its engine, so that whoever listens
/// for signals does not keep the cache open to the last.
#[derive(Debug)]
pub struct Stop {
    asked: watch::Sender<bool>,
    /// Held in common by all whose answers are to be noted, alone by who waits for them.
    noted: RwLock<()>,
}

/// The right to make a call whose answer is to be noted, until it is.
pub(super) type Noting<'a> = RwLockReadGuard<'a, ()>;

impl Default for Stop {
    fn default() -> Self {
        Self { asked: watch::Sender::new(false), noted: RwLock::default() }
    }
}

impl Stop {
    /// Begins a call whose answer is to be noted; never, once the process is about to end.
    pub(super) async fn noting(&self) -> Noting<'_> {
        let noting = self.noted.read().await;
        if *self.asked.borrow() {
            drop(noting);
            return std::future::pending().await;
        }
        noting
    }

    /// Ends when the process is about to.
    pub(super) async fn asked(&self) {
        // The sender is this one, so it is there.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}

impl Engine {
    /// Returns what stops this engine and its clones.
    pub fn stop(&self) -> Arc<Stop> {
        Arc::clone(&self.stop)
    }
}

impl Stop {
    /// Lets no further call begin whose answer would have to be noted, breaks off those of which not all is sent, and
    /// returns when the answers of all others are noted. Then the process may end without leaving anything open. The
    /// futures under way must be polled meanwhile; some of them will never be ready. Returns whether there was an answer
    /// to wait for.
    pub async fn settle(&self) -> bool {
        self.asked.send_replace(true);
        if self.noted.try_write().is_ok() {
            return false;
        }
        drop(self.noted.write().await);
        true
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_has_begun_is_waited_for_and_nothing_else_begins() {
        let stop = Stop::default();
        let first = stop.noting().await;
        assert_eq!(stop.asked().now_or_never(), None);
        stop.asked.send_replace(true);
        let mut waiting = std::pin::pin!(stop.noted.write());
        assert!(waiting.as_mut().now_or_never().is_none(), "the first is not noted yet");
        assert!(stop.noting().now_or_never().is_none());
        assert_eq!(stop.asked().now_or_never(), Some(()));
        drop(first);
        drop(waiting.await);
        assert!(stop.noting().now_or_never().is_none(), "not even after all are noted");
    }
}
