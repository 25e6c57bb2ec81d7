//! Random histories of a vault that two machines use, with inventories that lag behind: what a sync tells and changes is
//! what the table says, case by case, and in the end the cache holds what the vault holds.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use glacier_emulator::Emulator;
use glacier_engine::engine::{Archive, Finding, FindingKind, Sync};
use glacier_engine::types::VaultName;
use proptest::prelude::*;
use support::HOUR;
use support::machine::Machine;

const DAY_HOURS: u64 = 24;
/// How long an upload may be missing from inventories.
const LAG_SECONDS: f64 = 3.0 * 24.0 * 3600.0;

#[derive(Debug, Clone)]
enum Step {
    UploadHere(u8),
    UploadElsewhere(u8),
    /// By position among what the cache lists here.
    DeleteHere(prop::sample::Index),
    /// By position among what is in the vault.
    DeleteElsewhere(prop::sample::Index),
    Pass {
        hours: u64,
    },
    Sync {
        fix: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..4).prop_map(Step::UploadHere),
        2 => (0u8..4).prop_map(Step::UploadElsewhere),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteHere),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteElsewhere),
        3 => (1u64..60).prop_map(|hours| Step::Pass { hours }),
        2 => any::<bool>().prop_map(|fix| Step::Sync { fix }),
    ]
}

/// A row of the cache, as a program that knows nothing of this one reads it.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: Option<String>,
    created_here: f64,
    last_seen_upstream: Option<f64>,
    deleted_here: Option<f64>,
}

struct World {
    emulator: Arc<Emulator>,
    client: Client,
    vault: VaultName,
    here: Machine,
    elsewhere: Machine,
    in_vault: Vec<Archive>,
}

impl World {
    async fn new() -> Self {
        let builder = Emulator::builder().job_delay(4 * HOUR).inventory_lag(24 * HOUR);
        let emulator = Arc::new(builder.start().await.unwrap());
        let (here, elsewhere) = (Machine::new(&emulator).await, Machine::new(&emulator).await);
        let vault: VaultName = "v".parse().unwrap();
        here.engine.create_vault(&vault).await.unwrap();
        elsewhere.engine.create_vault(&vault).await.unwrap();
        let client = Client::new(&emulator.sdk_config());
        Self { emulator, client, vault, here, elsewhere, in_vault: Vec::new() }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::UploadHere(number) => {
                let archive = self.here.upload(&self.vault, &format!("n{number}"), &[*number + 1]).await;
                self.in_vault.push(archive);
            }
            Step::UploadElsewhere(number) => {
                let archive = self.elsewhere.upload(&self.vault, &format!("n{number}"), &[*number + 1]).await;
                self.in_vault.push(archive);
            }
            Step::DeleteHere(index) => {
                let listed = self.here.listed(&self.vault).await;
                if !listed.is_empty() {
                    let archive = index.get(&listed);
                    self.here.delete(&self.vault, archive).await.unwrap();
                    self.in_vault.retain(|other| other.id != archive.id);
                }
            }
            Step::DeleteElsewhere(index) => {
                if !self.in_vault.is_empty() {
                    let archive = self.in_vault.remove(index.index(self.in_vault.len()));
                    let request = self.client.delete_archive().vault_name(self.vault.as_str());
                    request.archive_id(archive.id.as_str()).send().await.unwrap();
                }
            }
            Step::Pass { hours } => self.emulator.advance(Duration::from_secs(hours * 3600)),
            Step::Sync { fix } => self.sync_checked(*fix).await,
        }
    }

    /// Asks for a new inventory, waits for it and takes it in; told and changed is what the table says.
    async fn sync_checked(&self, fix: bool) {
        let (asked, _) = self.here.sync(&self.vault, Duration::ZERO, fix).await;
        let Ok(asked) = asked else { return };
        assert_eq!(asked, Sync::Queued);
        self.emulator.advance(4 * HOUR);
        let (before, (date, requested, listed)) = (self.rows(), self.inventory().await);
        let (done, findings) = self.here.sync(&self.vault, HOUR, fix).await;
        assert!(matches!(done.unwrap(), Sync::Done(taken) if taken.unreadable_rows == 0));
        let (expected_rows, expected_findings) = by_the_table(&before, date, requested, &listed, fix);
        assert_eq!(said(&findings), expected_findings);
        let mut after = self.rows();
        for (id, row) in &mut after {
            if !before.contains_key(id) {
                row.created_here = 0.0;
            }
        }
        assert_eq!(after, expected_rows);
    }

    fn rows(&self) -> BTreeMap<String, Row> {
        let db = self.here.sqlite();
        let sql =
            "SELECT id, name, created_here, last_seen_upstream, deleted_here FROM archive WHERE vault = 'v'";
        let mut query = db.prepare(sql).unwrap();
        let rows = query.query_map([], |row| {
            let (created_here, last_seen_upstream, deleted_here) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, Row { name: row.get(1)?, created_here, last_seen_upstream, deleted_here }))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The newest inventory: its date, when it was asked for, and the names by id. Read by other means than ours.
    async fn inventory(&self) -> (f64, f64, BTreeMap<String, String>) {
        let jobs = self.client.list_jobs().vault_name("v").send().await.unwrap();
        let job = jobs.job_list().iter().max_by_key(|job| job.creation_date()).unwrap();
        let output = self.client.get_job_output().vault_name("v").job_id(job.job_id().unwrap()).send().await;
        let json: serde_json::Value =
            serde_json::from_slice(&output.unwrap().body.collect().await.unwrap().into_bytes()).unwrap();
        let unix = |text: &str| text.parse::<glacier_engine::types::Timestamp>().unwrap().unix_seconds();
        let listed = json["ArchiveList"].as_array().unwrap().iter().map(|row| {
            (
                row["ArchiveId"].as_str().unwrap().to_owned(),
                row["ArchiveDescription"].as_str().unwrap().to_owned(),
            )
        });
        let date = unix(json["InventoryDate"].as_str().unwrap());
        (date, unix(job.creation_date().unwrap()), listed.collect())
    }
}

/// The table of the original's behaviour, as plainly as it can be written.
fn by_the_table(
    before: &BTreeMap<String, Row>,
    date: f64,
    requested: f64,
    listed: &BTreeMap<String, String>,
    fix: bool,
) -> (BTreeMap<String, Row>, BTreeSet<String>) {
    let (mut rows, mut findings) = (before.clone(), BTreeSet::new());
    let seen = date.max(requested - LAG_SECONDS);
    for (id, name) in listed {
        match rows.get_mut(id) {
            None => {
                let name = Some(name.clone());
                let new = Row { name, created_here: 0.0, last_seen_upstream: Some(seen), deleted_here: None };
                rows.insert(id.clone(), new);
            }
            Some(row) => {
                row.last_seen_upstream = Some(row.last_seen_upstream.map_or(seen, |before| before.max(seen)));
                match row.deleted_here {
                    Some(deleted) if deleted < date => {
                        findings.insert(format!("{id} still present"));
                        if fix && deleted < date - LAG_SECONDS {
                            row.deleted_here = None;
                        }
                    }
                    Some(_) => drop(findings.insert(format!("{id} deletion not yet listed"))),
                    None => {}
                }
            }
        }
    }
    for (id, row) in before.iter().filter(|(id, _)| !listed.contains_key(*id)) {
        if row.deleted_here.is_some_and(|deleted| deleted < date) {
            rows.remove(id);
            findings.insert(format!("{id} deletion confirmed"));
        } else if row.deleted_here.is_none()
            && (row.last_seen_upstream.is_some() || row.created_here < seen - LAG_SECONDS)
        {
            findings.insert(format!("{id} disappeared{}", if fix { ", fixed" } else { "" }));
            if fix {
                rows.remove(id);
            }
        } else {
            findings.insert(format!("{id} not yet listed"));
        }
    }
    (rows, findings)
}

fn said(findings: &[Finding]) -> BTreeSet<String> {
    let text = |finding: &Finding| {
        let kind = match &finding.kind {
            FindingKind::Renamed { .. } => "renamed",
            FindingKind::StillPresent { .. } => "still present",
            FindingKind::DeletionNotYetListed => "deletion not yet listed",
            FindingKind::DeletionConfirmed => "deletion confirmed",
            FindingKind::Disappeared { fixed: true } => "disappeared, fixed",
            FindingKind::Disappeared { fixed: false } => "disappeared",
            FindingKind::NotYetListed => "not yet listed",
        };
        format!("{} {kind}", finding.archive.id)
    };
    findings.iter().map(text).collect()
}

async fn play(steps: Vec<Step>) {
    let mut world = World::new().await;
    for step in &steps {
        world.take(step).await;
    }
    for _ in 0..2 {
        world.take(&Step::Pass { hours: 4 * DAY_HOURS }).await;
        world.take(&Step::Sync { fix: true }).await;
    }
    let ids =
        |archives: &[Archive]| archives.iter().map(|archive| archive.id.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&world.here.listed(&world.vault).await), ids(&world.in_vault));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(60),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_sync_does_what_the_table_says_and_ends_at_the_truth(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
