//! A limit of bytes a second that all transfers share.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets only so many bytes a second through, however many ask.
#[derive(Debug)]
pub struct Bandwidth {
    bytes_per_second: u64,
    began: Instant,
    /// When the bytes let through so far will have passed, since the beginning.
    busy_until: Mutex<Duration>,
}

impl Bandwidth {
    /// Returns a limit of `bytes_per_second`, at least one.
    pub fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            began: Instant::now(),
            busy_until: Mutex::default(),
        }
    }

    /// Returns how much to send before asking again: a tenth of a second's worth, within 1 KiB and 64 KiB.
    pub(super) fn portion_bytes(&self) -> usize {
        usize::try_from(self.bytes_per_second / 10).unwrap_or(usize::MAX).clamp(1024, 64 * 1024)
    }

    /// Returns how long to wait before these bytes may be sent.
    pub(super) fn until_begin(&self, bytes: usize) -> Duration {
        self.reserve(bytes).begin
    }

    /// Returns how long to wait before these bytes, which have come, may be passed on.
    pub(super) fn until_end(&self, bytes: usize) -> Duration {
        self.reserve(bytes).end
    }

    fn reserve(&self, bytes: usize) -> Passage {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.began.elapsed();
        let passage = reserve(busy_until.saturating_sub(now), bytes, self.bytes_per_second);
        *busy_until = now + passage.end;
        passage
    }
}

/// When bytes begin to pass, and when they have passed, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Passage {
    begin: Duration,
    end: Duration,
}

/// Bytes pass one after the other; time in which none asked is not made up for.
#[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
fn reserve(busy_for: Duration, bytes: usize, bytes_per_second: u64) -> Passage {
    let takes = Duration::from_secs_f64(bytes as f64 / bytes_per_second as f64);
    Passage { begin: busy_for, end: busy_for + takes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them() {
        let second = Duration::from_secs;
        let passage = |begin, end| Passage { begin: second(begin), end: second(end) };
        assert_eq!(reserve(second(0), 3000, 1000), passage(0, 3));
        assert_eq!(reserve(second(2), 1000, 1000), passage(2, 3));
    }

    /// However large the pieces are in which a network brings them: the last one was not waited for.
    #[test]
    fn what_has_come_waits_for_as_long_as_it_takes_itself() {
        let (begun, limit) = (Instant::now(), Bandwidth::new(1000));
        assert_eq!(limit.until_begin(3000), Duration::ZERO);
        let waits = limit.until_end(2000);
        assert!(
            waits <= Duration::from_secs(5) && waits + begun.elapsed() >= Duration::from_secs(5),
            "{waits:?}"
        );
    }
}
