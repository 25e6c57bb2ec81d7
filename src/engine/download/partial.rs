//! A download that is not finished: a file beside the target, with the data in its place and the hashes of the ranges
//! that have come behind it.
//!
//! ```text
//! 0                  size          size + 64
//! | data, with gaps  | head        | 32 bytes a range: its tree hash, or zeros while it is missing |
//! ```
//!
//! Its room on the disk is taken before anything is fetched, where the file system can do that: what is paid for by the
//! gigabyte is not brought to where it does not fit, and one that has begun does not fail for want of room.
//!
//! When all is there the file is cut to its size, synced, and renamed; so there is never a second file to be left
//! behind. The name follows from the target and the archive, so that the next try finds it. One process at a time
//! works on it: whoever holds its lock, which ends with the process. What holds nothing that the next try could use is
//! removed with the last who has it: it has all its room, and there may be no next try.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::alone::open_alone;
use super::place::{Replaced, directory_of, sync_directory_of};
use crate::treehash::{TreeHash, TreeHasher};
use crate::types::PartSize;

const HEAD_BYTES: u64 = 64;
const RECORD_BYTES: u64 = 32;
/// Says what stands behind the data, and in which form.
const MAGIC: &[u8; 16] = b"glacier ranges 1";
/// How much is written before it is synced.
const SYNC_BYTES: u64 = 64 * 1024 * 1024;
/// How much is read at once to see what is here.
const PORTION_BYTES: usize = 1024 * 1024;

/// A download that is not finished.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: Arc<File>,
    /// Unknown for an output that comes by one request; then nothing is recorded.
    size_bytes: Option<u64>,
    range_size: PartSize,
    unsynced_bytes: AtomicU64,
    /// Whether there is something in it that the next try can use.
    is_of_use: AtomicBool,
    /// Whether its name is not its own any more.
    is_gone: AtomicBool,
    /// Behind the file, so that it is closed when this is gone.
    watch: Option<mpsc::Sender<()>>,
}

/// What became of opening one.
pub(super) enum Opened {
    Opened(Partial),
    /// Another process works on it.
    InUse,
}

impl Partial {
    /// Opens the download of this archive to this file, or begins it. One that was begun keeps its range size.
    pub(super) fn open(
        place: &Replaced,
        identity: &str,
        size_bytes: Option<u64>,
        tree_hash: Option<TreeHash>,
        range_size: PartSize,
    ) -> io::Result<Opened> {
        let path = path_for(&place.file, identity);
        let mode = mode_beside(place);
        let Some(file) = open_alone(&path, mode)? else { return Ok(Opened::InUse) };
        let mut partial = Self {
            path,
            file: Arc::new(file),
            size_bytes,
            range_size,
            unsynced_bytes: AtomicU64::new(0),
            // Until it was looked at.
            is_of_use: AtomicBool::new(true),
            is_gone: AtomicBool::new(false),
            watch: None,
        };
        if let Some(size_bytes) = size_bytes {
            match partial.read_head(size_bytes)? {
                Some(range_size) => {
                    partial.range_size = range_size;
                    partial.reserve(size_bytes)?;
                }
                None => partial.begin(size_bytes, tree_hash)?,
            }
        } else {
            partial.is_of_use = AtomicBool::new(false);
        }
        Ok(Opened::Opened(partial))
    }

    /// Returns what ends when nobody has it any more.
    pub(super) fn watched(mut self) -> (Self, mpsc::Receiver<()>) {
        let (watch, unused) = mpsc::channel(1);
        self.watch = Some(watch);
        (self, unused)
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn range_size(&self) -> PartSize {
        self.range_size
    }

    /// Returns the hashes of the ranges that are here, by reading them.
    pub(super) fn verified(&self) -> io::Result<Vec<Option<TreeHash>>> {
        let size_bytes = self.size_bytes.unwrap_or(0);
        let range_bytes = self.range_size.bytes();
        let mut buffer = vec![0; PORTION_BYTES];
        let mut verified = Vec::new();
        for index in 0..size_bytes.div_ceil(range_bytes) {
            let mut record = [0; 32];
            self.file.read_exact_at(&mut record, size_bytes + HEAD_BYTES + index * RECORD_BYTES)?;
            let mut hash = None;
            if record != [0; 32] {
                let start_byte = index * range_bytes;
                let end_byte = (start_byte + range_bytes).min(size_bytes);
                hash = Some(self.hash(start_byte, end_byte, &mut buffer)?)
                    .filter(|hash| *hash == TreeHash::from_bytes(record));
            }
            verified.push(hash);
        }
        self.is_of_use.store(verified.iter().any(Option::is_some), Ordering::Relaxed);
        Ok(verified)
    }

    /// Records that the range is written and has this hash.
    pub(super) fn record(&self, index: usize, hash: TreeHash) -> io::Result<()> {
        let Some(size_bytes) = self.size_bytes else { return Ok(()) };
        let at = size_bytes + HEAD_BYTES + index as u64 * RECORD_BYTES;
        self.file.write_all_at(hash.as_bytes(), at)?;
        self.is_of_use.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Hears that so much was written, and syncs when it is much: the disk works while the network does, and there is
    /// little left to sync at the end.
    pub(super) fn sync_now_and_then(&self, written_bytes: u64) -> io::Result<()> {
        let unsynced = self.unsynced_bytes.fetch_add(written_bytes, Ordering::Relaxed) + written_bytes;
        if unsynced < SYNC_BYTES {
            return Ok(());
        }
        self.unsynced_bytes.store(0, Ordering::Relaxed);
        self.file.sync_data()
    }

    /// Puts the data, which is complete, where it belongs; it lasts through a loss of power when this returns.
    pub(super) fn replace(&self, place: &Replaced) -> io::Result<()> {
        if let Some(size_bytes) = self.size_bytes {
            // With the records, for as long as that takes; they are not worth it for what one request brings again.
            if !self.is_of_one_range() {
                self.file.sync_all()?;
            }
            self.file.set_len(size_bytes)?;
        }
        if let Some(permissions) = &place.permissions {
            self.file.set_permissions(permissions.clone())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, &place.file)?;
        self.is_gone.store(true, Ordering::Relaxed);
        sync_directory_of(&place.file)
    }

    /// Removes it.
    pub(super) fn discard(&self) {
        // What cannot be removed is found and verified by the next try.
        let _ = fs::remove_file(&self.path);
        self.is_gone.store(true, Ordering::Relaxed);
    }

    fn is_of_one_range(&self) -> bool {
        self.size_bytes.is_none_or(|size_bytes| size_bytes <= self.range_size.bytes())
    }

    fn hash(&self, mut start_byte: u64, end_byte: u64, buffer: &mut [u8]) -> io::Result<TreeHash> {
        let mut hasher = TreeHasher::new();
        while start_byte < end_byte {
            let length = usize::try_from(end_byte - start_byte).unwrap_or(usize::MAX).min(buffer.len());
            self.file.read_exact_at(&mut buffer[..length], start_byte)?;
            hasher.update(&buffer[..length]);
            start_byte += length as u64;
        }
        Ok(hasher.finish())
    }

    /// Returns the range size of the download that is in the file, if there is one of this size.
    fn read_head(&self, size_bytes: u64) -> io::Result<Option<PartSize>> {
        let length = self.file.metadata()?.len();
        if length < size_bytes + HEAD_BYTES {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES as usize];
        self.file.read_exact_at(&mut head, size_bytes)?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let mut number = [0; 8];
        number.copy_from_slice(&rest[..8]);
        let range_bytes = u64::from_le_bytes(number);
        let range_size = PartSize::at_most(range_bytes);
        let is_ours = magic == MAGIC
            && range_size.bytes() == range_bytes
            && length == length_bytes(size_bytes, range_bytes);
        Ok(is_ours.then_some(range_size))
    }

    /// What was complete when it was interrupted on its way to its place is taken as it is.
    fn begin(&self, size_bytes: u64, tree_hash: Option<TreeHash>) -> io::Result<()> {
        let mut hashes = Vec::new();
        if tree_hash.is_some() && self.file.metadata()?.len() == size_bytes {
            hashes = self.hashes(size_bytes)?;
        }
        if tree_hash != Some(TreeHash::combine(hashes.iter().copied())) {
            hashes.clear();
            self.is_of_use.store(false, Ordering::Relaxed);
            self.file.set_len(0)?;
        }
        let range_bytes = self.range_size.bytes();
        self.file.set_len(length_bytes(size_bytes, range_bytes))?;
        if let Err(error) = self.reserve(size_bytes) {
            // As it was, for the next try.
            self.file.set_len(if hashes.is_empty() { 0 } else { size_bytes })?;
            return Err(error);
        }
        let mut head = [0; HEAD_BYTES as usize];
        head[..16].copy_from_slice(MAGIC);
        head[16..24].copy_from_slice(&range_bytes.to_le_bytes());
        self.file.write_all_at(&head, size_bytes)?;
        hashes.into_iter().enumerate().try_for_each(|(index, hash)| self.record(index, hash))
    }

    /// Takes the room on the disk that is still missing. Where that cannot be done, writing tells whether there is enough.
    fn reserve(&self, size_bytes: u64) -> io::Result<()> {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let length_bytes = length_bytes(size_bytes, self.range_size.bytes());
        let reserved =
            fallocate(&*self.file, FallocateFlags::empty(), 0, length_bytes).map_err(io::Error::from);
        match reserved {
            Err(error) if matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull) => Err(error),
            _ => Ok(()),
        }
    }

    fn hashes(&self, size_bytes: u64) -> io::Result<Vec<TreeHash>> {
        let range_bytes = self.range_size.bytes();
        let mut buffer = vec![0; PORTION_BYTES];
        let starts = (0..size_bytes.div_ceil(range_bytes)).map(|index| index * range_bytes);
        starts.map(|start| self.hash(start, (start + range_bytes).min(size_bytes), &mut buffer)).collect()
    }
}

/// While the lock is held still, so that it is nobody else's that is removed.
impl Drop for Partial {
    fn drop(&mut self) {
        let is_of_use = *self.is_of_use.get_mut() && !self.is_of_one_range();
        if !is_of_use && !*self.is_gone.get_mut() {
            self.discard();
        }
    }
}

fn length_bytes(size_bytes: u64, range_bytes: u64) -> u64 {
    size_bytes + HEAD_BYTES + size_bytes.div_ceil(range_bytes) * RECORD_BYTES
}

/// Beside the target, and short: a target's name may be as long as a name can be.
fn path_for(target: &Path, identity: &str) -> PathBuf {
    let mut hasher = Sha256::new();
    hasher.update(target.file_name().unwrap_or_default().as_encoded_bytes());
    hasher.update([0]);
    hasher.update(identity);
    let digest = hasher.finalize();
    let short: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    directory_of(target).join(format!(".glacier-{short}.part"))
}

/// What is on its way to a file is for the eyes of those alone who could read that; its owner must go on with it.
fn mode_beside(place: &Replaced) -> u32 {
    const OF_OWNER: u32 = 0o600;
    const OF_ALL: u32 = 0o666;
    place.permissions.as_ref().map_or(OF_ALL, |permissions| permissions.mode() & OF_ALL | OF_OWNER)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn new_file(target: &Path) -> Replaced {
        Replaced { file: target.to_owned(), permissions: None }
    }

    fn open(target: &Path, size_bytes: u64) -> Partial {
        let opened =
            Partial::open(&new_file(target), "archive", Some(size_bytes), None, PartSize::at_most(MIB));
        match opened.expect("opens") {
            Opened::Opened(partial) => partial,
            Opened::InUse => panic!("in use"),
        }
    }

    #[test]
    fn what_is_on_the_disk_counts_not_what_is_on_record() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("target");
        let partial = open(&target, 3 * MIB);
        let data = vec![7; MIB as usize];
        for index in [0, 2] {
            partial.file.write_all_at(&data, index * MIB).expect("writes");
            partial.record(index as usize, TreeHash::of(&data)).expect("records");
        }
        // A loss of power after the record was written and before the data was.
        partial.file.write_all_at(&[0; 10], 2 * MIB).expect("writes");
        drop(partial);
        let partial = open(&target, 3 * MIB);
        assert_eq!(partial.verified().expect("reads"), [Some(TreeHash::of(&data)), None, None]);
        assert!(matches!(
            Partial::open(&new_file(&target), "archive", Some(3 * MIB), None, PartSize::at_most(MIB)),
            Ok(Opened::InUse)
        ));
        drop(partial);
        assert_eq!(
            open(&target, 2 * MIB).verified().expect("reads"),
            [None, None],
            "another size is another one"
        );
    }

    /// Found by killing downloads: a file that was cut to its size and not yet renamed was fetched a second time.
    #[test]
    fn what_was_complete_is_not_fetched_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("target");
        let data: Vec<u8> = (0..2 * MIB + 5).map(|index| (index % 251) as u8).collect();
        let whole = Some(TreeHash::of(&data));
        for (expected, complete) in [(whole, true), (Some(TreeHash::of(b"other")), false), (None, false)] {
            std::fs::write(path_for(&target, "archive"), &data).expect("writes");
            let size_bytes = Some(data.len() as u64);
            let opened =
                Partial::open(&new_file(&target), "archive", size_bytes, expected, PartSize::at_most(MIB));
            let Ok(Opened::Opened(partial)) = opened else { panic!("cannot open") };
            assert!(partial.verified().expect("reads").iter().all(|hash| hash.is_some() == complete));
        }
    }

    #[test]
    fn what_was_begun_beside_nothing_is_narrowed_to_the_file_that_stands_there_now() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("target");
        let path = path_for(&target, "archive");
        let mode = || fs::metadata(&path).expect("is there").mode() & 0o7777;
        for (begun, replaced, expected) in
            [(0o664, 0o600, 0o600), (0o644, 0o640, 0o640), (0o600, 0o644, 0o600), (0o666, 0o000, 0o600)]
        {
            fs::write(&path, "").expect("writes");
            fs::set_permissions(&path, Permissions::from_mode(begun)).expect("sets");
            let place =
                Replaced { file: target.clone(), permissions: Some(Permissions::from_mode(replaced)) };
            let range_size = PartSize::at_most(MIB);
            let opened = Partial::open(&place, "archive", Some(1), None, range_size);
            assert_eq!((opened.is_ok(), mode()), (true, expected));
        }
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (target, victim) = (directory.path().join("target"), directory.path().join("victim"));
        std::fs::write(&victim, "mine").expect("writes");
        std::os::unix::fs::symlink(&victim, path_for(&target, "archive")).expect("links");
        assert!(Partial::open(&new_file(&target), "archive", Some(1), None, PartSize::at_most(MIB)).is_err());
        assert_eq!(std::fs::read(&victim).expect("reads"), b"mine");
    }

    /// Whoever may write to the directory can give the file another name of it, or keep it in hand as its owner.
    #[test]
    fn a_file_that_others_have_in_hand_is_not_used() {
        let directory = tempfile::tempdir().expect("a directory");
        let (target, victim) = (directory.path().join("target"), directory.path().join("victim"));
        let way = path_for(&target, "archive");
        let opens = || Partial::open(&new_file(&target), "archive", Some(1), None, PartSize::at_most(MIB));
        std::fs::write(&victim, "mine").expect("writes");
        std::fs::hard_link(&victim, &way).expect("links");
        assert!(opens().is_err());
        assert_eq!(std::fs::read(&victim).expect("reads"), b"mine");
        std::fs::remove_file(&victim).expect("removes");
        assert!(opens().is_ok(), "no other name of it is left");
        // Only root can make a file of another user, and only root could open any.
        if rustix::process::geteuid().is_root() {
            std::fs::write(&way, "theirs").expect("writes");
            std::os::unix::fs::chown(&way, Some(65534), None).expect("gives it away");
            assert!(opens().is_err());
            assert_eq!(std::fs::read(&way).expect("reads"), b"theirs");
        } else {
            eprintln!("NOTHING IS TESTED of files of other users: only root can make one");
        }
    }
}
