//! The log: who hears what, and what nobody ever hears.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use glacier_emulator::{Emulator, SECRET_ACCESS_KEY};
use support::{Outcome, Shell};

/// A vault and a file.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", "content");
    shell
}

fn logged(shell: &Shell, filter: &str, arguments: &[&str]) -> Outcome {
    support::run(shell.glacier_command(arguments).env("GLACIER_LOG", filter))
}

/// Answers the questions of a remote: all with nothing, but for the vault and the keys that were kept.
struct Annex<'a> {
    command: Command,
    credentials: &'a str,
}

impl<'a> Annex<'a> {
    fn new(shell: &Shell, credentials: &'a str) -> Self {
        let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, credentials }
    }

    /// Sends requests one after the other. Standard output is all that the remote said but its keys to keep.
    fn asks(&mut self, requests: &[&str]) -> Outcome {
        let mut child = self.command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut stdout = String::new();
        for request in requests {
            writeln!(input, "{request}").unwrap();
            for line in lines.by_ref() {
                if !line.starts_with("SETCREDS ") {
                    stdout += &format!("{line}\n");
                }
                match line.split(' ').next().unwrap() {
                    "GETCONFIG" if line.ends_with(" vault") => writeln!(input, "VALUE v").unwrap(),
                    "GETCREDS" => writeln!(input, "CREDS {}", self.credentials).unwrap(),
                    question if question.starts_with("GET") => writeln!(input, "VALUE").unwrap(),
                    "VERSION" | "DEBUG" | "INFO" | "PROGRESS" => {}
                    statement if statement.starts_with("SET") => {}
                    _ => break,
                }
            }
        }
        drop(input);
        Outcome { stdout, ..support::ended(child) }
    }
}

#[test]
fn a_filter_of_nothing_is_none() {
    let shell = shell();
    logged(&shell, "", &["archive", "upload", "v", "file"]).is_silent();
}

/// Amazon asks for the id when something is to be looked into.
#[test]
fn verbose_tells_the_ids_of_requests_that_failed() {
    let shell = shell();
    shell.glacier(&["-v", "archive", "upload", "v", "file"]).is_silent();
    shell.fault("access-denied@DeleteArchive");
    let delete = ["archive", "delete", "v", "file"];
    let silent = shell.glacier(&delete).stderr;
    let verbose = shell.glacier(&["-v", "archive", "delete", "v", "file"]).stderr;
    let (log, said) = verbose.split_once('\n').unwrap();
    assert_eq!(said, silent);
    let rest = log.strip_prefix("glacier: info: DeleteArchive: HTTP status 403, request id ").unwrap();
    let request_id = rest.strip_suffix(" (AccessDeniedException)").unwrap();
    assert!(request_id.len() > 20 && !request_id.contains(' '), "{request_id}");
}

#[test]
fn verbose_tells_what_is_sent_again_and_why() {
    let shell = shell();
    shell.fault("503@ListVaults#1");
    let listed = shell.glacier(&["-v", "vault", "list"]);
    assert_eq!((listed.stdout.as_str(), listed.status), ("v\n", 0));
    assert!(
        listed.stderr.starts_with("glacier: info: ListVaults: HTTP status 503, request id "),
        "{listed:?}"
    );
    assert!(listed.stderr.ends_with("; sent again, try 2\n"), "{listed:?}");
    assert_eq!(listed.stderr.lines().count(), 1);
}

#[test]
fn verbose_tells_which_job_has_begun() {
    let shell = shell();
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    let queued = shell.glacier(&["-v", "archive", "retrieve", "v", "file"]);
    assert_eq!(queued.status, 75);
    let begin = queued.stderr.split(" has begun in vault v: archive-retrieval ").next().unwrap();
    let job = begin.strip_prefix("glacier: info: job ").unwrap();
    let listed = shell.glacier(&["job", "list", "-l"]).stdout;
    assert!(listed.contains(job), "{job}: {listed}");
}

#[test]
fn twice_verbose_shows_every_request() {
    let shell = shell();
    let before = shell.emulator.requests();
    shell.write("large", support::noise(3 << 20));
    let outcome = shell.glacier(&["-vv", "archive", "upload", "--part-size=1M", "v", "file", "large"]);
    assert_eq!((outcome.stdout.as_str(), outcome.status), ("", 0));
    let stored = outcome.stderr.lines().filter(|line| line.ends_with(" is stored in vault v")).count();
    assert_eq!(stored, 2, "{outcome:?}");
    let mut logged: BTreeMap<String, u64> = before;
    for line in outcome.stderr.lines().filter(|line| line.contains(": HTTP status ")) {
        let line = line.strip_prefix("glacier: debug: ").unwrap();
        let (operation, rest) = line.split_once(": HTTP status 20").unwrap();
        assert!(rest.contains(", request id ") && rest.contains(" s, "), "{line}");
        let target = rest.rsplit(", ").next().unwrap();
        assert!(target.starts_with("POST /-/vaults/v/") || target.starts_with("PUT /-/vaults/v/"), "{line}");
        *logged.entry(operation.to_owned()).or_default() += 1;
    }
    assert_eq!(logged, shell.emulator.requests());
}

#[test]
fn a_filter_chooses_by_room_and_dates_its_lines() {
    let shell = shell();
    shell.fault("access-denied@ListVaults");
    let outcome = logged(&shell, "glacier_engine::service=info", &["-v", "vault", "list"]);
    assert_eq!((outcome.stdout.as_str(), outcome.status), ("", 1));
    assert_eq!(outcome.stderr.lines().count(), 2, "said once, though asked for twice: {outcome:?}");
    let begin = outcome.stderr.split(": info: ListVaults: HTTP status 403").next().unwrap();
    shell.heal();
    let (date, program) = begin.split_once(' ').unwrap();
    assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
    assert!(program.starts_with("glacier[") && program.ends_with(']'), "{program}");
    logged(&shell, "error,glacier_engine::annex=debug", &["vault", "list"]).is("v\n", "", 0);
}

#[test]
fn a_filter_that_makes_no_sense_is_named_and_the_work_is_done() {
    let shell = shell();
    let outcome = logged(&shell, "verbose", &["vault", "list"]);
    assert_eq!((outcome.stdout.as_str(), outcome.status), ("v\n", 0));
    assert!(
        outcome.stderr.starts_with("glacier: warning: GLACIER_LOG='verbose' is no filter"),
        "{outcome:?}"
    );
    let mut annex = Annex::new(&shell, "");
    annex.command.env("GLACIER_LOG", "verbose");
    let outcome = annex.asks(&["PREPARE"]);
    assert!(outcome.stdout.ends_with("PREPARE-SUCCESS\n"), "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("git-annex-remote-glacier: GLACIER_LOG='verbose' is no"),
        "{outcome:?}"
    );
}

/// Standard output is the protocol alone.
#[test]
fn the_remote_logs_to_standard_error_and_only_if_asked() {
    let shell = shell();
    shell.fault("throttle@UploadArchive#1");
    let store = format!("TRANSFER STORE key {}", shell.path("file").display());
    let silent = Annex::new(&shell, "").asks(&["PREPARE", &store, "REMOVE key"]);
    assert_eq!((silent.stderr.as_str(), silent.status), ("", 0));
    shell.heal();
    shell.fault("throttle@UploadArchive#1");
    let mut annex = Annex::new(&shell, "");
    annex.command.env("GLACIER_LOG", "debug");
    let outcome = annex.asks(&["PREPARE", &store, "REMOVE key"]);
    assert_eq!(outcome.status, 0);
    let of_both = [&silent, &outcome].map(|outcome| {
        let words = outcome.stdout.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        words.collect::<Vec<_>>()
    });
    assert_eq!(of_both[0], of_both[1]);
    for line in outcome.stderr.lines() {
        assert!(line.contains("Z git-annex-remote-glacier[") && line.contains("]: "), "{line}");
    }
    // A notice of the engine, and a request.
    assert!(outcome.stderr.contains("]: info: ") && outcome.stderr.contains("; try 2 of "), "{outcome:?}");
    assert!(outcome.stderr.contains("]: debug: UploadArchive: HTTP status 201"), "{outcome:?}");
}

const TOKEN: &str = "session/token/of/the/test";
const WRONG_SECRET: &str = "wrong/secret/of/the/test";
const REPLACED_SECRET: &str = "replaced/secret/of/the/test";

/// What must be found in nothing that a program says: secrets, tokens, signatures.
#[track_caller]
fn has_no_secret(outcome: &Outcome) {
    for secret in [SECRET_ACCESS_KEY, TOKEN, WRONG_SECRET, REPLACED_SECRET, "Signature=", "SignedHeaders="] {
        assert!(!outcome.stdout.contains(secret), "{secret}: {outcome:?}");
        assert!(!outcome.stderr.contains(secret), "{secret}: {outcome:?}");
    }
}

/// The SDK writes keys that a profile has twice, and headers of requests, with their signatures and tokens.
#[test]
fn no_secret_is_ever_logged() {
    let shell = Shell::with(Emulator::builder());
    shell.write("file", support::noise(3 << 20));
    std::fs::create_dir(shell.home().join(".aws")).unwrap();
    let profile = format!(
        "[kept]\naws_access_key_id = {}\naws_secret_access_key = {REPLACED_SECRET}\naws_secret_access_key = {SECRET_ACCESS_KEY}\naws_session_token = {TOKEN}\n",
        glacier_emulator::ACCESS_KEY_ID
    );
    let credentials = shell.home().join(".aws/credentials");
    std::fs::write(&credentials, &profile).unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = shell.glacier_command(arguments);
        // Which bodies the SDK would write down besides.
        command.env("GLACIER_LOG", "trace").env("LOG_SENSITIVE_BODIES", "true").args(["-vv"]);
        let outcome = support::run(command.envs(variables.iter().copied()));
        has_no_secret(&outcome);
        outcome
    };
    for arguments in [
        &["vault", "create", "v"][..],
        &["archive", "upload", "--part-size=1M", "v", "file"],
        &["archive", "retrieve", "--wait", "-oagain", "v", "file"],
        &["vault", "sync", "--wait", "v"],
        &["job", "list"],
        &["vault", "info", "v"],
        &["policy", "get"],
        &["archive", "delete", "v", "file"],
    ] {
        let outcome = run(arguments, &[]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert!(outcome.stderr.contains(", request id "), "no request was logged: {outcome:?}");
    }
    let token = [("AWS_SESSION_TOKEN", TOKEN)];
    assert_eq!(run(&["vault", "list"], &token).status, 0);
    assert_eq!(run(&["--profile=kept", "vault", "list"], &[]).status, 0);
    let wrong = [("AWS_SECRET_ACCESS_KEY", WRONG_SECRET), ("AWS_SESSION_TOKEN", TOKEN)];
    assert_eq!(run(&["vault", "list"], &wrong).status, 1);
    assert_eq!(run(&["archive", "upload", "v", "file"], &wrong).status, 1);
    shell.fault("clock-skew");
    assert_eq!(run(&["vault", "list"], &token).status, 1);
    shell.heal();
    // A line that was pasted without its name.
    std::fs::write(&credentials, profile + SECRET_ACCESS_KEY).unwrap();
    assert_eq!(run(&["--profile=kept", "vault", "list"], &[]).status, 1);
    std::fs::remove_file(&credentials).unwrap();
    the_remote_logs_no_secret(&shell);
}

fn the_remote_logs_no_secret(shell: &Shell) {
    let store = format!("TRANSFER STORE key {}", shell.path("file").display());
    let retrieve = format!("TRANSFER RETRIEVE key {}", shell.path("brought").display());
    let requests = ["INITREMOTE", "PREPARE", &store, "CHECKPRESENT key", &retrieve, "REMOVE key"];
    let kept = format!("{} {SECRET_ACCESS_KEY}", glacier_emulator::ACCESS_KEY_ID);
    let wrong = format!("{} {WRONG_SECRET}", glacier_emulator::ACCESS_KEY_ID);
    let mut without_keys = Annex::new(shell, &kept);
    without_keys.command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let mut with_wrong_keys = Annex::new(shell, &wrong);
    with_wrong_keys.command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let mut with_a_token = Annex::new(shell, "");
    with_a_token.command.env("AWS_SESSION_TOKEN", TOKEN);
    for mut annex in [Annex::new(shell, ""), without_keys, with_wrong_keys, with_a_token] {
        annex.command.env("GLACIER_LOG", "trace").env("LOG_SENSITIVE_BODIES", "true");
        let outcome = annex.asks(&requests);
        assert!(outcome.stderr.contains("debug: "), "nothing was logged: {outcome:?}");
        has_no_secret(&outcome);
    }
}
