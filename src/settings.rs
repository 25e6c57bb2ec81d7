//! What comes from outside, read once and passed on as a value: where the cache is, which Glacier is meant.

use std::path::PathBuf;

use directories::BaseDirs;

use crate::service::{Caller, Connection, Keys};

/// Where the original put its cache, below the user's cache directory.
const CACHE_FILE: &str = "glacier-cli/db";

/// The variable by which `glacier annex prefetch` tells the special remote, through git-annex, what it is for.
pub const PREFETCH_VARIABLE: &str = "GLACIER_ANNEX_PREFETCH";

/// What the environment and the command line decide.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cache file.
    pub cache_path: PathBuf,
    /// Which Glacier is spoken to.
    pub connection: Connection,
    /// The keys that the environment holds, unless they are of a session that ends: some programs keep them.
    pub lasting_keys: Option<Keys>,
    /// Whether the special remote only asks for archives and brings none: what `glacier annex prefetch` has git-annex
    /// start it with.
    pub is_prefetch: bool,
}

/// There is no place for the cache.
#[derive(Debug, thiserror::Error)]
#[error("there is no home directory to keep the cache in; set HOME or XDG_CACHE_HOME")]
pub struct NoHome;

impl Settings {
    /// Reads the environment; `connection` is what the command line says.
    ///
    /// The cache is `${XDG_CACHE_HOME:-$HOME/.cache}/glacier-cli/db` on every system, as it was for the original. A
    /// relative `XDG_CACHE_HOME` counts as unset (XDG Base Directory Specification).
    ///
    /// # Errors
    ///
    /// When there is neither a home directory nor `XDG_CACHE_HOME`.
    pub fn read(connection: Connection) -> Result<Self, NoHome> {
        let from_environment =
            std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let cache_home = match from_environment {
            Some(path) => path,
            None => BaseDirs::new().ok_or(NoHome)?.home_dir().join(".cache"),
        };
        let connection = Connection { caller: caller(), ..connection };
        let is_prefetch = std::env::var_os(PREFETCH_VARIABLE).is_some_and(|value| !value.is_empty());
        let cache_path = cache_home.join(CACHE_FILE);
        Ok(Self { cache_path, connection, lasting_keys: lasting_keys(), is_prefetch })
    }
}

fn lasting_keys() -> Option<Keys> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if variable("AWS_SESSION_TOKEN").is_some() {
        return None;
    }
    Some(Keys {
        access_key_id: variable("AWS_ACCESS_KEY_ID")?,
        secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
    })
}

/// As AWS's own chain looks for them (SDKs and Tools Reference Guide, "Shared config and credentials files").
fn caller() -> Caller {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let has_file = |name: &str, default: &str| {
        let path = variable(name).map(PathBuf::from);
        path.or_else(|| BaseDirs::new().map(|base| base.home_dir().join(default)))
            .is_some_and(|path| path.exists())
    };
    Caller {
        access_key_id: variable("AWS_ACCESS_KEY_ID"),
        profile: variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE")),
        has_profiles: has_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")
            || has_file("AWS_CONFIG_FILE", ".aws/config"),
    }
}
