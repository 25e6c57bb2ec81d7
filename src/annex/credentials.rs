//! Whose keys sign the requests.
//!
//! A profile that the remote names comes first; then what the environment names, as with git-annex's own remotes; then
//! what git-annex has kept; then AWS's own chain.

use std::fmt;
use std::io;

use super::config::Config;
use super::protocol::Statement;
use super::session::Conversation;
use crate::engine::{Caller, Connection, Keys};
use crate::settings::Settings;

/// What git-annex keeps the keys under.
const NAME: &str = "glacier";

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Profile(String),
    Environment,
    GitAnnex,
    Chain,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Environment => f.write_str("environment"),
            Self::GitAnnex => f.write_str("kept by git-annex"),
            Self::Chain => f.write_str("AWS configuration of this machine"),
        }
    }
}

/// Returns how the service is reached for a remote.
pub(super) async fn connection(
    talk: &Conversation,
    settings: &Settings,
    config: &Config,
) -> io::Result<(Connection, Origin)> {
    let mut connection = settings.connection.clone();
    connection.region = config.region.clone().or(connection.region);
    connection.endpoint_url = config.endpoint_url.clone().or(connection.endpoint_url);
    if let Some(profile) = &config.profile {
        connection.caller =
            Caller { access_key_id: None, profile: Some(profile.clone()), has_profiles: true };
        connection.profile = Some(profile.clone());
        return Ok((connection, Origin::Profile(profile.clone())));
    }
    if connection.caller.access_key_id.is_some() || connection.caller.profile.is_some() {
        return Ok((connection, Origin::Environment));
    }
    let kept = talk.credentials(NAME).await?;
    let Some((access_key_id, secret_access_key)) = kept else { return Ok((connection, Origin::Chain)) };
    connection.keys = Some(Keys { access_key_id, secret_access_key });
    Ok((connection, Origin::GitAnnex))
}

/// Lets git-annex keep the keys of the environment, as it does with those of its own remotes.
pub(super) fn keep(talk: &Conversation, settings: &Settings, config: &Config) -> io::Result<()> {
    match &settings.lasting_keys {
        Some(keys) if config.profile.is_none() => {
            talk.tell(&Statement::Credentials(NAME, &keys.access_key_id, &keys.secret_access_key))
        }
        _ => Ok(()),
    }
}
