//! Whose archives a command sees: two accounts never mix, and who was met before needs neither network nor credentials.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Command;

use glacier_emulator::{Emulator, SECRET_ACCESS_KEY};
use support::original::old_cache;
use support::{Shell, run, run_with_input};

const OTHER_ACCOUNT: &str = "444455556666";
const OTHER_KEY_ID: &str = "AKIAOTHERACCOUNT0000";

fn other_account() -> Emulator {
    let builder = Emulator::builder().account(OTHER_ACCOUNT).keys(OTHER_KEY_ID, SECRET_ACCESS_KEY);
    builder.start_blocking().unwrap()
}

/// Another account that has had these vaults for long.
fn other_account_with(shell: &Shell, vaults: &[&str]) -> Emulator {
    let other = other_account();
    for vault in vaults {
        let mut create = as_other(shell, &other, &["vault", "create", vault]);
        run(create.env("XDG_CACHE_HOME", shell.path("cache of another machine"))).is_silent();
    }
    other
}

/// The same person with the keys of the other account.
fn as_other(shell: &Shell, other: &Emulator, arguments: &[&str]) -> Command {
    let mut command = shell.glacier_command(arguments);
    command.env("AWS_ENDPOINT_URL_GLACIER", other.endpoint_url()).env("AWS_ACCESS_KEY_ID", OTHER_KEY_ID);
    command
}

/// Nobody to ask: no credentials, and an endpoint that nobody listens at.
fn offline(shell: &Shell, arguments: &[&str]) -> Command {
    let mut command = shell.glacier_command(arguments);
    command.env("AWS_ENDPOINT_URL_GLACIER", "http://127.0.0.1:9");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command
}

fn shell_with_archive(name: &str) -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let name = format!("--name={name}");
    shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], b"x").is_silent();
    shell
}

#[test]
fn two_accounts_never_mix_and_a_list_says_whose_it_is() {
    let (shell, other) = (shell_with_archive("mine"), other_account());
    run(&mut as_other(&shell, &other, &["vault", "create", "v"])).is_silent();
    run_with_input(&mut as_other(&shell, &other, &["archive", "upload", "v", "--name=theirs", "-"]), b"y")
        .is_silent();
    let whose = |account: &str| {
        format!("glacier: info: this is account {account}, one of several that are known here\n")
    };
    shell.glacier(&["archive", "list", "v"]).is("mine\n", &whose("111122223333"), 0);
    run(&mut as_other(&shell, &other, &["archive", "list", "v"])).is("theirs\n", &whose(OTHER_ACCOUNT), 0);
    run(&mut as_other(&shell, &other, &["archive", "retrieve", "v", "mine"]))
        .is_refused(1, "archive 'mine' not found");
    // Who does not say who they are is taken for the last that was here and has the vault.
    run(&mut offline(&shell, &["archive", "list", "v"])).is("theirs\n", &whose(OTHER_ACCOUNT), 0);
    shell.glacier(&["vault", "create", "w"]).is_silent();
    run(&mut offline(&shell, &["archive", "list", "w"])).is("", &whose("111122223333"), 0);
}

#[test]
fn a_list_needs_neither_network_nor_credentials() {
    let shell = shell_with_archive("n");
    let before = shell.emulator.requests();
    run(&mut offline(&shell, &["archive", "list", "v"])).is("n\n", "", 0);
    // With a key that was used here before, but no network.
    let mut command = shell.glacier_command(&["archive", "list", "v"]);
    run(command.env("AWS_ENDPOINT_URL_GLACIER", "http://127.0.0.1:9")).is("n\n", "", 0);
    assert_eq!(shell.emulator.requests(), before);
    // A key that was never here could be anyone's.
    let mut command = shell.glacier_command(&["archive", "list", "v"]);
    command
        .env("AWS_ENDPOINT_URL_GLACIER", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "AKIANEVERHERE0000000");
    run(&mut command).is_refused(1, "cannot reach Glacier at ");
}

#[test]
fn a_profile_that_was_met_before_needs_no_network() {
    let shell = shell_with_archive("n");
    std::fs::create_dir(shell.home().join(".aws")).unwrap();
    let keys = format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        shell.emulator.access_key_id(),
        shell.emulator.secret_access_key()
    );
    std::fs::write(shell.home().join(".aws/credentials"), keys).unwrap();
    let with_profile = |endpoint: &str| {
        let mut command = offline(&shell, &["archive", "list", "v"]);
        run(command.env("AWS_PROFILE", "work").env("AWS_ENDPOINT_URL_GLACIER", endpoint))
    };
    with_profile(shell.emulator.endpoint_url()).is("n\n", "", 0);
    // No keys to ask with, and nobody to ask.
    std::fs::write(shell.home().join(".aws/credentials"), "[work]\nregion = us-east-1\n").unwrap();
    with_profile("http://127.0.0.1:9").is("n\n", "", 0);
}

#[test]
fn rows_of_an_old_file_are_found_by_whoever_has_only_the_file() {
    let shell = shell_with_archive("n");
    let db = shell.sqlite();
    db.execute_batch(
        "DELETE FROM caller; DELETE FROM vault;
         UPDATE archive SET account = NULL, region = NULL, key = 'AKIAOFOLD'",
    )
    .unwrap();
    run(&mut offline(&shell, &["archive", "list", "v"])).is("n\n", "", 0);
    run(&mut offline(&shell, &["archive", "list", "w"])).is_refused(1, "no AWS credentials found");
}

/// Whoever had new keys by the time of moving over from the original had an empty cache.
#[test]
fn rows_of_an_old_key_are_found_with_a_new_one_of_the_same_account() {
    let emulator =
        Emulator::builder().account("609629065308").keys("AKIAROTATEDSINCE0000", SECRET_ACCESS_KEY);
    let shell = Shell::with(emulator);
    let old_keys = ["AKIAY34FZKBOKMUTVV7A", "ASIAQNZGKIQY56JQ7WML"];
    let db = old_cache(&shell, old_keys[0]);
    db.execute("UPDATE archive SET key = ?1 WHERE key = 'AKIAOTHER'", [old_keys[1]]).unwrap();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\none\ntwo\n", "", 0);
}

/// Where the vault of the rows is; it was made and filled long before.
fn shell_with_old_vault() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    shell
}

/// Keys of before 2019 tell of nothing, and those who had such a one in their cache have another one now.
#[test]
fn rows_of_an_old_key_that_tells_of_nothing_are_found_where_the_account_has_their_vault() {
    for first in [&["archive", "list", "v"][..], &["vault", "list"], &["archive", "delete", "w", "nothing"]] {
        let shell = shell_with_old_vault();
        let db = old_cache(&shell, "AKIAI44QH8DHBEXAMPLE");
        db.execute("UPDATE archive SET key = 'AKIAI44QH8DHBEXAMPLE'", []).unwrap();
        shell.glacier(first);
        shell.glacier(&["archive", "list", "v"]).is("id:id-3\t\nalien\none\ntwo\n", "", 0);
        shell.glacier(&["archive", "retrieve", "v", "one"]).is_refused(1, "Glacier has no archive id-1");
    }
}

#[test]
fn a_vault_that_did_not_exist_until_now_is_not_the_one_of_old_rows() {
    let shell = Shell::new();
    old_cache(&shell, "AKIAI44QH8DHBEXAMPLE")
        .execute("UPDATE archive SET key = 'AKIAI44QH8DHBEXAMPLE'", [])
        .unwrap();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is_silent();
}

/// Rows of two keys may be of two accounts; and what is taken for one account's is not once the key is used for another.
#[test]
fn rows_of_old_keys_are_taken_for_nobodys_where_they_may_be_anothers() {
    let shell = shell_with_old_vault();
    old_cache(&shell, "AKIAI44QH8DHBEXAMPLE");
    shell.glacier(&["archive", "list", "v"]).is(
        "",
        "glacier: info: what vault 'v' holds is not known here; run 'glacier vault sync v'\n",
        0,
    );

    let (shell, other) = (shell_with_old_vault(), other_account());
    old_cache(&shell, OTHER_KEY_ID).execute("UPDATE archive SET key = ?1", [OTHER_KEY_ID]).unwrap();
    let listed = "id:id-3\t\nalien\none\ntwo\n";
    shell.glacier(&["archive", "list", "v"]).is(listed, "", 0);
    // Of a vault that the account does not have they are not its own.
    shell.glacier(&["archive", "list", "w"]).is_refused(1, "vault 'w' not found");
    run(&mut as_other(&shell, &other, &["vault", "create", "v"])).is_silent();
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "");
    assert_eq!(run(&mut as_other(&shell, &other, &["archive", "list", "v"])).stdout, listed);

    // The key is neither's, and both have the vault.
    let shell = shell_with_old_vault();
    let other = other_account_with(&shell, &["v"]);
    old_cache(&shell, "AKIAI44QH8DHBEXAMPLE")
        .execute("UPDATE archive SET key = 'AKIAI44QH8DHBEXAMPLE'", [])
        .unwrap();
    shell.glacier(&["archive", "list", "v"]).is(listed, "", 0);
    run(&mut as_other(&shell, &other, &["vault", "info", "v"]));
    for mut list in [
        shell.glacier_command(&["archive", "list", "v"]),
        as_other(&shell, &other, &["archive", "list", "v"]),
    ] {
        assert_eq!(run(&mut list).stdout, "");
    }
}

/// An inventory of one vault has told whose the key is, and so whose the rows of another vault are.
#[test]
fn an_old_key_whose_account_an_inventory_has_told_is_of_that_account() {
    let shell = shell_with_old_vault();
    let other = other_account_with(&shell, &["w"]);
    let db = old_cache(&shell, "AKIAI44QH8DHBEXAMPLE");
    db.execute("UPDATE archive SET key = 'AKIAI44QH8DHBEXAMPLE'", []).unwrap();
    shell.glacier(&["archive", "list", "v"]);
    db.execute("UPDATE archive SET account = '111122223333', region = 'us-east-1' WHERE vault = 'v'", [])
        .unwrap();
    run(&mut as_other(&shell, &other, &["vault", "info", "w"]));
    assert_eq!(run(&mut as_other(&shell, &other, &["archive", "list", "w"])).stdout, "");
    assert_eq!(shell.glacier(&["archive", "list", "w"]).stdout, "other\n");
}

/// The original filed archives of all regions under one key; whoever settles one region must not lose the other's.
#[test]
fn rows_of_an_old_file_that_may_be_of_another_region_are_not_forgotten() {
    let shell = Shell::new();
    for region in ["eu-west-1", "us-west-2"] {
        shell.glacier(&["--region", region, "vault", "create", "v"]).is_silent();
        let name = format!("--name=of-{region}");
        shell
            .glacier_with_input(&["--region", region, "archive", "upload", "v", &name, "-"], b"x")
            .is_silent();
    }
    let old = "UPDATE archive SET region = NULL, account = NULL, created_here = created_here - 10 * 86400;
               UPDATE vault SET inventory_date = NULL, empty_since = NULL";
    shell.sqlite().execute_batch(old).unwrap();
    let sync = |region: &str| {
        let arguments = ["--region", region, "vault", "sync", "--fix", "v"];
        assert_eq!(shell.glacier(&arguments).status, 75);
        shell.emulator.advance(4 * support::HOUR);
        shell.glacier(&arguments)
    };
    let outcome = sync("eu-west-1");
    outcome.is("", "glacier: warning: archive disappeared: 'of-us-west-2'\n", 0);
    sync("us-west-2").is_silent();
    for region in ["eu-west-1", "us-west-2"] {
        shell.glacier(&["--region", region, "archive", "list", "v"]).is(&format!("of-{region}\n"), "", 0);
    }
}
