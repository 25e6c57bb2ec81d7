//! How many parts travel at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests must have been given up by the service for want of data before fewer travel.
const TIMEOUTS_MAX: u32 = 3;

/// Places for parts on their way, of which there may become fewer.
#[derive(Debug)]
pub(super) struct Slots {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Places that are to go as soon as they are free.
    excess: usize,
    timeouts: u32,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(in crate::engine) struct Slot {
    slots: Arc<Slots>,
    place: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let state = Mutex::new(State { limit, excess: 0, timeouts: 0 });
        Arc::new(Self { places: Arc::new(Semaphore::new(limit)), state })
    }

    /// Returns how many places there are.
    pub(super) fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>) -> Slot {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        Slot { slots: Arc::clone(self), place }
    }

    /// Hears that the service was tired of waiting for a part. After some of them there are half as many places, and
    /// how many is returned.
    pub(super) fn note_timeout(&self) -> Option<usize> {
        let mut state = self.lock();
        state.timeouts += 1;
        if state.timeouts < TIMEOUTS_MAX || state.limit == 1 {
            return None;
        }
        state.timeouts = 0;
        let fewer = state.limit / 2;
        let too_many = state.limit - fewer;
        state.limit = fewer;
        state.excess += too_many - self.places.forget_permits(too_many);
        Some(fewer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        if state.excess > 0
            && let Some(place) = self.place.take()
        {
            state.excess -= 1;
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_several_timeouts_half_as_many_travel() {
        let slots = Slots::new(8);
        let mut travelling = Vec::new();
        for _ in 0..6 {
            travelling.push(slots.take().await);
        }
        assert_eq!((slots.note_timeout(), slots.note_timeout(), slots.note_timeout()), (None, None, Some(4)));
        assert_eq!(slots.places.available_permits(), 0);
        travelling.truncate(4);
        assert_eq!(slots.places.available_permits(), 0, "the places of those two are gone");
        drop(travelling);
        assert_eq!(slots.places.available_permits(), 4);
        for _ in 0..30 {
            slots.note_timeout();
        }
        assert_eq!((slots.limit(), slots.places.available_permits()), (1, 1), "one goes on travelling");
    }
}
