//! Where an archive's data comes from.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::AsyncRead;

use crate::cache::FileIdentity;

/// How far apart two times of a file are at least, if they are not the same: some file systems have times of two seconds,
/// others those of the last tick, and one more goes for the fraction that is not looked at.
const TIMES_APART: Duration = Duration::from_secs(3);

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
            is_fresh: is_fresh(&metadata),
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
    /// Whether that was so lately that what is written next may bear the same time.
    is_fresh: bool,
}

/// What has happened to a file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Nothing,
    /// It was renamed, linked or the like, or its times cannot tell; its content may or may not be another.
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
        } else if changed(&metadata) == self.changed && !self.is_fresh {
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

/// The clock is that of the file system, whatever time the engine lives in.
fn is_fresh(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime()).map(Duration::from_secs);
    let changed = changed.map_or(UNIX_EPOCH, |since_1970| UNIX_EPOCH + since_1970);
    SystemTime::now().duration_since(changed).map_or(true, |age| age <= TIMES_APART)
}

fn changed(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within one tick of the system's clock a file can be written to twice and have the same times after both.
    #[test]
    fn the_times_of_a_file_that_was_just_written_to_tell_nothing() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "first").expect("is written");
        let Data::File(source) = Source::open(&path).expect("opens").0 else { unreachable!("a file") };
        assert_eq!(source.since().expect("is there"), Since::Touched);
    }

    /// Files that are stored are seldom fresh: whoever writes to one and sets its time back has touched it all the same.
    #[test]
    fn an_old_file_that_is_written_to_and_given_its_old_time_was_touched() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "first").expect("is written");
        let file = File::options().write(true).open(&path).expect("opens");
        let modified = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
        file.set_modified(modified).expect("is set");
        let Data::File(source) = Source::open(&path).expect("opens").0 else { unreachable!("a file") };
        // As long ago as it says.
        let source = SourceFile { is_fresh: false, ..source };
        assert_eq!(source.since().expect("is there"), Since::Nothing);
        // Until the clock of the file system has ticked, it has no other time to give.
        while changed(&file.metadata().expect("is there")) == source.changed {
            file.write_all_at(b"other", 0).expect("is written");
            file.set_modified(modified).expect("is set");
        }
        assert_eq!(source.since().expect("is there"), Since::Touched);
    }

    #[test]
    fn an_old_file_is_believed() {
        let Data::File(source) = Source::open(Path::new("/proc/self/exe")).expect("opens").0 else {
            unreachable!("a file")
        };
        let source = SourceFile { is_fresh: false, ..source };
        assert_eq!(source.since().expect("is there"), Since::Nothing);
    }
}
