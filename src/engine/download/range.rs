//! Fetching a range until it is what the service says it is.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::{Output, Partial};
use crate::engine::transfers::{Repeatable, Room, Slot};
use crate::engine::{Engine, EngineError, ItemProgress, Notice, blocking};
use crate::service::{ByteRange, JobOutput, Repeat, ServiceError};
use crate::treehash::{TreeHash, TreeHasher};
use crate::types::{JobId, VaultName, quoted};

/// How often a range is fetched that comes damaged, before it is given up.
const DAMAGED_TRIES: u32 = 4;
pub(super) const NOT_AS_SAID: &str = "a range of it has another tree hash than the service says";
/// How much is hashed and written at once.
const PORTION_BYTES: usize = 1024 * 1024;

/// Where a verified range is kept.
#[derive(Clone)]
pub(super) enum Keep {
    /// In the file beside the target, with its hash.
    In(Arc<Partial>),
    /// In a file.
    At(Arc<File>),
    InMemory,
}

/// A verified range.
pub(super) struct Fetched {
    pub(super) tree_hash: TreeHash,
    /// The data, if it is kept in memory.
    pub(super) data: Vec<Bytes>,
    /// The room that it takes there.
    pub(super) room: Option<Room>,
}

/// Why a range did not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum RangeError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    CannotWrite(#[from] std::io::Error),
}

impl Repeatable for RangeError {
    fn repeat(&self) -> Repeat {
        match self {
            Self::Service(error) => error.repeat(),
            Self::Damaged(_) | Self::CannotWrite(_) => Repeat::Useless,
        }
    }

    fn is_answer(&self) -> bool {
        !matches!(self, Self::Service(ServiceError::Unanswered { .. }))
    }
}

/// Fetches ranges of one output.
pub(super) struct Fetcher {
    engine: Engine,
    vault: VaultName,
    job: JobId,
    name: String,
    keep: Keep,
    /// Whose turn it is to write: the system makes writers of one file wait for each other anyway, but lets them burn a
    /// processor meanwhile.
    turn: Arc<Mutex<()>>,
}

impl Fetcher {
    pub(super) fn new(engine: &Engine, output: &Output<'_>, keep: Keep) -> Self {
        let (vault, job, name) = (output.vault.clone(), output.job.clone(), output.name.to_owned());
        Self { engine: engine.clone(), vault, job, name, keep, turn: Arc::default() }
    }

    /// Names what is fetched, for notices.
    pub(super) fn what(&self, index: Option<usize>) -> String {
        let name = quoted(&self.name);
        index.map_or(format!("archive {name}"), |index| format!("range {} of archive {name}", index + 1))
    }

    pub(super) fn failed(&self, error: RangeError) -> EngineError {
        match error {
            RangeError::Service(error) => self.engine.about_vault(&self.vault)(error),
            RangeError::Damaged(what) => EngineError::Damaged { name: self.name.clone(), what },
            RangeError::CannotWrite(source) => {
                EngineError::CannotWrite { path: PathBuf::from(&self.name), source }
            }
        }
    }

    /// Fetches a range, verifies it, and keeps it. One that comes damaged is fetched again, a few times.
    pub(super) async fn fetch(&self, index: usize, range: ByteRange) -> Result<Fetched, RangeError> {
        let what = self.what(Some(index));
        let mut tries = 0;
        loop {
            tries += 1;
            let fetch = |slot| self.fetch_once(index, range, slot);
            match self.engine.transfers.repeat_in_turn(&what, fetch).await {
                Err(RangeError::Damaged(why)) if tries < DAMAGED_TRIES => {
                    let (what, next_try, tries_max, pause) =
                        (what.clone(), tries + 1, DAMAGED_TRIES, Duration::ZERO);
                    let notice = Notice::Repeating { what, why, next_try, tries_max, pause };
                    self.engine.transfers.notice(&notice);
                }
                kept => return kept,
            }
        }
    }

    /// Hashes and writes what comes while it comes, so that little of it is in memory at a time. What is written counts
    /// as here only with the record that follows when all of it is verified.
    async fn fetch_once(&self, index: usize, range: ByteRange, slot: Slot) -> Result<Fetched, RangeError> {
        let mut answer = self.engine.glacier.job_output(&self.vault, &self.job, Some(range)).await?;
        let (mut incoming, mut slot) = (Incoming::new(range), Some(slot));
        while let Some(portion) = next_portion(&mut answer).await? {
            let (keep, turn) = (self.keep.clone(), Arc::clone(&self.turn));
            incoming = blocking(move || incoming.take(portion, &keep, &turn)).await?;
            // The next request takes a while to be answered, and can be on its way.
            if incoming.received_bytes >= range.length_bytes - range.length_bytes / 16 {
                drop(slot.take());
            }
        }
        let fetched = incoming.verified(answer.tree_hash)?;
        if let Keep::In(partial) = &self.keep {
            let (partial, turn, tree_hash) = (Arc::clone(partial), Arc::clone(&self.turn), fetched.tree_hash);
            blocking(move || {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                partial.record(index, tree_hash)?;
                partial.sync_now_and_then(range.length_bytes)
            })
            .await?;
        }
        Ok(fetched)
    }

    /// Fetches all of an output whose size is not known.
    pub(super) async fn fetch_all(&self, progress: &dyn ItemProgress) -> Result<TreeHash, RangeError> {
        let Keep::At(file) = &self.keep else {
            return Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into());
        };
        file.set_len(0)?;
        let mut answer = self.engine.glacier.job_output(&self.vault, &self.job, None).await?;
        let (mut hasher, mut written_bytes) = (TreeHasher::new(), 0);
        while let Some(portion) = next_portion(&mut answer).await? {
            let (at, file) = (written_bytes, Arc::clone(file));
            written_bytes += portion.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
            hasher = blocking(move || {
                portion.iter().for_each(|bytes| hasher.update(bytes));
                write(&file, at, &portion).map(|()| hasher)
            })
            .await?;
            progress.advanced(written_bytes);
        }
        let whole = hasher.finish();
        match answer.tree_hash {
            Some(expected) if expected != whole => Err(RangeError::Damaged(NOT_AS_SAID.to_owned())),
            _ => Ok(whole),
        }
    }
}

async fn next_portion(answer: &mut JobOutput) -> Result<Option<Vec<Bytes>>, ServiceError> {
    let (mut portion, mut bytes) = (Vec::new(), 0);
    while bytes < PORTION_BYTES {
        let Some(some) = answer.next().await? else { break };
        bytes += some.len();
        portion.push(some);
    }
    Ok((!portion.is_empty()).then_some(portion))
}

/// A range of which some has come.
struct Incoming {
    range: ByteRange,
    received_bytes: u64,
    hasher: TreeHasher,
    /// What has come, if it is kept in memory.
    data: Vec<Bytes>,
}

impl Incoming {
    fn new(range: ByteRange) -> Self {
        Self { range, received_bytes: 0, hasher: TreeHasher::new(), data: Vec::new() }
    }

    fn take(mut self, portion: Vec<Bytes>, keep: &Keep, turn: &Mutex<()>) -> Result<Self, RangeError> {
        let at = self.range.start_byte + self.received_bytes;
        self.received_bytes += portion.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        // Before it is written, since what follows belongs to another range.
        if self.received_bytes > self.range.length_bytes {
            return Err(self.has_wrong_length());
        }
        portion.iter().for_each(|bytes| self.hasher.update(bytes));
        let file = match keep {
            Keep::In(partial) => partial.file(),
            Keep::At(file) => file,
            Keep::InMemory => {
                self.data.extend(portion);
                return Ok(self);
            }
        };
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        write(file, at, &portion)?;
        Ok(self)
    }

    fn verified(self, expected: Option<TreeHash>) -> Result<Fetched, RangeError> {
        if self.received_bytes != self.range.length_bytes {
            return Err(self.has_wrong_length());
        }
        let tree_hash = self.hasher.finish();
        if expected.is_some_and(|expected| expected != tree_hash) {
            return Err(RangeError::Damaged(NOT_AS_SAID.to_owned()));
        }
        Ok(Fetched { tree_hash, data: self.data, room: None })
    }

    fn has_wrong_length(&self) -> RangeError {
        let (came, wanted) = (self.received_bytes, self.range.length_bytes);
        RangeError::Damaged(format!("{came} bytes came instead of {wanted}"))
    }
}

fn write(file: &File, mut at: u64, data: &[Bytes]) -> std::io::Result<()> {
    for bytes in data {
        file.write_all_at(bytes, at)?;
        at += bytes.len() as u64;
    }
    Ok(())
}
