//! A machine with a cache of its own, whose clock is the emulator's: the engine without a process around it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_glacier::Client;
use glacier_emulator::Emulator;
use glacier_engine::engine::{
    Archive, Clock, Connection, Engine, EngineError, Finding, Keys, Listed, Patience, Source, Sync,
    UploadOptions,
};
use glacier_engine::types::{ArchiveRef, Timestamp, VaultName};
use tempfile::TempDir;

use super::HOUR;

/// Tells the emulator's time; whoever waits pushes it.
pub struct EmulatorClock(pub Arc<Emulator>);

impl Clock for EmulatorClock {
    fn now(&self) -> Timestamp {
        self.0.now().into()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

pub struct Machine {
    pub engine: Engine,
    pub home: TempDir,
}

/// How the emulator is reached.
pub fn connection(emulator: &Emulator) -> Connection {
    let keys = Keys {
        access_key_id: emulator.access_key_id().to_owned(),
        secret_access_key: emulator.secret_access_key().to_owned(),
    };
    Connection {
        region: Some(emulator.region().parse().unwrap()),
        endpoint_url: Some(emulator.endpoint_url().to_owned()),
        keys: Some(keys),
        ..Connection::default()
    }
}

/// An emulator whose jobs take four hours, and a machine that has made a vault there.
pub async fn vault_made_here() -> (Arc<Emulator>, Client, Machine, VaultName) {
    let emulator = Arc::new(Emulator::builder().job_delay(4 * HOUR).start().await.unwrap());
    let client = Client::new(&emulator.sdk_config());
    let here = Machine::new(&emulator).await;
    let vault: VaultName = "v".parse().unwrap();
    here.engine.create_vault(&vault).await.unwrap();
    (emulator, client, here, vault)
}

impl Machine {
    pub async fn new(emulator: &Arc<Emulator>) -> Self {
        let home = TempDir::new().unwrap();
        let clock = Arc::new(EmulatorClock(Arc::clone(emulator)));
        let engine = Engine::open(&connection(emulator), &home.path().join("db"), clock).await.unwrap();
        Self { engine, home }
    }

    pub fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.home.path().join("db")).unwrap()
    }

    pub async fn upload(&self, vault: &VaultName, name: &str, content: &[u8]) -> Archive {
        let source = Source::stream(std::io::Cursor::new(content.to_vec()), Some(content.len() as u64));
        self.engine
            .upload(vault, &name.parse().unwrap(), source, UploadOptions::default(), &())
            .await
            .unwrap()
    }

    pub async fn delete(&self, vault: &VaultName, archive: &Archive) -> Result<(), EngineError> {
        self.engine.delete(vault, &ArchiveRef::Id(archive.id.clone())).await
    }

    /// All that the cache lists.
    pub async fn listed(&self, vault: &VaultName) -> Vec<Archive> {
        let mut archives = Vec::new();
        let visit = |listed: &Listed<'_>| {
            archives.push(listed.archive());
            std::ops::ControlFlow::Continue(())
        };
        self.engine.list(vault, visit).await.unwrap();
        archives
    }

    /// Syncs and returns what was told of.
    pub async fn sync(
        &self,
        vault: &VaultName,
        max_age: Duration,
        fix: bool,
    ) -> (Result<Sync, EngineError>, Vec<Finding>) {
        let findings = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&findings);
        let tell = move |finding| told.lock().unwrap().push(finding);
        let outcome = self.engine.sync(vault, max_age, fix, Patience::ComeBackLater, tell, &()).await;
        let findings = std::mem::take(&mut *findings.lock().unwrap());
        (outcome, findings)
    }
}
