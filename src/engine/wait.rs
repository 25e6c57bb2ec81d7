//! How jobs are waited for.

use std::time::Duration;

/// The first pause: an emulator, or a job that was nearly done, is noticed at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: jobs take hours, and every question is a request.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What to do about a job that is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Say so and come back later.
    ComeBackLater,
    /// Wait until it is, however long that takes.
    Wait,
}

/// The pauses between two questions about a job: 0.1 s, then twice the last, up to 10 minutes.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_minutes() {
        let mut pauses = Pauses::new();
        let first: Vec<u128> = (0..4).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(first, [100, 200, 400, 800]);
        assert_eq!((0..20).map(|_| pauses.next()).last(), Some(LONGEST_PAUSE));
    }
}
