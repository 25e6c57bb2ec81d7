//! What all transfers of a process share: how many parts travel at once, how much memory they take, how often a
//! request is repeated, who hears of it.

mod repeat;
mod slots;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) use repeat::Repeatable;
pub(super) use slots::Slot;
use slots::Slots;

use super::{Clock, Notice, Observer};
use crate::types::{MIB_BYTES, PartSize};

/// How long a part may travel where the bandwidth is limited, in seconds; fewer travel at once for that. All that is
/// under way is lost when a transfer is interrupted.
const SECONDS_PER_PART: u64 = 10;
/// What parts may hold in memory together, in bytes: those that travel, and those read ahead or waiting for their
/// turn. With this the whole process stays below 256 MiB.
const MEMORY_BYTES: u64 = 192 * MIB_BYTES;
/// The same for each of more jobs than the default.
const MEMORY_PER_JOB_BYTES: u64 = 24 * MIB_BYTES;

/// How transfers are to go.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransferSettings {
    /// How many parts travel at once, each on its own connection; 8 unless said otherwise.
    pub jobs: Option<usize>,
    /// How many bytes a second they may take together, in both directions.
    pub bytes_per_second: Option<u64>,
}

/// What all transfers of a process share.
pub(super) struct Transfers {
    slots: Arc<Slots>,
    bytes_per_second: Option<u64>,
    memory: Arc<Semaphore>,
    memory_mib: u32,
    buffers: std::sync::Mutex<Vec<BytesMut>>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Between 0 and 1, at random.
    dice: Box<dyn Fn() -> f64 + Send + Sync>,
    repeats_left: AtomicI64,
    has_been_answered: AtomicBool,
}

/// The room that a part takes while it is in memory.
pub(super) type Room = OwnedSemaphorePermit;

impl TransferSettings {
    /// How many parts travel at once: enough to fill a link of 80 MiB/s where a connection carries 10.
    pub const JOBS: u16 = 8;
}

impl Transfers {
    pub(super) fn new(
        settings: TransferSettings,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let jobs = settings.jobs.unwrap_or(usize::from(TransferSettings::JOBS)).max(1);
        let memory_mib = MEMORY_BYTES.max(MEMORY_PER_JOB_BYTES * jobs as u64) / MIB_BYTES;
        let memory_mib = u32::try_from(memory_mib).unwrap_or(u32::MAX);
        Self {
            slots: Slots::new(jobs),
            bytes_per_second: settings.bytes_per_second,
            memory: Arc::new(Semaphore::new(memory_mib as usize)),
            memory_mib,
            buffers: std::sync::Mutex::default(),
            clock,
            observer,
            dice: Box::new(fastrand::f64),
            repeats_left: AtomicI64::new(repeat::REPEATS_MAX),
            has_been_answered: AtomicBool::new(false),
        }
    }

    /// Returns how many parts travel at once at most.
    pub(super) fn jobs(&self) -> usize {
        self.slots.limit()
    }

    /// Returns how many parts of this size a transfer has under way at most, where the limit of the bandwidth allows
    /// fewer than could travel: at least one.
    pub(super) fn fewer_at_once(&self, part_bytes: u64) -> Option<usize> {
        let parts = self.bytes_per_second?.saturating_mul(SECONDS_PER_PART) / part_bytes.max(1);
        let parts = usize::try_from(parts).unwrap_or(usize::MAX).max(1);
        Some(parts).filter(|parts| *parts < self.jobs())
    }

    pub(super) fn notice(&self, notice: &Notice) {
        self.observer.notice(notice);
    }

    /// Waits until there is room in memory for a part of this size. One that is larger than all of it gets all.
    pub(super) async fn room(&self, part_size: PartSize) -> Room {
        let mib = u32::try_from(part_size.bytes() / MIB_BYTES).unwrap_or(u32::MAX).min(self.memory_mib);
        let room = Arc::clone(&self.memory).acquire_many_owned(mib).await;
        room.expect("the semaphore is never closed")
    }

    /// Returns a buffer of this length with anything in it, one that was used before if there is any.
    pub(super) fn buffer(&self, length: usize) -> BytesMut {
        let mut buffers = self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut buffer = buffers.pop().unwrap_or_default();
        drop(buffers);
        if buffer.capacity() < length {
            return BytesMut::zeroed(length);
        }
        buffer.resize(length, 0);
        buffer
    }

    /// Takes a buffer back, unless someone still looks into it.
    pub(super) fn give_back(&self, data: bytes::Bytes) {
        if let Ok(buffer) = data.try_into_mut() {
            self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SystemClock;

    #[test]
    fn a_low_limit_lets_fewer_parts_travel_so_that_some_arrive_soon() {
        let fewer = |bytes_per_second, part_bytes| {
            let settings = TransferSettings { jobs: None, bytes_per_second };
            Transfers::new(settings, Arc::new(SystemClock), Arc::new(())).fewer_at_once(part_bytes)
        };
        assert_eq!(fewer(None, 8 * MIB_BYTES), None);
        assert_eq!(fewer(Some(MIB_BYTES), MIB_BYTES), None, "eight parts are through in 8 s");
        assert_eq!(fewer(Some(MIB_BYTES), 2 * MIB_BYTES), Some(5));
        assert_eq!(fewer(Some(1), 8 * MIB_BYTES), Some(1));
        assert_eq!(fewer(Some(u64::MAX), u64::MAX), Some(1));
    }
}
