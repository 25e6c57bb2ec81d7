//! Seeing jobs, and waiting for them.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use glacier_emulator::Emulator;
use glacier_engine::engine::{EngineError, Patience};
use glacier_engine::engine::{JobEnd, RangeSize, RetrieveOptions, Target, Wanted};
use serde_json::Value;
use support::machine::Machine;
use support::{HOUR, Shell};

/// A vault with two archives.
fn stored(shell: &Shell) {
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for (name, content) in [("a", &b"one"[..]), ("b", b"three")] {
        shell
            .glacier_with_input(&["archive", "upload", "v", &format!("--name={name}"), "-"], content)
            .is_silent();
    }
}

fn retrieve(shell: &Shell, arguments: &[&str]) {
    assert_eq!(shell.glacier(&[&["archive", "retrieve", "v"], arguments].concat()).status, 75);
}

fn records(shell: &Shell, arguments: &[&str]) -> Vec<Value> {
    let outcome = shell.glacier(&[&["--json"], arguments].concat());
    assert_eq!((outcome.stderr.as_str(), outcome.status), ("", 0));
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_long_list_says_what_a_job_is_and_how_it_stands() {
    let shell = Shell::with(Emulator::builder().job_delay(Duration::ZERO));
    stored(&shell);
    let config = shell.home().join(".config/glacier-cli");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "tier = 'bulk'\n").unwrap();
    shell.glacier(&["archive", "retrieve", "v", "a"]);
    shell.glacier(&["archive", "retrieve", "v", "b", "--tier=expedited"]);
    let long = shell.glacier(&["job", "list", "-l"]).stdout;
    let mut rows: Vec<Vec<&str>> = long.lines().map(|line| line.split('\t').collect()).collect();
    rows.sort_by_key(|row| row[8]);
    assert_eq!((rows.len(), rows[0].len()), (2, 9), "{long}");
    assert_eq!(rows[0][..4], ["a/d", "v", "bulk", "3"]);
    assert_eq!(rows[1][..4], ["a/d", "v", "expedited", "5"]);
    assert!(rows.iter().all(|row| row[4].ends_with('Z') && row[5] >= row[4]), "{long}");
    assert!(rows.iter().all(|row| ["24h00m", "23h59m"].contains(&row[6])), "{long}");
    assert_eq!((rows[0][8], rows[1][8]), ("a", "b"));
    let plain = shell.glacier(&["job", "list"]).stdout;
    assert!(plain.lines().all(|line| line.starts_with("a/d 20") && !line.contains('\t')), "{plain}");
}

/// git-annex finds its job by the name, which stays on file until an inventory confirms the deletion.
#[test]
fn a_job_for_an_archive_that_was_deleted_from_here_is_listed_by_its_name() {
    let shell = Shell::new();
    stored(&shell);
    retrieve(&shell, &["a"]);
    shell.glacier(&["archive", "delete", "v", "a"]).is_silent();
    let listed = shell.glacier(&["job", "list"]).stdout;
    assert!(listed.starts_with("a/p ") && listed.ends_with(" v          a\n"), "{listed}");
}

#[test]
fn a_record_has_every_field_of_a_job() {
    let shell = Shell::new();
    stored(&shell);
    retrieve(&shell, &["a"]);
    let pending = &records(&shell, &["job", "list"])[0];
    let fields: Vec<&str> = pending.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "schema",
        "vault",
        "id",
        "action",
        "status",
        "tier",
        "archive_id",
        "archive_name",
        "size_bytes",
        "requested_date",
        "completed_date",
        "expires_date",
    ];
    expected.sort_unstable();
    let mut sorted = fields;
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(pending["schema"], "job/1");
    assert_eq!((&pending["status"], &pending["tier"]), (&"pending".into(), &"standard".into()));
    assert_eq!((&pending["completed_date"], &pending["expires_date"]), (&Value::Null, &Value::Null));
    shell.emulator.advance(5 * HOUR);
    let done = &records(&shell, &["job", "list"])[0];
    assert_eq!((&done["status"], &done["size_bytes"]), (&"succeeded".into(), &3.into()));
    assert!(done["expires_date"].as_str() > done["completed_date"].as_str());
}

#[test]
fn the_jobs_of_one_vault_can_be_seen_alone() {
    let shell = Shell::new();
    stored(&shell);
    shell.glacier(&["vault", "create", "w"]).is_silent();
    retrieve(&shell, &["a"]);
    assert_eq!(shell.glacier(&["job", "list", "--vault=v"]).stdout.lines().count(), 1);
    shell.glacier(&["job", "list", "--vault=w"]).is_silent();
    shell.glacier(&["job", "list", "--vault=none"]).is_refused(1, "vault 'none' not found");
}

#[test]
fn waiting_ends_when_the_jobs_do() {
    let shell = Shell::new();
    stored(&shell);
    shell.glacier(&["job", "wait"]).is_silent();
    shell.glacier(&["job", "wait", "none"]).is_refused(1, "job 'none' not found; see 'glacier job list -l'");
    retrieve(&shell, &["a", "b"]);
    shell.glacier_waits(&["job", "wait"], 5 * HOUR).is_silent();
    shell.glacier(&["job", "wait", "--vault=v"]).is_silent();
    let id = records(&shell, &["job", "list"])[0]["id"].as_str().unwrap().to_owned();
    let waited = records(&shell, &["job", "wait", "--", &id]);
    assert_eq!((waited.len(), &waited[0]["status"]), (1, &"succeeded".into()));
    shell.glacier(&["job", "wait", "--", &id, "none"]).is_refused(1, "job 'none' not found");
}

#[test]
fn a_job_that_fails_is_told_of() {
    let shell = Shell::new();
    stored(&shell);
    shell.fault("fail-job");
    retrieve(&shell, &["a"]);
    shell.heal();
    let failed = shell.glacier_waits(&["job", "wait"], 5 * HOUR);
    failed.is_refused(1, "in vault v failed at Glacier");
    // It is finished, so nothing is pending.
    shell.glacier(&["job", "wait"]).is_silent();
    let id = records(&shell, &["job", "list"])[0]["id"].as_str().unwrap().to_owned();
    // One id of 64 begins with a hyphen.
    shell.glacier(&["job", "wait", "--", &id]).is_refused(1, &format!("job {id} in vault v failed"));
}

/// Many are looked at by lists: hours of waiting cost few requests.
#[tokio::test]
async fn many_jobs_are_waited_for_by_few_requests() {
    let emulator = Arc::new(Emulator::builder().job_delay(4 * HOUR).start().await.unwrap());
    let machine = Machine::new(&emulator).await;
    let vault = "v".parse().unwrap();
    machine.engine.create_vault(&vault).await.unwrap();
    let mut wanted = Vec::new();
    for number in 0..25 {
        let name = format!("n{number}");
        machine.upload(&vault, &name, name.as_bytes()).await;
        let target = Target::File(machine.home.path().join(&name));
        wanted.push(Wanted { reference: name.parse().unwrap(), target });
    }
    let options =
        RetrieveOptions { range_size: RangeSize::default(), tier: None, patience: Patience::ComeBackLater };
    machine.engine.retrieve(&vault, wanted, options, &()).await.unwrap();
    let awaited = machine.engine.wait_for_jobs(None, &[], &()).await.unwrap();
    assert_eq!(awaited.len(), 25);
    assert!(awaited.iter().all(|awaited| awaited.end == JobEnd::Succeeded));
    assert!(!emulator.requests().contains_key("DescribeJob"));
    // The same once more, a month later: the service knows none of them.
    emulator.advance(30 * 24 * HOUR);
    let gone = machine.engine.wait_for_jobs(Some(&vault), &[awaited[0].job.job.id.clone()], &()).await;
    assert!(matches!(gone, Err(EngineError::JobNotFound { .. })));
}
