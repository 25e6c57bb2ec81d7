//! `archive delete` of several archives: asked first, told of the fee, one failure at a time.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use support::Shell;
use support::asking::at_a_terminal;

const FEE: &str =
    "glacier: info: 3 of 3 archives are younger than 90 days, which Glacier charges for all the same\n";

fn shell(names: &[&str]) -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in names {
        shell.glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], b"content").is_silent();
    }
    shell
}

fn listed(shell: &Shell) -> String {
    shell.glacier(&["archive", "list", "v"]).stdout
}

#[test]
fn several_need_a_yes_where_nobody_can_be_asked() {
    let shell = shell(&["a", "b", "c"]);
    let refused = shell.glacier(&["archive", "delete", "v", "a", "b", "c"]);
    let why = "glacier: 3 archives of vault 'v' would be deleted; say so with --yes\n";
    refused.is("", &format!("{FEE}{why}"), 1);
    assert_eq!(listed(&shell), "a\nb\nc\n");
    assert_eq!(shell.count("DeleteArchive"), 0);
    shell.glacier(&["archive", "delete", "--yes", "v", "a", "b", "c"]).is("", FEE, 0);
    assert_eq!(listed(&shell), "");
}

#[test]
fn someone_at_a_terminal_is_asked() {
    let shell = shell(&["a", "b", "c"]);
    let question = "glacier: delete 3 archives of vault 'v' (21 bytes)? [y/N] ";
    for answer in ["n", "", "yesterday"] {
        let outcome = at_a_terminal(&shell, &["archive", "delete", "v", "a", "b", "c"], answer);
        outcome.is("", &format!("{FEE}{question}{answer}\nglacier: nothing was deleted\n"), 1);
    }
    assert_eq!(listed(&shell), "a\nb\nc\n");
    let outcome = at_a_terminal(&shell, &["archive", "delete", "v", "a", "b", "c"], "y");
    outcome.is("", &format!("{FEE}{question}y\n"), 0);
    assert_eq!(listed(&shell), "");
}

#[test]
fn one_is_deleted_without_a_question_and_the_fee_is_told_to_people_only() {
    let shell = shell(&["a", "b"]);
    shell.glacier(&["archive", "delete", "v", "a"]).is_silent();
    let fee = "glacier: info: the archive is younger than 90 days, which Glacier charges for all the same\n";
    at_a_terminal(&shell, &["archive", "delete", "v", "b"], "").is("", fee, 0);
    assert_eq!(listed(&shell), "");
}

#[test]
fn after_ninety_days_there_is_no_fee_to_tell_of() {
    let shell = shell(&["old", "older"]);
    shell
        .sqlite()
        .execute("UPDATE archive SET created_here = created_here - 91 * 86400 WHERE name = 'older'", [])
        .unwrap();
    let told = shell.glacier(&["archive", "delete", "--dry-run", "v", "old", "older"]).stderr;
    assert!(told.starts_with("glacier: info: 1 of 2 archives are younger"), "{told}");
    shell.sqlite().execute("UPDATE archive SET created_here = created_here - 91 * 86400", []).unwrap();
    shell.glacier(&["archive", "delete", "--yes", "v", "old", "older"]).is_silent();
}

#[test]
fn a_wrong_name_among_several_deletes_nothing() {
    let shell = shell(&["a", "b"]);
    shell
        .glacier(&["archive", "delete", "--yes", "v", "a", "none", "b"])
        .is_refused(1, "archive 'none' not found");
    shell
        .glacier(&["archive", "delete", "--yes", "v", "a", "--glob", "x*"])
        .is_refused(1, "no archive of vault v that is known here matches 'x*'");
    shell.glacier(&["archive", "delete", "v"]).is_refused(2, "required");
    shell
        .glacier(&["archive", "delete", "v", "--glob", "[a"])
        .is_refused(2, "'[a' is not a pattern of names");
    assert_eq!(listed(&shell), "a\nb\n");
}

#[test]
fn a_name_is_literal_and_a_pattern_is_asked_for() {
    let shell = shell(&["*.tmp", "a.tmp", "b.tmp", "d/c.tmp", "keep"]);
    shell.glacier(&["archive", "delete", "v", "*.tmp"]).is_silent();
    assert_eq!(listed(&shell), "a.tmp\nb.tmp\nd/c.tmp\nkeep\n");
    let dry = shell.glacier(&["archive", "delete", "v", "--dry-run", "a.tmp", "--glob", "*.tmp"]);
    let names: Vec<&str> = dry.stdout.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!((names, dry.status), (vec!["a.tmp", "b.tmp"], 0), "each once");
    assert_eq!(listed(&shell), "a.tmp\nb.tmp\nd/c.tmp\nkeep\n");
    assert_eq!(shell.glacier(&["archive", "delete", "-y", "v", "--glob", "**/*.tmp"]).status, 0);
    assert_eq!(listed(&shell), "keep\n");
}

/// The list that `archive list` prints, edited, says what goes; two of one name are told apart by their ids in it.
#[test]
fn a_list_says_what_is_deleted() {
    let shell = shell(&["a", "b", "same", "same", "two"]);
    shell
        .sqlite()
        .execute("UPDATE archive SET name = 'two' || char(10) || 'lines' WHERE name = 'two'", [])
        .unwrap();
    let list = shell.glacier(&["archive", "list", "v"]).stdout;
    let same = list.lines().find(|line| line.ends_with("\tsame")).unwrap();
    let list = format!("a\r\n\n{same}\na\n");
    let delete = ["archive", "delete", "v", "--from-file", "-"];
    let refused = shell.glacier_with_input(&delete, list.as_bytes());
    assert!(
        refused.stderr.contains("2 archives of vault 'v' would be deleted; say so with --yes"),
        "{refused:?}"
    );
    let refused = shell.glacier_with_input(&delete, b"a\nsame\n");
    assert!(refused.stderr.starts_with("glacier: archive 'same' is 2 archives"), "{refused:?}");
    let yes = [&delete[..], &["--yes"]].concat();
    assert_eq!(shell.glacier_with_input(&yes, list.as_bytes()).status, 0);
    assert_eq!(listed(&shell), "b\nsame\ntwo\nlines\n");
    let zero = [&yes[..], &["-0", "--glob", "b"]].concat();
    assert_eq!(shell.glacier_with_input(&zero, b"two\nlines\0").status, 0);
    assert_eq!(listed(&shell), "same\n");
    let empty = "glacier: info: standard input lists no archive\n";
    shell.glacier_with_input(&yes, b"").is("", empty, 0);
    shell.glacier_with_input(&yes, b"same\n\xff\n").is_refused(1, "line 2 of standard input: ");
    assert_eq!(listed(&shell), "same\n");
}

#[test]
fn a_record_is_printed_for_each_that_is_deleted() {
    let shell = shell(&["a", "b", "c"]);
    let arguments = ["--json", "archive", "delete", "v", "--yes", "a", "b", "c"];
    let outcome = shell.glacier(&arguments);
    let mut records: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((records.len(), outcome.status, listed(&shell).as_str()), (3, 0, ""), "{outcome:?}");
    records.sort_by_key(|record| record["name"].as_str().unwrap().to_owned());
    for record in &records {
        assert_eq!(record["schema"], "deletion/1");
        assert_eq!(record["vault"], "v");
        assert_eq!(record["size_bytes"], 7);
        assert_eq!(record["is_deleted"], true);
        assert!(
            record["id"].is_string() && record["tree_hash"].is_string() && record["stored_date"].is_string()
        );
    }
    assert_eq!(records[1]["name"], "b");
}

/// Each failure is told and the rest goes on; one that would meet all of them is told once.
#[test]
fn one_failure_does_not_stop_the_others() {
    let shell = shell(&["a", "b", "c"]);
    let id = shell.glacier(&["archive", "list", "--force-ids", "v"]).stdout;
    let id = id.lines().nth(1).unwrap().split('\t').next().unwrap().strip_prefix("id:").unwrap().to_owned();
    // The service refuses an id that it never gave.
    let update = "UPDATE archive SET id = 'never-given' WHERE id = ?1";
    shell.sqlite().execute(update, [id]).unwrap();
    let outcome = shell.glacier(&["archive", "delete", "v", "--yes", "a", "b", "c"]);
    let told = outcome.stderr.strip_prefix(FEE).unwrap();
    assert!(told.starts_with("glacier: cannot delete archive 'b': Glacier"), "{told}");
    assert_eq!((told.lines().count(), outcome.status), (1, 1), "{told}");
    assert_eq!(listed(&shell), "b\n");

    let names: Vec<String> = (0..12).map(|number| format!("n{number:02}")).collect();
    for name in &names {
        shell.glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], b"x").is_silent();
    }
    shell.fault("access-denied@DeleteArchive");
    let outcome = shell.glacier(&["archive", "delete", "v", "--yes", "--glob", "n*"]);
    let told: Vec<&str> = outcome.stderr.lines().skip(1).collect();
    let (last, refused) = told.split_last().unwrap();
    assert!(refused.iter().all(|line| line.contains("may not do glacier:DeleteArchive")), "{told:?}");
    assert!(refused.len() <= 8, "those that were under way, and no others: {told:?}");
    assert_eq!(*last, format!("glacier: {} more archives were not tried", 12 - refused.len()));
    shell.heal();
    assert_eq!(shell.glacier(&["archive", "delete", "v", "--yes", "--glob", "n*"]).status, 0);
}
