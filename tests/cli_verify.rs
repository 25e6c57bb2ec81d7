//! `verify` and `treehash`: what is here against what is there, without a request.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use support::{HOUR, Shell, noise};

fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::create_dir_all(shell.path("d/sub")).unwrap();
    shell.write("d/a", "a");
    shell.write("d/sub/b", "b");
    shell.glacier(&["archive", "upload", "v", "-r", "d"]).is_silent();
    shell
}

#[test]
fn files_that_are_stored_are_equal() {
    let shell = shell();
    let requests = shell.emulator.requests();
    shell.glacier(&["verify", "v", "d"]).is("ok\ta\nok\tsub/b\n", "", 0);
    shell.glacier(&["verify", "v", "d/"]).is("ok\ta\nok\tsub/b\n", "", 0);
    assert_eq!(shell.emulator.requests(), requests, "nothing was asked");
    std::fs::remove_file(shell.path("d/a")).unwrap();
    shell.glacier(&["verify", "v", "d"]).is("ok\tsub/b\nnot-here\ta\n", "", 0);
}

#[test]
fn what_is_not_stored_so_is_told() {
    let shell = shell();
    shell.write("d/a", "A");
    shell.glacier(&["verify", "v", "d"]).is("differs\ta\nok\tsub/b\n", "", 1);
    shell.write("d/a", "a");
    shell.write("d/new", "new");
    shell.write("d/ü", "x");
    std::os::unix::fs::symlink("a", shell.path("d/link")).unwrap();
    let left_out = "glacier: warning: left out 'd/link': it is a link, or no file\n";
    shell.glacier(&["verify", "v", "d"]).is("ok\ta\nunknown\tnew\nok\tsub/b\nunknown\td/ü\n", left_out, 1);
    shell.glacier(&["verify", "v", "none"]).is(
        "",
        "glacier: cannot read 'none': No such file or directory\n",
        1,
    );
}

/// Whoever removes files on this answer must not be told of archives that may be gone.
#[test]
fn archives_that_may_be_gone_count_for_nothing() {
    let shell = shell();
    shell
        .sqlite()
        .execute("UPDATE archive SET deletion_begun = created_here + 1 WHERE name = 'a'", [])
        .unwrap();
    shell.glacier(&["verify", "v", "d"]).is("unknown\ta\nok\tsub/b\n", "", 1);
    shell
        .sqlite()
        .execute("UPDATE archive SET deletion_begun = NULL, tree_hash = NULL WHERE name = 'a'", [])
        .unwrap();
    let hint =
        "glacier: info: the tree hashes of 1 archives are not known here; run 'glacier vault sync v'\n";
    shell.glacier(&["verify", "v", "d"]).is("unknown\ta\nok\tsub/b\n", hint, 1);
}

#[test]
fn each_file_and_each_archive_without_one_has_a_record() {
    let shell = shell();
    std::fs::remove_file(shell.path("d/a")).unwrap();
    let outcome = shell.glacier(&["--json", "verify", "v", "d"]);
    let records: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((records.len(), outcome.status), (2, 0));
    for (record, status, name) in [(&records[0], "ok", "sub/b"), (&records[1], "not-here", "a")] {
        assert_eq!((&record["status"], &record["name"]), (&status.into(), &name.into()));
        assert_eq!((&record["schema"], &record["size_bytes"]), (&"verification/1".into(), &1.into()));
        assert!(record["id"].is_string() && record["tree_hash"].is_string(), "{record}");
    }
    assert_eq!((&records[0]["file"], &records[1]["file"]), (&"d/sub/b".into(), &Value::Null));
}

#[test]
fn tree_hashes_are_those_that_glacier_checks() {
    let mut shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let content = noise((3 << 20) + 5);
    shell.write("large", &content);
    shell.glacier(&["archive", "upload", "v", "large"]).is_silent();
    let stored: String =
        shell.sqlite().query_row("SELECT tree_hash FROM archive", [], |row| row.get(0)).unwrap();
    // Neither keys nor the cache are needed.
    shell.forget_keys();
    std::fs::write(shell.cache_path(), "no cache").unwrap();
    shell.glacier(&["treehash", "large"]).is(&format!("{stored}  large\n"), "", 0);
    shell.glacier_with_input(&["treehash", "-"], &content).is(&format!("{stored}  -\n"), "", 0);
    let small = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    shell.write("a\nb\\", "a");
    shell.write("a", "a");
    shell.glacier(&["treehash", "a\nb\\", "a"]).is(&format!("\\{small}  a\\nb\\\\\n{small}  a\n"), "", 0);
    shell.glacier(&["treehash", "none", "a"]).is(
        &format!("{small}  a\n"),
        "glacier: cannot read 'none': No such file or directory\n",
        1,
    );
    let record = format!("{{\"schema\":\"treehash/1\",\"file\":\"a\",\"tree_hash\":\"{small}\"}}\n");
    shell.glacier(&["--json", "treehash", "a"]).is(&record, "", 0);
    assert_eq!(std::fs::read(shell.cache_path()).unwrap(), b"no cache");
}

/// Whoever relied on it would keep no copy anywhere.
#[test]
fn what_the_last_inventory_must_list_and_does_not_is_not_stored() {
    let shell = shell();
    // An inventory had listed it; then it was deleted elsewhere.
    shell.glacier(&["archive", "delete", "v", "a"]).is_silent();
    let unaware = "UPDATE archive SET deleted_here = NULL, deletion_begun = NULL,
                       last_seen_upstream = created_here - 86400 WHERE name = 'a'";
    assert_eq!(shell.sqlite().execute(unaware, []).unwrap(), 1);
    assert_eq!(shell.glacier(&["verify", "v", "d"]).status, 0);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is("", "glacier: warning: archive disappeared: 'a'\n", 0);
    let outcome = shell.glacier(&["verify", "v", "d"]);
    assert!(outcome.stdout.starts_with("unknown\ta\n") && outcome.status == 1, "{outcome:?}");
    let again = ["archive", "upload", "v", "--skip-existing", "-r", "d"];
    shell.glacier(&again).is_silent();
    assert_eq!(shell.count("UploadArchive"), 3, "'a' once more, 'b' not");
}
