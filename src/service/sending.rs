//! A request that carries data, on its way out: its hash is read where the SDK has put it, its bytes are paced, and
//! a peer that takes no more of them is noticed.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aws_sdk_glacier::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_glacier::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_glacier::error::BoxError;
use aws_sdk_glacier::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::bandwidth::Bandwidth;
use crate::treehash::TreeHash;

/// How long the peer may neither take data nor answer: it is noticed within a minute.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How much is handed to the connection at once when nothing limits it.
const PORTION_BYTES: usize = 256 * 1024;

/// What the last of a request's data goes through. Shut before that, the request can never be carried out: all of the
/// data is needed for that.
#[derive(Debug, Default)]
pub struct Gate(AtomicU8);

const OPEN: u8 = 0;
const PASSED: u8 = 1;
const SHUT: u8 = 2;

impl Gate {
    /// Lets nothing through any more. Returns whether something has gone through: then the request may be carried out.
    #[must_use]
    pub fn shut(&self) -> bool {
        self.0.swap(SHUT, Ordering::SeqCst) == PASSED
    }

    /// Hears that the last request that went through was refused, and that another is about to be sent.
    pub(super) fn reopen(&self) {
        let _ = self.0.compare_exchange(PASSED, OPEN, Ordering::SeqCst, Ordering::SeqCst);
    }

    fn pass(&self) -> bool {
        self.0.compare_exchange(OPEN, PASSED, Ordering::SeqCst, Ordering::SeqCst) != Err(SHUT)
    }
}

/// What is known of a request with data while it is sent.
pub(super) struct Sending {
    data: Bytes,
    gate: Arc<Gate>,
    when_sent: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    bandwidth: Option<Arc<Bandwidth>>,
    tree_hash: OnceLock<TreeHash>,
    began: Instant,
    last_moved_milliseconds: AtomicU64,
    is_held_back: AtomicBool,
}

impl Sending {
    pub(super) fn new(
        data: Bytes,
        gate: Arc<Gate>,
        bandwidth: Option<Arc<Bandwidth>>,
        when_sent: Box<dyn FnOnce() + Send>,
    ) -> Arc<Self> {
        Arc::new(Self {
            data,
            gate,
            when_sent: Mutex::new(Some(when_sent)),
            bandwidth,
            tree_hash: OnceLock::new(),
            began: Instant::now(),
            last_moved_milliseconds: AtomicU64::new(0),
            is_held_back: AtomicBool::new(false),
        })
    }

    /// Returns the tree hash that the SDK has computed of the data, once it was about to be sent.
    pub(super) fn tree_hash(&self) -> Option<TreeHash> {
        self.tree_hash.get().copied()
    }

    /// Ends when the peer has been silent for too long.
    pub(super) async fn silence(&self) {
        loop {
            let quiet = self.elapsed_milliseconds() - self.last_moved_milliseconds.load(Ordering::Relaxed);
            let quiet = Duration::from_millis(quiet);
            if self.is_held_back.load(Ordering::Relaxed) {
                tokio::time::sleep(SILENCE_MAX).await;
            } else if quiet >= SILENCE_MAX {
                return;
            } else {
                tokio::time::sleep(SILENCE_MAX - quiet).await;
            }
        }
    }

    /// Calls `when_sent`, once.
    pub(super) fn note_sent(&self) {
        let when_sent = self.when_sent.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(when_sent) = when_sent {
            when_sent();
        }
    }

    fn note_movement(&self) {
        self.last_moved_milliseconds.store(self.elapsed_milliseconds(), Ordering::Relaxed);
    }

    fn elapsed_milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

/// Hooks a [`Sending`] into the SDK's request, which is hashed and signed by then.
#[derive(Debug)]
pub(super) struct Hook(pub(super) Arc<Sending>);

impl Intercept for Hook {
    fn name(&self) -> &'static str {
        "paced and watched data"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let hash = request.headers().get("x-amz-sha256-tree-hash").ok_or("the SDK has sent no tree hash")?;
        let _ = self.0.tree_hash.set(hash.parse()?);
        self.0.note_movement();
        *request.body_mut() = SdkBody::from_body_1_x(Paced::new(Arc::clone(&self.0)));
        Ok(())
    }
}

/// The data, a portion at a time, no faster than the limit.
struct Paced {
    sending: Arc<Sending>,
    rest: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    fn new(sending: Arc<Sending>) -> Self {
        Self { rest: sending.data.clone(), sending, pause: None }
    }

    fn next_bytes(&self) -> usize {
        let portion = self.sending.bandwidth.as_ref().map_or(PORTION_BYTES, |limit| limit.portion_bytes());
        portion.min(self.rest.len())
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes = self.next_bytes();
        if bytes == 0 {
            return Poll::Ready(None);
        }
        if self.pause.is_none()
            && let Some(limit) = self.sending.bandwidth.clone()
        {
            self.pause = Some(Box::pin(tokio::time::sleep(limit.until_begin(bytes))));
        }
        if let Some(pause) = &mut self.pause {
            let waited = pause.as_mut().poll(context);
            self.sending.is_held_back.store(waited.is_pending(), Ordering::Relaxed);
            ready!(waited);
            self.pause = None;
        }
        self.sending.note_movement();
        if bytes == self.rest.len() && !self.sending.gate.pass() {
            // The process is about to end.
            return Poll::Pending;
        }
        let portion = self.rest.split_to(bytes);
        if self.rest.is_empty() {
            self.sending.note_sent();
        }
        Poll::Ready(Some(Ok(Frame::data(portion))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gate_was_shut_before_never_goes_through() {
        let gate = Gate::default();
        assert!(gate.pass());
        gate.reopen();
        assert!(!gate.shut(), "the one that passed was refused");
        gate.reopen();
        assert!(!gate.pass());
        let gate = Gate::default();
        assert!(gate.pass() && gate.shut() && !gate.pass());
    }
}
