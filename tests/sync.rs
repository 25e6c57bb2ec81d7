//! What `vault sync` says and does, case by case.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::{HOUR, Shell};

/// A vault with the archive `n`.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    shell
}

/// Takes in a new inventory.
#[track_caller]
fn sync(shell: &Shell, options: &[&str], said: &str) {
    let asked = [&["vault", "sync", "--max-age=0", "v"][..], options].concat();
    assert_eq!(shell.glacier(&asked).status, 75);
    shell.emulator.advance(4 * HOUR);
    // The newest inventory is by now the one that was just asked for, though the emulator's clock runs ahead.
    shell.glacier(&[&["vault", "sync", "v"][..], options].concat()).is("", said, 0);
}

fn change(shell: &Shell, sql: &str) {
    assert_eq!(shell.sqlite().execute(sql, []).unwrap(), 1);
}

fn list(shell: &Shell) -> String {
    shell.glacier(&["archive", "list", "v"]).stdout
}

#[test]
fn an_archive_that_another_machine_stored_is_added() {
    let shell = shell();
    let elsewhere = shell.home().join("elsewhere");
    let mut upload = shell.glacier_command(&["archive", "upload", "v", "--name=m", "-"]);
    support::run_with_input(upload.env("XDG_CACHE_HOME", &elsewhere), b"y").is_silent();
    assert_eq!(list(&shell), "n\n");
    sync(&shell, &[], "");
    assert_eq!(list(&shell), "m\nn\n");
}

#[test]
fn a_missing_name_is_taken_over() {
    let shell = shell();
    change(&shell, "UPDATE archive SET name = NULL");
    sync(&shell, &[], "");
    assert_eq!(list(&shell), "n\n");
}

#[test]
fn another_name_is_warned_about_and_taken_over_with_fix() {
    let shell = shell();
    change(&shell, "UPDATE archive SET name = 'old'");
    let id: String = shell.sqlite().query_row("SELECT id FROM archive", [], |row| row.get(0)).unwrap();
    let warning = format!("glacier: warning: archive '{id}' appears to have changed name from 'old' to 'n'");
    sync(&shell, &[], &format!("{warning}\n"));
    assert_eq!(list(&shell), "old\n");
    sync(&shell, &["--fix"], &format!("{warning} (fixed)\n"));
    assert_eq!(list(&shell), "n\n");
}

/// What was verified at the upload gave way to whatever an inventory said, without a word.
#[test]
fn another_content_is_warned_about_puts_in_doubt_and_is_taken_over_with_fix() {
    let shell = shell();
    let content = |size: &str, hash: &str| format!("{size} bytes and tree hash {}", hash.repeat(64));
    let listed: String =
        shell.sqlite().query_row("SELECT tree_hash FROM archive", [], |row| row.get(0)).unwrap();
    for (changed, known) in [
        ("size_bytes = 7", format!("7 bytes and tree hash {listed}")),
        ("size_bytes = 1, tree_hash = printf('%.*c', 64, 'a')", content("1", "a")),
    ] {
        change(&shell, &format!("UPDATE archive SET doubted = NULL, {changed}"));
        let warning = format!(
            "glacier: warning: archive 'n' is known with {known}, but the inventory has 1 bytes and tree hash {listed}"
        );
        let checked = || shell.glacier(&["archive", "checkpresent", "v", "n"]);
        checked().is("n\n", "", 0);
        for _ in 0..2 {
            sync(&shell, &[], &format!("{warning}\n"));
            let checked = checked();
            assert!(checked.stdout.is_empty() && checked.stderr.contains("another content"), "{checked:?}");
        }
        let kept: String = shell
            .sqlite()
            .query_row(
                "SELECT printf('%d bytes and tree hash %s', size_bytes, tree_hash) FROM archive",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(kept, known);
        sync(&shell, &["--fix"], &format!("{warning} (fixed)\n"));
        sync(&shell, &[], "");
    }
    shell.emulator.advance(4 * 24 * HOUR);
    assert_eq!(shell.glacier(&["vault", "sync", "v", "--max-age=0"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    sync(&shell, &[], "");
    shell.glacier(&["archive", "checkpresent", "v", "n"]).is("n\n", "", 0);
}

#[test]
fn a_content_that_makes_no_sense_or_is_hearsay_gives_way_without_a_word() {
    let shell = shell();
    for senseless in ["size_bytes = 'big', tree_hash = 'x'", "size_bytes = 7, tree_hash = NULL"] {
        change(&shell, &format!("UPDATE archive SET {senseless}"));
        sync(&shell, &[], "");
    }
    shell.glacier(&["archive", "checkpresent", "v", "n"]).is("n\n", "", 0);
}

#[test]
fn a_deletion_that_did_not_happen_is_warned_about() {
    let shell = shell();
    change(&shell, "UPDATE archive SET deleted_here = created_here - 1000");
    sync(&shell, &[], "glacier: warning: archive 'n' marked deleted but still present\n");
    assert_eq!(list(&shell), "");
}

#[test]
fn a_deletion_that_is_younger_than_the_inventory_may_not_be_in_it() {
    let shell = shell();
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    change(&shell, "UPDATE archive SET deleted_here = created_here + 100000");
    shell.emulator.advance(4 * HOUR);
    let warning = "glacier: warning: archive 'n' deletion not yet in inventory\n";
    shell.glacier(&["vault", "sync", "v"]).is("", warning, 0);
}

#[test]
fn a_deletion_that_the_inventory_confirms_ends_the_row() {
    let shell = shell();
    shell.glacier(&["archive", "delete", "v", "n"]).is_silent();
    change(&shell, "UPDATE archive SET deleted_here = deleted_here - 1000");
    sync(&shell, &[], "glacier: info: deleted archive 'n' has left inventory; removed from cache\n");
    let rows: i64 = shell.sqlite().query_row("SELECT count(*) FROM archive", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn an_archive_that_has_disappeared_is_warned_about_and_forgotten_with_fix() {
    let shell = shell();
    change(&shell, "UPDATE archive SET id = 'lost', last_seen_upstream = created_here");
    sync(&shell, &[], "glacier: warning: archive disappeared: 'n'\n");
    sync(&shell, &["--fix"], "glacier: warning: archive disappeared: 'n' (removed from cache)\n");
    assert!(list(&shell).starts_with('n'));
}

/// A clock that ran ahead said that it was seen after the inventory, so it was called present.
#[test]
fn what_has_disappeared_is_not_present_whatever_its_date() {
    let shell = shell();
    change(
        &shell,
        "UPDATE archive SET id = 'lost', name = 'm', last_seen_upstream = created_here + 30 * 86400",
    );
    shell.glacier(&["archive", "checkpresent", "v", "m"]).is("m\n", "", 0);
    sync(&shell, &[], "glacier: warning: archive disappeared: 'm'\n");
    let checked = shell.glacier(&["archive", "checkpresent", "v", "m"]);
    assert!(checked.stdout.is_empty() && checked.stderr.contains("must list it and does not"), "{checked:?}");
}

/// As the original has it: what was listed and is not any more is gone, whoever deleted it.
#[test]
fn what_was_deleted_from_here_after_an_inventory_that_misses_it_has_disappeared_too() {
    let shell = shell();
    change(
        &shell,
        "UPDATE archive SET id = 'lost', last_seen_upstream = created_here, deleted_here = created_here + 100000",
    );
    sync(&shell, &[], "glacier: warning: archive disappeared: 'n'\n");
    sync(&shell, &["--fix"], "glacier: warning: archive disappeared: 'n' (removed from cache)\n");
    assert!(list(&shell).starts_with('n'));
}

#[test]
fn an_upload_of_the_last_days_may_be_missing_from_an_inventory() {
    let shell = shell();
    change(&shell, "UPDATE archive SET id = 'young'");
    sync(&shell, &[], "glacier: warning: new archive not yet in inventory: 'n'\n");
    change(&shell, "UPDATE archive SET created_here = created_here - 4 * 86400 WHERE id = 'young'");
    sync(&shell, &[], "glacier: warning: archive disappeared: 'n'\n");
}

#[test]
fn a_vault_that_does_not_change_is_still_known_to_have_been_there() {
    let shell = shell();
    sync(&shell, &[], "");
    let seen: f64 =
        shell.sqlite().query_row("SELECT last_seen_upstream FROM archive", [], |row| row.get(0)).unwrap();
    assert!((seen - shell.emulator.now().unix_timestamp() as f64).abs() < 5.0 * 3600.0);
}

/// Most syncs meet an inventory that was taken in before; then nothing is downloaded, and nothing is missed either.
#[test]
fn an_inventory_that_was_taken_in_is_not_downloaded_again_unless_its_rows_have_changed() {
    let shell = shell();
    sync(&shell, &[], "");
    let downloads = || shell.emulator.requests()["GetJobOutput"];
    assert_eq!(downloads(), 1);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=m", "-"], b"y").is_silent();
    let new = "glacier: warning: new archive not yet in inventory: 'm'\n";
    shell.glacier(&["vault", "sync", "v"]).is("", new, 0);
    shell.glacier(&["archive", "delete", "v", "n"]).is_silent();
    change(
        &shell,
        "UPDATE archive SET last_seen_upstream = 5, deleted_here = deleted_here + 100000 WHERE name = 'n'",
    );
    let deleted = format!("glacier: warning: archive 'n' deletion not yet in inventory\n{new}");
    shell.glacier(&["vault", "sync", "v"]).is("", &deleted, 0);
    assert_eq!(downloads(), 1);
    let seen: f64 = shell
        .sqlite()
        .query_row("SELECT last_seen_upstream FROM archive WHERE name = 'n'", [], |row| row.get(0))
        .unwrap();
    assert!(seen > 5.0, "what the inventory tells is told again");
    // Whoever changes the file by other means gets the whole comparison.
    change(&shell, "UPDATE archive SET name = 'other' WHERE name = 'n'");
    let outcome = shell.glacier(&["vault", "sync", "v"]);
    assert!(outcome.stderr.contains("appears to have changed name from 'other' to 'n'"), "{outcome:?}");
    assert_eq!(downloads(), 2);
    change(&shell, "DELETE FROM archive WHERE name = 'other'");
    shell.glacier(&["vault", "sync", "v"]).is("", new, 0);
    assert_eq!(list(&shell), "m\nn\n");
    assert_eq!(downloads(), 3);
}

/// A new job for a vault that rests brings the same bytes.
#[test]
fn a_new_inventory_with_the_same_bytes_renews_what_is_known() {
    let shell =
        Shell::with(glacier_emulator::Emulator::builder().job_delay(4 * HOUR).inventory_lag(24 * HOUR));
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    shell.emulator.advance(30 * HOUR);
    sync(&shell, &[], "");
    let seen = || -> f64 {
        shell.sqlite().query_row("SELECT last_seen_upstream FROM archive", [], |row| row.get(0)).unwrap()
    };
    let before = seen();
    shell.emulator.advance(30 * 24 * HOUR);
    sync(&shell, &[], "");
    assert!(seen() > before + 20.0 * 86400.0);
    let (serial, requested): (i64, f64) = shell
        .sqlite()
        .query_row("SELECT inventory_serial, inventory_requested FROM vault", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(serial == 1 && requested > before + 29.0 * 86400.0, "compared once only");
}
