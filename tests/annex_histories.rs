//! Random histories of a remote that two clones use, with uploads without an answer, archives that others delete, lost
//! caches and inventories that lag behind: whatever happens, CHECKPRESENT says no more than is known.
//!
//! - SUCCESS, on which git-annex drops another copy: an archive of the key exists, or existed within `maxage` hours and
//!   was deleted by someone of whom this clone cannot have heard.
//! - FAILURE, on which it stores the key: no archive of which this clone can know exists. It can know of those that it
//!   has stored, answer or not, unless its cache was lost; of those that the branch names that it has merged; and of
//!   those that an inventory must have listed which it has taken in.
//! - A STORE makes no second archive beside one of which the clone can know, and a REMOVE that succeeds leaves none.
//! - In the end, after an inventory, it says what is true.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use glacier_emulator::Emulator;
use glacier_engine::engine::Sync;
use glacier_engine::types::VaultName;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::HOUR;
use support::branch::{Branch, Told};
use support::machine::Machine;
use support::session::Session;
use tempfile::TempDir;

/// The default of `maxage`.
const MAX_AGE_SECONDS: f64 = 60.0 * 3600.0;
/// After how long an inventory must list an archive.
const LISTED_SECONDS: f64 = 48.0 * 3600.0;

#[derive(Debug, Clone)]
enum Step {
    /// As `git annex copy` does: CHECKPRESENT, and STORE after FAILURE.
    Copy {
        who: usize,
        key: u8,
    },
    /// As `git annex copy --fast` does: STORE unless the branch says that it is there.
    CopyFast {
        who: usize,
        key: u8,
    },
    /// The same, and the connection ends before an answer.
    CopyCut {
        who: usize,
        key: u8,
        is_stored: bool,
    },
    /// As `git annex fsck --fast --from` does.
    Fsck {
        who: usize,
        key: u8,
    },
    /// As `git annex drop` does.
    Drop {
        who: usize,
        key: u8,
    },
    /// As `git annex drop --from` does.
    Remove {
        who: usize,
        key: u8,
    },
    /// Another program deletes an archive.
    DeleteOutside(prop::sample::Index),
    Pass {
        hours: u64,
    },
    Sync {
        who: usize,
    },
    /// `git annex sync` of both.
    Merge,
    LoseCache {
        who: usize,
    },
    Restart {
        who: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, key) = (0usize..2, 0u8..2);
    let both = (who.clone(), key);
    prop_oneof![
        4 => both.clone().prop_map(|(who, key)| Step::Copy { who, key }),
        1 => both.clone().prop_map(|(who, key)| Step::CopyFast { who, key }),
        2 => (both.clone(), any::<bool>()).prop_map(|((who, key), is_stored)| Step::CopyCut { who, key, is_stored }),
        3 => both.clone().prop_map(|(who, key)| Step::Fsck { who, key }),
        3 => both.clone().prop_map(|(who, key)| Step::Drop { who, key }),
        2 => both.prop_map(|(who, key)| Step::Remove { who, key }),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteOutside),
        3 => (1u64..60).prop_map(|hours| Step::Pass { hours }),
        2 => who.clone().prop_map(|who| Step::Sync { who }),
        2 => Just(Step::Merge),
        1 => who.clone().prop_map(|who| Step::LoseCache { who }),
        1 => who.prop_map(|who| Step::Restart { who }),
    ]
}

/// A repository, the remote's cache on its machine, and the remote.
struct Clone {
    machine: Machine,
    session: Session,
    branch: Branch,
    /// The archives of which it can know that they were stored, and that they are gone.
    told: BTreeSet<String>,
    told_gone: BTreeSet<String>,
}

/// An archive that is or was, by the emulator's own books.
#[derive(Debug, Clone)]
struct Truth {
    id: String,
    key: String,
    created: f64,
    deleted: Option<f64>,
}

struct World {
    emulator: Arc<Emulator>,
    client: Client,
    vault: VaultName,
    clones: Vec<Clone>,
    directory: TempDir,
    is_encrypted: bool,
    copies: u32,
}

impl World {
    async fn new(is_encrypted: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let builder = Emulator::builder().job_delay(4 * HOUR).inventory_lag(24 * HOUR);
        let emulator = Arc::new(builder.data_dir(directory.path().join("data")).start().await.unwrap());
        let vault: VaultName = "v".parse().unwrap();
        let mut clones = Vec::new();
        for _ in 0..2 {
            let machine = Machine::new(&emulator).await;
            machine.engine.create_vault(&vault).await.unwrap();
            let session = Session::prepared(&emulator, &machine).await;
            let (told, told_gone) = (BTreeSet::new(), BTreeSet::new());
            clones.push(Clone { machine, session, branch: Branch::default(), told, told_gone });
        }
        let client = Client::new(&emulator.sdk_config());
        Self { emulator, client, vault, clones, directory, is_encrypted, copies: 0 }
    }

    fn now(&self) -> f64 {
        glacier_engine::types::Timestamp::from(self.emulator.now()).unix_seconds()
    }

    /// Read by other means than ours.
    fn truth(&self) -> Vec<Truth> {
        let index = rusqlite::Connection::open(self.directory.path().join("data/index.sqlite")).unwrap();
        let mut query = index.prepare("SELECT id, description, created, deleted FROM archive").unwrap();
        let rows = query.query_map([], |row| {
            let seconds = |index| row.get::<_, Option<f64>>(index).map(|time| time.map(|time| time / 1000.0));
            let created = seconds(2)?.unwrap();
            Ok(Truth { id: row.get(0)?, key: row.get(1)?, created, deleted: seconds(3)? })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The archives of the key that exist and of which the clone can know.
    fn known_to_exist(&self, who: usize, key: &str) -> Vec<Truth> {
        let told = &self.clones[who].told;
        self.truth()
            .into_iter()
            .filter(|archive| archive.key == key && archive.deleted.is_none() && told.contains(&archive.id))
            .collect()
    }

    async fn ask(&mut self, who: usize, request: &str) -> String {
        let Clone { session, branch, .. } = &mut self.clones[who];
        session.asks(request, branch).await
    }

    /// Asks whether the key is there and checks the answer.
    async fn check(&mut self, who: usize, key: &str) -> Option<bool> {
        let asked = self.now();
        let said = self.ask(who, &format!("CHECKPRESENT {key}")).await;
        if said.starts_with("CHECKPRESENT-SUCCESS") {
            let gone = &self.clones[who].told_gone;
            let may_count = |archive: &Truth| {
                archive.key == key
                    && archive.deleted.is_none_or(|deleted| {
                        deleted >= asked - MAX_AGE_SECONDS && !gone.contains(&archive.id)
                    })
            };
            assert!(self.truth().iter().any(may_count), "{said}: {:?}", self.truth());
            return Some(true);
        }
        if said.starts_with("CHECKPRESENT-FAILURE") {
            assert!(self.known_to_exist(who, key).is_empty(), "{said}: {:?}", self.truth());
            return Some(false);
        }
        assert!(said.starts_with(&format!("CHECKPRESENT-UNKNOWN {key} ")), "{said}");
        None
    }

    /// Stores the key, which the clone has good reason to believe is not there.
    async fn store(&mut self, who: usize, key: &str) {
        self.copies += 1;
        // What is encrypted is other bytes each time.
        let content = if self.is_encrypted { self.copies } else { 0 };
        let file: PathBuf = self.directory.path().join("file");
        std::fs::write(&file, content.to_string().repeat(5)).unwrap();
        let before: BTreeSet<String> = self.truth().into_iter().map(|archive| archive.id).collect();
        let known_before = self.known_to_exist(who, key);
        let said = self.ask(who, &format!("TRANSFER STORE {key} {}", file.display())).await;
        let new: Vec<Truth> =
            self.truth().into_iter().filter(|archive| !before.contains(&archive.id)).collect();
        assert!(new.is_empty() || known_before.is_empty(), "{said}: {new:?} beside {known_before:?}");
        let clone = &mut self.clones[who];
        clone.told.extend(new.into_iter().map(|archive| archive.id));
        if said.starts_with("TRANSFER-SUCCESS") {
            clone.branch.places(key, true);
            self.learns_from_branch(who);
        }
    }

    fn learns_from_branch(&mut self, who: usize) {
        let clone = &mut self.clones[who];
        let Told { stored, removed } = clone.branch.tells_of_all();
        clone.told.extend(stored);
        clone.told_gone.extend(removed);
    }

    async fn take(&mut self, step: &Step) {
        let name = |key: &u8| format!("WORM-s5--{key}");
        match step {
            Step::Copy { who, key } => {
                let key = name(key);
                match self.check(*who, &key).await {
                    Some(true) => self.clones[*who].branch.places(&key, true),
                    Some(false) => self.store(*who, &key).await,
                    None => {}
                }
            }
            Step::CopyFast { who, key } => {
                if !self.clones[*who].branch.has(&name(key)) {
                    self.store(*who, &name(key)).await;
                }
            }
            Step::CopyCut { who, key, is_stored } => {
                let fault =
                    if *is_stored { "cut-after@UploadArchive#1" } else { "cut-middle@UploadArchive#1" };
                self.emulator.set_fault(fault.parse().unwrap());
                if self.check(*who, &name(key)).await == Some(false) {
                    self.store(*who, &name(key)).await;
                }
                self.emulator.clear_faults();
            }
            Step::Fsck { who, key } => {
                if let Some(is_there) = self.check(*who, &name(key)).await {
                    self.clones[*who].branch.places(&name(key), is_there);
                }
            }
            Step::Drop { who, key } => {
                if self.clones[*who].branch.has(&name(key)) {
                    self.check(*who, &name(key)).await;
                }
            }
            Step::Remove { who, key } => {
                let key = name(key);
                if self.clones[*who].branch.has(&key) {
                    let said = self.ask(*who, &format!("REMOVE {key}")).await;
                    self.learns_from_branch(*who);
                    if said.starts_with("REMOVE-SUCCESS") {
                        let left = self.known_to_exist(*who, &key);
                        assert!(left.is_empty(), "{said}: {left:?}");
                        self.clones[*who].branch.places(&key, false);
                    }
                }
            }
            Step::DeleteOutside(index) => {
                let there: Vec<Truth> = self.truth().into_iter().filter(|a| a.deleted.is_none()).collect();
                if !there.is_empty() {
                    let request = self.client.delete_archive().vault_name("v");
                    request.archive_id(&index.get(&there).id).send().await.unwrap();
                }
            }
            Step::Pass { hours } => self.emulator.advance(Duration::from_secs(hours * 3600)),
            Step::Sync { who } => self.sync(*who).await,
            Step::Merge => {
                let (first, second) = (self.clones[0].branch.clone(), self.clones[1].branch.clone());
                self.clones[0].branch.merge(&second);
                self.clones[1].branch.merge(&first);
                (0..2).for_each(|who| self.learns_from_branch(who));
            }
            Step::LoseCache { who } => {
                let machine = Machine::new(&self.emulator).await;
                self.clones[*who].machine = machine;
                self.clones[*who].told.clear();
                self.clones[*who].told_gone.clear();
                self.learns_from_branch(*who);
                self.restart(*who).await;
            }
            Step::Restart { who } => self.restart(*who).await,
        }
    }

    async fn restart(&mut self, who: usize) {
        let session = Session::prepared(&self.emulator, &self.clones[who].machine).await;
        std::mem::replace(&mut self.clones[who].session, session).ends().await;
    }

    async fn sync(&mut self, who: usize) {
        let requested = self.now();
        let machine = &self.clones[who].machine;
        let Ok(Sync::Queued) = machine.sync(&self.vault, Duration::ZERO, false).await.0 else { return };
        self.emulator.advance(4 * HOUR);
        assert!(matches!(machine.sync(&self.vault, HOUR, false).await.0, Ok(Sync::Done(_))));
        let listed = self.truth().into_iter().filter(|a| a.created < requested - LISTED_SECONDS);
        self.clones[who].told.extend(listed.map(|archive| archive.id));
    }
}

async fn play(is_encrypted: bool, steps: Vec<Step>) {
    let mut world = World::new(is_encrypted).await;
    for step in &steps {
        world.take(step).await;
    }
    world.take(&Step::Merge).await;
    for _ in 0..2 {
        world.take(&Step::Pass { hours: 4 * 24 }).await;
        for who in 0..2 {
            world.take(&Step::Sync { who }).await;
        }
    }
    for (who, key) in [(0, "WORM-s5--0"), (0, "WORM-s5--1"), (1, "WORM-s5--0"), (1, "WORM-s5--1")] {
        let is_there = world.truth().iter().any(|archive| archive.key == key && archive.deleted.is_none());
        let said = world.ask(who, &format!("CHECKPRESENT {key}")).await;
        let expected = if is_there { "CHECKPRESENT-SUCCESS" } else { "CHECKPRESENT-FAILURE" };
        assert!(said.starts_with(expected), "{who}: {said}: {:?}", world.truth());
    }
    for clone in world.clones {
        clone.session.ends().await;
    }
}

proptest! {
    // HISTORIES=N plays N others, each time.
    #![proptest_config({
        let count = std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok());
        ProptestConfig {
            cases: count.unwrap_or(60),
            rng_seed: if count.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) },
            max_shrink_iters: 300,
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    })]

    #[test]
    fn what_is_said_of_a_key_is_known(is_encrypted: bool, steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(is_encrypted, steps));
    }
}

/// A key that was removed, stored again and removed again, of which another clone heard only the first and the last
/// word: it called the first archive present for sixty hours, and git-annex could have dropped the last copy.
#[tokio::test]
async fn what_was_removed_before_it_was_stored_again_is_removed() {
    let mut world = World::new(false).await;
    let key = "WORM-s5--0";
    world.store(0, key).await;
    world.take(&Step::Merge).await;
    assert_eq!(world.check(1, key).await, Some(true));
    for _ in 0..2 {
        world.take(&Step::Remove { who: 0, key: 0 }).await;
        world.take(&Step::CopyFast { who: 0, key: 0 }).await;
    }
    world.take(&Step::Remove { who: 0, key: 0 }).await;
    assert!(world.truth().iter().all(|archive| archive.deleted.is_some()));
    world.take(&Step::Merge).await;
    assert_eq!(world.check(1, key).await, Some(false));
}
