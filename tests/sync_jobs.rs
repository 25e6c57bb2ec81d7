//! Which inventory a sync takes, of all the jobs that it and other programs have started.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use aws_sdk_glacier::types::{InventoryRetrievalJobInput, JobParameters};
use glacier_emulator::Emulator;
use glacier_engine::engine::Sync;
use glacier_engine::types::VaultName;
use support::HOUR;
use support::machine::Machine;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct World {
    emulator: Arc<Emulator>,
    client: Client,
    here: Machine,
    vault: VaultName,
}

impl World {
    /// A vault that another machine filled with some archives.
    async fn new(archives: u8) -> Self {
        let emulator = Arc::new(Emulator::builder().job_delay(4 * HOUR).start().await.unwrap());
        let client = Client::new(&emulator.sdk_config());
        client.create_vault().vault_name("v").send().await.unwrap();
        let (here, elsewhere) = (Machine::new(&emulator).await, Machine::new(&emulator).await);
        let vault = "v".parse().unwrap();
        for number in 0..archives {
            elsewhere.upload(&vault, &format!("n{number}"), &[number]).await;
        }
        Self { emulator, client, here, vault }
    }

    async fn start(&self, job: JobParameters) {
        self.client.initiate_job().vault_name("v").job_parameters(job).send().await.unwrap();
    }

    async fn sync(&self) -> Sync {
        self.here.sync(&self.vault, DAY, false).await.0.unwrap()
    }
}

fn inventory() -> aws_sdk_glacier::types::builders::JobParametersBuilder {
    JobParameters::builder().r#type("inventory-retrieval")
}

fn only(input: InventoryRetrievalJobInput) -> JobParameters {
    inventory().inventory_retrieval_parameters(input).build()
}

/// Taken for a full one, each of these would make archives look lost.
#[tokio::test]
async fn what_other_programs_ask_for_is_not_mistaken_for_a_full_inventory() {
    let world = World::new(3).await;
    let parameters = InventoryRetrievalJobInput::builder;
    world.start(inventory().format("CSV").build()).await;
    world.start(only(parameters().limit("1").build())).await;
    world.start(only(parameters().start_date("2030-01-01T00:00:00Z").build())).await;
    world.start(only(parameters().end_date("2000-01-01T00:00:00Z").build())).await;
    assert_eq!(world.sync().await, Sync::Queued, "nor are they waited for");
    world.emulator.advance(4 * HOUR);
    assert!(matches!(world.sync().await, Sync::Done(_)));
    assert_eq!(world.here.listed(&world.vault).await.len(), 3);
    world.emulator.advance(Duration::from_secs(1));
    world.start(inventory().format("CSV").build()).await;
    world.emulator.advance(4 * HOUR);
    assert!(matches!(world.sync().await, Sync::Done(_)));
    assert_eq!(world.here.listed(&world.vault).await.len(), 3);
}

#[tokio::test]
async fn an_inventory_is_found_behind_a_page_of_other_jobs() {
    let world = World::new(1).await;
    assert_eq!(world.sync().await, Sync::Queued);
    let elsewhere = Machine::new(&world.emulator).await;
    let archive = elsewhere.upload(&world.vault, "n", b"x").await;
    for _ in 0..60 {
        let job = JobParameters::builder().r#type("archive-retrieval").archive_id(archive.id.as_str());
        world.start(job.build()).await;
    }
    assert_eq!(world.sync().await, Sync::Pending);
    world.emulator.advance(4 * HOUR);
    assert!(matches!(world.sync().await, Sync::Done(_)));
}

#[tokio::test]
async fn the_newest_of_several_is_taken_and_an_old_one_is_not() {
    let world = World::new(1).await;
    let elsewhere = Machine::new(&world.emulator).await;
    world.start(inventory().build()).await;
    world.emulator.advance(HOUR);
    elsewhere.upload(&world.vault, "later", b"x").await;
    world.start(inventory().format("JSON").build()).await;
    world.emulator.advance(4 * HOUR);
    assert!(matches!(world.sync().await, Sync::Done(_)));
    assert_eq!(world.here.listed(&world.vault).await.len(), 2);
    world.emulator.advance(2 * HOUR);
    assert_eq!(world.here.sync(&world.vault, HOUR, false).await.0.unwrap(), Sync::Queued);
}
