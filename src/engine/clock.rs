//! Time, as the engine is given it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::types::Timestamp;

/// Tells the time and lets time pass. Tests have one that does not wait.
pub trait Clock: Send + Sync {
    /// Returns the present.
    fn now(&self) -> Timestamp;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        time::OffsetDateTime::now_utc().into()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
