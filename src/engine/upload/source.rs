//! Where an archive's data comes from.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncRead;

use crate::cache::FileIdentity;

/// Where an archive's data comes from.
pub struct Source(pub(super) Data);

pub(super) enum Data {
    File(SourceFile),
    Stream { reader: Box<dyn AsyncRead + Send + Unpin>, expected_size_bytes: Option<u64> },
}

impl Source {
    /// Opens what is at the path. A file is read in any order and an upload of it can go on later; anything else, such
    /// as a pipe, is read once.
    ///
    /// # Errors
    ///
    /// Among others for a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            // A pipe or device has no size of its own.
            return Ok(Self::stream(tokio::fs::File::from_std(file), None));
        }
        Ok(Self(Data::File(SourceFile {
            file: Arc::new(file),
            identity: identity(path, &metadata),
            changed: changed(&metadata),
        })))
    }

    /// Takes a stream that is read once, to its end. The size that is expected decides how large parts are: those for
    /// a stream of which nothing is known hold 625 GiB.
    pub fn stream(reader: impl AsyncRead + Send + Unpin + 'static, expected_size_bytes: Option<u64>) -> Self {
        Self(Data::Stream { reader: Box::new(reader), expected_size_bytes })
    }

    /// Returns the size, if it is known.
    pub fn size_bytes(&self) -> Option<u64> {
        match &self.0 {
            Data::File(file) => Some(file.identity.size_bytes),
            Data::Stream { .. } => None,
        }
    }

    /// Returns how many bytes there will be, as far as anybody knows.
    pub(super) fn expected_bytes(&self) -> Option<u64> {
        match &self.0 {
            Data::File(file) => Some(file.identity.size_bytes),
            Data::Stream { expected_size_bytes, .. } => *expected_size_bytes,
        }
    }
}

/// A file, as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    file: Arc<File>,
    identity: FileIdentity,
    /// When anything about it was last changed, be it only a link to it: seconds and nanoseconds.
    changed: (i64, i64),
}

/// What has happened to a file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Nothing,
    /// It was renamed, linked or the like; its content may or may not be another.
    Touched,
    WrittenTo,
}

impl SourceFile {
    pub(super) fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// Fills the buffer with what is at `start_byte`.
    pub(super) fn read_at(&self, start_byte: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, start_byte)
    }

    /// Returns what has happened since.
    pub(super) fn since(&self) -> io::Result<Since> {
        let metadata = self.file.metadata()?;
        if !identity(&self.identity.path, &metadata).is_same(&self.identity) {
            Ok(Since::WrittenTo)
        } else if changed(&metadata) == self.changed {
            Ok(Since::Nothing)
        } else {
            Ok(Since::Touched)
        }
    }
}

fn identity(path: &Path, metadata: &Metadata) -> FileIdentity {
    FileIdentity {
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        device: metadata.dev(),
        inode: metadata.ino(),
        size_bytes: metadata.len(),
        modified_nanoseconds: metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec()),
    }
}

fn changed(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}
