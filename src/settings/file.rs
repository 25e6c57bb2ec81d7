//! The configuration file of the `glacier` command.

use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::service::Tier;
use crate::types::{Region, VaultName, bytes, endpoint_url, quoted};

/// What the file may hold.
const KEYS: &str = "vault, region, profile, endpoint_url, tier, jobs, bwlimit";

/// What the owner wants where neither the command line nor the environment says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The vault of commands that need one and name none.
    pub vault: Option<VaultName>,
    /// The region.
    pub region: Option<Region>,
    /// The profile of AWS's files.
    pub profile: Option<String>,
    /// The URL of the service.
    pub endpoint_url: Option<String>,
    /// How fast a job is to be that brings an archive.
    pub tier: Option<Tier>,
    /// How many parts travel at once, from 1 to 1,000.
    pub jobs: Option<u16>,
    /// How many bytes a second transfers may take together.
    pub bytes_per_second: Option<u64>,
}

/// Why a file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something in it is not as it must be.
    #[error("{}, line {line}: {what}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the key.
        what: String,
    },
}

impl ConfigFile {
    /// Reads the file; one that is not there says nothing.
    ///
    /// # Errors
    ///
    /// When it is no TOML, or has a key that is not known or a value that the key cannot have.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::of(&text).map_err(|(at, what)| FileError::at(path, &text, at, what)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(FileError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// An error says at which byte what is wrong.
    fn of(text: &str) -> Result<Self, (usize, String)> {
        let mut file = Self::default();
        for (key, value) in &table(text)? {
            file.take(key.get_ref(), value.get_ref()).map_err(|what| (key.span().start, what))?;
        }
        Ok(file)
    }

    fn take(&mut self, key: &str, value: &DeValue<'_>) -> Result<(), String> {
        match key {
            "vault" => self.vault = Some(parsed(key, value)?),
            "region" => self.region = Some(parsed(key, value)?),
            "profile" => self.profile = Some(text(key, value)?.to_owned()),
            "endpoint_url" => {
                let url = endpoint_url(text(key, value)?).map_err(|error| format!("'{key}': {error}"))?;
                self.endpoint_url = Some(url);
            }
            "tier" => {
                let tier = Tier::named_in_any_case(text(key, value)?);
                let refused = || format!("'{key}' must be 'standard', 'bulk' or 'expedited'");
                self.tier = Some(tier.ok_or_else(refused)?);
            }
            "jobs" => {
                let jobs = number(value).and_then(|jobs| u16::try_from(jobs).ok());
                let refused = || format!("'{key}' must be a whole number from 1 to 1000");
                self.jobs = Some(jobs.filter(|jobs| (1..=1000).contains(jobs)).ok_or_else(refused)?);
            }
            "bwlimit" => {
                let rate = number(value).or_else(|| bytes(value.as_str()?).ok());
                let refused = || {
                    format!("'{key}' must be a number of bytes a second, 1 or more, such as 500000 or '10M'")
                };
                self.bytes_per_second = Some(rate.filter(|rate| *rate > 0).ok_or_else(refused)?);
            }
            _ => return Err(format!("{} is not known here; there are {KEYS}", quoted(key))),
        }
        Ok(())
    }
}

/// Returns what stands in a file, or at which byte the first mistake is.
pub(super) fn table(text: &str) -> Result<DeTable<'_>, (usize, String)> {
    let (table, mistakes) = DeTable::parse_recoverable(text);
    let begins_at = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    match mistakes.iter().min_by_key(|error| begins_at(error)) {
        Some(first) => Err((begins_at(first), first.message().lines().next().unwrap_or_default().to_owned())),
        None => Ok(table.into_inner()),
    }
}

pub(super) fn text<'a>(key: &str, value: &'a DeValue<'_>) -> Result<&'a str, String> {
    let text = value.as_str().ok_or_else(|| format!("'{key}' must be text, as in {key} = \"...\""))?;
    if text.is_empty() { Err(format!("'{key}' is empty")) } else { Ok(text) }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, value: &DeValue<'_>) -> Result<T, String> {
    text(key, value)?.parse().map_err(|error| format!("'{key}': {error}"))
}

fn number(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl FileError {
    /// `at` is the byte at which the mistake begins.
    pub(crate) fn at(path: &Path, text: &str, at: usize, what: String) -> Self {
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Self::Wrong { path: path.to_owned(), line, what }
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigFile;

    #[test]
    fn a_mistake_is_named_where_it_stands() {
        for (text, line, said) in [
            ("vault = 'v'\n\nregoin = 'x'\n", 3, "'regoin' is not known"),
            ("# about\ntier = 'fast'", 2, "'tier' must be"),
            ("jobs = 'many'", 1, "'jobs' must be"),
            ("jobs = 0", 1, "'jobs' must be"),
            ("jobs = 2.5", 1, "'jobs' must be"),
            ("bwlimit = '10X'", 1, "'bwlimit' must be"),
            ("bwlimit = 0", 1, "'bwlimit' must be"),
            ("vault = 7", 1, "'vault' must be text"),
            ("profile = ''", 1, "'profile' is empty"),
            ("vault = 'a b'", 1, "'vault': 'a b' cannot be"),
            ("region = '../x'", 1, "'region': '../x' is not"),
            ("endpoint_url = 'nonsense'", 1, "'endpoint_url': it must begin"),
            ("[jobs]\nx = 1", 1, "'jobs' must be"),
            ("vault = 'v'\nvault = 'w'", 2, "duplicate key"),
            ("vault = 'v'\nvault", 2, ""),
            ("\nregion = 'a\nb'", 2, ""),
        ] {
            let (at, what) = ConfigFile::of(text).expect_err(text);
            assert_eq!(1 + text[..at].matches('\n').count(), line, "{text}: {what}");
            assert!(what.contains(said) && !what.contains('\n'), "{text}: {what}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "vault = 'v'\nregion = 'eu-west-1'\nprofile = 'p'\nendpoint_url = 'http://h'\n\
                    tier = 'Bulk'\njobs = 16\nbwlimit = '10M'\n";
        let file = ConfigFile::of(text).expect("a good file");
        assert_eq!(file.vault.map(|vault| vault.to_string()).as_deref(), Some("v"));
        assert_eq!(file.region.map(|region| region.to_string()).as_deref(), Some("eu-west-1"));
        assert_eq!((file.profile.as_deref(), file.endpoint_url.as_deref()), (Some("p"), Some("http://h")));
        assert_eq!((file.tier, file.jobs), (Some(crate::service::Tier::Bulk), Some(16)));
        assert_eq!(file.bytes_per_second, Some(10 * 1024 * 1024));
        assert_eq!(ConfigFile::of("bwlimit = 5_000").expect("a number").bytes_per_second, Some(5000));
    }
}
