//! The original's cache file opens in place, and the original can still use it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use support::original::{old_cache, rows};
use support::{HOUR, Shell};

#[test]
fn an_old_file_is_used_at_once_and_keeps_every_row() {
    let shell = Shell::new();
    let db = old_cache(&shell, shell.emulator.access_key_id());
    let before = rows(&db);
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\none\ntwo\n", "", 0);
    shell.glacier(&["archive", "list", "w"]).is("other\n", "", 0);
    assert_eq!(rows(&db), before);
    // What the original does to its file, word for word as its mapper writes it.
    db.execute(
        "INSERT INTO archive (id, name, vault, \"key\", last_seen_upstream, created_here, deleted_here)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        ("id-7", "new", "v", shell.emulator.access_key_id(), None::<f64>, 1_500_000_000.5, None::<f64>),
    )
    .unwrap();
    db.execute("UPDATE archive SET deleted_here = ? WHERE archive.id = ?", (1_500_000_000.5, "id-2"))
        .unwrap();
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\nnew\none\n", "", 0);
    db.execute("DELETE FROM archive WHERE archive.id = ?", ["id-7"]).unwrap();
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\none\n", "", 0);
}

/// The original left its file to the umask, for all to read on most machines.
#[test]
fn an_old_file_becomes_its_owners_alone_when_it_is_taken_over() {
    let shell = Shell::new();
    let path = shell.cache_path();
    drop(old_cache(&shell, shell.emulator.access_key_id()));
    let set = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    set(0o664);
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\none\ntwo\n", "", 0);
    assert_eq!(mode(), 0o600);
    set(0o640);
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\none\ntwo\n", "", 0);
    assert_eq!(mode(), 0o640, "whoever opens it later on is respected");
}

#[test]
fn new_keys_of_the_same_account_see_the_same_archives() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    let mut rotated = shell.glacier_command(&["archive", "list", "v"]);
    support::run(rotated.env("AWS_ACCESS_KEY_ID", support::ROTATED_KEY_ID)).is("n\n", "", 0);
}

#[test]
fn vaults_of_one_name_in_two_regions_are_two() {
    let shell = Shell::new();
    for (region, name) in [("eu-west-1", "--name=europe"), ("us-west-2", "--name=america")] {
        shell.glacier(&["--region", region, "vault", "create", "v"]).is_silent();
        shell
            .glacier_with_input(&["archive", "upload", "--region", region, "v", name, "-"], b"x")
            .is_silent();
    }
    shell.glacier(&["--region=eu-west-1", "archive", "list", "v"]).is("europe\n", "", 0);
    shell.glacier(&["archive", "list", "v", "--region", "us-west-2"]).is("america\n", "", 0);
    let mut by_environment = shell.glacier_command(&["archive", "list", "v"]);
    support::run(by_environment.env("AWS_REGION", "us-west-2")).is("america\n", "", 0);
    let mut by_environment = shell.glacier_command(&["archive", "list", "v"]);
    support::run(by_environment.env("AWS_DEFAULT_REGION", "eu-west-1")).is("europe\n", "", 0);
}

#[test]
fn a_file_of_a_later_release_is_refused_and_left_alone() {
    let shell = Shell::new();
    let db = old_cache(&shell, "AKIAOTHER");
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = std::fs::read(shell.cache_path()).unwrap();
    shell.glacier(&["archive", "list", "v"]).is_refused(1, "made by a newer release");
    assert!(std::fs::read(shell.cache_path()).unwrap() == before);
}

#[test]
fn a_lost_cache_is_learnt_anew_from_an_inventory() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    let unknown = "glacier: info: what vault 'v' holds is not known here; run 'glacier vault sync v'\n";
    shell.glacier(&["archive", "list", "v"]).is("", unknown, 0);
    shell.glacier(&["vault", "sync", "v"]).is("", "glacier: queued inventory job for 'v'\n", 75);
    shell.glacier(&["vault", "sync", "v"]).is("", "glacier: job still pending for inventory on 'v'\n", 75);
    shell.glacier_waits(&["vault", "sync", "--wait", "v"], 4 * HOUR).is_silent();
    shell.glacier(&["archive", "list", "v"]).is("n\n", "", 0);
    let jobs = shell.glacier(&["job", "list"]).stdout;
    assert!(jobs.starts_with("i/d ") && jobs.ends_with(" v          \n"), "{jobs:?}");
}

/// Switching a new file to another journal mode once failed with "database is locked" when several began at once.
#[test]
fn many_processes_may_begin_with_no_cache_at_all() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for round in 0..5 {
        std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let name = format!("--name={round}-{number}");
                let shell = &shell;
                scope.spawn(move || {
                    shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], b"x").is_silent();
                });
            }
        });
        assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout.lines().count(), 16);
    }
}
