//! What comes from outside, read once and passed on as a value: where the cache is, which Glacier is meant, what the
//! owner's configuration file says, what the price file says.

mod chosen;
mod file;
mod prices;

use std::path::PathBuf;

use directories::BaseDirs;

pub use chosen::{Choice, Chosen, Defaults, Given, Origin};
pub use file::{ConfigFile, FileError};
pub use prices::{NoPrices, PriceFile};

use crate::service::{Caller, Connection, Keys};

/// Where the original put its cache, below the user's cache directory.
const CACHE_FILE: &str = "glacier-cli/db";
/// Where the configuration is, below the user's directory for those.
const CONFIG_FILE: &str = "glacier-cli/config.toml";

/// Where the prices are, below the same directory.
const PRICE_FILE: &str = "glacier-cli/prices.toml";

/// The variable by which `glacier annex prefetch` tells the special remote, through git-annex, what it is for.
pub const PREFETCH_VARIABLE: &str = "GLACIER_ANNEX_PREFETCH";

/// Returns the filter of the log that the environment names in `GLACIER_LOG`; empty counts as none.
pub fn log_filter() -> Option<String> {
    variable("GLACIER_LOG")
}

/// The variable by which a test says after how many writes to the cache the process is to end. Release builds know
/// nothing of it.
#[cfg(debug_assertions)]
const WRITES_VARIABLE: &str = "GLACIER_TEST_END_AFTER_WRITES";

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

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no place for the cache.
    #[error(transparent)]
    NoHome(#[from] NoHome),
    /// The configuration file is not as it must be.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Settings {
    /// Reads the environment; `connection` is what the command line says. One that names a profile says itself who
    /// asks.
    ///
    /// The cache is `${XDG_CACHE_HOME:-$HOME/.cache}/glacier-cli/db` on every system, as it was for the original. A
    /// relative `XDG_CACHE_HOME` counts as unset (XDG Base Directory Specification).
    ///
    /// # Errors
    ///
    /// When there is neither a home directory nor `XDG_CACHE_HOME`.
    pub fn read(connection: Connection) -> Result<Self, NoHome> {
        #[cfg(debug_assertions)]
        if let Some(count) = variable(WRITES_VARIABLE).and_then(|count| count.parse().ok()) {
            crate::cache::failpoint::end_after_writes(count);
        }
        let cache_home = directory("XDG_CACHE_HOME", ".cache").ok_or(NoHome)?;
        let caller = if connection.profile.is_some() { connection.caller.clone() } else { caller() };
        let connection = Connection { caller, ..connection };
        let is_prefetch = std::env::var_os(PREFETCH_VARIABLE).is_some_and(|value| !value.is_empty());
        let cache_path = cache_home.join(CACHE_FILE);
        Ok(Self { cache_path, connection, lasting_keys: lasting_keys(), is_prefetch })
    }
}

/// The directory that the variable names, else that below the home directory.
fn directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(BaseDirs::new()?.home_dir().join(below_home)))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn lasting_keys() -> Option<Keys> {
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
