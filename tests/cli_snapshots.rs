//! Every command's help, and what each says when it succeeds and when it fails: `tests/snapshots` has the words, so that
//! none changes unnoticed. `INSTA_UPDATE=always cargo test --test cli_snapshots` takes over what they are now.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fmt::Write;

use insta::{assert_snapshot, with_settings};
use support::{HOUR, Shell};

#[test]
fn help_of_every_command() {
    let shell = Shell::new();
    let mut words = Vec::new();
    help_of(&shell, &glacier_engine::cli::grammar(), &mut words);
    // What is asked for goes to standard output; what was missing to standard error, with the status of bad usage.
    let nothing = shell.glacier(&[]);
    assert_eq!((nothing.stdout.as_str(), nothing.status), ("", 2));
    assert_eq!(nothing.stderr, shell.glacier(&["-h"]).stdout);
}

fn help_of(shell: &Shell, command: &clap::Command, words: &mut Vec<String>) {
    let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let help = shell.glacier(&arguments);
    assert_eq!((help.stderr.as_str(), help.status), ("", 0));
    let name = format!(
        "help-{}",
        std::iter::once("glacier")
            .chain(arguments[..words.len()].iter().copied())
            .collect::<Vec<_>>()
            .join("-")
    );
    with_settings!({omit_expression => true}, { assert_snapshot!(name, help.stdout) });
    for other in command.get_subcommands().filter(|other| !other.is_hide_set()) {
        words.push(other.get_name().to_owned());
        help_of(shell, other, words);
        words.pop();
    }
}

/// Commands one after the other, and what each left behind.
struct Session {
    shell: Shell,
    written: String,
}

impl Session {
    fn new() -> Self {
        Self { shell: Shell::new(), written: String::new() }
    }

    fn run(&mut self, line: &str) -> &mut Self {
        self.run_with_input(line, b"")
    }

    fn run_with_input(&mut self, line: &str, input: &[u8]) -> &mut Self {
        let arguments: Vec<&str> = line.split(' ').collect();
        let outcome = self.shell.glacier_with_input(&arguments, input);
        let written = &mut self.written;
        writeln!(written, "$ glacier {line}\n{}{}[{}]", outcome.stdout, outcome.stderr, outcome.status)
            .unwrap();
        self
    }

    /// A vault `photos` with the archive `cat.jpg`, of which nothing is said.
    fn with_an_archive() -> Self {
        let mut session = Self::new();
        session.shell.write("cat.jpg", "content");
        session.run("vault create photos").run("archive upload photos cat.jpg").written.clear();
        session
    }

    #[track_caller]
    fn is(&self, name: &str) {
        let url = self.shell.emulator.endpoint_url();
        with_settings!({
            omit_expression => true,
            filters => vec![
                (url, "http://127.0.0.1:PORT"),
                (r"[A-Za-z0-9_-]{92,138}", "ID"),
                // Which depends on git-annex's version.
                ("git annex info' failed: .*", "git annex info' failed: ..."),
                (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "DATE"),
            ],
        }, { assert_snapshot!(name, self.written) });
    }
}

#[test]
fn vaults() {
    let mut session = Session::new();
    session.run("vault list").run("vault create photos").run("vault create photos").run("vault create a/b");
    session.run("vault list").run("vault list -l").run("--json vault list").run("vault delete none");
    session.run("vault delete photos").run("vault list").is("vaults");
}

#[test]
fn synchronising() {
    let mut session = Session::with_an_archive();
    session.run("vault sync photos").run("vault sync photos");
    session.shell.emulator.advance(4 * HOUR);
    session
        .run("vault sync photos")
        .run("vault sync none")
        .run("vault sync --max-age soon photos")
        .is("sync");
}

#[test]
fn archives() {
    let mut session = Session::with_an_archive();
    session.run("archive list photos").run("archive list --force-ids photos").run("archive list -l photos");
    session.run("archive list none").run("archive upload photos missing");
    session.run_with_input("archive upload --name=dog.jpg photos -", b"woof").run("archive upload photos -");
    session.run("archive checkpresent photos cat.jpg").run("archive checkpresent photos cow.jpg");
    session.run("archive delete photos dog.jpg").run("archive delete photos dog.jpg").is("archives");
}

#[test]
fn retrieving() {
    let mut session = Session::with_an_archive();
    session.run("archive retrieve photos cat.jpg").run("archive retrieve photos cat.jpg");
    session.shell.emulator.advance(4 * HOUR);
    session.run("archive retrieve photos cat.jpg -o-").run("archive retrieve photos cow.jpg");
    session.run("archive retrieve photos cat.jpg cow.jpg -o x").run("archive retrieve photos").is("retrieve");
}

#[test]
fn duplicates() {
    let mut session = Session::with_an_archive();
    session
        .run("archive upload photos cat.jpg")
        .run_with_input("archive upload --name=cat.jpg photos -", b"another");
    session
        .run("archive delete photos cat.jpg")
        .run("archive dedupe --dry-run photos")
        .run("archive dedupe none");
    session.run("vault sync photos");
    session.shell.emulator.advance(4 * HOUR);
    session
        .run("vault sync photos")
        .run("archive dedupe --dry-run photos")
        .run("archive dedupe photos")
        .is("duplicates");
}

#[test]
fn jobs() {
    let mut session = Session::with_an_archive();
    session.run("job list").run("vault sync photos").run("archive retrieve photos cat.jpg");
    session.shell.emulator.advance(4 * HOUR);
    session.run("job list").run("job list photos").is("jobs");
}

#[test]
fn uploads() {
    let mut session = Session::with_an_archive();
    session.shell.write("film.mkv", support::noise(3 << 20));
    session.shell.fault("access-denied@UploadMultipartPart");
    session.run("archive upload --part-size=1M photos film.mkv");
    session.shell.heal();
    session
        .run("upload list photos")
        .run("upload list none")
        .run("upload abort photos")
        .run("upload abort photos none");
    session.run("upload abort photos --all").run("upload list photos").is("uploads");
}

#[test]
fn annex() {
    let mut session = Session::new();
    session.run("annex prefetch cold").run("annex prefetch --tier never").is("annex");
}

#[test]
fn completions() {
    let mut session = Session::new();
    session
        .run("completions tcsh")
        .run("completions zsh")
        .run("completions fish")
        .run("completions bash")
        .is("completions");
}

#[test]
fn bad_usage() {
    let mut session = Session::new();
    session.run("--version").run("vault melt").run("--melt").run("archive upload photos").run("vaults");
    session.run("archive list --long --melt photos").run("--region=../x vault list").is("usage");
}
