//! The `glacier-emulator` command, as scripts use it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn emulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glacier-emulator"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    emulator(arguments).output().unwrap()
}

#[test]
fn a_command_runs_with_what_it_needs_and_gives_its_status() {
    let script =
        "printenv AWS_ENDPOINT_URL_GLACIER AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION; exit 7";
    let mut command = emulator(&["--", "sh", "-c", script]);
    let output = command.env("AWS_SESSION_TOKEN", "of another account").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines.len() == 4 && lines[0].starts_with("http://127.0.0.1:"), "{lines:?}");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(run(&["--", "sh", "-c", "test -z \"$AWS_SESSION_TOKEN\""]).status.code(), Some(0));
    assert_eq!(run(&["--", "sh", "-c", "kill -9 $$"]).status.code(), Some(128 + 9));
}

#[test]
fn what_cannot_be_run_or_makes_no_sense_is_said_in_one_line() {
    let output = run(&["--", "/no/such/program"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(127), 1), "{said}");
    assert!(output.stdout.is_empty());
    for arguments in [
        &["--account", "12"][..],
        &["--listen", "127.0.0.1:x"],
        &["--job-delay", "soon"],
        &["--fault", "melt"],
        &["--bandwidth", "0"],
        &["--realistic", "--inventory-lag", "1h"],
        &["--discard", "--data", "x"],
        &["--access-key", "a"],
        &["--access-key", "a", "--secret-key", "b", "--access-key", "c"],
        &["seed", "--data", "/dev/null", "--vault", "a b", "--archives", "1"],
    ] {
        let output = run(arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("glacier-emulator: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    }
}

/// Errors were said twice, once by themselves and once as their own cause.
#[test]
fn why_it_cannot_start_is_said_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cannot_listen =
        format!("glacier-emulator: cannot listen at {address}: Address already in use (os error 98)\n");
    for (arguments, expected) in [
        (&["--listen", &address][..], cannot_listen.as_str()),
        (
            &["--data", "/dev/null/x"],
            "glacier-emulator: cannot use the data directory /dev/null/x: Not a directory (os error 20)\n",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn it_prints_its_url_serves_and_leaves_when_told_to() {
    for signal in ["-INT", "-TERM"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = emulator(&[]);
        let mut child = command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap();
        std::net::TcpStream::connect(address).unwrap();
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn a_request_to_terminate_reaches_the_command() {
    let mut command =
        emulator(&["--", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// Of the program and its tool, with what their help has.
#[test]
fn the_manual_is_made_of_the_grammar() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("share/man1");
    assert!(run(&["man-pages", pages.to_str().unwrap()]).status.success());
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    let program = page("glacier-emulator.1");
    assert!(
        program.contains(".TH glacier\\-emulator 1") || program.contains(".TH glacier-emulator 1"),
        "{program}"
    );
    assert!(program.contains("job\\-delay") && !program.contains("man\\-pages"), "{program}");
    assert!(page("glacier-emulator-seed.1").contains("\\-\\-archives"));
    let refused = run(&["man-pages", "/dev/null/x"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.starts_with("glacier-emulator: cannot write the manual to /dev/null/x: "), "{said}");
}
