//! Bringing a finished job's output here, verified before anyone sees it.
//!
//! The output is fetched in ranges that are nodes of the hash tree, so that each has a hash of its own: several at a
//! time, each checked when it arrives and fetched again if it is not what the service says it is.
//!
//! # Order of writes
//!
//! Into a file: a range is written beside the target, then the hash that it must have (`partial`). When all are there
//! and the whole has the archive's hash, the file is synced and takes the target's place; the target is the old one
//! or the whole new one, never less. What was interrupted goes on: a range counts as here if what is on the disk has
//! the hash on record, so that no record is trusted over the data.
//!
//! Into a stream: in order, each range verified before a byte of it is written. So into a file that its owner keeps
//! between tries (`growing`), behind what is there.

mod alone;
mod below;
mod growing;
mod partial;
mod place;
mod range;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

use super::transfers::Room;
use super::{Engine, EngineError, ItemProgress, Notice, blocking};
use crate::service::ByteRange;
use crate::treehash::{TreeHash, TreeHasher};
use crate::types::{ARCHIVE_MAX_BYTES, JobId, PartSize, VaultName};
pub use below::PlaceBelow;
use partial::{Opened, Partial};
use place::Place;
use range::{Fetched, Fetcher, Keep};

/// Ranges are held in memory until they are verified, so they are at most this large.
const RANGE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How many ranges there are at once for each that travels: a slow disk must not let them pile up in memory.
const AT_WORK_PER_JOB: usize = 2;
/// How many verified ranges may wait for their turn in a stream, for each that travels.
const WAITING_PER_JOB: usize = 2;

/// How much one request fetches: a power of two MiB, from 1 to 64.
#[derive(Debug, Clone, Copy)]
pub struct RangeSize(PartSize);

impl RangeSize {
    /// Returns the largest size that is not above `size_bytes`, within the limits.
    pub fn at_most(size_bytes: u64) -> Self {
        Self(PartSize::at_most(size_bytes.min(RANGE_MAX_BYTES)))
    }
}

impl Default for RangeSize {
    /// The original's 8 MiB.
    fn default() -> Self {
        Self::at_most(8 * 1024 * 1024)
    }
}

/// Where an archive's content goes.
pub enum Target {
    /// A file, which is replaced when all of the content is there and verified.
    File(PathBuf),
    /// A file below a directory; directories that are missing on the way are made when the content comes.
    Below(PlaceBelow),
    /// A file that its owner keeps between tries, and cleans up. At any moment it holds a beginning of the content, which
    /// is gone on with.
    Growing(PathBuf),
    /// A stream, in order, each range verified before a byte of it is written.
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

/// An output to fetch.
pub(super) struct Output<'a> {
    pub(super) vault: &'a VaultName,
    pub(super) job: &'a JobId,
    /// For messages: the archive as it is referred to.
    pub(super) name: &'a str,
    /// What tells a download of it that was interrupted from others: the archive's id.
    pub(super) identity: &'a str,
    pub(super) size_bytes: Option<u64>,
    pub(super) tree_hash: Option<TreeHash>,
    pub(super) range_size: RangeSize,
}

impl Engine {
    /// Fetches the output into the target.
    pub(super) async fn download(
        &self,
        output: &Output<'_>,
        target: &mut Target,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        check_size(output)?;
        match target {
            Target::Stream(stream) => self.download_to_stream(output, stream, progress).await,
            Target::File(path) => self.download_to_path(output, path, progress).await,
            Target::Growing(path) => match Place::of(path).map_err(cannot_write(path))? {
                Place::Replaced(place) => self.grow(output, &place, progress).await,
                Place::WrittenTo => self.download_to_path(output, path, progress).await,
            },
            Target::Below(place) => {
                let making = place.clone();
                let made = blocking(move || making.make_directories()).await;
                made.map_err(cannot_write(place.path()))?;
                self.download_to_path(output, place.path(), progress).await
            }
        }
    }

    async fn download_to_path(
        &self,
        output: &Output<'_>,
        path: &Path,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        match Place::of(path).map_err(cannot_write(path))? {
            Place::Replaced(place) => self.download_to_file(output, path, &place, progress).await,
            Place::WrittenTo => {
                let device = tokio::fs::OpenOptions::new().write(true).open(path).await;
                let device = device.map_err(cannot_write(path))?;
                self.download_to_stream(output, &mut tokio::io::BufWriter::new(device), progress).await
            }
        }
    }

    async fn download_to_file(
        &self,
        output: &Output<'_>,
        path: &Path,
        place: &place::Replaced,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let (replaced, identity) = (place.clone(), output.identity.to_owned());
        let (size_bytes, tree_hash, range_size) = (output.size_bytes, output.tree_hash, output.range_size.0);
        let opened =
            blocking(move || Partial::open(&replaced, &identity, size_bytes, tree_hash, range_size)).await;
        let (partial, mut unused) = match opened.map_err(cannot_write(path))? {
            Opened::Opened(partial) => partial.watched(),
            Opened::InUse => return Err(EngineError::BeingRetrieved { name: output.name.to_owned() }),
        };
        let partial = Arc::new(partial);
        let fetched = match output.size_bytes {
            Some(size_bytes) => self.fill(output, size_bytes, path, &partial, progress).await,
            None => self.fetch_all(output, Keep::At(Arc::clone(partial.file())), progress).await,
        };
        if let Err(error) = fetched {
            // What is wrong with it is not known range by range, so nothing of it can be used again.
            if let EngineError::Damaged { .. } = error {
                partial.discard();
            }
            // Ranges that were broken off may be writing still; until then the next try would find it in use.
            drop(partial);
            let _: Option<()> = unused.recv().await;
            return Err(writing_to(path, error));
        }
        let place = place.clone();
        blocking(move || partial.replace(&place)).await.map_err(cannot_write(path))
    }

    /// Fetches the ranges that are not here yet and checks the whole.
    async fn fill(
        &self,
        output: &Output<'_>,
        size_bytes: u64,
        path: &Path,
        partial: &Arc<Partial>,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let reading = Arc::clone(partial);
        let here = blocking(move || reading.verified()).await.map_err(cannot_write(path))?;
        let ranges = ranges(size_bytes, partial.range_size());
        let here_bytes: u64 = ranges
            .iter()
            .zip(&here)
            .filter(|(_, hash)| hash.is_some())
            .map(|(range, _)| range.length_bytes)
            .sum();
        self.tell_of_resuming(output, here_bytes, progress);
        let mut hashes = here;
        let missing: Vec<usize> = (0..ranges.len()).filter(|index| hashes[*index].is_none()).collect();
        let keep = Keep::In(Arc::clone(partial));
        let mut arriving = Arriving::new(self, output, &ranges, missing, keep, progress);
        let mut done_bytes = here_bytes;
        while let Some((index, fetched)) = arriving.next().await? {
            hashes[index] = Some(fetched.tree_hash);
            done_bytes += ranges[index].length_bytes;
            progress.advanced(done_bytes);
        }
        check_whole(output, TreeHash::combine(hashes.into_iter().flatten()))
    }

    async fn download_to_stream(
        &self,
        output: &Output<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let Some(size_bytes) = output.size_bytes else {
            self.stream_all(output, stream, progress).await?;
            return stream.flush().await.map_err(cannot_pass_on(output));
        };
        let ranges = ranges(size_bytes, output.range_size.0);
        let hashes = self.write_in_order(output, &ranges, Vec::new(), stream, progress).await?;
        check_whole(output, TreeHash::combine(hashes))
    }

    /// Fetches the ranges behind those that are here, and writes them one after the other. Returns the hashes of all.
    async fn write_in_order(
        &self,
        output: &Output<'_>,
        ranges: &[ByteRange],
        here: Vec<TreeHash>,
        stream: &mut (impl AsyncWrite + Unpin),
        progress: &dyn ItemProgress,
    ) -> Result<Vec<TreeHash>, EngineError> {
        let missing = (here.len()..ranges.len()).collect();
        let mut arriving = Arriving::new(self, output, ranges, missing, Keep::InMemory, progress);
        arriving.window = self.transfers.jobs() * WAITING_PER_JOB;
        let mut done_bytes = ranges[..here.len()].iter().map(|range| range.length_bytes).sum();
        let (mut waiting, mut hashes) = (BTreeMap::new(), here);
        while let Some((index, fetched)) = arriving.next().await? {
            waiting.insert(index, fetched);
            while let Some(fetched) = waiting.remove(&hashes.len()) {
                for bytes in &fetched.data {
                    stream.write_all(bytes).await.map_err(cannot_pass_on(output))?;
                    done_bytes += bytes.len() as u64;
                }
                hashes.push(fetched.tree_hash);
                arriving.taken();
                progress.advanced(done_bytes);
            }
        }
        stream.flush().await.map_err(cannot_pass_on(output))?;
        Ok(hashes)
    }

    fn tell_of_resuming(&self, output: &Output<'_>, here_bytes: u64, progress: &dyn ItemProgress) {
        if here_bytes > 0 {
            let name = output.name.to_owned();
            self.transfers.notice(&Notice::DownloadResumed { name, bytes: here_bytes });
            progress.resumed(here_bytes);
        }
    }

    /// Fetches an output for this program's own use into a file without a name.
    pub(super) async fn download_to_unnamed(
        &self,
        output: &Output<'_>,
        progress: &dyn ItemProgress,
    ) -> Result<File, EngineError> {
        check_size(output)?;
        let cannot_write = |source| EngineError::CannotWrite { path: std::env::temp_dir(), source };
        let file = Arc::new(tempfile::tempfile().map_err(cannot_write)?);
        match output.size_bytes {
            Some(size_bytes) => {
                let ranges = ranges(size_bytes, output.range_size.0);
                let all = (0..ranges.len()).collect();
                let keep = Keep::At(Arc::clone(&file));
                let mut arriving = Arriving::new(self, output, &ranges, all, keep, progress);
                let unnamed = |error| writing_to(&std::env::temp_dir(), error);
                let mut done_bytes = 0;
                while let Some((index, _)) = arriving.next().await.map_err(unnamed)? {
                    done_bytes += ranges[index].length_bytes;
                    progress.advanced(done_bytes);
                }
            }
            None => {
                let fetched = self.fetch_all(output, Keep::At(Arc::clone(&file)), progress).await;
                fetched.map_err(|error| writing_to(&std::env::temp_dir(), error))?;
            }
        }
        let mut file = file.try_clone().map_err(cannot_write)?;
        std::io::Seek::rewind(&mut file).map_err(cannot_write)?;
        Ok(file)
    }

    /// Fetches an output of unknown size by one request, which begins anew if it breaks.
    async fn fetch_all(
        &self,
        output: &Output<'_>,
        keep: Keep,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let fetcher = Fetcher::new(self, output, keep);
        let fetched = self.transfers.repeat(&fetcher.what(None), || fetcher.fetch_all(progress)).await;
        let whole = fetched.map_err(|error| fetcher.failed(error))?;
        check_whole(output, whole)
    }

    /// The same into a stream, which cannot begin anew; that it was damaged is said when all is written.
    async fn stream_all(
        &self,
        output: &Output<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let open = || self.glacier.job_output(output.vault, output.job, None);
        let answer =
            self.transfers.repeat(&Fetcher::new(self, output, Keep::InMemory).what(None), open).await;
        let mut answer = answer.map_err(self.about_vault(output.vault))?;
        let (mut hasher, mut done_bytes) = (TreeHasher::new(), 0);
        while let Some(bytes) = answer.next().await? {
            hasher.update(&bytes);
            stream.write_all(&bytes).await.map_err(cannot_pass_on(output))?;
            done_bytes += bytes.len() as u64;
            progress.advanced(done_bytes);
        }
        let whole = hasher.finish();
        match answer.tree_hash {
            Some(hash) if hash != whole => Err(damaged(output, range::NOT_AS_SAID)),
            _ => check_whole(output, whole),
        }
    }
}

/// Ranges on their way, several at a time.
struct Arriving<'a> {
    engine: &'a Engine,
    part_size: PartSize,
    ranges: &'a [ByteRange],
    missing: std::vec::IntoIter<usize>,
    fetcher: Arc<Fetcher>,
    tasks: JoinSet<(usize, Result<Fetched, EngineError>)>,
    /// How many may be begun before those that have arrived are taken.
    window: usize,
    not_taken: usize,
    room: Option<Room>,
    progress: &'a dyn ItemProgress,
}

impl<'a> Arriving<'a> {
    fn new(
        engine: &'a Engine,
        output: &Output<'_>,
        ranges: &'a [ByteRange],
        missing: Vec<usize>,
        keep: Keep,
        progress: &'a dyn ItemProgress,
    ) -> Self {
        let largest = ranges.first().map_or(0, |range| range.length_bytes);
        Self {
            engine,
            part_size: PartSize::at_least(largest),
            ranges,
            missing: missing.into_iter(),
            fetcher: Arc::new(Fetcher::new(engine, output, keep)),
            tasks: JoinSet::new(),
            window: usize::MAX,
            not_taken: 0,
            room: None,
            progress,
        }
    }

    /// Returns the next range that has arrived, in any order, or none when all have.
    async fn next(&mut self) -> Result<Option<(usize, Fetched)>, EngineError> {
        loop {
            if self.room.is_some()
                && let Some(index) = self.missing.next()
            {
                self.begin(index);
            }
            let transfers = &self.engine.transfers;
            let fewer = transfers.fewer_at_once(self.part_size.bytes());
            let at_work_max = fewer.unwrap_or_else(|| transfers.jobs() * AT_WORK_PER_JOB);
            let wants_room = self.room.is_none()
                && self.not_taken < self.window
                && self.tasks.len() < at_work_max
                && self.missing.len() > 0;
            if !wants_room && self.tasks.is_empty() {
                return Ok(None);
            }
            tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next() => {
                    let (index, fetched) =
                        joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                    self.progress.under_way(self.tasks.len());
                    return Ok(Some((index, fetched?)));
                }
                room = self.engine.transfers.room(self.part_size), if wants_room => self.room = Some(room),
            }
        }
    }

    fn begin(&mut self, index: usize) {
        let (fetcher, range, room) = (Arc::clone(&self.fetcher), self.ranges[index], self.room.take());
        self.not_taken += 1;
        self.tasks.spawn(async move {
            let fetched = fetcher.fetch(index, range).await.map(|mut fetched| {
                fetched.room = room.filter(|_| !fetched.data.is_empty());
                fetched
            });
            (index, fetched.map_err(|error| fetcher.failed(error)))
        });
        self.progress.under_way(self.tasks.len());
    }

    /// Hears that one that had arrived was taken.
    fn taken(&mut self) {
        self.not_taken -= 1;
    }
}

/// Cuts an output into ranges.
fn ranges(size_bytes: u64, range_size: PartSize) -> Vec<ByteRange> {
    let range_bytes = range_size.bytes();
    let starts = (0..size_bytes.div_ceil(range_bytes)).map(|index| index * range_bytes);
    let range = |start_byte| ByteRange { start_byte, length_bytes: range_bytes.min(size_bytes - start_byte) };
    starts.map(range).collect()
}

fn cannot_pass_on(output: &Output<'_>) -> impl Fn(std::io::Error) -> EngineError + use<> {
    let name = output.name.to_owned();
    move |source| EngineError::CannotPassOn { name: name.clone(), source }
}

/// Names the place that could not be written to.
fn writing_to(path: &Path, error: EngineError) -> EngineError {
    match error {
        EngineError::CannotWrite { source, .. } => EngineError::CannotWrite { path: path.to_owned(), source },
        error => error,
    }
}

/// Nothing that Glacier can hold is larger, and room is made for what is said.
fn check_size(output: &Output<'_>) -> Result<(), EngineError> {
    match output.size_bytes {
        Some(size_bytes) if size_bytes > ARCHIVE_MAX_BYTES => Err(damaged(
            output,
            &format!("it is said to have {size_bytes} bytes, more than Glacier can hold"),
        )),
        _ => Ok(()),
    }
}

fn check_whole(output: &Output<'_>, whole: TreeHash) -> Result<(), EngineError> {
    match output.tree_hash {
        Some(expected) if expected != whole => {
            Err(damaged(output, "its tree hash is not that of the archive"))
        }
        _ => Ok(()),
    }
}

fn damaged(output: &Output<'_>, what: &str) -> EngineError {
    EngineError::Damaged { name: output.name.to_owned(), what: what.to_owned() }
}

fn cannot_write(path: &Path) -> impl Fn(std::io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::CannotWrite { path: path.clone(), source }
}
