//! The settings of a remote, which git-annex keeps.

use std::io;

use super::protocol::{Question, Reply};
use super::session::Session;
use crate::types::{Region, VaultName};

/// The settings of the remote, with what they are for.
const CONFIGS: [(&str, &str); 4] = [
    ("vault", "Glacier vault to store in (default: name of the remote, a hyphen, its uuid)"),
    ("region", "AWS region of the vault (default: as the AWS configuration says, else us-east-1)"),
    ("datacenter", "the same as region, as the built-in glacier remote calls it"),
    ("fileprefix", "put before each key to make the name of its archive"),
];

/// The settings of a remote as git-annex has them; empty where the user gave none.
pub(super) struct Config {
    vault: String,
    region: String,
    pub(super) datacenter: String,
    pub(super) prefix: String,
}

impl Config {
    pub(super) async fn ask(session: &mut Session) -> io::Result<Self> {
        Ok(Self {
            vault: session.ask(Question::Config("vault")).await?,
            region: session.ask(Question::Config("region")).await?,
            datacenter: session.ask(Question::Config("datacenter")).await?,
            prefix: session.ask(Question::Config("fileprefix")).await?,
        })
    }

    pub(super) fn region(&self) -> Result<Option<Region>, String> {
        let given = if self.region.is_empty() { &self.datacenter } else { &self.region };
        if !self.datacenter.is_empty() && *given != self.datacenter {
            return Err(format!(
                "region={} and datacenter={} differ; give one",
                self.region, self.datacenter
            ));
        }
        if given.is_empty() {
            return Ok(None);
        }
        given.parse().map(Some).map_err(|error| format!("{error}"))
    }

    /// The vault, else the name that the built-in remote would choose.
    pub(super) async fn vault_or_default(
        &self,
        session: &mut Session,
    ) -> io::Result<Result<VaultName, String>> {
        let vault = if self.vault.is_empty() {
            let mut name = session.ask(Question::Config("name")).await?;
            if name.is_empty() {
                name = session.ask(Question::Config("sameas-name")).await?;
            }
            if name.is_empty() && session.has("GETGITREMOTENAME") {
                name = session.ask(Question::GitRemoteName).await?;
            }
            format!("{name}-{}", session.ask(Question::Uuid).await?)
        } else {
            self.vault.clone()
        };
        Ok(vault.parse().map_err(|error| format!("{error}; give one with vault=")))
    }
}

/// Says which settings there are.
pub(super) fn list(session: &Session) -> io::Result<()> {
    for (name, description) in CONFIGS {
        session.send(&Reply::Config { name, description })?;
    }
    session.send(&Reply::ConfigEnd)
}
