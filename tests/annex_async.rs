//! Several requests at once on one line, by the extension ASYNC, and how conversations end.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{HOUR, Shell};

/// git-annex as the remote sees it: answers questions, keeps the state of keys, collects replies by job.
struct Annex {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    states: HashMap<String, String>,
    /// All that was said, questions included.
    heard: Vec<String>,
    /// What GETCREDS is answered with.
    creds: &'static str,
    /// The limit of bandwidth that is set.
    bwlimit: &'static str,
}

impl Annex {
    fn start(shell: &Shell) -> Self {
        // Whoever runs the tests with nohup ignores hangups, and all whom they start would, too.
        let mut command = shell.command("env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_git-annex-remote-glacier")]);
        Self::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn of(mut child: Child) -> Self {
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (states, heard) = (HashMap::new(), Vec::new());
        let mut annex = Self { child, input, output, states, heard, creds: "CREDS", bwlimit: "" };
        assert_eq!(annex.line(), "VERSION 2");
        annex.says("EXTENSIONS INFO GETGITREMOTENAME ASYNC");
        assert_eq!(annex.line(), "EXTENSIONS INFO GETGITREMOTENAME ASYNC");
        annex
    }

    fn prepared(shell: &Shell) -> Self {
        let mut annex = Self::start(shell);
        annex.says("J 1 PREPARE");
        assert_eq!(annex.reply(), (1, "PREPARE-SUCCESS".to_owned()));
        annex
    }

    fn says(&mut self, line: &str) {
        writeln!(self.input.as_ref().unwrap(), "{line}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    /// Returns the next reply, with the number of its job; answers questions meanwhile.
    #[track_caller]
    fn reply(&mut self) -> (u64, String) {
        loop {
            let line = self.line();
            self.heard.push(line.clone());
            let (job, said) = line.strip_prefix("J ").and_then(|rest| rest.split_once(' ')).expect(&line);
            let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
            let value = match word {
                "GETCONFIG" if rest == "vault" => "v",
                "GETCONFIG" if rest == "region" => "us-east-1",
                "GETCONFIG" if rest == "bwlimit" => self.bwlimit,
                "GETCREDS" => {
                    let answer = format!("J {job} {}", self.creds);
                    self.says(&answer);
                    continue;
                }
                "GETSTATE" => self.states.get(rest).map_or("", String::as_str),
                "SETSTATE" => {
                    let (key, value) = rest.split_once(' ').unwrap();
                    self.states.insert(key.to_owned(), value.to_owned());
                    continue;
                }
                "GETCONFIG" | "GETGITREMOTENAME" | "GETGITDIR" => "",
                "PROGRESS" | "INFO" | "DEBUG" => continue,
                _ => return (job.parse().unwrap(), said.to_owned()),
            };
            let answer = format!("J {job} VALUE {value}");
            self.says(&answer);
        }
    }

    /// Ends the input and returns what is still said, and the status.
    fn ends(mut self) -> (String, Option<i32>) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell
}

#[test]
fn requests_of_several_jobs_are_served_at_once() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    let key = |job: u64| format!("WORM-s6--{job}");
    for job in 1..=4 {
        let file = shell.write(&format!("f{job}"), format!("file {job}"));
        annex.says(&format!("J {job} TRANSFER STORE {} {}", key(job), file.display()));
    }
    let mut stored: Vec<_> = (0..4).map(|_| annex.reply()).collect();
    stored.sort();
    let all: Vec<_> = (1..=4).map(|job| (job, format!("TRANSFER-SUCCESS STORE {}", key(job)))).collect();
    assert_eq!(stored, all);
    // Questions and their answers went by job: each key has the state of its own archive.
    assert_eq!(annex.states.len(), 4);
    for job in 1..=4 {
        let line = annex.heard.iter().find(|line| line.contains(&format!("SETSTATE {}", key(job))));
        assert!(line.unwrap().starts_with(&format!("J {job} ")));
    }
    assert_eq!(shell.count("UploadArchive"), 4);
    annex.says(&format!("J 9 CHECKPRESENT {}", key(1)));
    assert_eq!(annex.reply(), (9, format!("CHECKPRESENT-SUCCESS {}", key(1))));
    assert_eq!(annex.ends(), (String::new(), Some(0)));
}

#[test]
fn all_keys_of_one_get_cost_one_job_each_and_one_list() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    let keys: Vec<String> = (0..6).map(|number| format!("WORM-s1--{number}")).collect();
    for key in &keys {
        let file = shell.write("f", &key[key.len() - 1..]);
        annex.says(&format!("J 1 TRANSFER STORE {key} {}", file.display()));
        annex.reply();
    }
    let target = |key: &str| shell.path(&format!("target {key}"));
    for key in &keys {
        annex.says(&format!("J 1 TRANSFER RETRIEVE {key} {}", target(key).display()));
        assert!(annex.reply().1.contains("queued retrieval job"));
    }
    assert_eq!((shell.count("InitiateJob"), shell.count("ListJobs")), (6, 1));
    shell.emulator.advance(4 * HOUR);
    let mut later = Annex::prepared(&shell);
    for key in &keys {
        later.says(&format!("J 2 TRANSFER RETRIEVE {key} {}", target(key).display()));
        assert_eq!(later.reply().1, format!("TRANSFER-SUCCESS RETRIEVE {key}"));
        assert!(key.as_bytes().ends_with(&std::fs::read(target(key)).unwrap()));
    }
    assert_eq!((shell.count("InitiateJob"), shell.count("ListJobs")), (6, 2));
}

#[test]
fn a_slow_job_holds_up_no_other() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    // Its question is not answered until the other job is done.
    annex.says("J 1 CHECKPRESENT slow");
    assert_eq!(annex.line(), "J 1 GETSTATE slow");
    annex.says("J 2 CHECKPRESENT fast");
    assert_eq!(annex.reply(), (2, "CHECKPRESENT-FAILURE fast".to_owned()));
    annex.says("J 1 VALUE ");
    assert_eq!(annex.reply(), (1, "CHECKPRESENT-FAILURE slow".to_owned()));
}

#[test]
fn what_makes_no_sense_is_answered_or_ends_the_conversation() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    for line in ["J 3 MAKECOFFEE", "J 3 ", "J 3", "J 3 TRANSFER STORE", "J 3 J 4 PREPARE"] {
        annex.says(line);
        assert_eq!(annex.reply(), (3, "UNSUPPORTED-REQUEST".to_owned()), "{line}");
    }
    annex.says("J three PREPARE");
    assert_eq!(annex.ends(), ("ERROR a line without the number of its job\n".to_owned(), Some(1)));

    let mut annex = Annex::prepared(&shell);
    annex.says("J 1 CHECKPRESENT key");
    assert_eq!(annex.line(), "J 1 GETSTATE key");
    annex.says("J 1 PREPARE");
    assert_eq!(annex.ends(), (String::new(), Some(1)), "no answer where one was due");

    let mut annex = Annex::prepared(&shell);
    annex.says("ERROR it is all too much");
    assert_eq!(annex.ends(), (String::new(), Some(1)));
}

#[test]
fn half_a_request_is_none() {
    let shell = shell();
    let annex = Annex::prepared(&shell);
    write!(annex.input.as_ref().unwrap(), "J 1 REMOVE WORM-s1--a").unwrap();
    assert_eq!(annex.ends(), (String::new(), Some(0)));
}

#[test]
fn a_question_that_is_never_answered_ends_with_the_input() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    annex.says("J 1 CHECKPRESENT key");
    assert_eq!(annex.line(), "J 1 GETSTATE key");
    assert_eq!(annex.ends(), (String::new(), Some(1)));
}

/// Those that end the remote, with their numbers.
const SIGNALS: [(&str, i32); 3] = [("TERM", 15), ("INT", 2), ("HUP", 1)];

#[test]
fn a_signal_ends_a_transfer_that_waits() {
    for (signal, number) in SIGNALS {
        let shell = shell();
        let mut annex = Annex::start(&shell);
        annex.says("J 1 PREPARE");
        // As reply() has it, but with wait=yes.
        loop {
            let line = annex.line();
            let value = match line.strip_prefix("J 1 ").unwrap() {
                "GETCONFIG vault" => "v",
                "GETCONFIG wait" => "yes",
                "PREPARE-SUCCESS" => break,
                _ => "",
            };
            annex.says(&format!("J 1 VALUE {value}"));
        }
        let file = shell.write("f", "hello");
        annex.says(&format!("J 1 TRANSFER STORE key {}", file.display()));
        annex.reply();
        annex.says(&format!("J 1 TRANSFER RETRIEVE key {}", shell.path("target").display()));
        assert_eq!(annex.line(), "J 1 GETSTATE key");
        annex.says("J 1 VALUE ");
        while shell.count("InitiateJob") == 0 {
            std::thread::yield_now();
        }
        let process = annex.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &process]).status().unwrap().success());
        let mut rest = String::new();
        annex.output.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), annex.child.wait().unwrap().code()), ("", Some(128 + number)));
    }
}

/// What was not sent as a whole is known not to be stored. It was called unknown, so that for days the key could not be
/// stored.
#[test]
fn a_store_that_is_stopped_before_all_is_sent_can_be_done_again() {
    for end in ["TERM", "INT", "HUP", "ERROR it is all too much"] {
        let shell = shell();
        let file = shell.write("f", vec![b'x'; 1 << 20]);
        let store = format!("J 1 TRANSFER STORE key {}", file.display());
        let mut annex = Annex::start(&shell);
        annex.bwlimit = "50K";
        annex.says("J 1 PREPARE");
        annex.reply();
        annex.says(&store);
        assert_eq!(annex.line(), "J 1 GETSTATE key");
        annex.says("J 1 VALUE ");
        while shell.count("UploadArchive") == 0 {
            std::thread::yield_now();
        }
        let status = if let Some((signal, _)) = SIGNALS.into_iter().find(|(signal, _)| *signal == end) {
            let process = annex.child.id().to_string();
            assert!(Command::new("kill").args([&format!("-{signal}"), &process]).status().unwrap().success());
            annex.child.wait().unwrap().code()
        } else {
            annex.says(end);
            annex.child.wait().unwrap().code()
        };
        assert_ne!(status, Some(0));
        let mut annex = Annex::prepared(&shell);
        annex.says(&store);
        assert_eq!(annex.reply(), (1, "TRANSFER-SUCCESS STORE key".to_owned()), "after {end}");
        shell.glacier(&["archive", "list", "v"]).is("key\n", "", 0);
    }
}

/// A credential process may ask a person or a server. It was run several times for each key.
#[test]
fn the_credential_process_is_not_run_for_each_key() {
    let shell = shell();
    let runs = shell.path("runs");
    let keys = format!(
        r#"{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}"}}"#,
        glacier_emulator::ACCESS_KEY_ID,
        glacier_emulator::SECRET_ACCESS_KEY
    );
    let script = format!("echo run >> '{}'\necho '{keys}'\n", runs.display());
    let script = shell.write("keys", script);
    let config = format!("[profile p]\ncredential_process = sh '{}'\n", script.display());
    let config = shell.write("aws config", config);
    let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_CONFIG_FILE", config).env("AWS_PROFILE", "p");
    let mut annex = Annex::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    annex.says("J 1 PREPARE");
    assert_eq!(annex.reply(), (1, "PREPARE-SUCCESS".to_owned()));
    for number in 0..8 {
        annex.says(&format!("J 1 CHECKPRESENT key{number}"));
        assert_eq!(annex.reply(), (1, format!("CHECKPRESENT-FAILURE key{number}")));
    }
    let runs = std::fs::read_to_string(runs).unwrap().lines().count();
    assert!(runs <= 2, "{runs} runs, where the engine and the SDK each need one");
}

/// Whoever speaks to someone who has ceased to listen waits, and heard no signal.
#[test]
fn a_signal_ends_it_though_nobody_reads_what_it_says() {
    let shell = shell();
    let mut annex = Annex::prepared(&shell);
    // More than a pipe holds, several times.
    let mut input = annex.input.take().unwrap();
    let asking = std::thread::spawn(move || {
        for _ in 0..5_000 {
            if writeln!(input, "J 1 LISTCONFIGS").is_err() {
                return;
            }
        }
    });
    let process = annex.child.id().to_string();
    // All but the last page of what a pipe holds.
    while rustix::io::ioctl_fionread(annex.output.get_ref()).unwrap() < 60 * 1024 {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(annex.child.wait().unwrap().code(), Some(128 + 15));
    asking.join().unwrap();
}

#[test]
fn a_closed_pipe_ends_it() {
    let shell = shell();
    let Annex { mut child, input, output, .. } = Annex::prepared(&shell);
    drop(output);
    // A program that another test starts just now has the other end too, for a moment, so that one answer could go there.
    let status = loop {
        let _ = writeln!(input.as_ref().unwrap(), "J 1 GETCOST");
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(1));
}

#[test]
fn secrets_are_not_in_what_is_said() {
    let mut shell = shell();
    shell.forget_keys();
    // Keys that git-annex has kept, and that Glacier refuses; then an answer that cannot be read.
    for answer in ["CREDS AKIAWRONG verysecret", "CREDSAKIAWRONG verysecret"] {
        let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        let child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut annex = Annex::of(child);
        annex.creds = answer;
        annex.says("J 1 PREPARE");
        if answer.starts_with("CREDS ") {
            assert_eq!(annex.reply().1, "PREPARE-SUCCESS");
            annex.says("J 1 CHECKPRESENT key");
            let said = annex.reply().1;
            assert!(said.starts_with("CHECKPRESENT-UNKNOWN key Glacier refused these credentials"), "{said}");
            annex.says("J 1 GETINFO");
        }
        let mut stderr = annex.child.stderr.take().unwrap();
        let heard = annex.heard.join("\n");
        let (rest, _) = annex.ends();
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert!(!(heard + &rest + &said).contains("verysecret"));
    }
}

const MIB: usize = 1 << 20;
/// What one request fetches.
const RANGE: usize = 8 * MIB;

/// A vault with this content as that of a key, of which a job has finished.
fn ready(content: &[u8]) -> Shell {
    let shell = shell();
    shell.write("stored", content);
    shell.glacier(&["archive", "upload", "v", "--name=key", "stored"]).is_silent();
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "key"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    std::fs::create_dir(shell.path("tmp")).unwrap();
    shell
}

/// Brings the key, and returns how many requests that took.
#[track_caller]
fn brings(shell: &Shell, content: &[u8]) -> u64 {
    let before = shell.count("GetJobOutput");
    let mut annex = Annex::prepared(shell);
    annex.says(&format!("J 1 TRANSFER RETRIEVE key {}", shell.path("tmp/key").display()));
    assert_eq!(annex.reply(), (1, "TRANSFER-SUCCESS RETRIEVE key".to_owned()));
    assert!(shell.read("tmp/key") == content, "other bytes came");
    assert_eq!(annex.ends(), (String::new(), Some(0)));
    shell.count("GetJobOutput") - before
}

/// Found when a file came from another remote after that: what had come stood under a name that git-annex does not know,
/// and stayed for ever.
#[test]
fn a_retrieval_that_is_killed_leaves_a_beginning_under_the_name_that_git_annex_knows() {
    let content = support::noise(12 * RANGE);
    let shell = ready(&content);
    let mut annex = Annex::start(&shell);
    annex.bwlimit = "24M";
    annex.says("J 1 PREPARE");
    annex.reply();
    annex.says(&format!("J 1 TRANSFER RETRIEVE key {}", shell.path("tmp/key").display()));
    let length = || std::fs::metadata(shell.path("tmp/key")).map_or(0, |there| there.len());
    let begun = std::time::Instant::now();
    while length() < 2 * RANGE as u64 && begun.elapsed().as_secs() < 60 {
        std::thread::yield_now();
    }
    annex.child.kill().unwrap();
    annex.child.wait().unwrap();
    let names: Vec<_> =
        std::fs::read_dir(shell.path("tmp")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["key"]);
    let beginning = shell.read("tmp/key");
    assert!(beginning.len() < content.len(), "it was done before it was killed");
    assert!(content.starts_with(&beginning), "what is here is no beginning of it");
    assert_eq!(brings(&shell, &content), 12 - (beginning.len() / RANGE) as u64);
}

/// Another remote may have begun the file, and another archive, which git-annex takes for the same.
#[test]
fn what_git_annex_has_of_a_file_counts_if_it_is_a_beginning_of_the_archive() {
    let content = support::noise(2 * RANGE + 5);
    let shell = ready(&content);
    let longer = [&content[..], b"x"].concat();
    for (beginning, requests) in [
        (&content[..RANGE + 17], 2),
        (&content, 0),
        (&[], 3),
        (&[0; RANGE + 17], 2 + 3),
        (&vec![0; content.len()], 3),
        (&longer, 3),
    ] {
        shell.write("tmp/key", beginning);
        assert_eq!(brings(&shell, &content), requests, "{} bytes were here", beginning.len());
    }
    // A link of another name to the same file must not change with it.
    shell.write("tmp/other", "mine");
    std::fs::remove_file(shell.path("tmp/key")).unwrap();
    std::fs::hard_link(shell.path("tmp/other"), shell.path("tmp/key")).unwrap();
    assert_eq!((brings(&shell, &content), shell.read("tmp/other").as_slice()), (3, &b"mine"[..]));
}

#[test]
fn a_retrieval_that_fails_keeps_what_is_verified_and_no_empty_file() {
    let content = support::noise(2 * RANGE + 5);
    let shell = ready(&content);
    let fails = |fault: &str| {
        shell.fault(fault);
        let mut annex = Annex::prepared(&shell);
        annex.says(&format!("J 1 TRANSFER RETRIEVE key {}", shell.path("tmp/key").display()));
        assert!(annex.reply().1.starts_with("TRANSFER-FAILURE RETRIEVE key "));
        shell.heal();
        // The same process may try at once.
        annex.says(&format!("J 1 TRANSFER RETRIEVE none {}", shell.path("tmp/key").display()));
        assert!(annex.reply().1.contains("not found"));
    };
    fails("access-denied@GetJobOutput");
    assert!(!shell.path("tmp/key").exists());
    fails("corrupt@GetJobOutput");
    assert!(!shell.path("tmp/key").exists());
    shell.write("tmp/key", &content[..RANGE]);
    fails("corrupt@GetJobOutput");
    assert!(shell.read("tmp/key") == content[..RANGE]);
    assert_eq!(brings(&shell, &content), 2);
}
