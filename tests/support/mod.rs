//! A person at a shell: the real binary, a cache and a directory of its own, an emulator to talk to.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

pub mod asking;
pub mod branch;
pub mod clones;
pub mod dialogue;
pub mod documents;
pub mod faults;
pub mod machine;
pub mod original;
pub mod proxy;
pub mod raw_server;
pub mod session;
pub mod terminal;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use glacier_emulator::{ACCESS_KEY_ID, Builder, Emulator, SECRET_ACCESS_KEY};
use tempfile::TempDir;

/// Another key of the same account.
pub const ROTATED_KEY_ID: &str = "AKIAROTATEDEXAMPLE00";
pub const HOUR: Duration = Duration::from_secs(3600);

pub struct Shell {
    pub emulator: Emulator,
    home: TempDir,
    access_key_id: Option<String>,
}

/// What a command left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    pub status: i32,
}

impl Outcome {
    /// Asserts all three, byte for byte.
    #[track_caller]
    pub fn is(&self, stdout: &str, stderr: &str, status: i32) {
        let expected = Self { stdout: stdout.into(), stderr: stderr.into(), status };
        assert_eq!(*self, expected);
    }

    /// Asserts silent success.
    #[track_caller]
    pub fn is_silent(&self) {
        self.is("", "", 0);
    }

    /// Asserts a failure that says this in one line and prints nothing else.
    #[track_caller]
    pub fn is_refused(&self, status: i32, said: &str) {
        assert_eq!((self.stdout.as_str(), self.status), ("", status), "{self:?}");
        assert!(self.stderr.starts_with("glacier: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.contains(said), "{self:?}");
    }
}

impl Shell {
    /// Jobs take four hours, on the emulator's clock.
    pub fn new() -> Self {
        Self::with(Emulator::builder().job_delay(4 * HOUR))
    }

    pub fn with(emulator: Builder) -> Self {
        let emulator = emulator
            .keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
            .keys(ROTATED_KEY_ID, SECRET_ACCESS_KEY)
            .start_blocking()
            .unwrap();
        let home = TempDir::new().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let access_key_id = Some(emulator.access_key_id().to_owned());
        Self { emulator, home, access_key_id }
    }

    /// From now on commands have no keys in their environment.
    pub fn forget_keys(&mut self) {
        self.access_key_id = None;
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn cache_path(&self) -> PathBuf {
        self.home.path().join(".cache/glacier-cli/db")
    }

    /// Opens the cache as another program would.
    pub fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.cache_path()).unwrap()
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ENDPOINT_URL_GLACIER", self.emulator.endpoint_url());
        if let Some(id) = &self.access_key_id {
            command.env("AWS_ACCESS_KEY_ID", id);
            command.env("AWS_SECRET_ACCESS_KEY", self.emulator.secret_access_key());
        }
        command.current_dir(self.path(""));
        command
    }

    pub fn glacier_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_glacier"));
        command.args(arguments);
        command
    }

    pub fn glacier(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.glacier_command(arguments))
    }

    pub fn glacier_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        run_with_input(&mut self.glacier_command(arguments), input)
    }

    /// Starts a command that will wait, lets time pass once it has asked how its job stands, and returns how it ended.
    pub fn glacier_waits(&self, arguments: &[&str], passes: Duration) -> Outcome {
        let asked = |shell: &Self| shell.emulator.requests().get("DescribeJob").copied().unwrap_or(0);
        let before = asked(self);
        let mut command = self.glacier_command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while asked(self) == before && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        self.emulator.advance(passes);
        ended(child)
    }

    /// Requests that change something or cost something.
    pub fn writes(&self) -> Vec<(String, u64)> {
        let harmless =
            |name: &str| name.starts_with("List") || name.starts_with("Describe") || name == "GetJobOutput";
        self.emulator.requests().into_iter().filter(|(name, _)| !harmless(name)).collect()
    }

    /// How many requests of an operation were served.
    pub fn count(&self, operation: &str) -> u64 {
        self.emulator.requests().get(operation).copied().unwrap_or(0)
    }

    /// Lets something go wrong from now on, as `glacier-emulator --fault` has it.
    pub fn fault(&self, fault: &str) {
        self.control("POST", fault);
    }

    /// Lets nothing go wrong any more.
    pub fn heal(&self) {
        self.control("DELETE", "");
    }

    fn control(&self, method: &str, body: &str) {
        let address = self.emulator.endpoint_url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} /_emulator/faults HTTP/1.1\r\nHost: e\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

pub fn run(command: &mut Command) -> Outcome {
    ended(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

pub fn run_with_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let outcome = ended(child);
    writer.join().unwrap();
    outcome
}

pub fn ended(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    // As a shell tells of a program that a signal has ended.
    let by_signal = output.status.signal().map(|signal| 128 + signal);
    Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code().or(by_signal).unwrap(),
    }
}

/// Bytes that repeat nowhere near, the same at every run.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(size)
    .collect()
}

pub fn no_leftovers(directory: &Path) {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let parts: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".part")).collect();
    assert_eq!(parts, Vec::<&OsStr>::new());
}
