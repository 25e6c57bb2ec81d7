//! Repeating a request: when, how often, after which pause.
//!
//! Pauses grow exponentially and are shortened at random, so that many who failed together do not come back together.
//! A request is tried [`TRIES_MAX`] times, fewer while nothing was ever answered, and not once [`FIRST_TRIES_LAST`] have
//! gone by: then it is more likely that nobody is there. All requests together have [`REPEATS_MAX`] repeats, which successes earn back.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Slot, Transfers};
use crate::engine::Notice;
use crate::service::{Repeat, ServiceError};

/// How often a request is sent: about a minute and a half goes by on average, at most three.
const TRIES_MAX: u32 = 12;
/// How often while the service was never heard of.
const FIRST_TRIES_MAX: u32 = 4;
/// How long while the service was never heard of: one that takes connections and says nothing costs 25 s a try.
const FIRST_TRIES_LAST: Duration = Duration::from_secs(40);
/// How many repeats all requests together have before one must have succeeded.
pub(super) const REPEATS_MAX: i64 = 100;
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What may be said of a failure.
pub(in crate::engine) trait Repeatable: std::fmt::Display {
    /// Returns whether to try again.
    fn repeat(&self) -> Repeat;

    /// Returns whether it is an answer: someone is there.
    fn is_answer(&self) -> bool;
}

impl Repeatable for ServiceError {
    fn repeat(&self) -> Repeat {
        ServiceError::repeat(self)
    }

    fn is_answer(&self) -> bool {
        !matches!(self, Self::Unanswered { .. })
    }
}

impl Transfers {
    /// Sends a request with data, one of those that travel at once, until it succeeds or there is no more point in it.
    /// `send` drops the place as soon as its data has travelled.
    pub(in crate::engine) async fn repeat_in_turn<T, E, F>(
        &self,
        what: &(dyn std::fmt::Display + Sync),
        send: impl Fn(Slot) -> F,
    ) -> Result<T, E>
    where
        E: Repeatable,
        F: Future<Output = Result<T, E>>,
    {
        self.repeat(what, || async { send(self.slots.take().await).await }).await
    }

    /// Sends a request until it succeeds or there is no more point in it.
    pub(in crate::engine) async fn repeat<T, E, F>(
        &self,
        what: &(dyn std::fmt::Display + Sync),
        mut send: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        E: Repeatable,
        F: Future<Output = Result<T, E>>,
    {
        let (mut tries, began) = (0, self.clock.now());
        loop {
            tries += 1;
            let error = match send().await {
                Ok(done) => {
                    self.has_been_answered.store(true, Ordering::Relaxed);
                    if self.repeats_left.load(Ordering::Relaxed) < REPEATS_MAX {
                        self.repeats_left.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            self.has_been_answered.fetch_or(error.is_answer(), Ordering::Relaxed);
            match error.repeat() {
                Repeat::Useless => return Err(error),
                Repeat::MayHelp => {}
                Repeat::MayHelpWithFewerAtOnce => {
                    if let Some(parts) = self.slots.note_timeout() {
                        self.notice(&Notice::FewerAtOnce { parts });
                    }
                }
            }
            let tries_max = match self.has_been_answered.load(Ordering::Relaxed) {
                true => TRIES_MAX,
                false if self.clock.now() < began + FIRST_TRIES_LAST => FIRST_TRIES_MAX,
                false => tries,
            };
            if tries >= tries_max || self.repeats_left.fetch_sub(1, Ordering::Relaxed) <= 0 {
                return Err(error);
            }
            let pause = pause(tries, (self.dice)());
            let (what, why) = (what.to_string(), error.to_string());
            self.notice(&Notice::Repeating { what, why, next_try: tries + 1, tries_max, pause });
            self.clock.sleep(pause).await;
        }
    }
}

/// Full jitter: any pause up to twice the last limit.
fn pause(tries: u32, dice: f64) -> Duration {
    SHORTEST_PAUSE.saturating_mul(1 << (tries - 1).min(20)).min(LONGEST_PAUSE).mul_f64(dice)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::engine::{Clock, Observer, TransferSettings};
    use crate::types::Timestamp;

    /// Time passes at once and is written down.
    #[derive(Default)]
    struct Told {
        now_seconds: std::sync::atomic::AtomicU32,
        pauses: Mutex<Vec<Duration>>,
        notices: Mutex<Vec<Notice>>,
    }

    impl Clock for Told {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(f64::from(self.now_seconds.load(Ordering::Relaxed)))
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            self.pauses.lock().expect("no panic").push(duration);
            Box::pin(async {})
        }
    }

    impl Observer for Told {
        fn notice(&self, notice: &Notice) {
            self.notices.lock().expect("no panic").push(notice.clone());
        }
    }

    fn transfers(dice: f64) -> (Transfers, Arc<Told>) {
        let told = Arc::new(Told::default());
        let mut transfers = Transfers::new(TransferSettings::default(), told.clone(), told.clone());
        transfers.dice = Box::new(move || dice);
        (transfers, told)
    }

    fn unavailable(code: &str) -> ServiceError {
        ServiceError::Unavailable { code: code.into(), message: String::new() }
    }

    fn unanswered() -> ServiceError {
        ServiceError::Unanswered { place: String::new(), cause: String::new(), never_sent: true }
    }

    async fn tries(transfers: &Transfers, outcome: impl Fn(u32) -> Result<(), ServiceError>) -> u32 {
        let mut tries = 0;
        let _ = transfers
            .repeat(&"a part", || {
                tries += 1;
                std::future::ready(outcome(tries))
            })
            .await;
        tries
    }

    #[tokio::test]
    async fn pauses_grow_and_end_after_minutes() {
        let (transfers, told) = transfers(1.0);
        assert_eq!(tries(&transfers, |_| Err(unavailable("ServiceUnavailableException"))).await, TRIES_MAX);
        let pauses: Vec<u128> = told.pauses.lock().expect("ours").iter().map(Duration::as_millis).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000]);
        assert_eq!(told.notices.lock().expect("ours").len(), 11);
    }

    #[tokio::test]
    async fn what_was_never_answered_is_given_up_sooner() {
        let (transfers, _) = transfers(0.5);
        assert_eq!(tries(&transfers, |_| Err(unanswered())).await, FIRST_TRIES_MAX);
        assert_eq!(tries(&transfers, |_| Ok(())).await, 1);
        assert_eq!(tries(&transfers, |_| Err(unanswered())).await, TRIES_MAX);
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_given_up_within_a_minute() {
        let (transfers, told) = transfers(0.5);
        let silent_for_25_s = |_| {
            told.now_seconds.fetch_add(25, Ordering::Relaxed);
            Err(unanswered())
        };
        assert_eq!(tries(&transfers, silent_for_25_s).await, 2);
    }

    #[tokio::test]
    async fn what_cannot_succeed_is_not_repeated() {
        let (transfers, told) = transfers(0.5);
        let refused = || ServiceError::Refused { code: String::new(), message: "no".into() };
        assert_eq!(tries(&transfers, |_| Err(refused())).await, 1);
        let changed = || ServiceError::Refused { code: String::new(), message: "Checksum mismatch: ".into() };
        assert_eq!(tries(&transfers, |tries| if tries < 3 { Err(changed()) } else { Ok(()) }).await, 3);
        assert_eq!(told.pauses.lock().expect("ours").len(), 2);
    }

    #[tokio::test]
    async fn all_requests_together_have_a_budget() {
        let (transfers, told) = transfers(0.0);
        for _ in 0..20 {
            tries(&transfers, |_| Err(unavailable("ThrottlingException"))).await;
        }
        assert_eq!(told.pauses.lock().expect("ours").len() as i64, REPEATS_MAX);
    }

    #[tokio::test]
    async fn fewer_travel_after_several_that_were_too_slow() {
        let (transfers, told) = transfers(0.0);
        let slow = || unavailable("RequestTimeoutException");
        tries(&transfers, |tries| if tries < 4 { Err(slow()) } else { Ok(()) }).await;
        assert_eq!(transfers.jobs(), 4);
        let notices = told.notices.lock().expect("ours");
        assert!(notices.contains(&Notice::FewerAtOnce { parts: 4 }), "{notices:?}");
    }
}
