//! What is said of a vault, and set at it and for the account.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{HOUR, Shell};

fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell
}

fn record(shell: &Shell, arguments: &[&str]) -> Value {
    let outcome = shell.glacier(&[arguments, &["--json"]].concat());
    assert_eq!((outcome.stderr.as_str(), outcome.status), ("", 0));
    serde_json::from_str(&outcome.stdout).unwrap()
}

const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:ready";

#[test]
fn a_vault_is_described_by_the_service_and_by_the_cache() {
    let shell = shell();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"one").is_silent();
    let info = record(&shell, &["vault", "info", "v"]);
    assert_eq!((&info["schema"], &info["name"]), (&json!("vault-info/1"), &json!("v")));
    assert!(info["arn"].as_str().unwrap().ends_with(":vaults/v"), "{info}");
    assert!(info["created_date"].as_str().unwrap().ends_with('Z'), "{info}");
    assert_eq!((&info["archives"], &info["known_archives"]), (&json!(1), &json!(1)));
    for name in ["inventory_date", "known_inventory_date", "known_inventory_age_seconds"] {
        assert_eq!(info[name], Value::Null);
    }
    assert_eq!((&info["uploads_unfinished"], &info["uploads_without_answer"]), (&json!(0), &json!(0)));
    shell.fault("cut-after@UploadArchive#1");
    let sent = ["archive", "upload", "v", "--name=b", "-"];
    assert_eq!(shell.glacier_with_input(&sent, b"two").status, 1);
    shell.heal();
    shell.emulator.advance(48 * HOUR);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(5 * HOUR);
    assert_eq!(shell.glacier(&["vault", "sync", "--max-age=99999", "v"]).status, 0);
    let info = record(&shell, &["vault", "info", "v"]);
    assert_eq!((&info["archives"], &info["known_archives"]), (&json!(2), &json!(2)));
    assert!(info["known_inventory_age_seconds"].is_u64(), "{info}");
    let lines = shell.glacier(&["vault", "info", "v"]).stdout;
    assert!(lines.starts_with("name\tv\narn\tarn:aws:glacier:") && lines.lines().count() == 11, "{lines}");
    shell.glacier(&["vault", "info", "w"]).is_refused(1, "vault 'w' not found");
}

#[test]
fn tags_are_set_listed_and_removed() {
    let shell = shell();
    shell.glacier(&["vault", "tags", "v"]).is_silent();
    shell.glacier(&["vault", "tags", "v", "--set=owner=me", "--set", "a b=c=d"]).is_silent();
    shell.glacier(&["vault", "tags", "v"]).is("a b\tc=d\nowner\tme\n", "", 0);
    shell.glacier(&["vault", "tags", "v", "--remove=owner", "--remove=none", "--set=x="]).is_silent();
    shell.glacier(&["vault", "tags", "v"]).is("a b\tc=d\nx\t\n", "", 0);
    let json = shell.glacier(&["vault", "tags", "v", "--json"]).stdout;
    assert!(
        json.starts_with("{\"schema\":\"tag/1\",\"vault\":\"v\",\"key\":\"a b\",\"value\":\"c=d\"}\n"),
        "{json}"
    );
    // More than one request takes.
    let many: Vec<String> = (0..48).map(|number| format!("--set=k{number:02}=v")).collect();
    let many: Vec<&str> = ["vault", "tags", "v"].into_iter().chain(many.iter().map(String::as_str)).collect();
    shell.glacier(&many).is_silent();
    assert_eq!(shell.glacier(&["vault", "tags", "v"]).stdout.lines().count(), 50);
    let writes = shell.writes();
    for (arguments, status, said) in [
        (&["--set=one-more=v"][..], 1, "vault 'v' would have 51 tags, and Glacier takes at most 50"),
        (&["--set=x=1", "--remove=x"], 1, "tag 'x' cannot be set and removed at once"),
        (&["--set=novalue"], 2, "a tag is given as KEY=VALUE"),
        (&["--set=aws:x=1"], 2, "what begins with 'aws:' is AWS's own"),
        (&["--set=a*=1"], 2, "'a*' cannot be the key of a tag"),
        (&["--set=a=*"], 2, "the value of tag 'a' cannot be set"),
    ] {
        shell.glacier(&[&["vault", "tags", "v"], arguments].concat()).is_refused(status, said);
    }
    assert_eq!(
        shell.writes().iter().filter(|(name, _)| name.contains("Tags")).collect::<Vec<_>>(),
        writes.iter().filter(|(name, _)| name.contains("Tags")).collect::<Vec<_>>()
    );
    shell.glacier(&["vault", "tags", "w"]).is_refused(1, "vault 'w' not found");
}

#[test]
fn a_topic_is_told_of_jobs_that_end_until_that_is_deleted() {
    let shell = shell();
    let base = ["vault", "notifications", "v"];
    shell.glacier(&base).is_silent();
    let none = json!({"schema": "notifications/1", "vault": "v", "topic": null, "events": []});
    assert_eq!(record(&shell, &base), none);
    shell.glacier(&[&base[..], &["--topic", TOPIC]].concat()).is_silent();
    let both = "event\tArchiveRetrievalCompleted\nevent\tInventoryRetrievalCompleted\n";
    shell.glacier(&base).is(&format!("topic\t{TOPIC}\n{both}"), "", 0);
    let one = ["--topic", TOPIC, "--event=InventoryRetrievalCompleted"];
    shell.glacier(&[&base[..], &one].concat()).is_silent();
    assert_eq!(record(&shell, &base)["events"], json!(["InventoryRetrievalCompleted"]));
    for (arguments, said) in [
        (&["--topic", "ready"][..], "'ready' is not the ARN of an SNS topic"),
        (&["--topic", TOPIC, "--event=Done"], "'Done' is no event; there are ArchiveRetrievalCompleted and"),
        (&["--event=ArchiveRetrievalCompleted"], "--topic <ARN>"),
        (&["--topic", TOPIC, "--delete"], "cannot be used with"),
    ] {
        shell.glacier(&[&base[..], arguments].concat()).is_refused(2, said);
    }
    shell.glacier(&[&base[..], &["--delete"]].concat()).is_silent();
    shell.glacier(&base).is_silent();
    shell.glacier(&["vault", "notifications", "w"]).is_refused(1, "vault 'w' not found");
}

#[test]
fn the_retrieval_policy_is_set_and_obeyed() {
    let shell = shell();
    shell
        .glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], &support::noise(100_000))
        .is_silent();
    shell.glacier(&["policy", "get"]).is("none\n", "", 0);
    shell.glacier(&["policy", "set", "bytes-per-hour", "1K"]).is_silent();
    shell.glacier(&["policy", "get"]).is("bytes-per-hour 1024\n", "", 0);
    let expected = json!({"schema": "retrieval-policy/1", "region": "us-east-1", "strategy": "bytes-per-hour", "bytes_per_hour": 1024});
    assert_eq!(record(&shell, &["policy", "get"]), expected);
    shell.glacier(&["archive", "retrieve", "v", "a"]).is_refused(1, "PolicyEnforcedException");
    for limit in ["0", "1X", "-1", "9223372036854775808"] {
        let refused = shell.glacier(&["policy", "set", "bytes-per-hour", limit]);
        assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    }
    shell.glacier(&["policy", "set", "free-tier"]).is_silent();
    assert_eq!(record(&shell, &["policy", "get"])["bytes_per_hour"], Value::Null);
    shell.glacier(&["policy", "set", "none"]).is_silent();
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "a"]).status, 75);
}
