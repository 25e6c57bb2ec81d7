//! A key in the repositories of several clones, and what git-annex keeps of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_glacier::Client;
use glacier_emulator::Emulator;
use glacier_engine::types::VaultName;

use super::machine::{Machine, vault_made_here};
use super::session::Session;

pub const KEY: &str = "SHA256E-s5--aa.txt";

pub type States = BTreeMap<String, String>;

pub struct World {
    pub emulator: Arc<Emulator>,
    pub client: Client,
    pub here: Machine,
    pub vault: VaultName,
    pub states: States,
}

impl World {
    pub async fn new() -> Self {
        let (emulator, client, here, vault) = vault_made_here().await;
        Self { emulator, client, here, vault, states: States::new() }
    }

    pub async fn remote(&self) -> Session {
        Session::prepared(&self.emulator, &self.here).await
    }

    /// A remote that has stored the key, and the request by which it did.
    pub async fn with_key_stored(&mut self) -> (Session, String) {
        let mut remote = self.remote().await;
        let store = format!("TRANSFER STORE {KEY} {}", self.file("hello"));
        plays(&mut remote, &mut self.states, &[(&store, "TRANSFER-SUCCESS")]).await;
        (remote, store)
    }

    /// Another clone with a cache of its own.
    pub async fn other_remote(&self) -> (Session, Machine) {
        let there = Machine::new(&self.emulator).await;
        (Session::prepared(&self.emulator, &there).await, there)
    }

    pub fn file(&self, content: &str) -> String {
        let path = self.here.home.path().join(format!("file of {} bytes", content.len()));
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn target(&self) -> String {
        self.here.home.path().join("target").to_str().unwrap().to_owned()
    }

    pub async fn delete(&self, id: &str) {
        self.client.delete_archive().vault_name("v").archive_id(id).send().await.unwrap();
    }

    /// The id that the state of the key names.
    pub fn told(&self, key: &str) -> String {
        self.states[key].rsplit(' ').next().unwrap().to_owned()
    }

    pub fn count(&self, operation: &str) -> u64 {
        self.emulator.requests().get(operation).copied().unwrap_or(0)
    }
}

/// Asks for one reply after the other, which must begin so.
pub async fn plays(remote: &mut Session, states: &mut States, dialogue: &[(&str, &str)]) {
    for (request, answer) in dialogue {
        let said = remote.asks(request, states).await;
        assert!(said.starts_with(answer), "{request}: {said}");
    }
}
