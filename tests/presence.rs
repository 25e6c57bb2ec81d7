//! Whether an archive exists: yes, no or unknown, on a clock that hours pass on at once.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use glacier_emulator::{Builder, Emulator};
use glacier_engine::engine::{Connection, Engine, Patience, Presence};
use glacier_engine::types::{ArchiveRef, VaultName};
use support::HOUR;
use support::machine::{EmulatorClock, Machine, connection};

const MAX_AGE: Duration = Duration::from_secs(60 * 3600);

struct World {
    emulator: Arc<Emulator>,
    client: Client,
    here: Machine,
    vault: VaultName,
}

impl World {
    async fn new(builder: Builder) -> Self {
        let emulator = Arc::new(builder.job_delay(4 * HOUR).start().await.unwrap());
        let client = Client::new(&emulator.sdk_config());
        let here = Machine::new(&emulator).await;
        Self { emulator, client, here, vault: "v".parse().unwrap() }
    }

    async fn presence(&self, name: &str) -> Presence {
        let reference = ArchiveRef::Name(name.to_owned());
        self.here.engine.presence(&self.vault, &reference, MAX_AGE).await.unwrap()
    }

    #[track_caller]
    fn is_unknown(presence: &Presence, why: &str) {
        assert!(matches!(presence, Presence::Unknown(said) if said.contains(why)), "{presence:?}");
    }

    fn inventories(&self) -> u64 {
        self.emulator.requests().get("InitiateJob").copied().unwrap_or(0)
    }

    async fn someone_else_stores(&self, name: &str) {
        let elsewhere = Machine::new(&self.emulator).await;
        elsewhere.upload(&self.vault, name, b"theirs").await;
    }
}

#[tokio::test]
async fn a_vault_made_here_is_known_and_what_was_deleted_here_is_gone() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    assert_eq!(world.presence("n").await, Presence::Absent);
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    assert_eq!(world.presence("n").await, Presence::Present);
    world.here.delete(&world.vault, &archive).await.unwrap();
    assert_eq!(world.presence("n").await, Presence::Absent);
    assert_eq!(world.inventories(), 0);
}

#[tokio::test]
async fn a_vault_that_others_filled_is_unknown_until_an_inventory_tells() {
    let world = World::new(Emulator::builder()).await;
    world.client.create_vault().vault_name("v").send().await.unwrap();
    world.someone_else_stores("theirs").await;
    for name in ["theirs", "never"] {
        World::is_unknown(&world.presence(name).await, "run: glacier vault sync v");
    }
    assert_eq!(world.inventories(), 0, "a question alone asks for nothing that takes hours");
    world.here.sync(&world.vault, HOUR, false).await.0.unwrap();
    World::is_unknown(&world.presence("theirs").await, "an inventory has been asked for");
    world.emulator.advance(4 * HOUR);
    // Whoever asks next takes in the inventory that is there.
    assert_eq!(world.presence("never").await, Presence::Absent);
    assert_eq!(world.presence("theirs").await, Presence::Present);
    world.emulator.advance(61 * HOUR);
    World::is_unknown(&world.presence("never").await, "an inventory has been asked for");
}

/// The original noted no regions, so that a vault of the same name elsewhere was called to hold what it does not; its own was
/// us-east-1.
#[tokio::test]
async fn what_the_original_stored_may_be_in_another_region() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.here.upload(&world.vault, "n", b"mine").await;
    let forget_region = || {
        let forgotten = world.here.sqlite().execute("UPDATE archive SET region = NULL, account = NULL", []);
        assert_eq!(forgotten.unwrap(), 1);
    };
    forget_region();
    assert_eq!(world.presence("n").await, Presence::Present);
    let region = Some("eu-west-1".parse().unwrap());
    let elsewhere = Connection { region, ..connection(&world.emulator) };
    let clock = Arc::new(EmulatorClock(Arc::clone(&world.emulator)));
    let elsewhere = Engine::open(&elsewhere, &world.here.home.path().join("db"), clock).await.unwrap();
    elsewhere.create_vault(&world.vault).await.unwrap();
    let name = ArchiveRef::Name("n".to_owned());
    let presence = || elsewhere.presence(&world.vault, &name, MAX_AGE);
    World::is_unknown(&presence().await.unwrap(), "exists");
    World::is_unknown(&world.presence("n").await, "exists");
    // A job that Glacier takes tells where it is.
    world.here.engine.prefetch(&world.vault, &name, None, Patience::ComeBackLater).await.unwrap();
    assert_eq!(world.presence("n").await, Presence::Present);
    assert_eq!(presence().await.unwrap(), Presence::Absent);
}

/// Its key tells of nothing, and that the account has a vault of that name is no proof; a job that Glacier takes is.
#[tokio::test]
async fn what_is_filed_under_a_key_of_nobody_is_found_and_not_called_present() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.here.upload(&world.vault, "n", b"mine").await;
    let old = "UPDATE archive SET region = NULL, account = NULL, key = 'AKIAI44QH8DHBEXAMPLE';
               DELETE FROM vault; DELETE FROM caller";
    world.here.sqlite().execute_batch(old).unwrap();
    World::is_unknown(&world.presence("n").await, "exists");
    let name = ArchiveRef::Name("n".to_owned());
    assert_eq!(world.here.engine.known(&world.vault, &name).await.unwrap().len(), 1);
    world.here.engine.prefetch(&world.vault, &name, None, Patience::ComeBackLater).await.unwrap();
    assert_eq!(world.presence("n").await, Presence::Present);
}

#[tokio::test]
async fn what_is_known_grows_old_and_one_inventory_renews_it() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.here.upload(&world.vault, "n", b"mine").await;
    world.emulator.advance(61 * HOUR);
    for _ in 0..3 {
        World::is_unknown(&world.presence("n").await, "an inventory has been asked for");
    }
    assert_eq!(world.inventories(), 1, "once, not once a question");
    world.emulator.advance(4 * HOUR);
    assert_eq!(world.presence("n").await, Presence::Present);
    world.emulator.advance(61 * HOUR);
    assert_eq!(world.presence("other").await, Presence::Absent, "all that was ever stored here is known");
}

/// It was said not to be listed, by an inventory that lists it.
#[tokio::test]
async fn an_inventory_that_is_fetched_too_late_is_said_to_be_too_old() {
    let world = World::new(Emulator::builder().inventory_lag(24 * HOUR)).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.here.upload(&world.vault, "n", b"mine").await;
    world.emulator.advance(85 * HOUR);
    World::is_unknown(&world.presence("n").await, "an inventory has been asked for");
    world.emulator.advance(13 * HOUR);
    World::is_unknown(
        &world.presence("n").await,
        "the last inventory lists it, but was asked for too long ago",
    );
    World::is_unknown(&world.presence("n").await, "an inventory has been asked for");
    world.emulator.advance(4 * HOUR);
    assert_eq!(world.presence("n").await, Presence::Present);
}

/// Inventories are not made anew while a vault does not change, and the age that the original reckons with is always
/// over sixty hours then: nothing could ever have been dropped again.
#[tokio::test]
async fn a_vault_that_rests_for_a_year_is_known_again_after_an_inventory() {
    let world = World::new(Emulator::builder().inventory_lag(24 * HOUR)).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.here.upload(&world.vault, "n", b"mine").await;
    world.emulator.advance(365 * 24 * HOUR);
    World::is_unknown(&world.presence("n").await, "an inventory has been asked for");
    world.emulator.advance(4 * HOUR);
    assert_eq!(world.presence("n").await, Presence::Present);
    assert_eq!(world.presence("other").await, Presence::Absent);
    world.emulator.advance(13 * HOUR);
    World::is_unknown(&world.presence("n").await, "an inventory has been asked for");
}

/// Glacier makes no inventory of a vault that never held anything, so to wait for one would be to wait for ever.
#[tokio::test]
async fn an_old_vault_without_an_inventory_was_empty() {
    let world = World::new(Emulator::builder().inventory_lag(24 * HOUR)).await;
    world.client.create_vault().vault_name("v").send().await.unwrap();
    World::is_unknown(&world.presence("n").await, "run: glacier vault sync v");
    world.emulator.advance(4 * 24 * HOUR);
    assert_eq!(world.presence("n").await, Presence::Absent);
    world.here.upload(&world.vault, "n", b"mine").await;
    assert_eq!(world.presence("n").await, Presence::Present);
}

#[tokio::test]
async fn what_someone_else_deleted_is_gone_once_an_inventory_must_list_it() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.client.delete_archive().vault_name("v").archive_id(archive.id.as_str()).send().await.unwrap();
    world.emulator.advance(61 * HOUR);
    World::is_unknown(&world.presence("n").await, "asked for");
    world.emulator.advance(4 * HOUR);
    for _ in 0..2 {
        World::is_unknown(
            &world.presence("n").await,
            "does not list it, as may be for three days after an upload",
        );
    }
    assert_eq!(world.inventories(), 1, "the next inventory is a day away");
    world.emulator.advance(13 * HOUR);
    World::is_unknown(&world.presence("n").await, "asked for");
    world.emulator.advance(4 * HOUR);
    assert_eq!(world.presence("n").await, Presence::Absent);
}

/// Who had made the vault called absent for ever what others stored in it.
#[tokio::test]
async fn a_vault_that_was_made_here_and_that_others_store_in_is_known_by_its_inventories_only() {
    let world = World::new(Emulator::builder()).await;
    world.here.engine.create_vault(&world.vault).await.unwrap();
    world.someone_else_stores("theirs").await;
    assert_eq!(world.presence("other").await, Presence::Absent, "nothing tells of anyone else");
    world.here.sync(&world.vault, HOUR, false).await.0.unwrap();
    world.emulator.advance(4 * HOUR);
    world.here.sync(&world.vault, 5 * HOUR, false).await.0.unwrap();
    assert_eq!(world.presence("other").await, Presence::Absent);
    world.emulator.advance(61 * HOUR);
    world.someone_else_stores("other").await;
    World::is_unknown(&world.presence("other").await, "an inventory has been asked for");
    world.emulator.advance(4 * HOUR);
    assert_eq!(world.presence("other").await, Presence::Present);
}
