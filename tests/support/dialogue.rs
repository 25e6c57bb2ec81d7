//! The remote's program, played with by a script: what git-annex says and what it must hear.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::Shell;

/// The settings that most tests leave out.
pub const OTHER_SETTINGS: &str = "
    < GETCONFIG maxage
    > VALUE
    < GETCONFIG tier
    > VALUE
    < GETCONFIG wait
    > VALUE
    < GETCONFIG endpoint
    > VALUE
    < GETCONFIG profile
    > VALUE
    < GETCONFIG bwlimit
    > VALUE
    < GETCONFIG account
    > VALUE
    < GETCONFIG sameas-name
    > VALUE";

/// The dialogue of one STORE of a key of which nothing is known.
pub fn stores(key: &str, file: impl std::fmt::Display) -> String {
    format!(
        "> TRANSFER STORE {key} {file}
         < GETSTATE {key}
         > VALUE
         < PROGRESS 5
         < SETSTATE {key} 1 ...
         < TRANSFER-SUCCESS STORE {key}"
    )
}

/// The dialogue of GETINFO, where no archive is known and so many jobs were asked for lately.
pub fn info(vault: &str, jobs_pending: u32) -> String {
    format!(
        "
    > GETINFO
    < INFOFIELD vault
    < INFOVALUE {vault}
    < INFOFIELD region
    < INFOVALUE us-east-1
    < INFOFIELD credentials
    < INFOVALUE environment
    < INFOFIELD tier
    < INFOVALUE Standard
    < INFOFIELD account
    < INFOVALUE 111122223333
    < INFOFIELD inventory
    < INFOVALUE none taken in yet
    < INFOFIELD archives known
    < INFOVALUE 0
    < INFOFIELD retrieval jobs of this machine
    < INFOVALUE {jobs_pending} pending, 0 ready, by their age
    < INFOEND"
    )
}

pub struct Remote {
    child: Child,
    /// What stands before each line once ASYNC is settled.
    job: &'static str,
    input: ChildStdin,
    pub output: BufReader<ChildStdout>,
}

impl Remote {
    pub fn start(shell: &Shell) -> Self {
        let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, job: "", input, output }
    }

    /// The same, all in one job of ASYNC; the script still says how that is settled.
    pub fn start_in_a_job(shell: &Shell) -> Self {
        Self { job: "J 7 ", ..Self::start(shell) }
    }

    /// Reads what a script of `<` lines expects and writes its `>` lines; `...` ends a line that may go on.
    #[track_caller]
    pub fn plays(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (direction, text) = (&line[..1], line[1..].trim_start());
            let word = text.split(' ').next().unwrap();
            let job = if ["VERSION", "EXTENSIONS", "ERROR"].contains(&word) { "" } else { self.job };
            let text = format!("{job}{text}");
            match direction {
                ">" => writeln!(self.input, "{text}").unwrap(),
                "<" => {
                    let mut heard = String::new();
                    self.output.read_line(&mut heard).unwrap();
                    let heard = heard.trim_end_matches('\n');
                    match text.strip_suffix("...") {
                        Some(beginning) => {
                            assert!(heard.starts_with(beginning), "{heard:?} for {text:?}");
                        }
                        None => assert_eq!(heard, text),
                    }
                }
                _ => panic!("neither said nor heard: {line}"),
            }
        }
    }

    /// Ends the input and returns what is still said, and the status.
    pub fn ends(self) -> (String, i32) {
        let Self { mut child, input, mut output, .. } = self;
        drop(input);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        (rest, child.wait().unwrap().code().unwrap())
    }

    pub fn prepared(shell: &Shell, prefix: &str) -> Self {
        Self::prepared_with(shell, prefix, "")
    }

    /// The same of a service at another URL.
    pub fn prepared_with(shell: &Shell, prefix: &str, endpoint: &str) -> Self {
        let told = "< GETGITREMOTENAME
             > VALUE glacier
             < GETGITDIR
             > VALUE /nowhere
             < PREPARE-SUCCESS";
        Self::preparing(shell, prefix, endpoint, told)
    }

    /// Plays what comes of PREPARE once the settings are told.
    pub fn preparing(shell: &Shell, prefix: &str, endpoint: &str, then: &str) -> Self {
        let settings =
            OTHER_SETTINGS.replace("endpoint\n    > VALUE", &format!("endpoint\n    > VALUE {endpoint}"));
        let mut remote = Self::start(shell);
        remote.plays(&format!(
            "< VERSION 2
             > EXTENSIONS INFO GETGITREMOTENAME TRANSFER-RETRIEVE-URL
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
             {settings}
             {then}"
        ));
        remote
    }
}
