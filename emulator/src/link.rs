//! A slow link: how long it takes before a request is looked at, and how many bytes a second a connection carries.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// What the link is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    pub(crate) latency: Duration,
    pub(crate) bytes_per_second: Option<u64>,
}

/// How often a second a busy connection moves bytes, at least.
const STEPS_A_SECOND: u64 = 100;
/// What is due this soon need not be waited for; timers are no finer.
const TIMER_STEP: Duration = Duration::from_micros(500);
/// Most that is made up for when a timer was late.
const LATE_MAX: Duration = Duration::from_millis(100);
/// What a busy connection may take between two steps without losing it.
const BETWEEN_STEPS: Duration = Duration::from_millis(2);

/// The pace of one direction: so many bytes, and no more until the time is over that they take.
#[derive(Debug)]
struct Pace {
    bytes_per_second: u64,
    /// When what was moved is through.
    due: Instant,
    is_waiting: bool,
    /// By how much the last wait was too long. That is made up for; a rest that the connection took is not.
    late: Duration,
    /// Bytes that are on their way out, to be handed over when they are due.
    booked: usize,
    timer: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self {
            bytes_per_second,
            due: Instant::now(),
            is_waiting: false,
            late: Duration::ZERO,
            booked: 0,
            timer,
        }
    }

    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if now + TIMER_STEP < self.due {
            self.is_waiting = true;
            self.timer.as_mut().reset(self.due);
            ready!(self.timer.as_mut().poll(context));
        }
        if std::mem::take(&mut self.is_waiting) {
            self.late = now.saturating_duration_since(self.due).min(LATE_MAX);
        }
        Poll::Ready(())
    }

    /// Returns how many bytes may move at once.
    fn step(&self) -> usize {
        usize::try_from(self.bytes_per_second / STEPS_A_SECOND).unwrap_or(usize::MAX).max(1)
    }

    fn move_bytes(&mut self, bytes: usize) {
        let now = Instant::now();
        let earliest = now.checked_sub(self.late + BETWEEN_STEPS).unwrap_or(now);
        self.due = self.due.max(earliest) + self.time_for(bytes);
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds do not matter")]
    fn time_for(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64)
    }
}

/// A connection that carries no more than it may, in each direction.
#[derive(Debug)]
pub(crate) struct Paced {
    stream: TcpStream,
    incoming: Option<Pace>,
    outgoing: Option<Pace>,
}

impl Paced {
    pub(crate) fn new(stream: TcpStream, link: Link) -> Self {
        let pace = || link.bytes_per_second.map(Pace::new);
        Self { stream, incoming: pace(), outgoing: pace() }
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, incoming, .. } = &mut *self;
        let Some(pace) = incoming else { return Pin::new(stream).poll_read(context, buffer) };
        ready!(pace.poll_due(context));
        let room = pace.step().min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        pace.move_bytes(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, incoming, outgoing } = &mut *self;
        let Some(pace) = outgoing else { return Pin::new(stream).poll_write(context, data) };
        // Nothing is answered before it has come in.
        if let Some(incoming) = incoming {
            ready!(incoming.poll_due(context));
        }
        if pace.booked == 0 {
            pace.booked = pace.step().min(data.len());
            pace.move_bytes(pace.booked);
        }
        ready!(pace.poll_due(context));
        let count = ready!(Pin::new(stream).poll_write(context, &data[..pace.booked.min(data.len())]))?;
        pace.due -= pace.time_for(pace.booked.saturating_sub(count));
        pace.booked = 0;
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.outgoing.is_none() {
            return Pin::new(&mut self.stream).poll_write_vectored(context, data);
        }
        let first = data.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
