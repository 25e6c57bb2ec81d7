//! The policies of `docs/iam.md` allow what the commands beside them ask of Glacier, and nothing else.
//!
//! Actions of IAM are named as the operations are (Service Authorization Reference, "Actions defined by Amazon S3
//! Glacier"), and the emulator counts operations.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use glacier_emulator::Emulator;
use serde_json::Value;
use support::documents::read;
use support::{HOUR, Outcome, Shell, noise};

/// Actions that concern no single vault.
const OF_THE_ACCOUNT: [&str; 3] =
    ["glacier:GetDataRetrievalPolicy", "glacier:ListVaults", "glacier:SetDataRetrievalPolicy"];
const VAULT: &str = "arn:aws:glacier:us-east-1:111122223333:vaults/photos";
const MIB: usize = 1 << 20;
const KEY: &str = "SHA256E-s5--2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.txt";
const LARGE_KEY: &str = "WORM-s17825792-m1700000000--film.mkv";

/// What stands below a heading of the document.
fn section(heading: &str) -> String {
    let document = read("docs/iam.md");
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The actions that the section's policy allows, each on what it can be about.
fn allowed(section: &str) -> BTreeSet<String> {
    let json = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let policy: Value = serde_json::from_str(json).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in statement["Action"].as_array().unwrap() {
            let action = action.as_str().unwrap();
            let resource = if OF_THE_ACCOUNT.contains(&action) { "*" } else { VAULT };
            assert_eq!(statement["Resource"], resource, "{action}");
            assert!(allowed.insert(action.to_owned()), "{action} is there twice");
        }
    }
    allowed
}

/// The commands that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    words
        .filter(|word| !word.contains(':'))
        .map(|word| word.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The commands that the section says its policy is for.
fn commands(section: &str) -> BTreeSet<String> {
    named(section.split_once("Commands: ").unwrap().1.split("\n\n").next().unwrap())
}

/// All commands that there are, without those of git-annex.
fn all_commands() -> BTreeSet<String> {
    let grammar = glacier_engine::cli::grammar();
    let groups =
        grammar.get_subcommands().filter(|group| !group.is_hide_set() && group.get_name() != "annex");
    let commands = groups.flat_map(|group| {
        let of_group =
            group.get_subcommands().map(|command| format!("{} {}", group.get_name(), command.get_name()));
        let of_group: Vec<String> = of_group.collect();
        if of_group.is_empty() { vec![group.get_name().to_owned()] } else { of_group }
    });
    commands.collect()
}

/// Someone who runs the commands of a policy.
struct Identity {
    shell: Shell,
    /// What was asked before, by somebody else.
    before: BTreeMap<String, u64>,
    commands: BTreeSet<String>,
}

impl Identity {
    /// Nothing is known on this machine of what there is.
    fn new(shell: Shell) -> Self {
        let _ = std::fs::remove_dir_all(shell.cache_path().parent().unwrap());
        let before = shell.emulator.requests();
        Self { shell, before, commands: BTreeSet::new() }
    }

    fn tries(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split(' ').collect();
        self.commands.insert(words[..2].join(" "));
        self.shell.glacier(&words)
    }

    #[track_caller]
    fn runs(&mut self, line: &str) -> &mut Self {
        let outcome = self.tries(line);
        assert_eq!(outcome.status, 0, "{line}: {outcome:?}");
        self
    }

    fn used(&self) -> BTreeSet<String> {
        let asked = self.shell.emulator.requests().into_iter();
        let new = asked.filter(|(operation, count)| self.before.get(operation) != Some(count));
        new.map(|(operation, _)| format!("glacier:{operation}")).collect()
    }

    /// Both the actions and the commands of the section are those of this identity.
    #[track_caller]
    fn has_what_it_needs(&self, heading: &str) {
        let section = section(heading);
        assert_eq!(allowed(&section), self.used(), "allowed, used");
        assert_eq!(commands(&section), self.commands, "named, run");
    }

    fn retrieves(&mut self) -> &mut Self {
        self.runs("vault list").runs("vault list -l").runs("vault info photos").runs("vault tags photos");
        self.runs("vault notifications photos").runs("vault sync --wait photos").runs("archive list photos");
        self.runs("archive checkpresent photos cat.jpg").runs("archive retrieve --wait photos cat.jpg");
        self.runs("job list")
            .runs("job list -l")
            .runs("job wait")
            .runs("upload list photos")
            .runs("policy get")
    }

    fn stores(&mut self) -> &mut Self {
        self.shell.write("dog.jpg", "woof");
        self.shell.write("film.mkv", noise(3 * MIB));
        self.runs("archive upload --skip-existing photos dog.jpg").runs("archive upload photos dog.jpg");
        for _ in 0..2 {
            // Begun, stopped, and completed by the same command.
            self.stops("archive upload --part-size 1M photos film.mkv");
            self.runs("archive upload --part-size 1M photos film.mkv");
        }
        self.stops("archive upload --part-size 1M photos film.mkv");
        self.runs("upload list photos").runs("upload abort photos --all")
    }

    fn stops(&mut self, line: &str) {
        self.shell.fault("policy-enforced@UploadMultipartPart#3");
        assert_eq!(self.tries(line).status, 1);
        self.shell.heal();
    }
}

/// Jobs are done at once; there is a vault with an archive, and an inventory of it.
fn shell() -> Shell {
    let shell = Shell::with(Emulator::builder().job_delay(Duration::ZERO));
    shell.glacier(&["vault", "create", "photos"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "photos", "--name=cat.jpg", "-"], b"meow").is_silent();
    shell.emulator.advance(48 * HOUR);
    shell
}

#[test]
fn retrieving() {
    let mut identity = Identity::new(shell());
    identity.retrieves().has_what_it_needs("Retrieving");
}

#[test]
fn storing() {
    let mut identity = Identity::new(shell());
    identity.stores().has_what_it_needs("Storing");
}

#[test]
fn everything() {
    let mut identity = Identity::new(shell());
    identity.retrieves().stores();
    identity.runs("vault create new").runs("vault delete new");
    identity.runs("vault tags --set a=b photos").runs("vault tags --remove a photos");
    identity.runs("vault notifications --topic arn:aws:sns:us-east-1:111122223333:ready photos");
    identity.runs("vault notifications --delete photos").runs("policy set none");
    // What was stored twice is listed by an inventory before one of it is deleted.
    identity.shell.emulator.advance(48 * HOUR);
    identity.runs("vault sync --wait --max-age 0 photos").runs("archive dedupe photos");
    identity.runs("archive delete --yes photos dog.jpg");
    identity.has_what_it_needs("Everything");

    let document = read("docs/iam.md");
    let silent = document.split_once("need no action at all:").unwrap().1.split("\n\n").next().unwrap();
    let decided: BTreeSet<String> = named(silent).union(&identity.commands).cloned().collect();
    assert_eq!(all_commands(), decided, "a command's actions are not decided");
}

#[test]
fn what_needs_no_action_asks_nothing() {
    let shell = shell();
    std::fs::create_dir(shell.path("d")).unwrap();
    shell.write("d/cat.jpg", "meow");
    let before = shell.emulator.requests();
    for line in [
        "verify photos d",
        "treehash d/cat.jpg",
        "config",
        "completions bash",
        "estimate upload --skip-existing photos d/cat.jpg",
        "estimate retrieve photos",
        "estimate store photos",
        "estimate delete photos cat.jpg",
        "estimate prices",
    ] {
        let outcome = shell.glacier(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(outcome.status, 0, "{line}: {outcome:?}");
    }
    assert_eq!(shell.emulator.requests(), before);
}

/// The special remote, and git-annex's side of the conversation: settings, and what is kept about keys.
struct Remote {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    states: BTreeMap<String, String>,
}

impl Remote {
    fn start(shell: &Shell) -> Self {
        let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut remote = Self { child, input, output, states: BTreeMap::new() };
        assert_eq!(remote.hears(), "VERSION 2");
        remote
    }

    fn says(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Returns the reply to a request; answers what is asked meanwhile.
    fn asks(&mut self, request: &str) -> String {
        self.says(request);
        loop {
            let line = self.hears();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match (word, rest) {
                ("GETCONFIG", "vault") => self.says("VALUE photos"),
                ("GETCONFIG", "wait") => self.says("VALUE yes"),
                ("GETSTATE", key) => {
                    let state = self.states.get(key).cloned().unwrap_or_default();
                    self.says(&format!("VALUE {state}"));
                }
                ("GETCONFIG" | "GETUUID" | "GETGITDIR", _) => self.says("VALUE "),
                ("GETCREDS", _) => self.says("CREDS  "),
                ("SETSTATE", state) => {
                    let (key, state) = state.split_once(' ').unwrap();
                    self.states.insert(key.to_owned(), state.to_owned());
                }
                ("PROGRESS" | "INFO" | "DEBUG" | "SETCONFIG" | "SETCREDS", _) => {}
                _ => return line,
            }
        }
    }

    #[track_caller]
    fn does(&mut self, request: &str) {
        let reply = self.asks(request);
        assert!(reply.contains("-SUCCESS"), "{request}: {reply}");
    }

    fn ends(self) {
        let Self { mut child, input, output, .. } = self;
        drop((input, output));
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn git_annex() {
    let shell = Shell::with(Emulator::builder().job_delay(Duration::ZERO));
    let identity = Identity::new(shell);
    let shell = &identity.shell;
    let mut remote = Remote::start(shell);
    remote.does("INITREMOTE");
    remote.does("PREPARE");
    shell.write("small", "hello");
    remote.does(&format!("TRANSFER STORE {KEY} small"));
    remote.does(&format!("CHECKPRESENT {KEY}"));
    remote.does(&format!("TRANSFER RETRIEVE {KEY} back"));
    assert_eq!(shell.read("back"), b"hello");

    // Of 17 MiB, which are two parts, one is refused: what is stored is listed and the rest is sent.
    let store = format!("TRANSFER STORE {LARGE_KEY} large");
    shell.write("large", noise(17 * MIB));
    shell.fault("policy-enforced@UploadMultipartPart#2");
    assert!(remote.asks(&store).contains("-FAILURE"));
    shell.heal();
    remote.does(&store);
    remote.does(&format!("REMOVE {LARGE_KEY}"));

    // The file is another meanwhile: what is stored of the first is given up.
    shell.fault("policy-enforced@UploadMultipartPart#2");
    assert!(remote.asks(&store).contains("-FAILURE"));
    shell.heal();
    shell.write("large", vec![7; 17 * MIB]);
    remote.does(&store);
    remote.ends();

    assert_eq!(allowed(&section("git-annex")), identity.used(), "allowed, used");
}
