//! What git-annex wants, done by the engine.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::config::{self, Config};
use super::protocol::{Key, Reply, Request};
use super::session::{Session, Writer};
use crate::engine::{
    Engine, EngineError, Patience, Presence, RangeSize, Retrieval, RetrieveOptions, Source, SystemClock,
    Target, UploadOptions, Wanted,
};
use crate::settings::Settings;
use crate::types::{ArchiveRef, VaultName, quoted};

/// Very expensive, so that git-annex takes any other copy first.
const COST: u32 = 1000;
/// How old the knowledge may be that lets git-annex drop another copy: the original's allowance, which covers the lag
/// of inventories.
const PRESENCE_MAX_AGE: Duration = Duration::from_secs(60 * 60 * 60);

/// A remote. Until PREPARE or INITREMOTE it has no vault.
pub(super) struct Remote {
    settings: Settings,
    vault: Option<Vault>,
}

/// Where the keys of a remote are.
#[derive(Clone)]
struct Vault {
    engine: Engine,
    name: VaultName,
    prefix: String,
}

impl Remote {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, vault: None }
    }

    /// Answers one request.
    ///
    /// # Errors
    ///
    /// Only when git-annex cannot be spoken to; what goes wrong with Glacier is an answer.
    pub(super) async fn answer(&mut self, session: &mut Session, request: Request) -> io::Result<()> {
        let reply = match request {
            Request::ListConfigs => return config::list(session),
            Request::GetInfo => return self.info(session).await,
            Request::InitRemote => Reply::InitRemote(self.initialise(session).await?),
            Request::Prepare => Reply::Prepare(self.prepare(session).await?),
            Request::Store { key, file } => {
                let result = self.store(session.writer(), &key, &file).await;
                Reply::Stored(key, result)
            }
            Request::Retrieve { key, file } => {
                let result = self.retrieve(session.writer(), &key, &file).await;
                Reply::Retrieved(key, result)
            }
            Request::CheckPresent(key) => match self.presence(&key).await {
                Ok(Presence::Present) => Reply::Present(key),
                Ok(Presence::Absent) => Reply::Absent(key),
                Ok(Presence::Unknown(why)) | Err(why) => Reply::PresenceUnknown(key, why),
            },
            Request::Remove(key) => {
                let result = self.remove(&key).await;
                Reply::Removed(key, result)
            }
            Request::WhereIs(key) => Reply::WhereIs(self.whereis(&key).await),
            Request::GetCost => Reply::Cost(COST),
            Request::GetAvailability => Reply::AvailabilityGlobal,
            Request::GetOrdered => Reply::Unordered,
            Request::ExportSupported => Reply::ExportSupportedFailure,
            Request::ClaimUrl => Reply::ClaimUrlFailure,
            Request::Unknown | Request::Extensions(_) | Request::Error(_) => Reply::Unsupported,
        };
        session.send(&reply)
    }

    /// Makes sure that the vault exists and keeps vault and region in the remote's settings, so that every clone means
    /// the same. Comes again at every `enableremote`.
    async fn initialise(&mut self, session: &mut Session) -> io::Result<Result<(), String>> {
        let config = Config::ask(session).await?;
        let name = match config.vault_or_default(session).await? {
            Ok(name) => name,
            Err(why) => return Ok(Err(why)),
        };
        let vault = match self.open(name, &config).await {
            Ok(vault) => vault,
            Err(why) => return Ok(Err(why)),
        };
        if let Err(error) = vault.engine.create_vault(&vault.name).await {
            return Ok(Err(error.to_string()));
        }
        session.keep_config("vault", vault.name.as_str())?;
        if config.datacenter.is_empty() {
            session.keep_config("region", vault.engine.region().as_str())?;
        }
        self.vault = Some(vault);
        Ok(Ok(()))
    }

    /// Reads the settings; sends nothing to Glacier.
    async fn prepare(&mut self, session: &mut Session) -> io::Result<Result<(), String>> {
        let config = Config::ask(session).await?;
        let name = match config.vault_or_default(session).await? {
            Ok(name) => name,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.open(name, &config).await.map(|vault| self.vault = Some(vault)))
    }

    async fn open(&self, name: VaultName, config: &Config) -> Result<Vault, String> {
        let mut connection = self.settings.connection.clone();
        connection.region = config.region()?.or(connection.region);
        let engine = Engine::open(&connection, &self.settings.cache_path, Arc::new(SystemClock)).await;
        let engine = engine.map_err(said)?;
        Ok(Vault { engine, name, prefix: config.prefix.clone() })
    }

    fn vault(&self) -> Result<&Vault, String> {
        self.vault.as_ref().ok_or_else(|| "the remote was not prepared".to_owned())
    }

    async fn store(&self, progress: &Writer, key: &Key, file: &Path) -> Result<(), String> {
        let vault = self.vault()?;
        let archive = vault.name_of(key)?;
        let cannot_read = |error: io::Error| format!("cannot read {}: {error}", file.display());
        let source = Source::open(file).map_err(cannot_read)?;
        let size_bytes = source.size_bytes().ok_or_else(|| format!("{} is not a file", file.display()))?;
        let stored = vault.engine.holds(&vault.name, &archive, size_bytes, PRESENCE_MAX_AGE).await;
        if stored.map_err(said)? {
            return Ok(());
        }
        let options = UploadOptions::default();
        let name = archive.parse().map_err(|error| format!("{error}"))?;
        vault.engine.upload(&vault.name, &name, source, options, progress).await.map(drop).map_err(said)
    }

    async fn retrieve(&self, progress: &Writer, key: &Key, file: &Path) -> Result<(), String> {
        let vault = self.vault()?;
        let archive = vault.name_of(key)?;
        let wanted =
            Wanted { reference: ArchiveRef::Name(archive.clone()), target: Target::File(file.to_owned()) };
        let options = RetrieveOptions {
            range_size: RangeSize::default(),
            tier: None,
            patience: Patience::ComeBackLater,
        };
        let retrievals = vault.engine.retrieve(&vault.name, vec![wanted], options, progress).await;
        let archive = quoted(&archive);
        match retrievals.map_err(said)?.first() {
            Some(Retrieval::Queued) => Err(format!(
                "queued retrieval job for archive {archive}; Glacier needs 3 to 5 hours, run the same command again then"
            )),
            Some(Retrieval::Pending) => Err(format!(
                "job still pending for archive {archive}; run the same command again later ('glacier job list' shows it)"
            )),
            Some(Retrieval::Done) | None => Ok(()),
        }
    }

    async fn presence(&self, key: &Key) -> Result<Presence, String> {
        let vault = self.vault()?;
        let reference = ArchiveRef::Name(vault.name_of(key)?);
        vault.engine.presence(&vault.name, &reference, PRESENCE_MAX_AGE).await.map_err(said)
    }

    /// Gone is gone, whoever did it; but what is not known to be gone is not called so.
    async fn remove(&self, key: &Key) -> Result<(), String> {
        let vault = self.vault()?;
        let archive = vault.name_of(key)?;
        if vault.engine.delete_all_of_name(&vault.name, &archive).await.map_err(said)? > 0 {
            return Ok(());
        }
        match self.presence(key).await? {
            Presence::Absent => Ok(()),
            Presence::Present => Err(format!("archive {} was stored meanwhile", quoted(&archive))),
            Presence::Unknown(why) => Err(why),
        }
    }

    async fn whereis(&self, key: &Key) -> Option<String> {
        let vault = self.vault().ok()?;
        let reference = ArchiveRef::Name(vault.name_of(key).ok()?);
        let known = vault.engine.known(&vault.name, &reference).await.ok()?;
        let places = known.iter().map(|archive| format!("id:{} in vault {}", archive.id, vault.name));
        Some(places.collect::<Vec<_>>().join(", ")).filter(|places| !places.is_empty())
    }

    async fn info(&self, session: &Session) -> io::Result<()> {
        if let Ok(vault) = self.vault() {
            let region = vault.engine.region();
            let mut fields = vec![("vault", vault.name.to_string()), ("region", region.to_string())];
            if !vault.prefix.is_empty() {
                fields.push(("file prefix", vault.prefix.clone()));
            }
            if let Ok(summary) = vault.engine.summary(&vault.name).await {
                fields.extend(summary.account.map(|account| ("account", account.to_string())));
                let date = summary
                    .knowledge
                    .inventory
                    .map_or("none taken in yet".to_owned(), |taken| taken.date.to_string());
                fields.push(("inventory", date));
            }
            for (name, value) in fields {
                session.send(&Reply::InfoField(name))?;
                session.send(&Reply::InfoValue(value))?;
            }
        }
        session.send(&Reply::InfoEnd)
    }
}

impl Vault {
    /// The archive's name is the prefix and the key, as the built-in remote has it.
    fn name_of(&self, key: &Key) -> Result<String, String> {
        let key =
            std::str::from_utf8(&key.0).map_err(|_| "the key is no text, which no archive's name can be")?;
        Ok(format!("{}{key}", self.prefix))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn said(error: EngineError) -> String {
    error.to_string()
}
