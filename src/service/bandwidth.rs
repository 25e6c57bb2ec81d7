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

    /// Returns how long to wait before these bytes may pass.
    pub(super) fn admit(&self, bytes: usize) -> Duration {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let (wait, next) = reserve(*busy_until, self.began.elapsed(), bytes, self.bytes_per_second);
        *busy_until = next;
        wait
    }
}

/// Bytes pass one after the other; time in which none asked is not made up for.
#[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
fn reserve(busy_until: Duration, now: Duration, bytes: usize, bytes_per_second: u64) -> (Duration, Duration) {
    let begin = busy_until.max(now);
    let takes = Duration::from_secs_f64(bytes as f64 / bytes_per_second as f64);
    (begin - now, begin + takes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them_and_idle_time_is_lost() {
        let second = Duration::from_secs;
        let (wait, busy) = reserve(Duration::ZERO, second(5), 3000, 1000);
        assert_eq!((wait, busy), (Duration::ZERO, second(8)));
        let (wait, busy) = reserve(busy, second(6), 1000, 1000);
        assert_eq!((wait, busy), (second(2), second(9)));
        assert_eq!(reserve(busy, second(60), 1000, 1000), (Duration::ZERO, second(61)));
    }
}
