//! How jobs are waited for.

use std::time::Duration;

use super::{Engine, EngineError, Notice};
use crate::service::Repeat;

/// The first pause: an emulator, or a job that was nearly done, is noticed at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: jobs take hours, and every question is a request.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How often in a row the service may be out of reach while jobs are waited for; a try lasts some seconds, and the
/// pauses grow to ten minutes.
const UNHEARD_MAX: u32 = 15;
/// How many small requests about jobs are under way at once: enough to hide a link's latency, few enough not to be
/// throttled.
pub(super) const ASKED_AT_ONCE: usize = 8;
/// From how many jobs on all are looked at by one list instead of one by one.
pub(super) const LISTED_FROM: usize = 20;

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

/// A wait for jobs: they take hours, in which the service may be out of reach for a while.
#[derive(Debug)]
pub(super) struct Waiting {
    pauses: Pauses,
    unheard: u32,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { pauses: Pauses::new(), unheard: 0 }
    }
}

impl Engine {
    /// Lets time pass until jobs are to be looked at again; `looked` is what came of the last look.
    pub(super) async fn wait_after(
        &self,
        looked: Result<(), EngineError>,
        waiting: &mut Waiting,
    ) -> Result<(), EngineError> {
        let pause = waiting.pauses.next();
        match looked {
            Ok(()) => waiting.unheard = 0,
            Err(EngineError::Service(error))
                if error.repeat() != Repeat::Useless && waiting.unheard < UNHEARD_MAX =>
            {
                waiting.unheard += 1;
                let (what, why) = ("how the jobs stand".to_owned(), error.to_string());
                let (next_try, tries_max) = (waiting.unheard + 1, UNHEARD_MAX + 1);
                self.transfers.notice(&Notice::Repeating { what, why, next_try, tries_max, pause });
            }
            Err(error) => return Err(error),
        }
        self.clock.sleep(pause).await;
        Ok(())
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
