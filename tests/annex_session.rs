//! The special remote as git-annex meets it: lines in, lines out.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use support::{HOUR, Shell};

const KEY: &str = "SHA256E-s5--2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.txt";

struct Remote {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Remote {
    fn start(shell: &Shell) -> Self {
        let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Reads what a script of `<` lines expects and writes its `>` lines; `...` ends a line that may go on.
    #[track_caller]
    fn plays(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_at(1) {
                (">", said) => writeln!(self.input, "{}", said.trim_start()).unwrap(),
                (_, expected) => {
                    let mut heard = String::new();
                    self.output.read_line(&mut heard).unwrap();
                    let (heard, expected) = (heard.trim_end_matches('\n'), expected.trim_start());
                    match expected.strip_suffix("...") {
                        Some(beginning) => {
                            assert!(heard.starts_with(beginning), "{heard:?} for {expected:?}");
                        }
                        None => assert_eq!(heard, expected),
                    }
                }
            }
        }
    }

    /// Ends the input and returns what is still said, and the status.
    fn ends(self) -> (String, i32) {
        let Self { mut child, input, mut output } = self;
        drop(input);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        (rest, child.wait().unwrap().code().unwrap())
    }

    fn prepared(shell: &Shell, prefix: &str) -> Self {
        let mut remote = Self::start(shell);
        remote.plays(&format!(
            "< VERSION 2
             > EXTENSIONS INFO GETGITREMOTENAME ASYNC
             < EXTENSIONS INFO GETGITREMOTENAME
             > PREPARE
             < GETCONFIG vault
             > VALUE v
             < GETCONFIG region
             > VALUE
             < GETCONFIG datacenter
             > VALUE us-east-1
             < GETCONFIG fileprefix
             > VALUE {prefix}
             < PREPARE-SUCCESS"
        ));
        remote
    }
}

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
             < CONFIGEND
             > INITREMOTE
             < GETCONFIG vault
             > VALUE
             < GETCONFIG region
             > VALUE eu-west-1
             < GETCONFIG datacenter
             > VALUE
             < GETCONFIG fileprefix
             > VALUE
             < GETCONFIG name
             > VALUE cold
             < GETUUID
             > VALUE 1-2-3
             < SETCONFIG vault cold-1-2-3
             < SETCONFIG region eu-west-1
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
         < CHECKPRESENT-FAILURE {KEY}
         > TRANSFER STORE {KEY} {source}
         < PROGRESS 5
         < TRANSFER-SUCCESS STORE {KEY}
         > TRANSFER STORE {KEY} {source}
         < TRANSFER-SUCCESS STORE {KEY}
         > CHECKPRESENT {KEY}
         < CHECKPRESENT-SUCCESS {KEY}
         > WHEREIS {KEY}
         < WHEREIS-SUCCESS id:...
         > TRANSFER RETRIEVE {KEY} {target_shown}
         < TRANSFER-FAILURE RETRIEVE {KEY} queued retrieval job for archive 'pre-{KEY}'...
         > TRANSFER RETRIEVE {KEY} {target_shown}
         < TRANSFER-FAILURE RETRIEVE {KEY} job still pending for archive 'pre-{KEY}'..."
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
         < REMOVE-SUCCESS {KEY}
         > REMOVE {KEY}
         < REMOVE-SUCCESS {KEY}
         > CHECKPRESENT {KEY}
         < CHECKPRESENT-FAILURE {KEY}
         > WHEREIS {KEY}
         < WHEREIS-FAILURE"
    ));
    assert_eq!(remote.ends(), (String::new(), 0));
}

#[test]
fn what_is_not_known_is_called_unknown() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    let source = source.display();
    Remote::prepared(&shell, "")
        .plays(&format!("> TRANSFER STORE {KEY} {source}\n< PROGRESS 5\n< TRANSFER-SUCCESS STORE {KEY}"));
    // Seen too long ago: one inventory is asked for, however often the question comes.
    shell.sqlite().execute("UPDATE archive SET created_here = created_here - 61 * 3600", []).unwrap();
    let mut remote = Remote::prepared(&shell, "");
    let unknown = format!(
        "> CHECKPRESENT {KEY}\n< CHECKPRESENT-UNKNOWN {KEY} it is not known whether archive '{KEY}' exists: an inventory has been asked for..."
    );
    remote.plays(&unknown);
    remote.plays(&unknown);
    assert_eq!(shell.emulator.requests()["InitiateJob"], 1);
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!("> CHECKPRESENT {KEY}\n< CHECKPRESENT-SUCCESS {KEY}"));

    // Another machine: it has the remote, but not the cache, and no inventory is there to be had.
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    shell.emulator.advance(25 * HOUR);
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> CHECKPRESENT {KEY}
         < CHECKPRESENT-UNKNOWN {KEY} it is not known whether archive '{KEY}' exists: not all that the vault holds is known; run: glacier vault sync v
         > REMOVE {KEY}
         < REMOVE-FAILURE {KEY} it is not known whether...
         > TRANSFER RETRIEVE {KEY} {source}
         < TRANSFER-FAILURE RETRIEVE {KEY} archive '{KEY}' not found"
    ));
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    remote.plays(&format!("> CHECKPRESENT {KEY}\n< CHECKPRESENT-SUCCESS {KEY}\n> CHECKPRESENT other\n< CHECKPRESENT-FAILURE other"));
}

#[test]
fn a_deletion_of_unknown_outcome_lets_nobody_drop_a_copy() {
    let shell = shell_with_vault();
    let source = shell.write("file", "hello");
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> TRANSFER STORE {KEY} {}\n< PROGRESS 5\n< TRANSFER-SUCCESS STORE {KEY}",
        source.display()
    ));
    shell.sqlite().execute("UPDATE archive SET deletion_begun = created_here + 1", []).unwrap();
    remote.plays(&format!("> CHECKPRESENT {KEY}\n< CHECKPRESENT-UNKNOWN {KEY} ..."));
}

#[test]
fn failures_are_answers_in_one_line() {
    let shell = shell_with_vault();
    let empty = shell.write("empty", "");
    let file = shell.write("file", "hello");
    let (empty, file) = (empty.display(), file.display());
    let mut remote = Remote::prepared(&shell, "");
    remote.plays(&format!(
        "> TRANSFER STORE {KEY} {empty}
         < TRANSFER-FAILURE STORE {KEY} archive '{KEY}' would be empty, and Glacier holds no empty archives
         > TRANSFER STORE {KEY} /nowhere/at all
         < TRANSFER-FAILURE STORE {KEY} cannot read /nowhere/at all: ...
         > TRANSFER STORE WORM-s5--ü {file}
         < TRANSFER-FAILURE STORE WORM-s5--ü 'WORM-s5--ü' cannot be the name of an archive: ...
         > CHECKPRESENT WORM-s5--ü
         < CHECKPRESENT-FAILURE WORM-s5--ü
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
         < UNSUPPORTED-REQUEST
         > GETINFO
         < INFOFIELD vault
         < INFOVALUE v
         < INFOFIELD region
         < INFOVALUE us-east-1
         < INFOFIELD account
         < INFOVALUE 111122223333
         < INFOFIELD inventory
         < INFOVALUE none taken in yet
         < INFOEND"
    ));
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
