//! A download into a file that its owner looks after, between tries too. So does git-annex: it keeps what has come, goes
//! on with it by whatever remote is there, lists it by its name when it is not wanted any more, and removes it.
//!
//! So nothing stands beside it that only this program would know. What stands in it is a beginning of the content and
//! never has gaps, since others go on behind its end, and keys without a checksum are not verified by anyone then: a
//! range is written when it and all before it are there and verified. No record is needed: what was there must, with the
//! rest, have the archive's hash, or else all is fetched anew. No room on the disk is taken beforehand: git-annex has
//! looked for it, and would count it twice.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use super::alone::{is_at, open_alone};
use super::place::Replaced;
use super::range::Keep;
use super::{Output, cannot_write, check_whole, ranges, writing_to};
use crate::engine::{Engine, EngineError, ItemProgress, blocking};
use crate::service::ByteRange;
use crate::treehash::{TreeHash, TreeHasher};

/// How much is read and written at once.
const PORTION_BYTES: usize = 1024 * 1024;

impl Engine {
    /// Fetches what is missing of the output into the file.
    pub(super) async fn grow(
        &self,
        output: &Output<'_>,
        place: &Replaced,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let (path, opening) = (place.file.clone(), place.clone());
        let opened = blocking(move || Growing::open(&opening)).await.map_err(cannot_write(&path))?;
        let Some(growing) = opened else {
            return Err(EngineError::BeingRetrieved { name: output.name.to_owned() });
        };
        let growing = Arc::new(growing);
        let grown = match output.size_bytes {
            Some(size_bytes) => self.grow_by_ranges(output, size_bytes, &growing, progress).await,
            None => self.grow_at_once(output, &growing, progress).await,
        };
        let ending = Arc::clone(&growing);
        let ended = match grown {
            Ok(()) => blocking(move || ending.finish()).await,
            Err(error) => {
                // An empty one tells nobody anything, and an error of that is not what is to be told.
                let _ = blocking(move || ending.remove_if_empty()).await;
                return Err(writing_to(&path, error));
            }
        };
        ended.map_err(cannot_write(&path))
    }

    async fn grow_by_ranges(
        &self,
        output: &Output<'_>,
        size_bytes: u64,
        growing: &Arc<Growing>,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let cannot_write = cannot_write(&growing.path);
        if output.tree_hash.is_none() {
            // Nothing would tell whether what is here is a beginning of this.
            growing.clear().map_err(&cannot_write)?;
        }
        let ranges: Arc<[ByteRange]> = ranges(size_bytes, output.range_size.0).into();
        let (cutting, cut_to) = (Arc::clone(growing), Arc::clone(&ranges));
        let mut here = blocking(move || cutting.cut_to_whole(&cut_to)).await.map_err(&cannot_write)?;
        loop {
            let is_anew = here.is_empty();
            let hashes = self.append(output, &ranges, here, growing, progress).await?;
            let checked = check_whole(output, TreeHash::combine(hashes));
            if checked.is_ok() {
                return Ok(());
            }
            growing.clear().map_err(&cannot_write)?;
            if is_anew {
                return checked;
            }
            // What was here was a beginning of something else.
            here = Vec::new();
        }
    }

    /// Writes what is missing behind what is here. Returns the hashes of all.
    async fn append(
        &self,
        output: &Output<'_>,
        ranges: &[ByteRange],
        here: Vec<TreeHash>,
        growing: &Growing,
        progress: &dyn ItemProgress,
    ) -> Result<Vec<TreeHash>, EngineError> {
        self.tell_of_resuming(output, bytes_of(&ranges[..here.len()]), progress);
        let file = growing.file.try_clone().and_then(|mut file| file.seek(SeekFrom::End(0)).map(|_| file));
        let file = tokio::fs::File::from_std(file.map_err(cannot_write(&growing.path))?);
        let mut file = tokio::io::BufWriter::with_capacity(PORTION_BYTES, file);
        let written = self.write_in_order(output, ranges, here, &mut file, progress).await;
        // What was broken off may be writing still; until then the next try would find it in use.
        let flushed = file.flush().await.map_err(cannot_write(&growing.path));
        match written {
            Err(EngineError::CannotPassOn { source, .. }) => Err(cannot_write(&growing.path)(source)),
            written => flushed.and(written),
        }
    }

    /// Fetches all of an output of unknown size, of which nothing can be used again.
    async fn grow_at_once(
        &self,
        output: &Output<'_>,
        growing: &Growing,
        progress: &dyn ItemProgress,
    ) -> Result<(), EngineError> {
        let fetched = self.fetch_all(output, Keep::At(Arc::clone(&growing.file)), progress).await;
        if fetched.is_err() {
            growing.clear().map_err(cannot_write(&growing.path))?;
        }
        fetched
    }
}

/// A file that grows by what comes.
#[derive(Debug)]
struct Growing {
    path: PathBuf,
    file: Arc<File>,
}

impl Growing {
    /// Opens the file, or makes it; returns nothing if another process works on it. What cannot be gone on with, such as
    /// that of another user of a shared repository, is replaced.
    fn open(place: &Replaced) -> io::Result<Option<Self>> {
        const OF_OWNER: u32 = 0o600;
        const OF_ALL: u32 = 0o666;
        let permissions = place.permissions.as_ref();
        let mode = permissions.map_or(OF_ALL, |permissions| permissions.mode() & OF_ALL | OF_OWNER);
        let path = place.file.clone();
        let opened = match open_alone(&path, mode) {
            Err(error) if is_in_the_way(&error) && fs::remove_file(&path).is_ok() => open_alone(&path, mode),
            opened => opened,
        };
        Ok(opened?.map(|file| Self { path, file: Arc::new(file) }))
    }

    /// Returns the hashes of those of the ranges that are here as a whole, from the first on, and cuts off what is
    /// behind them. A file that is too long is another one.
    fn cut_to_whole(&self, ranges: &[ByteRange]) -> io::Result<Vec<TreeHash>> {
        let size_bytes = bytes_of(ranges);
        let length_bytes = self.file.metadata()?.len();
        let is_another = length_bytes > size_bytes;
        let here = ranges.iter().take_while(|range| !is_another && end_byte(**range) <= length_bytes);
        let hashes: Vec<TreeHash> = here.map(|range| self.hash(*range)).collect::<io::Result<_>>()?;
        self.file.set_len(bytes_of(&ranges[..hashes.len()]))?;
        Ok(hashes)
    }

    /// Makes what is here, which is complete, last through a loss of power.
    fn finish(&self) -> io::Result<()> {
        self.file.sync_all()?;
        if !is_at(&self.file, &self.path)? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it was removed meanwhile"));
        }
        Ok(())
    }

    /// Removes everything that is in it.
    fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Removes it if nothing is in it.
    fn remove_if_empty(&self) -> io::Result<()> {
        if self.file.metadata()?.len() == 0 && is_at(&self.file, &self.path)? {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    fn hash(&self, range: ByteRange) -> io::Result<TreeHash> {
        let (mut hasher, mut buffer) = (TreeHasher::new(), vec![0; PORTION_BYTES]);
        let mut at = range.start_byte;
        while at < end_byte(range) {
            let length = usize::try_from(end_byte(range) - at).unwrap_or(usize::MAX).min(buffer.len());
            self.file.read_exact_at(&mut buffer[..length], at)?;
            hasher.update(&buffer[..length]);
            at += length as u64;
        }
        Ok(hasher.finish())
    }
}

/// Returns how many bytes these have together, which begin where all begin.
fn bytes_of(ranges: &[ByteRange]) -> u64 {
    ranges.last().copied().map_or(0, end_byte)
}

fn end_byte(range: ByteRange) -> u64 {
    range.start_byte + range.length_bytes
}

fn is_in_the_way(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::PermissionDenied)
}
