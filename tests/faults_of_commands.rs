//! Whatever goes wrong at whichever request of a command: it is done, or there is a clear word and a clean state, and the
//! same command comes to the right end afterwards. Never a wrong file, never a second archive or job without a word.
//! `cargo test --test faults_of_commands -- --nocapture` prints how many faults were tried.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glacier_engine::engine::{
    Patience, Prefetch, Presence, RangeSize, Retrieval, RetrieveOptions, Selection, Source, Sync, Target,
    UploadOptions, Wanted,
};
use glacier_engine::types::{ArchiveRef, VaultName};
use support::faults::{FIRST, Failure, Flow, LATER, World, at_every_request, with_each_pair};
use support::machine::Machine;
use support::{HOUR, noise};

const MIB: usize = 1 << 20;
const MAX_AGE: Duration = Duration::from_secs(60 * 3600);

fn name(name: &str) -> ArchiveRef {
    ArchiveRef::Name(name.to_owned())
}

/// Returns whether the archive is known to exist, or why not.
async fn is_known(
    machine: &Machine,
    vault: &VaultName,
    of: &str,
    patience: Patience,
) -> Result<bool, Failure> {
    let (known, _) = machine.engine.is_known_present(vault, &name(of), MAX_AGE, patience, drop, &()).await?;
    Ok(known.is_ok())
}

/// Asserts that what is said of a name is so, or that it is not known.
async fn is_true(machine: &Machine, vault: &VaultName, of: &str, is_there: bool) {
    let said = machine.engine.presence(vault, &name(of), MAX_AGE).await.unwrap();
    let is_wrong = if is_there { Presence::Absent } else { Presence::Present };
    assert!(said != is_wrong, "{of} is called {said:?}");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    File,
    FileInParts,
    Stream,
    StreamInParts,
}

impl From {
    fn is_in_parts(self) -> bool {
        matches!(self, Self::FileInParts | Self::StreamInParts)
    }
}

struct Upload {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    from: From,
    content: Vec<u8>,
    /// Whether it is called known, so that nobody stores it again.
    is_known: bool,
}

impl Upload {
    async fn new(world: &Arc<World>, from: From) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let content = noise(if from.is_in_parts() { 2 * MIB + 5 } else { 1000 });
        std::fs::write(machine.home.path().join("file"), &content).unwrap();
        Self { world: Arc::clone(world), machine, vault, from, content, is_known: false }
    }

    fn stored(&self) -> Option<String> {
        self.world.archive(&self.vault, "file", &self.content)
    }
}

impl Flow for Upload {
    async fn run(&mut self) -> Result<(), Failure> {
        if self.is_known {
            return Ok(());
        }
        let source = match self.from {
            From::Stream | From::StreamInParts => {
                Source::stream(std::io::Cursor::new(self.content.clone()), None)
            }
            _ => Source::open(&self.machine.home.path().join("file")).unwrap(),
        };
        let part_size = self.from.is_in_parts().then(|| "1M".parse().unwrap());
        let options = UploadOptions { part_size, ..UploadOptions::default() };
        let name = "file".parse().unwrap();
        let upload = self.machine.engine.upload(&self.vault, &name, source, options, &());
        let archive = upload.await?;
        assert_eq!(self.stored(), Some(archive.id.as_str().to_owned()));
        Ok(())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let is_stored = self.stored().is_some();
        match outcome {
            Ok(()) => assert!(is_stored),
            Err(failure) => assert!(!is_stored || failure.is_doubtful, "{failure:?}"),
        }
        // To ask is to have an inventory made, and taken in by the next question.
        self.is_known = is_known(&self.machine, &self.vault, "file", Patience::ComeBackLater).await.unwrap();
        assert!(is_stored || !self.is_known, "what is not stored is called known");
    }

    async fn settle(&mut self, _said: &str) {
        self.world.settle(&self.machine, &self.vault).await;
        if self.stored().is_none() {
            self.run().await.unwrap();
        }
    }

    async fn ends(self) {
        let stored = self.stored().unwrap();
        let listed = self.machine.listed(&self.vault).await;
        assert_eq!(listed.iter().filter(|archive| archive.id.as_str() == stored).count(), 1, "{listed:?}");
        assert!(is_known(&self.machine, &self.vault, "file", Patience::ComeBackLater).await.unwrap());
        let unfinished = self.machine.sqlite().query_row("SELECT count(*) FROM upload", [], |row| row.get(0));
        assert_eq!(unfinished, Ok(0), "an upload is left behind");
    }
}

#[tokio::test]
async fn an_upload_by_one_request() {
    at_every_request("upload", 15, async |world| Upload::new(world, From::File).await).await;
}

#[tokio::test]
async fn a_small_upload_from_a_pipe() {
    let make = async |world: &Arc<World>| Upload::new(world, From::Stream).await;
    at_every_request("upload from a pipe", 15, make).await;
}

#[tokio::test]
async fn an_upload_in_parts() {
    at_every_request("upload in parts", 80, async |world| Upload::new(world, From::FileInParts).await).await;
}

#[tokio::test]
async fn an_upload_in_parts_from_a_pipe() {
    let make = async |world: &Arc<World>| Upload::new(world, From::StreamInParts).await;
    at_every_request("upload in parts from a pipe", 80, make).await;
}

#[tokio::test]
async fn two_faults_in_an_upload_by_one_request() {
    with_each_pair("upload", &FIRST, 12, async |world| Upload::new(world, From::File).await).await;
}

#[tokio::test]
async fn two_faults_in_a_small_upload_from_a_pipe() {
    let make = async |world: &Arc<World>| Upload::new(world, From::Stream).await;
    with_each_pair("upload from a pipe", &FIRST, 12, make).await;
}

#[tokio::test]
async fn two_faults_in_an_upload_in_parts() {
    let make = async |world: &Arc<World>| Upload::new(world, From::FileInParts).await;
    with_each_pair("upload in parts", &FIRST, 90, make).await;
}

#[tokio::test]
async fn two_faults_in_an_upload_in_parts_from_a_pipe() {
    let make = async |world: &Arc<World>| Upload::new(world, From::StreamInParts).await;
    with_each_pair("upload in parts from a pipe", &FIRST, 90, make).await;
}

/// Archives, each wanted in a file that is there already.
struct Retrieve {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    patience: Patience,
    content: Vec<u8>,
    ids: Vec<String>,
}

impl Retrieve {
    async fn new(world: &Arc<World>, count: usize, size: usize, patience: Patience) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let content = noise(size);
        std::fs::create_dir(machine.home.path().join("out")).unwrap();
        let mut retrieve =
            Self { world: Arc::clone(world), machine, vault, patience, content, ids: Vec::new() };
        for number in 0..count {
            let name = format!("n{number}");
            let stored = retrieve.machine.upload(&retrieve.vault, &name, &retrieve.content).await;
            retrieve.ids.push(stored.id.as_str().to_owned());
            std::fs::write(retrieve.target(number), "as it was").unwrap();
        }
        retrieve
    }

    fn target(&self, number: usize) -> PathBuf {
        self.machine.home.path().join(format!("out/n{number}"))
    }

    fn here(&self, number: usize) -> bool {
        let there = std::fs::read(self.target(number)).unwrap();
        assert!(there == b"as it was" || there == self.content, "other bytes came for n{number}");
        there == self.content
    }
}

impl Flow for Retrieve {
    async fn run(&mut self) -> Result<(), Failure> {
        for _ in 0..4 {
            let wanted = |number| {
                let target = Target::File(self.target(number));
                Wanted { reference: name(&format!("n{number}")), target }
            };
            let wanted = (0..self.ids.len()).map(wanted).collect();
            let options = RetrieveOptions {
                range_size: RangeSize::at_most(MIB as u64),
                tier: None,
                patience: self.patience,
            };
            let retrievals = self.machine.engine.retrieve(&self.vault, wanted, options, &()).await?;
            if retrievals.iter().all(|retrieval| *retrieval == Retrieval::Done) {
                return Ok(());
            }
            self.world.emulator.advance(LATER);
        }
        Err(Failure::never())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let here = (0..self.ids.len()).filter(|number| self.here(*number)).count();
        assert!(outcome.is_err() || here == self.ids.len(), "only {here} are here");
        for id in &self.ids {
            assert!(self.world.jobs(&self.vault, Some(id)) <= 1, "a second job costs a second time");
        }
    }

    async fn ends(self) {
        assert!((0..self.ids.len()).all(|number| self.here(number)));
        support::no_leftovers(&self.machine.home.path().join("out"));
        assert!(self.ids.iter().all(|id| self.world.jobs(&self.vault, Some(id)) == 1));
    }
}

#[tokio::test]
async fn a_retrieval() {
    let make = async |world: &Arc<World>| Retrieve::new(world, 1, 2 * MIB + 5, Patience::ComeBackLater).await;
    at_every_request("retrieve", 90, make).await;
}

/// Ranges that were broken off went on to write for a moment, and the file was called another process's.
#[tokio::test]
async fn a_retrieval_that_has_failed_can_be_tried_again_at_once() {
    let world = World::new().await;
    for _ in 0..10 {
        let mut retrieve = Retrieve::new(&world, 1, 6 * MIB, Patience::ComeBackLater).await;
        world.emulator.set_fault("access-denied@GetJobOutput#6".parse().unwrap());
        let refused = retrieve.run().await.unwrap_err();
        assert!(refused.said.contains("may not do glacier:GetJobOutput"), "{refused:?}");
        retrieve.run().await.unwrap();
        retrieve.ends().await;
    }
}

#[tokio::test]
async fn two_faults_in_a_retrieval() {
    let make = async |world: &Arc<World>| Retrieve::new(world, 1, 1000, Patience::ComeBackLater).await;
    with_each_pair("retrieve", &FIRST[..1], 30, make).await;
}

#[tokio::test]
async fn a_retrieval_that_waits() {
    let make = async |world: &Arc<World>| Retrieve::new(world, 1, 1000, Patience::Wait).await;
    at_every_request("retrieve --wait", 60, make).await;
}

#[tokio::test]
async fn a_retrieval_of_several() {
    let make = async |world: &Arc<World>| Retrieve::new(world, 3, 1000, Patience::ComeBackLater).await;
    at_every_request("retrieve several", 120, make).await;
}

struct Delete {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    names: Vec<String>,
}

impl Delete {
    async fn new(world: &Arc<World>, count: u32) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        for name in &names {
            machine.upload(&vault, name, b"content").await;
        }
        Self { world: Arc::clone(world), machine, vault, names }
    }
}

impl Flow for Delete {
    async fn run(&mut self) -> Result<(), Failure> {
        if let [only] = self.names.as_slice() {
            return Ok(self.machine.engine.delete(&self.vault, &name(only)).await?);
        }
        let selection = Selection { references: Vec::new(), patterns: vec!["n*".parse().unwrap()] };
        let archives = self.machine.engine.select(&self.vault, &selection).await?;
        let mut outcome = Ok(());
        let tell = |_: &_, deleted: Result<(), _>| {
            if let Err(error) = deleted {
                outcome = Err(Failure::from(error));
            }
        };
        self.machine.engine.delete_all(&self.vault, &archives, tell).await;
        outcome
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let listed = self.machine.listed(&self.vault).await;
        for name in &self.names {
            let is_there = self.world.archive(&self.vault, name, b"content").is_some();
            let is_listed = listed.iter().any(|archive| archive.name.as_ref() == Some(name));
            assert!(!is_there || is_listed, "{name} is there, and not listed");
            assert!(outcome.is_err() || !is_there, "{name} is not deleted");
            let known = is_known(&self.machine, &self.vault, name, Patience::ComeBackLater).await;
            assert!(is_there || !known.unwrap(), "{name} is gone, and called known");
            is_true(&self.machine, &self.vault, name, is_there).await;
        }
    }

    async fn ends(self) {
        assert!(self.machine.listed(&self.vault).await.is_empty());
        assert!(self.names.iter().all(|name| self.world.archives(&self.vault, name).is_empty()));
    }
}

#[tokio::test]
async fn a_deletion() {
    at_every_request("delete", 15, async |world| Delete::new(world, 1).await).await;
}

#[tokio::test]
async fn a_deletion_of_several() {
    at_every_request("delete several", 40, async |world| Delete::new(world, 3).await).await;
}

#[tokio::test]
async fn two_faults_in_a_deletion() {
    with_each_pair("delete", &FIRST, 24, async |world| Delete::new(world, 1).await).await;
}

#[tokio::test]
async fn two_faults_in_a_deletion_of_several() {
    with_each_pair("delete several", &FIRST, 48, async |world| Delete::new(world, 3).await).await;
}

/// An archive, stored three times.
struct Dedupe {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    ids: Vec<String>,
}

impl Dedupe {
    async fn new(world: &Arc<World>) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(machine.upload(&vault, "file", b"content").await.id.as_str().to_owned());
            world.emulator.advance(HOUR);
        }
        world.settle(&machine, &vault).await;
        Self { world: Arc::clone(world), machine, vault, ids }
    }

    fn stored(&self) -> Vec<String> {
        self.world.archives(&self.vault, "file").into_iter().map(|archive| archive.id).collect()
    }
}

impl Flow for Dedupe {
    async fn run(&mut self) -> Result<(), Failure> {
        for duplicate in self.machine.engine.duplicates(&self.vault, MAX_AGE).await? {
            assert_eq!(duplicate.kept.as_ref().unwrap().id.as_str(), self.ids[0]);
            self.machine.engine.dedupe(&self.vault, &duplicate).await?;
        }
        Ok(())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let (stored, listed) = (self.stored(), self.machine.listed(&self.vault).await);
        assert!(stored.contains(&self.ids[0]), "the last one is gone");
        assert!(outcome.is_err() || stored.len() == 1, "{stored:?}");
        for id in &self.ids {
            let is_there = stored.contains(id);
            assert!(
                !is_there || listed.iter().any(|archive| archive.id.as_str() == id),
                "{id} is not listed"
            );
            let reference = ArchiveRef::Id(id.parse().unwrap());
            let said = self.machine.engine.presence(&self.vault, &reference, MAX_AGE).await.unwrap();
            let is_wrong = if is_there { Presence::Absent } else { Presence::Present };
            assert!(said != is_wrong, "{id} is called {said:?}");
        }
    }

    async fn ends(self) {
        assert_eq!(self.stored(), self.ids[..1]);
        assert!(is_known(&self.machine, &self.vault, "file", Patience::ComeBackLater).await.unwrap());
        assert_eq!(self.machine.engine.duplicates(&self.vault, MAX_AGE).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_deletion_of_what_is_stored_twice() {
    at_every_request("dedupe", 30, async |world| Dedupe::new(world).await).await;
}

#[tokio::test]
async fn two_faults_in_a_deletion_of_what_is_stored_twice() {
    with_each_pair("dedupe", &FIRST, 36, async |world| Dedupe::new(world).await).await;
}

/// An archive that is to be asked for.
struct Prefetching {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    id: String,
}

impl Prefetching {
    async fn new(world: &Arc<World>) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        let id = machine.upload(&vault, "file", b"content").await.id.as_str().to_owned();
        Self { world: Arc::clone(world), machine, vault, id }
    }
}

impl Flow for Prefetching {
    async fn run(&mut self) -> Result<(), Failure> {
        for _ in 0..3 {
            let asked =
                self.machine.engine.prefetch(&self.vault, &name("file"), None, Patience::Wait).await?;
            // One that has failed meanwhile is asked for again.
            if asked == Prefetch::AskedBefore {
                return Ok(());
            }
            self.world.emulator.advance(LATER);
        }
        Err(Failure::never())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let jobs = self.world.jobs(&self.vault, Some(&self.id));
        assert!(jobs <= 1, "a second job costs a second time");
        assert!(outcome.is_err() || jobs == 1, "nothing was asked for");
    }

    async fn ends(self) {
        assert_eq!(self.world.jobs(&self.vault, Some(&self.id)), 1);
    }
}

#[tokio::test]
async fn a_job_that_is_asked_for_ahead() {
    at_every_request("prefetch", 45, async |world| Prefetching::new(world).await).await;
}

#[tokio::test]
async fn two_faults_in_a_job_that_is_asked_for_ahead() {
    let make = async |world: &Arc<World>| Prefetching::new(world).await;
    with_each_pair("prefetch", &FIRST[..1], 24, make).await;
}

/// How many archives the inventory lists, each with the longest name that there can be: two ranges of a mebibyte.
const LISTED: u32 = 600;

struct Syncing {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    patience: Patience,
}

impl Syncing {
    async fn new(world: &Arc<World>, patience: Patience) -> Self {
        let (elsewhere, vault) = world.machine_with_vault().await;
        elsewhere.upload(&vault, "first", b"content").await;
        let name = "\"".repeat(1000);
        let sql = "
            INSERT INTO archive (id, region, vault, description, size, leaves, tree_hash, created)
            WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1 - 1)
            SELECT printf('%s%06d', substr(id, 1, 132), n), region, vault, ?2 || n, size, leaves, tree_hash, created
            FROM archive, number WHERE vault = ?3";
        world.books().execute(sql, (LISTED, name, vault.as_str())).unwrap();
        let machine = Machine::new(&world.emulator).await;
        Self { world: Arc::clone(world), machine, vault, patience }
    }

    async fn listed(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.machine.listed(&self.vault).await.iter().map(|a| a.id.as_str().to_owned()).collect();
        ids.sort();
        ids
    }
}

impl Flow for Syncing {
    async fn run(&mut self) -> Result<(), Failure> {
        for _ in 0..4 {
            let sync = self.machine.engine.sync(&self.vault, HOUR, false, self.patience, drop, &());
            if let Sync::Done(_) = sync.await? {
                return Ok(());
            }
            self.world.emulator.advance(LATER);
        }
        Err(Failure::never())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let listed = self.machine.sqlite().query_row("SELECT count(*) FROM archive", [], |row| row.get(0));
        let listed: u32 = listed.unwrap();
        assert!(listed == LISTED || outcome.is_err() && listed == 0, "{listed} rows");
        assert!(self.world.jobs(&self.vault, None) <= 1, "a second inventory was asked for");
    }

    async fn ends(self) {
        let books = self.world.books();
        let mut query = books.prepare("SELECT id FROM archive WHERE vault = ?1 ORDER BY id").unwrap();
        let ids = query.query_map([self.vault.as_str()], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(self.listed().await, ids.map(Result::unwrap).collect::<Vec<_>>());
        assert_eq!(self.world.jobs(&self.vault, None), 1);
    }
}

#[tokio::test]
async fn a_sync() {
    let make = async |world: &Arc<World>| Syncing::new(world, Patience::ComeBackLater).await;
    at_every_request("sync", 60, make).await;
}

#[tokio::test]
async fn a_sync_that_waits() {
    at_every_request("sync --wait", 60, async |world| Syncing::new(world, Patience::Wait).await).await;
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Stored from here, too long ago to count as known.
    Ours,
    /// Stored by someone else.
    Theirs,
    /// Never stored.
    Nothing,
}

struct Checking {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    asked: Asked,
    patience: Patience,
}

impl Checking {
    async fn new(world: &Arc<World>, asked: Asked, patience: Patience) -> Self {
        let (mut machine, vault) = world.machine_with_vault().await;
        machine.upload(&vault, "file", b"content").await;
        world.emulator.advance(61 * HOUR);
        if asked != Asked::Ours {
            machine = Machine::new(&world.emulator).await;
        }
        Self { world: Arc::clone(world), machine, vault, asked, patience }
    }
}

impl Flow for Checking {
    async fn run(&mut self) -> Result<(), Failure> {
        let reference = name(if self.asked == Asked::Nothing { "nothing" } else { "file" });
        let mut said = String::new();
        for _ in 0..3 {
            let asking = self.machine.engine.is_known_present(
                &self.vault,
                &reference,
                MAX_AGE,
                self.patience,
                drop,
                &(),
            );
            match (asking.await?.0, self.asked) {
                (Ok(()), Asked::Nothing) => panic!("what was never stored is called known"),
                (Err(why), Asked::Nothing) => {
                    assert!(why.contains("not found"), "{why}");
                    return Ok(());
                }
                (Ok(()), _) => return Ok(()),
                (Err(why), _) => {
                    assert!(!why.contains("not found"), "{why}");
                    said = why;
                }
            }
            self.world.emulator.advance(LATER);
        }
        Err(Failure { said, is_doubtful: false })
    }

    async fn holds(&mut self, _outcome: &Result<(), Failure>) {
        assert!(self.world.jobs(&self.vault, None) <= 1, "a second inventory was asked for");
    }

    async fn ends(self) {
        assert_eq!(self.world.jobs(&self.vault, None), 1);
    }
}

#[tokio::test]
async fn a_question_about_what_was_stored_long_ago() {
    let make = async |world: &Arc<World>| Checking::new(world, Asked::Ours, Patience::ComeBackLater).await;
    at_every_request("checkpresent", 60, make).await;
}

#[tokio::test]
async fn a_question_that_waits_about_what_someone_else_stored() {
    let make = async |world: &Arc<World>| Checking::new(world, Asked::Theirs, Patience::Wait).await;
    at_every_request("checkpresent --wait of another's archive", 60, make).await;
}

#[tokio::test]
async fn a_question_that_waits_about_what_was_never_stored() {
    let make = async |world: &Arc<World>| Checking::new(world, Asked::Nothing, Patience::Wait).await;
    at_every_request("checkpresent --wait of nothing", 60, make).await;
}
