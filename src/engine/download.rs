//! Bringing a finished job's output here, verified before anyone sees it.
//!
//! The output is fetched in ranges that are nodes of the hash tree, so that each has a hash of its own. A file is
//! written beside its target, synced and then renamed: the target is the old one or the whole new one, never less.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Engine, EngineError, Progress};
use crate::service::{ByteRange, ServiceError};
use crate::treehash::TreeHash;
use crate::types::{JobId, PartSize, VaultName};

/// How often a range is fetched before it is given up.
const RANGE_TRIES: u32 = 3;
/// Ranges are held in memory until they are verified, so they are at most this large.
const RANGE_MAX_BYTES: u64 = 64 * 1024 * 1024;

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
    /// A stream, in order, each range verified before a byte of it is written.
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

/// An output to fetch.
pub(super) struct Output<'a> {
    pub(super) vault: &'a VaultName,
    pub(super) job: &'a JobId,
    /// For messages: the archive as it is referred to.
    pub(super) name: &'a str,
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
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        match target {
            Target::Stream(stream) => self.fetch(output, stream, progress).await,
            Target::File(path) => self.download_to_file(output, path, progress).await,
        }
    }

    async fn download_to_file(
        &self,
        output: &Output<'_>,
        path: &Path,
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        let cannot_write = |source| EngineError::CannotWrite { path: path.to_owned(), source };
        let place = Place::of(path).map_err(cannot_write)?;
        let Place::Replaced { file, permissions } = place else {
            let device = tokio::fs::OpenOptions::new().write(true).open(path).await.map_err(cannot_write)?;
            return self.fetch(output, &mut tokio::io::BufWriter::new(device), progress).await;
        };
        let temporary = temporary_beside(&file, permissions).map_err(cannot_write)?;
        let mut writer = tokio::fs::File::from_std(temporary.reopen().map_err(cannot_write)?);
        self.fetch(output, &mut writer, progress).await.map_err(|error| match error {
            EngineError::CannotWrite { source, .. } => cannot_write(source),
            error => error,
        })?;
        writer.sync_all().await.map_err(cannot_write)?;
        temporary.persist(&file).map_err(|error| cannot_write(error.error))?;
        sync_directory_of(&file).map_err(cannot_write)
    }

    /// Writes the output in order, range by range, and checks the whole against the archive's hash.
    async fn fetch(
        &self,
        output: &Output<'_>,
        writer: &mut (impl AsyncWrite + Unpin),
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        let cannot_write = |source| EngineError::CannotWrite { path: PathBuf::from(output.name), source };
        let mut hashes = Vec::new();
        let mut done_bytes = 0;
        for range in ranges(output) {
            let (hash, data) = self.fetch_verified(output, range).await?;
            writer.write_all(&data).await.map_err(cannot_write)?;
            hashes.push(hash);
            done_bytes += data.len() as u64;
            progress.transferred(done_bytes);
        }
        let whole = TreeHash::combine(hashes);
        if output.tree_hash.is_some_and(|expected| expected != whole) {
            let what = "its tree hash is not that of the archive".to_owned();
            return Err(EngineError::Damaged { name: output.name.to_owned(), what });
        }
        writer.flush().await.map_err(cannot_write)
    }

    /// Fetches one range until it is what the service says it is.
    async fn fetch_verified(
        &self,
        output: &Output<'_>,
        range: Option<ByteRange>,
    ) -> Result<(TreeHash, Vec<u8>), EngineError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.fetch_range(output, range).await {
                Err(EngineError::Damaged { .. } | EngineError::Service(ServiceError::Unanswered { .. }))
                    if tries < RANGE_TRIES => {}
                fetched => return fetched,
            }
        }
    }

    async fn fetch_range(
        &self,
        output: &Output<'_>,
        range: Option<ByteRange>,
    ) -> Result<(TreeHash, Vec<u8>), EngineError> {
        let damaged = |what: String| EngineError::Damaged { name: output.name.to_owned(), what };
        let answer = self.glacier.job_output(output.vault, output.job, range).await;
        let mut answer = answer.map_err(self.about_vault(output.vault))?;
        let mut data = Vec::new();
        while let Some(bytes) = answer.next().await? {
            data.extend_from_slice(&bytes);
        }
        if let Some(range) = range.filter(|range| range.length_bytes != data.len() as u64) {
            return Err(damaged(format!("{} bytes came instead of {}", data.len(), range.length_bytes)));
        }
        let hashing = tokio::task::spawn_blocking(move || (TreeHash::of(&data), data));
        let (hash, data) =
            hashing.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        if answer.tree_hash.is_some_and(|expected| expected != hash) {
            return Err(damaged("a range of it has another tree hash than the service says".to_owned()));
        }
        Ok((hash, data))
    }
}

/// Cuts the output into ranges; of unknown size, all of it at once.
fn ranges(output: &Output<'_>) -> Vec<Option<ByteRange>> {
    let Some(size_bytes) = output.size_bytes else { return vec![None] };
    let range_bytes = output.range_size.0.bytes();
    let starts = (0..size_bytes).step_by(usize::try_from(range_bytes).unwrap_or(usize::MAX));
    let range = |start_byte| ByteRange { start_byte, length_bytes: range_bytes.min(size_bytes - start_byte) };
    starts.map(|start_byte| Some(range(start_byte))).collect()
}

/// What stands where a file is to be written.
enum Place {
    /// A file, or nothing: it will be replaced as a whole. Behind a symbolic link that is the file it points to.
    Replaced { file: PathBuf, permissions: Option<Permissions> },
    /// A device or pipe: it is written to.
    WrittenTo,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if there.is_file() => {
                Ok(Self::Replaced { file: path.canonicalize()?, permissions: Some(there.permissions()) })
            }
            Ok(_) => Ok(Self::WrittenTo),
            Err(_) => Ok(Self::Replaced { file: path.to_owned(), permissions: None }),
        }
    }
}

/// With the permissions of the file that it will replace, else those of any new file.
fn temporary_beside(file: &Path, permissions: Option<Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".glacier-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let temporary = builder.tempfile_in(directory_of(file))?;
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions)?;
    }
    Ok(temporary)
}

/// Makes the new name last through a loss of power.
fn sync_directory_of(file: &Path) -> io::Result<()> {
    File::open(directory_of(file))?.sync_all()
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Engine {
    /// Fetches an output for this program's own use into a file without a name.
    pub(super) async fn download_to_unnamed(&self, output: &Output<'_>) -> Result<File, EngineError> {
        let cannot_write = |source| EngineError::CannotWrite { path: std::env::temp_dir(), source };
        let mut file = tempfile::tempfile().map_err(cannot_write)?;
        for range in ranges(output) {
            let (_, data) = self.fetch_verified(output, range).await?;
            file.write_all(&data).map_err(cannot_write)?;
        }
        io::Seek::rewind(&mut file).map_err(cannot_write)?;
        Ok(file)
    }
}
