//! Files that change while they are stored: what is stored is the file of one moment, or nothing is, and that is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use glacier_engine::engine::{
    Archive, Engine, EngineError, Item, ItemProgress, Progress, Source, TransferSettings, UploadOptions,
};
use glacier_engine::treehash::TreeHash;
use glacier_engine::types::{PartSize, VaultName};
use support::faults::World;
use support::machine::Machine;
use support::noise;

const MIB: usize = 1 << 20;
const SIZE: usize = 6 * MIB;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Grows,
    Shrinks,
    IsEmptied,
    IsWrittenToAtItsBeginning,
    IsWrittenToAtItsEnd,
    /// Whoever wrote to it sets the time back, as `rsync` does.
    IsWrittenToWithItsOldTime,
    /// Another is renamed to its name, as editors do.
    IsReplaced,
    IsRemoved,
}

const CHANGES: [Change; 8] = [
    Change::Grows,
    Change::Shrinks,
    Change::IsEmptied,
    Change::IsWrittenToAtItsBeginning,
    Change::IsWrittenToAtItsEnd,
    Change::IsWrittenToWithItsOldTime,
    Change::IsReplaced,
    Change::IsRemoved,
];

impl Change {
    fn happens(self, path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        match self {
            Self::Grows => file.write_all_at(b"more", SIZE as u64).unwrap(),
            Self::Shrinks => file.set_len(SIZE as u64 - 1).unwrap(),
            Self::IsEmptied => file.set_len(0).unwrap(),
            Self::IsWrittenToAtItsBeginning => file.write_all_at(b"other", 0).unwrap(),
            Self::IsWrittenToAtItsEnd => file.write_all_at(b"other", SIZE as u64 - 5).unwrap(),
            Self::IsWrittenToWithItsOldTime => {
                let modified = file.metadata().unwrap().modified().unwrap();
                file.write_all_at(b"other", 0).unwrap();
                file.set_modified(modified).unwrap();
            }
            Self::IsReplaced => {
                fs::write(path.with_extension("new"), b"replaced").unwrap();
                fs::rename(path.with_extension("new"), path).unwrap();
            }
            Self::IsRemoved => fs::remove_file(path).unwrap(),
        }
    }

    /// Whether the file that was opened has the same content as before.
    fn is_harmless(self) -> bool {
        matches!(self, Self::IsReplaced | Self::IsRemoved)
    }
}

/// Lets something happen when the first bytes are acknowledged.
struct AtFirst<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for AtFirst<F> {
    fn begin<'a>(&'a self, _item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        Box::new(self)
    }
}

impl<F: FnOnce() + Send> ItemProgress for &AtFirst<F> {
    fn advanced(&self, _done: u64) {
        let happens = self.0.lock().unwrap().take();
        happens.into_iter().for_each(|happens| happens());
    }
}

struct Place {
    world: Arc<World>,
    machine: Machine,
    engine: Engine,
    vault: VaultName,
}

impl Place {
    /// Parts travel one by one, so that most have not been read when the first is acknowledged.
    async fn new(world: &Arc<World>) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let settings = TransferSettings { jobs: Some(1), bytes_per_second: None };
        let engine = machine.engine.clone().with_transfers(settings, Arc::new(()));
        let place = Self { world: Arc::clone(world), machine, engine, vault };
        fs::write(place.path(), noise(SIZE)).unwrap();
        place
    }

    fn path(&self) -> std::path::PathBuf {
        self.machine.home.path().join("file")
    }

    async fn upload(&self, part_size: PartSize, progress: &dyn Progress) -> Result<Archive, EngineError> {
        self.store(Source::open(&self.path()).unwrap(), part_size, progress).await
    }

    async fn store(
        &self,
        source: Source,
        part_size: PartSize,
        progress: &dyn Progress,
    ) -> Result<Archive, EngineError> {
        let options = UploadOptions { part_size: Some(part_size), ..UploadOptions::default() };
        self.engine.upload(&self.vault, &"file".parse().unwrap(), source, options, progress).await
    }

    /// Asserts that nothing was stored and nothing is left, and that the file can be stored as it is now.
    async fn is_refused(&self, outcome: Result<Archive, EngineError>, change: Change) {
        let said = outcome.unwrap_err().to_string();
        assert_eq!(
            said, "the file of archive 'file' changed while it was read; nothing was stored",
            "{change:?}"
        );
        assert!(self.world.archives(&self.vault, "file").is_empty(), "{change:?}");
        let uploads = self.engine.open_uploads(&self.vault).await.unwrap();
        assert!(uploads.in_parts.is_empty() && uploads.without_answer.is_empty(), "{change:?}: {uploads:?}");
        let unfinished: u32 =
            self.machine.sqlite().query_row("SELECT count(*) FROM upload", [], |row| row.get(0)).unwrap();
        assert_eq!(unfinished, 0, "{change:?}");
        let content = fs::read(self.path()).unwrap();
        let again = self.upload(part_size("1M"), &()).await;
        match again {
            Ok(_) => assert!(self.world.archive(&self.vault, "file", &content).is_some(), "{change:?}"),
            Err(error) => assert!(matches!(error, EngineError::EmptyArchive { .. }), "{change:?}: {error}"),
        }
    }

    /// Asserts that a change that happens meanwhile is noticed.
    async fn ends_well(&self, outcome: Result<Archive, EngineError>, change: Change) {
        if change.is_harmless() {
            outcome.unwrap();
            assert!(self.world.archive(&self.vault, "file", &noise(SIZE)).is_some(), "{change:?}");
        } else {
            self.is_refused(outcome, change).await;
        }
    }
}

fn part_size(text: &str) -> PartSize {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_file_that_changes_between_its_parts_is_not_stored() {
    let world = World::new().await;
    for change in CHANGES {
        let place = Place::new(&world).await;
        let path = place.path();
        let progress = AtFirst(Mutex::new(Some(move || change.happens(&path))));
        let outcome = place.upload(part_size("1M"), &progress).await;
        place.ends_well(outcome, change).await;
    }
}

#[tokio::test]
async fn a_file_that_changes_while_its_upload_goes_on_is_not_stored() {
    let world = World::new().await;
    for change in CHANGES {
        let place = Place::new(&world).await;
        world.emulator.set_fault("access-denied@UploadMultipartPart#4".parse().unwrap());
        let stopped = place.upload(part_size("1M"), &()).await;
        world.emulator.clear_faults();
        assert!(matches!(stopped, Err(EngineError::Interrupted { .. })), "{stopped:?}");
        // What is there is acknowledged before the rest is read.
        let path = place.path();
        let progress = AtFirst(Mutex::new(Some(move || change.happens(&path))));
        let outcome = place.upload(part_size("1M"), &progress).await;
        place.ends_well(outcome, change).await;
    }
}

/// Of one part all is read at once: the moment is that of reading, or none.
#[tokio::test]
async fn a_file_that_changes_after_it_was_opened_is_stored_as_it_is_or_not_at_all() {
    let world = World::new().await;
    for change in CHANGES {
        let place = Place::new(&world).await;
        let source = Source::open(&place.path()).unwrap();
        change.happens(&place.path());
        let outcome = place.store(source, part_size("16M"), &()).await;
        if change == Change::IsWrittenToWithItsOldTime {
            outcome.unwrap();
            let content = fs::read(place.path()).unwrap();
            assert!(world.archive(&place.vault, "file", &content).is_some());
        } else {
            place.ends_well(outcome, change).await;
        }
    }
}

const BLOCK: usize = 64 * 1024;

/// Someone writes to the file again and again, block after block, each time another number. At every moment it holds one
/// number up to some block, and from there on the number before.
#[tokio::test]
async fn a_file_that_is_written_to_without_end_is_stored_as_of_one_moment_or_not_at_all() {
    let world = World::new().await;
    let place = Place::new(&world).await;
    fs::write(place.path(), vec![0; SIZE]).unwrap();
    let (wanted, ends) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let file = File::options().write(true).open(place.path()).unwrap();
    let (asked, ending) = (Arc::clone(&wanted), Arc::clone(&ends));
    let writer = std::thread::spawn(move || {
        let mut number = 0;
        while !ending.load(Ordering::Relaxed) {
            if asked.load(Ordering::Relaxed) == number {
                std::thread::yield_now();
                continue;
            }
            number += 1;
            let block = vec![number.to_le_bytes()[0]; BLOCK];
            (0..SIZE / BLOCK).for_each(|at| file.write_all_at(&block, (at * BLOCK) as u64).unwrap());
        }
    });
    let (mut stored, mut refused) = (0, 0);
    for round in 0..1000_u32 {
        if round >= 60 && stored >= 5 && refused >= 5 {
            break;
        }
        // The file is written to while it is opened, while it is read, after that, all the time, or not at all.
        let times = match round % 4 {
            0 => 0,
            1 => 20,
            _ => 1,
        };
        wanted.fetch_add(times, Ordering::Relaxed);
        (0..round % 20 * 50_000).for_each(|_| std::hint::spin_loop());
        match place.upload(part_size("16M"), &()).await {
            Ok(archive) => {
                stored += 1;
                is_of_one_moment(&world.content(archive.id.as_str()));
            }
            Err(EngineError::ChangedWhileRead { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    ends.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(stored >= 5 && refused >= 5, "{stored} were stored and {refused} refused");
}

#[track_caller]
fn is_of_one_moment(content: &[u8]) {
    assert_eq!(content.len(), SIZE);
    let mut numbers: Vec<u8> = content.to_vec();
    numbers.dedup();
    let is_moment = match numbers[..] {
        [_] => true,
        [new, old] => new == old.wrapping_add(1),
        _ => false,
    };
    assert!(is_moment, "at no moment was it {numbers:?}");
}

/// Same size, same time, same inode: only its content shows that it is not the one that turned out to be stored.
#[tokio::test]
async fn a_file_that_is_another_by_now_is_not_called_stored_with_the_earlier_upload() {
    let world = World::new().await;
    let place = Place::new(&world).await;
    world.emulator.set_fault("cut-after@CompleteMultipartUpload".parse().unwrap());
    let unconfirmed = place.upload(part_size("1M"), &()).await;
    world.emulator.clear_faults();
    assert!(matches!(unconfirmed, Err(EngineError::Unconfirmed { .. })), "{unconfirmed:?}");
    Change::IsWrittenToWithItsOldTime.happens(&place.path());
    let archive = place.upload(part_size("1M"), &()).await.unwrap();
    let content = fs::read(place.path()).unwrap();
    assert_eq!(archive.tree_hash, Some(TreeHash::of(&content)));
    let hashes: Vec<String> =
        world.archives(&place.vault, "file").into_iter().map(|archive| archive.tree_hash).collect();
    assert_eq!(hashes, [TreeHash::of(&noise(SIZE)), TreeHash::of(&content)].map(|hash| hash.to_string()));
}
