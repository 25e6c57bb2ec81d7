//! What git-annex wants, done by the engine.

use std::io;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use super::config::{self, Config};
use super::failure::{Failure, answerable};
use super::notices::Teller;
use super::protocol::{Question, Reply, Request, Statement};
use super::session::{Conversation, Line};
use super::vault::{Stateless, Vault};
use super::{credentials, state};
use crate::engine::{Clock, Engine, Presence, Tier, TransferSettings};
use crate::settings::Settings;

/// Very expensive, so that git-annex takes any other copy first.
const COST: u32 = 1000;

/// A remote. Until PREPARE or INITREMOTE it has no vault.
pub(super) struct Remote {
    settings: Settings,
    clock: Arc<dyn Clock>,
    line: Arc<Line>,
    vault: RwLock<Option<Arc<Vault>>>,
}

impl Remote {
    pub(super) fn new(settings: Settings, clock: Arc<dyn Clock>, line: Arc<Line>) -> Self {
        Self { settings, clock, line, vault: RwLock::default() }
    }

    /// Lets nothing begin any more whose answer would have to be noted, breaks off uploads of which not all is sent, and
    /// returns when the answers to all others are noted.
    pub(super) async fn settle(&self) {
        let stop = self.vault().map(|vault| vault.engine.stop());
        if let Ok(stop) = stop {
            stop.settle().await;
        }
    }

    /// Serves one request and returns the answer.
    ///
    /// # Errors
    ///
    /// Only when git-annex cannot be spoken to; what goes wrong with Glacier is an answer.
    pub(super) async fn answer(&self, talk: &Conversation, request: Request) -> io::Result<Reply> {
        Ok(match request {
            Request::ListConfigs => config::list(talk).map(|()| Reply::ConfigEnd)?,
            Request::GetInfo => {
                answerable(async { self.vault()?.info(talk).await }.await)?.ok();
                Reply::InfoEnd
            }
            Request::InitRemote => Reply::InitRemote(answerable(self.initialise(talk).await)?),
            Request::Prepare => Reply::Prepare(answerable(self.prepare(talk).await)?),
            Request::Store { key, file } => {
                let result = async { self.vault_of_account().await?.store(talk, &key, &file).await }.await;
                Reply::Stored(key, answerable(result)?)
            }
            Request::Retrieve { key, file } => {
                let vault = self.vault_of_account().await;
                let result = match vault {
                    Ok(vault) if self.settings.is_prefetch => vault.prefetch(talk, &key, &file).await,
                    Ok(vault) => vault.retrieve(talk, &key, &file).await,
                    Err(error) => Err(error),
                };
                Reply::Retrieved(key, answerable(result)?)
            }
            Request::CheckPresent(key) => {
                match answerable(async { self.vault_of_account().await?.presence(talk, &key).await }.await)? {
                    Ok(Presence::Present) => Reply::Present(key),
                    Ok(Presence::Absent) => Reply::Absent(key),
                    Ok(Presence::Unknown(why)) | Err(why) => Reply::PresenceUnknown(key, why),
                }
            }
            Request::Remove(key) => {
                let result = async { self.vault_of_account().await?.remove(talk, &key).await }.await;
                Reply::Removed(key, answerable(result)?)
            }
            Request::WhereIs(key) => {
                let place = async { self.vault()?.whereis(talk, &key).await }.await;
                Reply::WhereIs(answerable(place)?.ok().flatten())
            }
            Request::GetCost => Reply::Cost(COST),
            // Whether it can be reached now would cost each process a request, and each answer says it, with the reason.
            Request::GetAvailability => Reply::AvailabilityGlobal,
            Request::GetOrdered => Reply::Unordered,
            Request::ExportSupported => Reply::ExportSupportedFailure,
            Request::ClaimUrl => Reply::ClaimUrlFailure,
            Request::Unknown | Request::Extensions(_) | Request::Error(_) => Reply::Unsupported,
        })
    }

    /// Makes sure that the vault exists and keeps vault, region and account in the remote's settings, so that every clone
    /// means the same. Comes again at every `enableremote`: then, as for another way to what an earlier remote has stored,
    /// the vault must be there; an empty one in its place would look as if all were lost.
    async fn initialise(&self, talk: &Conversation) -> Result<(), Failure> {
        let config = Config::ask(talk).await?;
        let vault = self.open(talk, &config).await?;
        let chunk = talk.config("chunk").await?;
        if !chunk.is_empty() && chunk != "0" {
            talk.tell(&Statement::Info(
                "each chunk is an archive and a retrieval job of its own, with its own cost; without chunk= large files are sent in parts, and go on where they stopped, all the same",
            ))?;
        }
        let account = match config.account.is_some() || config.is_same_as_other {
            true => vault.engine.require_vault(&vault.name).await?,
            false => vault.engine.create_vault(&vault.name).await?,
        };
        if let Some(other) = config.account.as_ref().filter(|other| **other != account) {
            return Err(Failure::said(format!(
                "the keys are of AWS account {account}, the remote is in account {other}; account={account} would move it"
            )));
        }
        talk.tell(&Statement::Config("account", account.as_str()))?;
        talk.tell(&Statement::Config("vault", vault.name.as_str()))?;
        if !config.has_datacenter {
            talk.tell(&Statement::Config("region", vault.engine.region().as_str()))?;
        }
        credentials::keep(talk, &self.settings, &config)?;
        self.set_vault(vault);
        Ok(())
    }

    /// Reads the settings; sends nothing to Glacier.
    async fn prepare(&self, talk: &Conversation) -> Result<(), Failure> {
        let config = Config::ask(talk).await?;
        let mut vault = self.open(talk, &config).await?;
        if let Some(tier) = tier_of_this_machine(talk).await? {
            vault.tier = Some(tier);
        }
        self.set_vault(vault);
        Ok(())
    }

    async fn open(&self, talk: &Conversation, config: &Config) -> Result<Vault, Failure> {
        let name = config.vault_or_default(talk).await?;
        let (connection, origin) = credentials::connection(talk, &self.settings, config).await?;
        let clock = Arc::clone(&self.clock);
        let engine = Engine::open(&connection, &self.settings.cache_path, Arc::clone(&clock)).await?;
        if engine.cache_set_aside().is_some() {
            talk.tell(&Statement::Info(&format!(
                "the cache was damaged and a new one was begun: run '{}'",
                engine.sync_command(&name)
            )))?;
        }
        if let Some(why) = engine.cache_read_only() {
            talk.tell(&Statement::Info(&why))?;
        }
        let transfers = TransferSettings { jobs: None, bytes_per_second: config.bytes_per_second };
        let engine = engine.with_transfers(transfers, Arc::new(Teller(Arc::clone(&self.line))));
        Ok(Vault {
            place: state::place(engine.region(), &name),
            engine,
            clock,
            name,
            account: config.account.clone(),
            is_account_checked: AtomicBool::new(false),
            prefix: config.prefix.clone(),
            max_age: config.max_age,
            tier: config.tier,
            patience: config.patience,
            origin,
            has_told_of_fee: AtomicBool::new(false),
            stateless: Stateless::default(),
        })
    }

    /// The vault, for what needs Glacier or what is known of it.
    async fn vault_of_account(&self) -> Result<Arc<Vault>, Failure> {
        let vault = self.vault()?;
        vault.check_account().await?;
        Ok(vault)
    }

    fn vault(&self) -> Result<Arc<Vault>, Failure> {
        let vault = self.vault.read().unwrap_or_else(PoisonError::into_inner);
        vault.clone().ok_or_else(|| Failure::said("the remote was not prepared"))
    }

    fn set_vault(&self, vault: Vault) {
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
    }
}

/// What `git config remote.NAME.glacier-tier` says, which is for this machine alone.
async fn tier_of_this_machine(talk: &Conversation) -> Result<Option<Tier>, Failure> {
    if !talk.has("GETGITREMOTENAME") {
        return Ok(None);
    }
    let (name, directory) =
        (talk.ask(Question::GitRemoteName).await?, talk.ask(Question::GitDirectory).await?);
    let setting = format!("remote.{name}.glacier-tier");
    let mut git = tokio::process::Command::new("git");
    git.arg("--git-dir").arg(directory).args(["config", "--get", &setting]);
    let said = git.stdin(Stdio::null()).stderr(Stdio::null()).output().await;
    let text = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    config::tier_of(&setting, &text).map(Some).map_err(Failure::Said)
}
