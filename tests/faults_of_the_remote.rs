//! Whatever goes wrong at whichever request of the special remote: what it says of a key is true or "unknown", no second
//! archive is stored, no wrong bytes come back, and the same request comes to the right end afterwards.
//! `cargo test --test faults_of_the_remote -- --nocapture` prints how many faults were tried.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use glacier_engine::types::VaultName;
use support::faults::{FIRST, Failure, Flow, LATER, World, at_every_request, with_each_pair};
use support::machine::Machine;
use support::session::Session;
use support::{HOUR, noise};

/// It tells no size, as some flows store more.
const KEY: &str = "URL--file";
const SIZE: usize = 1000;

/// A repository's remote, and what is kept about keys.
struct Remote {
    world: Arc<World>,
    machine: Machine,
    vault: VaultName,
    session: Session,
    states: BTreeMap<String, String>,
    content: Vec<u8>,
}

impl Remote {
    async fn new(world: &Arc<World>, size: usize) -> Self {
        let (machine, vault) = world.machine_with_vault().await;
        Self::of(world, machine, vault, size).await
    }

    async fn of(world: &Arc<World>, machine: Machine, vault: VaultName, size: usize) -> Self {
        let session = Session::prepared_for(&world.emulator, &machine, vault.as_str()).await;
        let content = noise(size);
        std::fs::write(machine.home.path().join("file"), &content).unwrap();
        Self { world: Arc::clone(world), machine, vault, session, states: BTreeMap::new(), content }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.home.path().join(name)
    }

    fn stored(&self) -> Option<String> {
        self.world.archive(&self.vault, KEY, &self.content)
    }

    /// Asks, and returns what is said if it is no success.
    async fn ask(&mut self, request: &str) -> Result<(), Failure> {
        let said = self.session.asks(request, &mut self.states).await;
        let word = said.split(' ').next().unwrap();
        if word.ends_with("-SUCCESS") {
            return Ok(());
        }
        assert!(word.ends_with("-FAILURE") || word.ends_with("-UNKNOWN"), "{said}");
        let is_doubtful = said.contains("may or may not have been stored")
            || said.contains("had no answer and may have stored it")
            || said.contains("it does not count as known to exist")
            || said.contains("it is not known whether archive");
        Err(Failure { said, is_doubtful })
    }

    async fn store(&mut self) -> Result<(), Failure> {
        self.ask(&format!("TRANSFER STORE {KEY} {}", self.path("file").display())).await
    }

    /// Asks whether the key is there: what is said is true, or that it is not known.
    async fn check(&mut self) -> Option<bool> {
        let answer = match self.ask(&format!("CHECKPRESENT {KEY}")).await {
            Ok(()) => Some(true),
            Err(said) => said.said.starts_with("CHECKPRESENT-FAILURE").then_some(false),
        };
        let truth = !self.world.archives(&self.vault, KEY).is_empty();
        assert!(answer.is_none_or(|answer| answer == truth), "{answer:?} is said, {truth} is true");
        answer
    }

    /// Another clone, which knows what is kept about the key and nothing else, asks whether it is there.
    async fn check_elsewhere(&self) -> Option<bool> {
        let machine = Machine::new(&self.world.emulator).await;
        let mut clone = Self::of(&self.world, machine, self.vault.clone(), SIZE).await;
        clone.states = self.states.clone();
        let answer = clone.check().await;
        clone.session.ends().await;
        answer
    }
}

struct Store {
    remote: Remote,
    /// Whether git-annex asks whether the key is there before it tries once more.
    asks: bool,
}

impl Flow for Store {
    async fn run(&mut self) -> Result<(), Failure> {
        self.remote.store().await
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        let stored = self.remote.stored();
        match outcome {
            Ok(()) => {
                let id = stored.unwrap();
                assert!(self.remote.states[KEY].ends_with(&id), "{:?}: {id}", self.remote.states);
            }
            Err(failure) => assert!(stored.is_none() || failure.is_doubtful, "{failure:?}"),
        }
        if self.asks {
            self.remote.check().await;
            // The question may have settled it.
            self.remote.stored();
        }
    }

    async fn settle(&mut self, _said: &str) {
        self.remote.world.settle(&self.remote.machine, &self.remote.vault).await;
        self.remote.check().await.unwrap();
        self.remote.store().await.unwrap();
    }

    async fn ends(mut self) {
        let stored = self.remote.stored().unwrap();
        assert_eq!(self.remote.check().await, Some(true));
        match self.remote.states.get(KEY) {
            Some(state) => {
                assert!(state.ends_with(&stored));
                assert_eq!(self.remote.check_elsewhere().await, Some(true));
            }
            // It was found by an inventory, by which others can have heard of it, too.
            None => assert_ne!(self.remote.check_elsewhere().await, Some(false)),
        }
        self.remote.session.ends().await;
    }
}

#[tokio::test]
async fn a_store() {
    let make = async |world: &Arc<World>| Store { remote: Remote::new(world, SIZE).await, asks: false };
    at_every_request("STORE", 15, make).await;
}

#[tokio::test]
async fn a_store_between_questions() {
    let make = async |world: &Arc<World>| Store { remote: Remote::new(world, SIZE).await, asks: true };
    at_every_request("STORE between CHECKPRESENTs", 15, make).await;
}

/// The parts of a remote are larger than those of the other tests.
#[tokio::test]
async fn a_store_in_parts() {
    if std::env::var_os("GLACIER_TEST_LONG").is_none() {
        return;
    }
    let size = (16 << 20) + 5;
    let make = async |world: &Arc<World>| Store { remote: Remote::new(world, size).await, asks: true };
    at_every_request("STORE in parts", 80, make).await;
}

#[tokio::test]
async fn two_faults_in_a_store() {
    for asks in [false, true] {
        let make = async |world: &Arc<World>| Store { remote: Remote::new(world, SIZE).await, asks };
        with_each_pair("STORE", &FIRST, 12, make).await;
    }
}

/// Each takes half a second, so that an answer is lost before anything else.
#[tokio::test]
async fn two_faults_in_a_store_in_parts() {
    let size = (16 << 20) + 5;
    let make = async |world: &Arc<World>| Store { remote: Remote::new(world, size).await, asks: true };
    with_each_pair("STORE in parts", &FIRST[..1], 30, make).await;
}

struct Retrieve {
    remote: Remote,
}

impl Retrieve {
    /// Elsewhere, it is another clone that wants it, which knows only what is kept about the key.
    async fn new(world: &Arc<World>, is_elsewhere: bool) -> Self {
        let mut remote = Remote::new(world, SIZE).await;
        remote.store().await.unwrap();
        if is_elsewhere {
            let Remote { session, states, vault, .. } = remote;
            session.ends().await;
            remote = Remote::of(world, Machine::new(&world.emulator).await, vault, SIZE).await;
            remote.states = states;
        }
        std::fs::create_dir(remote.path("out")).unwrap();
        Self { remote }
    }
}

impl Flow for Retrieve {
    async fn run(&mut self) -> Result<(), Failure> {
        let request = format!("TRANSFER RETRIEVE {KEY} {}", self.remote.path("out/file").display());
        for _ in 0..4 {
            match self.remote.ask(&request).await {
                Err(failure)
                    if ["queued", "job still pending"].iter().any(|word| failure.said.contains(word)) =>
                {
                    self.remote.world.emulator.advance(LATER);
                }
                outcome => return outcome,
            }
        }
        Err(Failure::never())
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        match std::fs::read(self.remote.path("out/file")) {
            Ok(there) => assert!(there == self.remote.content, "other bytes came"),
            Err(_) => assert!(outcome.is_err(), "nothing came"),
        }
        let id = self.remote.stored().unwrap();
        assert!(self.remote.world.jobs(&self.remote.vault, Some(&id)) <= 1, "a second job was started");
    }

    async fn ends(self) {
        assert!(std::fs::read(self.remote.path("out/file")).unwrap() == self.remote.content);
        support::no_leftovers(&self.remote.path("out"));
        self.remote.session.ends().await;
    }
}

#[tokio::test]
async fn a_retrieval() {
    at_every_request("RETRIEVE", 50, async |world| Retrieve::new(world, false).await).await;
}

#[tokio::test]
async fn a_retrieval_by_another_clone() {
    at_every_request("RETRIEVE by another clone", 60, async |world| Retrieve::new(world, true).await).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Stored from here, too long ago to count as known.
    Ours,
    /// Stored by someone else, whose state has not come here.
    Theirs,
    /// Never stored.
    Nothing,
}

struct CheckPresent {
    remote: Remote,
    asked: Asked,
}

impl CheckPresent {
    async fn new(world: &Arc<World>, asked: Asked) -> Self {
        let mut remote = Remote::new(world, SIZE).await;
        let key = if asked == Asked::Nothing { "other" } else { KEY };
        remote.machine.upload(&remote.vault, key, &remote.content).await;
        world.emulator.advance(61 * HOUR);
        if asked != Asked::Ours {
            let Remote { session, vault, .. } = remote;
            session.ends().await;
            remote = Remote::of(world, Machine::new(&world.emulator).await, vault, SIZE).await;
            // All was known once, and has grown old.
            remote.world.settle(&remote.machine, &remote.vault).await;
            remote.world.emulator.advance(61 * HOUR);
        }
        Self { remote, asked }
    }
}

impl Flow for CheckPresent {
    async fn run(&mut self) -> Result<(), Failure> {
        for _ in 0..4 {
            match self.remote.check().await {
                Some(answer) => {
                    assert_eq!(answer, self.asked != Asked::Nothing);
                    return Ok(());
                }
                None => self.remote.world.emulator.advance(LATER),
            }
        }
        Err(Failure::never())
    }

    async fn holds(&mut self, _outcome: &Result<(), Failure>) {}

    async fn ends(self) {
        self.remote.session.ends().await;
    }
}

#[tokio::test]
async fn a_question_about_what_was_stored_long_ago() {
    at_every_request("CHECKPRESENT", 60, async |world| CheckPresent::new(world, Asked::Ours).await).await;
}

#[tokio::test]
async fn a_question_about_what_someone_else_stored() {
    let make = async |world: &Arc<World>| CheckPresent::new(world, Asked::Theirs).await;
    at_every_request("CHECKPRESENT of another's key", 60, make).await;
}

#[tokio::test]
async fn a_question_about_what_was_never_stored() {
    let make = async |world: &Arc<World>| CheckPresent::new(world, Asked::Nothing).await;
    at_every_request("CHECKPRESENT of nothing", 60, make).await;
}

struct Remove(Remote);

impl Flow for Remove {
    async fn run(&mut self) -> Result<(), Failure> {
        self.0.ask(&format!("REMOVE {KEY}")).await
    }

    async fn holds(&mut self, outcome: &Result<(), Failure>) {
        assert!(outcome.is_err() || self.0.stored().is_none(), "it is said to be removed, and there");
        self.0.check().await;
        self.0.check_elsewhere().await;
    }

    async fn ends(mut self) {
        assert_eq!(self.0.stored(), None);
        assert_eq!(self.0.check().await, Some(false));
        self.0.session.ends().await;
    }
}

#[tokio::test]
async fn a_removal() {
    let make = async |world: &Arc<World>| {
        let mut remote = Remote::new(world, SIZE).await;
        remote.store().await.unwrap();
        Remove(remote)
    };
    at_every_request("REMOVE", 15, make).await;
}

#[tokio::test]
async fn two_faults_in_a_removal() {
    let make = async |world: &Arc<World>| {
        let mut remote = Remote::new(world, SIZE).await;
        remote.store().await.unwrap();
        Remove(remote)
    };
    with_each_pair("REMOVE", &FIRST, 24, make).await;
}
