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
