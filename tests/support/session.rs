//! A remote in this process, on the emulator's clock, spoken to as git-annex does.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use glacier_emulator::Emulator;
use glacier_engine::annex::{End, serve};
use glacier_engine::engine::Connection;
use glacier_engine::settings::Settings;
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::machine::{EmulatorClock, Machine, connection};

/// What git-annex keeps about keys.
pub trait States {
    fn get(&self, key: &str) -> String;
    fn set(&mut self, key: &str, value: &str);
}

impl States for BTreeMap<String, String> {
    fn get(&self, key: &str) -> String {
        self.get(key).cloned().unwrap_or_default()
    }

    fn set(&mut self, key: &str, value: &str) {
        self.insert(key.to_owned(), value.to_owned());
    }
}

pub struct Session {
    input: DuplexStream,
    output: mpsc::UnboundedReceiver<u8>,
    task: JoinHandle<io::Result<End>>,
    /// The one that is set where nothing is kept.
    pub vault: String,
}

struct Output(mpsc::UnboundedSender<u8>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().try_for_each(|byte| self.0.send(*byte)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Session {
    /// The same, with the settings that are kept as `config NAME`.
    pub async fn prepared_with(emulator: &Arc<Emulator>, machine: &Machine, kept: &mut impl States) -> Self {
        let mut session = Self::prepared(emulator, machine).await;
        assert_eq!(session.asks("PREPARE", kept).await, "PREPARE-SUCCESS");
        session
    }

    /// Starts a remote of vault `v` with the cache of a machine.
    pub async fn prepared(emulator: &Arc<Emulator>, machine: &Machine) -> Self {
        Self::prepared_for(emulator, machine, "v").await
    }

    /// The same, of this vault.
    pub async fn prepared_for(emulator: &Arc<Emulator>, machine: &Machine, vault: &str) -> Self {
        Self::start(machine.home.path().join("db"), connection(emulator), emulator, vault).await
    }

    /// A remote of vault `v` with this cache, and Glacier reached so.
    pub async fn begun(cache_path: PathBuf, connection: Connection, emulator: &Arc<Emulator>) -> Self {
        Self::start(cache_path, connection, emulator, "v").await
    }

    async fn start(
        cache_path: PathBuf,
        connection: Connection,
        emulator: &Arc<Emulator>,
        vault: &str,
    ) -> Self {
        let settings = Settings { cache_path, connection, lasting_keys: None, is_prefetch: false };
        let (input, theirs) = tokio::io::duplex(1 << 16);
        let (sender, output) = mpsc::unbounded_channel();
        let clock = Arc::new(EmulatorClock(Arc::clone(emulator)));
        let serving =
            serve(settings, clock, BufReader::new(theirs), Box::new(Output(sender)), std::future::pending());
        let mut session = Self { input, output, task: tokio::spawn(serving), vault: vault.to_owned() };
        assert_eq!(session.line().await, "VERSION 2");
        session.says("EXTENSIONS INFO").await;
        assert_eq!(session.line().await, "EXTENSIONS INFO");
        let said = session.asks("PREPARE", &mut BTreeMap::new()).await;
        assert_eq!(said, "PREPARE-SUCCESS");
        session
    }

    /// Returns the reply to a request; answers what the remote asks meanwhile.
    pub async fn asks(&mut self, request: &str, states: &mut impl States) -> String {
        self.says(request).await;
        loop {
            let line = self.line().await;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "GETCONFIG" => {
                    let kept = states.get(&format!("config {rest}"));
                    let value = if rest == "vault" && kept.is_empty() { self.vault.clone() } else { kept };
                    self.says(&format!("VALUE {value}")).await;
                }
                "GETGITDIR" | "GETUUID" => self.says("VALUE ").await,
                "SETCONFIG" => {
                    let (name, value) = rest.split_once(' ').unwrap();
                    states.set(&format!("config {name}"), value);
                }
                "GETCREDS" => self.says("CREDS  ").await,
                "GETSTATE" => self.says(&format!("VALUE {}", states.get(rest))).await,
                "SETSTATE" => {
                    let (key, value) = rest.split_once(' ').unwrap();
                    states.set(key, value);
                }
                "PROGRESS" | "INFO" | "DEBUG" => {}
                _ => return line,
            }
        }
    }

    /// Ends the input and waits until the remote has gone.
    pub async fn ends(self) {
        let Self { input, task, output, .. } = self;
        drop(input);
        assert_eq!(task.await.unwrap().unwrap(), End::Served);
        drop(output);
    }

    /// Ends it as a kill does.
    pub async fn dies(self) {
        self.task.abort();
        let _ = self.task.await;
        // What it was doing is dropped by whoever runs next.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn says(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while let Some(byte) = self.output.recv().await.filter(|byte| *byte != b'\n') {
            line.push(byte);
        }
        String::from_utf8(line).unwrap()
    }
}
