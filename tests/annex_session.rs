//! The special remote as git-annex meets it: lines in, lines out.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::BufRead;

use support::dialogue::{OTHER_SETTINGS, Remote, info, stores};
use support::{HOUR, Shell};

const KEY: &str = "SHA256E-s5--2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.txt";
const EMPTY_KEY: &str = "SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn shell_with_vault() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell
}

#[test]
fn a_remote_is_made_and_made_again() {
    let shell = Shell::new();
    for _ in 0..2 {
        let mut remote = Remote::start(&shell);
        remote.plays(
            "< VERSION 2
             > EXTENSIONS INFO GETGITREMOTENAME
             < EXTENSIONS INFO GETGITREMOTENAME
             > LISTCONFIGS
             < CONFIG vault ...
             < CONFIG region ...
             < CONFIG datacenter ...
             < CONFIG fileprefix ...
             < CONFIG maxage ...
             < CONFIG tier ...
             < CONFIG wait ...
             < CONFIG endpoint ...
             < CONFIG profile ...
             < CONFIG bwlimit ...
             < CONFIG account ...
             < CONFIGEND
             > INITREMOTE
             < GETCONFIG vault
             > VALUE
             < GETCONFIG region
             > VALUE eu-west-1
             < GETCONFIG datacenter
             > VALUE
             < GETCONFIG fileprefix
             > VALUE",
        );
        remote.plays(OTHER_SETTINGS);
        remote.plays(
            "< GETCONFIG name
             > VALUE cold
             < GETUUID
             > VALUE 1-2-3
             < GETCONFIG chunk
             > VALUE
             < SETCONFIG account 111122223333
             < SETCONFIG vault cold-1-2-3
             < SETCONFIG region eu-west-1
             < SETCREDS glacier AKIAIOSFODNN7EXAMPLE ...
             < INITREMOTE-SUCCESS",
        );
        assert_eq!(remote.ends(), (String::new(), 0));
    }
    shell.glacier(&["--region=eu-west-1", "vault", "list"]).is("cold-1-2-3\n", "", 0);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let shell = Shell::new();
    for (vault, region, datacenter) in
        [("a/b", "us-east-1", ""), ("v", "Mars 1", ""), ("v", "us-east-1", "eu-west-1")]
    {
        let mut remote = Remote::start(&shell);
        remote.plays(&format!(
            "< VERSION 2
             > INITREMOTE
             < GETCONFIG vault
             > VALUE {vault}
             < GETCONFIG region
             > VALUE {region}
             < GETCONFIG datacenter
             > VALUE {datacenter}
             < GETCONFIG fileprefix
             > VALUE
             {OTHER_SETTINGS}
             < INITREMOTE-FAILURE ..."
        ));
    }
    assert_eq!(shell.writes(), []);
}

#[test]
fn a_key_is_stored_checked_fetched_and_removed() {
    let shell = shell_with_vault();
    let source = shell.write("a file", "hello");
    let source = source.display();
    let target = shell.path("the target");
    let target_shown = target.display();
    let mut remote = Remote::prepared(&shell, "pre-");
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < CHECKPRESENT-FAILURE {KEY}
         > TRANSFER STORE {KEY} {source}
         < PROGRESS 5
         < SETSTATE {KEY} 1 ...
         < TRANSFER-SUCCESS STORE {KEY}
         > TRANSFER STORE {KEY} {source}
         < GETSTATE {KEY}
         > VALUE garbage
         < SETSTATE {KEY} 1 ...
         < TRANSFER-SUCCESS STORE {KEY}
         > CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < SETSTATE {KEY} 1 ...
         < CHECKPRESENT-SUCCESS {KEY}
         > WHEREIS {KEY}
         < WHEREIS-SUCCESS id:...
         > TRANSFER RETRIEVE {KEY} {target_shown}
         < GETSTATE {KEY}
         > VALUE
         < TRANSFER-FAILURE RETRIEVE {KEY} queued retrieval job for archive 'pre-{KEY}'...
         > TRANSFER RETRIEVE {KEY} {target_shown}
         < TRANSFER-FAILURE RETRIEVE {KEY} job still pending for archive 'pre-{KEY}', Standard: ready by about..."
    ));
    assert!(!target.exists());
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!(
        "> TRANSFER RETRIEVE {KEY} {target_shown}
         < PROGRESS 5
         < TRANSFER-SUCCESS RETRIEVE {KEY}"
    ));
    assert_eq!(std::fs::read(&target).unwrap(), b"hello");
    shell.glacier(&["archive", "list", "v"]).is(&format!("pre-{KEY}\n"), "", 0);
    assert_eq!(shell.emulator.requests()["UploadArchive"], 1, "what is there is not stored again");
    remote.plays(&format!(
        "> REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE something
         < INFO Glacier charges for at least 90 days of each archive...
         < SETSTATE {KEY} 1 ...
         < SETSTATE {KEY} 1 ...
         < REMOVE-SUCCESS {KEY}
         > REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE
         < REMOVE-SUCCESS {KEY}
         > CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < CHECKPRESENT-FAILURE {KEY}
         > WHEREIS {KEY}
         < GETSTATE {KEY}
         > VALUE
         < WHEREIS-FAILURE"
    ));
    assert_eq!(remote.ends(), (String::new(), 0));
}

#[test]
fn what_is_not_known_is_called_unknown() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    let source = source.display();
    Remote::prepared(&shell, "").plays(&stores(KEY, &source));
    // Seen too long ago: one inventory is asked for, however often the question comes.
    shell.sqlite().execute("UPDATE archive SET created_here = created_here - 61 * 3600", []).unwrap();
    let mut remote = Remote::prepared(&shell, "");
    let unknown = format!(
        "> CHECKPRESENT {KEY}\n< GETSTATE {KEY}\n> VALUE\n< CHECKPRESENT-UNKNOWN {KEY} it is not known whether archive '{KEY}' exists: an inventory has been asked for, ready by about 20..."
    );
    remote.plays(&unknown);
    remote.plays(&unknown);
    assert_eq!(shell.emulator.requests()["InitiateJob"], 1);
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!("> CHECKPRESENT {KEY}\n< GETSTATE {KEY}\n> VALUE\n< CHECKPRESENT-SUCCESS {KEY}"));

    // Another machine: it has the remote, but not the cache, and no inventory is there to be had.
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    shell.emulator.advance(25 * HOUR);
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < CHECKPRESENT-UNKNOWN {KEY} it is not known whether archive '{KEY}' exists: not all that the vault holds is known; run: glacier vault sync v --region us-east-1
         > REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE
         < REMOVE-FAILURE {KEY} it is not known whether...
         > TRANSFER RETRIEVE {KEY} {source}
         < GETSTATE {KEY}
         > VALUE
         < TRANSFER-FAILURE RETRIEVE {KEY} archive '{KEY}' not found"
    ));
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!("> CHECKPRESENT {KEY}\n< GETSTATE {KEY}\n> VALUE\n< CHECKPRESENT-SUCCESS {KEY}\n> CHECKPRESENT other\n< GETSTATE other\n> VALUE\n< CHECKPRESENT-FAILURE other"));
}

#[test]
fn a_deletion_of_unknown_outcome_lets_nobody_drop_a_copy() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&stores(KEY, source.display()));
    shell.sqlite().execute("UPDATE archive SET deletion_begun = created_here + 1", []).unwrap();
    remote
        .plays(&format!("> CHECKPRESENT {KEY}\n< GETSTATE {KEY}\n> VALUE\n< CHECKPRESENT-UNKNOWN {KEY} ..."));
}

#[test]
fn failures_are_answers_in_one_line() {
    let shell = shell_with_vault();
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> TRANSFER STORE {KEY} /nowhere/at all
         < TRANSFER-FAILURE STORE {KEY} cannot read /nowhere/at all: ...
         > GETCOST
         < COST 1000
         > GETAVAILABILITY
         < AVAILABILITY GLOBAL
         > GETORDERED
         < UNORDERED
         > EXPORTSUPPORTED
         < EXPORTSUPPORTED-FAILURE
         > IMPORTSUPPORTED
         < UNSUPPORTED-REQUEST
         > CLAIMURL http://example.com/
         < CLAIMURL-FAILURE
         > TRANSFER STORE
         < UNSUPPORTED-REQUEST
         > MAKECOFFEE
         < UNSUPPORTED-REQUEST"
    ));
    remote.plays(&info("v", 0));
    assert_eq!(remote.ends(), (String::new(), 0));
}

#[test]
fn work_before_prepare_and_an_error_of_git_annex_end_cleanly() {
    let shell = Shell::new();
    let mut remote = Remote::start(&shell);
    remote.plays(&format!(
        "< VERSION 2
         > CHECKPRESENT {KEY}
         < CHECKPRESENT-UNKNOWN {KEY} the remote was not prepared
         > ERROR it is all too much"
    ));
    assert_eq!(remote.ends(), (String::new(), 1));
}

#[test]
fn an_empty_key_is_kept_in_the_repository_alone() {
    let shell = shell_with_vault();
    let (empty, target) = (shell.write("empty", ""), shell.path("target"));
    let (empty, target_shown) = (empty.display(), target.display());
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> TRANSFER STORE {EMPTY_KEY} {empty}
         < GETSTATE {EMPTY_KEY}
         > VALUE
         < SETSTATE {EMPTY_KEY} 1 ...
         < TRANSFER-SUCCESS STORE {EMPTY_KEY}
         > CHECKPRESENT {EMPTY_KEY}
         < GETSTATE {EMPTY_KEY}
         > VALUE 1 1795000000 empty
         < CHECKPRESENT-SUCCESS {EMPTY_KEY}
         > WHEREIS {EMPTY_KEY}
         < GETSTATE {EMPTY_KEY}
         > VALUE 1 1795000000 empty
         < WHEREIS-SUCCESS an empty file, kept in the repository
         > TRANSFER RETRIEVE {EMPTY_KEY} {target_shown}
         < GETSTATE {EMPTY_KEY}
         > VALUE 1 1795000000 empty
         < TRANSFER-SUCCESS RETRIEVE {EMPTY_KEY}
         > REMOVE {EMPTY_KEY}
         < GETSTATE {EMPTY_KEY}
         > VALUE 1 1795000000 empty
         < SETSTATE {EMPTY_KEY} ...
         < REMOVE-SUCCESS {EMPTY_KEY}"
    ));
    assert_eq!(std::fs::read(&target).unwrap(), b"");
    assert_eq!(shell.count("UploadArchive"), 0);
    assert_eq!(remote.ends(), (String::new(), 0));
}

#[test]
fn a_key_that_no_description_can_hold_is_written_in_hex() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    Remote::prepared(&shell, "p-").plays(&stores("WORM-s5--ü", source.display()));
    shell.glacier(&["archive", "list", "v"]).is("p-%WORM-s5--%C3%BC\n", "", 0);
}

/// Plays a STORE and returns what was kept of the key in the repository.
fn state_after_storing(shell: &Shell) -> String {
    let source = shell.write("file", "hello");
    let mut remote = Remote::prepared(shell, "");
    let script = stores(KEY, source.display());
    let (before, after) = script.split_once(&format!("< SETSTATE {KEY} 1 ...")).unwrap();
    remote.plays(before);
    let mut said = String::new();
    remote.output.read_line(&mut said).unwrap();
    remote.plays(after);
    said.trim_end().strip_prefix(&format!("SETSTATE {KEY} ")).unwrap().to_owned()
}

/// Asks whether the key is present, of which the repository keeps this.
fn asks(remote: &mut Remote, kept: &str, answer: &str) {
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE {kept}
         < {answer} {KEY}..."
    ));
}

fn lose_cache(shell: &Shell) {
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
}

#[test]
fn what_the_repository_keeps_is_enough_for_a_machine_without_a_cache() {
    let shell = shell_with_vault();
    let state = state_after_storing(&shell);
    lose_cache(&shell);
    let target = shell.path("target");
    let target_shown = target.display();
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> WHEREIS {KEY}
         < GETSTATE {KEY}
         > VALUE {state}
         < WHEREIS-SUCCESS id:...
         > CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE {state}
         < CHECKPRESENT-SUCCESS {KEY}
         > TRANSFER RETRIEVE {KEY} {target_shown}
         < GETSTATE {KEY}
         > VALUE {state}
         < TRANSFER-FAILURE RETRIEVE {KEY} queued retrieval job for archive '{KEY}', Standard: ready by about..."
    ));
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!(
        "> TRANSFER RETRIEVE {KEY} {target_shown}
         < PROGRESS 5
         < TRANSFER-SUCCESS RETRIEVE {KEY}"
    ));
    assert_eq!(std::fs::read(&target).unwrap(), b"hello");
    let jobs = shell.glacier(&["job", "list"]).stdout;
    assert_eq!(jobs.lines().filter(|line| line.starts_with("i/")).count(), 0, "no inventory was needed");
}

#[test]
fn what_the_repository_keeps_is_no_proof_for_ever() {
    let shell = shell_with_vault();
    let state = state_after_storing(&shell);
    let fields: Vec<&str> = state.split(' ').collect();
    let stored: i64 = fields[1].parse().unwrap();
    let unknown = "CHECKPRESENT-UNKNOWN";
    for (stored, answer) in [
        (stored - 59 * 3600, "CHECKPRESENT-SUCCESS"),
        (stored - 61 * 3600, unknown),
        // A clock that is wrong by a day is not believed.
        (stored + 24 * 3600, unknown),
    ] {
        lose_cache(&shell);
        let kept = format!("1 {stored} {}", fields[2..].join(" "));
        asks(&mut Remote::prepared(&shell, ""), &kept, answer);
    }
}

#[test]
fn what_was_removed_here_is_not_called_present_by_an_older_state() {
    let shell = shell_with_vault();
    let state = state_after_storing(&shell);
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE {state}
         < INFO ...
         < SETSTATE {KEY} 1 ...
         < SETSTATE {KEY} 1 ...
         < REMOVE-SUCCESS {KEY}
         > CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE {state}
         < CHECKPRESENT-FAILURE {KEY}"
    ));
}

/// FAILURE would have git-annex store it a second time, and `fsck` forget the copy; a REMOVE that claims success would
/// leave behind an archive that nobody knows of.
#[test]
fn what_an_upload_without_an_answer_may_have_stored_is_neither_absent_nor_removed() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    let source = source.display();
    let mut remote = Remote::prepared(&shell, "");
    shell.fault("cut-after@UploadArchive#1");
    let why = "an upload of it on 20...";
    remote.plays(&format!(
        "> TRANSFER STORE {KEY} {source}
         < GETSTATE {KEY}
         > VALUE
         < TRANSFER-FAILURE STORE {KEY} ...
         > CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < CHECKPRESENT-UNKNOWN {KEY} it is not known whether archive '{KEY}' exists: {why}
         > TRANSFER STORE {KEY} {source}
         < TRANSFER-FAILURE STORE {KEY} archive '{KEY}' is not stored now: {why}
         > REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE
         < REMOVE-FAILURE {KEY} archive '{KEY}' cannot be removed yet: {why}"
    ));
    assert_eq!((shell.count("UploadArchive"), shell.count("DeleteArchive")), (1, 0));
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}
         < GETSTATE {KEY}
         > VALUE
         < INFO an earlier upload of '{KEY}' had stored it, as id:...
         < CHECKPRESENT-SUCCESS {KEY}
         > REMOVE {KEY}
         < GETSTATE {KEY}
         > VALUE
         < INFO ...
         < SETSTATE {KEY} 1 ...
         < SETSTATE {KEY} 1 ...
         < REMOVE-SUCCESS {KEY}"
    ));
}

/// Another clone has removed the key: its archive is still on file here, seen a moment ago.
#[test]
fn what_another_clone_has_removed_is_not_called_present() {
    for (word, answer) in [("removed", "CHECKPRESENT-FAILURE"), ("removing", "CHECKPRESENT-UNKNOWN")] {
        let shell = shell_with_vault();
        let state = state_after_storing(&shell);
        let fields: Vec<&str> = state.split(' ').collect();
        let removed =
            format!("1 {} {word} {} {}", fields[1].parse::<u64>().unwrap() + 1, fields[3], fields[4]);
        asks(&mut Remote::prepared(&shell, ""), &removed, answer);
    }
}

/// The inventory that the question took in listed the key; what had been removed since was filed before there was a row.
#[test]
fn what_was_removed_is_not_called_present_by_an_inventory_of_before() {
    for (word, answer) in [("removed", "CHECKPRESENT-FAILURE"), ("removing", "CHECKPRESENT-UNKNOWN")] {
        let shell = shell_with_vault();
        let state = state_after_storing(&shell);
        assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
        shell.emulator.advance(4 * HOUR);
        lose_cache(&shell);
        let fields: Vec<&str> = state.split(' ').collect();
        let since = fields[1].parse::<u64>().unwrap() + 3600;
        let removed = format!("1 {since} {word} {} {}", fields[3], fields[4]);
        asks(&mut Remote::prepared(&shell, ""), &removed, answer);
        if word == "removed" {
            lose_cache(&shell);
            let mut remote = Remote::prepared(&shell, "");
            let source = shell.write("file", "hello");
            remote.plays(&format!(
                "> TRANSFER STORE {KEY} {}
                 < GETSTATE {KEY}
                 > VALUE {removed}
                 < PROGRESS 5
                 < SETSTATE {KEY} 1 ...
                 < TRANSFER-SUCCESS STORE {KEY}",
                source.display()
            ));
            assert_eq!(shell.count("UploadArchive"), 2);
        }
    }
}

/// It had been stored less than sixty hours ago and was called present as long as that, however surely it was gone. Taken
/// out of the cache, it came back from the key's state.
#[test]
fn what_an_inventory_has_proved_to_be_gone_is_not_called_present() {
    let shell = shell_with_vault();
    let state = state_after_storing(&shell);
    let sync = |arguments: &[&str]| {
        assert_eq!(shell.glacier(&["vault", "sync", "v", "--max-age=0"]).status, 75);
        shell.emulator.advance(4 * HOUR);
        shell.glacier(&[&["vault", "sync", "v"], arguments].concat())
    };
    sync(&[]).is_silent();
    let elsewhere = shell.path("elsewhere");
    let by_another =
        |arguments: &[&str]| support::run(shell.glacier_command(arguments).env("XDG_CACHE_HOME", &elsewhere));
    assert_eq!(by_another(&["vault", "sync", "v"]).status, 0);
    by_another(&["archive", "delete", "v", KEY]).is_silent();
    let mut remote = Remote::prepared(&shell, "");
    let mut is_absent = || {
        asks(&mut remote, &state, "CHECKPRESENT-FAILURE");
        let checked = shell.glacier(&["archive", "checkpresent", "v", KEY, "--quiet"]);
        assert_eq!((checked.stdout.as_str(), checked.status), ("", 0), "{checked:?}");
    };
    let gone = format!("glacier: warning: archive disappeared: '{KEY}'");
    sync(&[]).is("", &format!("{gone}\n"), 0);
    is_absent();
    sync(&["--fix"]).is("", &format!("{gone} (removed from cache)\n"), 0);
    is_absent();
    shell.glacier(&["archive", "list", "v"]).is_silent();
    sync(&["--fix"]).is_silent();
    is_absent();
}

/// The branch names the younger of two, as when another machine's `archive dedupe` has kept the older one. It was asked for
/// again and again.
#[test]
fn in_place_of_an_archive_that_is_gone_another_of_the_key_is_brought() {
    let shell = shell_with_vault();
    let state = state_after_storing(&shell);
    let elsewhere = shell.path("elsewhere");
    let upload = ["archive", "upload", "v", "--name", KEY, "-"];
    let mut by_another = shell.glacier_command(&upload);
    support::run_with_input(by_another.env("XDG_CACHE_HOME", &elsewhere), b"hello").is_silent();
    let list = ["archive", "list", "v", "--force-ids"];
    let listed = support::run(shell.glacier_command(&list).env("XDG_CACHE_HOME", &elsewhere)).stdout;
    let id = listed.split('\t').next().unwrap();
    let delete = ["archive", "delete", "v", id];
    support::run(shell.glacier_command(&delete).env("XDG_CACHE_HOME", &elsewhere)).is_silent();
    let fields: Vec<&str> = state.split(' ').collect();
    let told = format!("{} {}", fields[..fields.len() - 1].join(" "), id.strip_prefix("id:").unwrap());
    let target = shell.path("target");
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}\n< GETSTATE {KEY}\n> VALUE {told}\n< CHECKPRESENT-SUCCESS {KEY}"
    ));
    for answers in [
        "< GETSTATE KEY\n> VALUE TOLD\n< TRANSFER-FAILURE RETRIEVE KEY queued ...",
        "< GETSTATE KEY\n> VALUE TOLD\n< TRANSFER-FAILURE RETRIEVE KEY queued ...",
        "< PROGRESS 5\n< TRANSFER-SUCCESS RETRIEVE KEY",
    ] {
        let mut remote = Remote::prepared(&shell, "");
        let answers = answers.replace("KEY", KEY).replace("TOLD", &told);
        remote.plays(&format!("> TRANSFER RETRIEVE {KEY} {}\n{answers}", target.display()));
        shell.emulator.advance(4 * HOUR);
    }
    assert_eq!(std::fs::read(&target).unwrap(), b"hello");
    assert_eq!(shell.count("InitiateJob"), 2);
}
