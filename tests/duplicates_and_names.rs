//! Archives that have a name in common, and names that other programs wrote.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use support::{HOUR, Outcome, Shell};

fn shell_with(archives: &[(&str, &[u8])]) -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for (name, content) in archives {
        store(&shell, name, content);
    }
    shell
}

fn store(shell: &Shell, name: &str, content: &[u8]) {
    let name = format!("--name={name}");
    shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], content).is_silent();
}

fn ids(shell: &Shell) -> Vec<String> {
    let sql = "SELECT id FROM archive WHERE deleted_here IS NULL ORDER BY created_here, rowid";
    let db = shell.sqlite();
    let mut query = db.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn equal_archives_of_one_name_are_one_content() {
    let shell = shell_with(&[("n", b"same"), ("n", b"same")]);
    let [first, second] = <[String; 2]>::try_from(ids(&shell)).unwrap();
    // A job of the second is there already: it is the one that is used.
    let by_id = format!("id:{second}");
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", &by_id, "-o", "by-id"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "retrieve", "v", "n"]).is_silent();
    assert_eq!(shell.read("n"), b"same");
    assert_eq!(shell.emulator.requests()["InitiateJob"], 1);
    let refused = shell.glacier(&["archive", "delete", "v", "n"]);
    assert_eq!(refused.status, 1);
    for id in [&first, &second] {
        assert!(refused.stderr.contains(&format!("id:{id}  date ")), "{refused:?}");
    }
    assert!(!shell.emulator.requests().contains_key("DeleteArchive"));
}

#[test]
fn archives_of_one_name_with_different_content_must_be_told_apart() {
    let shell = shell_with(&[("n", b"one"), ("n", b"another")]);
    let refused = shell.glacier(&["archive", "retrieve", "v", "n"]);
    assert_eq!(refused.status, 1);
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert_eq!(lines[0], "glacier: archive 'n' is 2 archives; use one of these:");
    assert!(lines[1].ends_with("bytes 3") && lines[2].ends_with("bytes 7"), "{refused:?}");
    assert!(!shell.emulator.requests().contains_key("InitiateJob"));
}

#[test]
fn dedupe_deletes_what_is_stored_twice_and_keeps_the_oldest() {
    let shell =
        shell_with(&[("n", b"same"), ("n", b"same"), ("n", b"other"), ("m", b"same"), ("n", b"same")]);
    let all = ids(&shell);
    // What only this machine knows of may have been deleted by another: nothing is deleted on the word of that.
    shell.glacier(&["archive", "dedupe", "v"]).is_refused(1, "3 archives with equal ones were left alone");
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    let expected = format!("id:{}\tn\nid:{}\tn\n", all[1], all[4]);
    let sorted = |outcome: &Outcome| {
        let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let dry = shell.glacier(&["archive", "dedupe", "--dry-run", "v"]);
    let mut wanted: Vec<String> = expected.lines().map(str::to_owned).collect();
    wanted.sort();
    assert_eq!((sorted(&dry), dry.stderr.as_str(), dry.status), (wanted.clone(), "", 0));
    assert_eq!(ids(&shell), all, "only said");
    assert_eq!(sorted(&shell.glacier(&["archive", "dedupe", "v"])), wanted);
    assert_eq!(ids(&shell), [&*all[0], &*all[2], &*all[3]]);
    assert_eq!(shell.emulator.requests()["DeleteArchive"], 2);
    shell.glacier(&["archive", "dedupe", "v"]).is_silent();
    // A slip of the hand looked as if all was well.
    shell.glacier(&["archive", "dedupe", "w"]).is_refused(1, "vault 'w' not found");
}

fn sync(shell: &Shell) {
    assert_eq!(shell.glacier(&["vault", "sync", "v", "--max-age=0"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
}

/// Another machine had deleted the first, so it was stored again; the second was the last copy, and was deleted because the
/// inventory still told of the first.
#[test]
fn dedupe_leaves_alone_what_was_stored_since_the_inventory() {
    let shell = shell_with(&[("n", b"same")]);
    sync(&shell);
    store(&shell, "n", b"same");
    let stored = ids(&shell);
    let outcome = shell.glacier(&["archive", "dedupe", "v"]);
    outcome.is_refused(1, "1 archives with equal ones were left alone");
    assert_eq!(ids(&shell), stored);
    sync(&shell);
    shell.glacier(&["archive", "dedupe", "v"]).is(&format!("id:{}\tn\n", stored[1]), "", 0);
}

/// A machine in doubt about the oldest kept the second; another, without doubt, kept the oldest, and both were gone.
#[test]
fn dedupe_leaves_alone_what_is_stored_twice_while_one_of_both_is_in_doubt() {
    let shell = shell_with(&[("n", b"same"), ("n", b"same")]);
    sync(&shell);
    let stored = ids(&shell);
    shell.fault("fail-job@InitiateJob#1");
    let oldest = format!("id:{}", stored[0]);
    let retrieve = ["archive", "retrieve", "v", &oldest, "-o", "back"];
    assert_eq!(shell.glacier(&retrieve).status, 75);
    shell.emulator.advance(4 * HOUR);
    assert_eq!(shell.glacier(&retrieve).status, 75, "it has failed, and is asked for once more");
    let outcome = shell.glacier(&["archive", "dedupe", "v"]);
    outcome.is_refused(1, "2 archives with equal ones were left alone");
    assert_eq!(ids(&shell), stored);
}

/// The last copy could be the one that is deleted, if the one that is kept is long gone.
#[test]
fn dedupe_leaves_alone_what_was_not_seen_lately() {
    let shell = shell_with(&[("n", b"same"), ("n", b"same")]);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    let long_ago = "UPDATE archive SET last_seen_upstream = last_seen_upstream - 61 * 3600;
                    UPDATE vault SET inventory_date = inventory_date - 61 * 3600,
                        inventory_requested = inventory_requested - 61 * 3600";
    shell.sqlite().execute_batch(long_ago).unwrap();
    let outcome = shell.glacier(&["archive", "dedupe", "v"]);
    outcome.is_refused(1, "2 archives with equal ones were left alone");
    assert!(outcome.stderr.contains("run 'glacier vault sync v' first"));
    assert_eq!(ids(&shell).len(), 2);
}

fn mt2(file_name: &str, mtime: &str) -> String {
    format!("mt2 {}", URL_SAFE_NO_PAD.encode(format!(r#"{{"filename":"{file_name}","mtime":"{mtime}"}}"#)))
}

#[test]
fn files_of_other_programs_go_by_their_names() {
    let fastglacier =
        format!("<m><v>4</v><p>{}</p><lm>20190501T100059Z</lm></m>", STANDARD.encode("pläne/a.pdf"));
    let mt_aws = mt2("path/of/file", "20140102T030405Z");
    let shell = shell_with(&[("plain", b"1"), (&mt_aws, b"two"), (&fastglacier, b"3")]);
    shell.glacier(&["archive", "list", "v"]).is("path/of/file\nplain\npläne/a.pdf\n", "", 0);
    let queued = "glacier: queued retrieval job for archive 'path/of/file'\n";
    shell.glacier(&["archive", "retrieve", "v", "path/of/file"]).is("", queued, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "retrieve", "v", "path/of/file"]).is_silent();
    assert_eq!(shell.read("file"), b"two");
    // The description itself is a name as well, and nothing of it was changed.
    shell.glacier(&["archive", "retrieve", "v", &mt_aws, "-o", "again"]).is_silent();
    shell.glacier(&["archive", "checkpresent", "v", "pläne/a.pdf"]).is("pläne/a.pdf\n", "", 0);
    let sql = "SELECT count(*) FROM archive WHERE name IN (?1, ?2)";
    let kept: i64 = shell.sqlite().query_row(sql, (&mt_aws, &fastglacier), |row| row.get(0)).unwrap();
    assert_eq!(kept, 2);
    // From an inventory they are read just so.
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is("path/of/file\nplain\npläne/a.pdf\n", "", 0);
}

/// The original, which knows nothing of such names, may write to the cache at any time.
#[test]
fn a_description_that_the_original_has_written_is_read_at_the_next_sync() {
    let (first, second) = (mt2("first", "20140102T030405Z"), mt2("second", "20140102T030405Z"));
    let shell = shell_with(&[("plain", b"1"), (&first, b"2"), (&second, b"3")]);
    let db = shell.sqlite();
    let changed = [
        db.execute("UPDATE archive SET file_name = NULL WHERE name = ?1", [&first]),
        db.execute("UPDATE archive SET file_name = 'x' WHERE name IN (?1, 'plain')", [&second]),
    ];
    assert_eq!(changed, [Ok(1), Ok(2)]);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is("first\nplain\nsecond\n", "", 0);
}

#[test]
fn two_versions_of_a_file_need_their_ids() {
    let (old, new) = (mt2("f", "20140102T030405Z"), mt2("f", "20150102T030405Z"));
    let shell = shell_with(&[(&old, b"old"), (&new, b"new"), ("f", b"plain")]);
    let listed = shell.glacier(&["archive", "list", "v"]).stdout;
    assert_eq!(listed.lines().count(), 3);
    assert!(listed.lines().all(|line| line.starts_with("id:") && line.ends_with("\tf")), "{listed}");
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "f"]).status, 1);
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", &new, "-o", "x"]).status, 75);
}

#[test]
fn a_long_list_shows_all_that_is_known() {
    let shell = shell_with(&[("n", b"hello")]);
    let line = shell.glacier(&["archive", "list", "-l", "v"]).stdout;
    let columns: Vec<&str> = line.trim_end().split('\t').collect();
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(columns.len(), 6, "{line}");
    assert_eq!((columns[1], columns[3], columns[4], columns[5]), ("5", hash, "-", "n"));
    assert!(columns[2].ends_with('Z') && columns[2].len() == 20, "{line}");
    shell.glacier(&["vault", "list", "--long"]).is(&format!("v\t1\t{}\t-\t-\t-\n", 5 + 32768), "", 0);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    let line = shell.glacier(&["archive", "list", "-l", "v"]).stdout;
    assert!(line.trim_end().split('\t').nth(4).unwrap().ends_with('Z'), "{line}");
    let vaults = shell.glacier(&["vault", "list", "-l"]).stdout;
    let columns: Vec<&str> = vaults.trim_end().split('\t').collect();
    assert!(columns[3].ends_with('Z') && columns[4].ends_with('Z'), "{vaults}");
    assert_eq!(columns[5], "1");
}

#[test]
fn a_terminal_is_shown_nothing_that_it_would_act_upon() {
    let name = "invoice\u{202e}fdp.exe";
    let fastglacier = format!("<m><v>4</v><p>{}</p></m>", STANDARD.encode(name));
    let shell = shell_with(&[(&fastglacier, b"x")]);
    shell.glacier(&["archive", "list", "v"]).is(&format!("{name}\n"), "", 0);
    let mut terminal = shell.command("script");
    let glacier = format!("{} archive list v", env!("CARGO_BIN_EXE_glacier"));
    let shown = support::run(terminal.args(["--quiet", "--return", "--command", &glacier, "/dev/null"]));
    assert_eq!((shown.stdout.trim_end(), shown.status), ("invoice\\u202efdp.exe", 0), "{shown:?}");
}
