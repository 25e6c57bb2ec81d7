//! What holds of all that may be set: the command line, else the environment, else the configuration file, else AWS's
//! profile, else a default. Which of them it was is kept, to be shown.

use std::path::PathBuf;

use super::{CONFIG_FILE, ConfigFile, NoHome, Settings, SettingsError, directory, variable};
use crate::service::{Caller, Connection, Glacier, ServiceError, Tier};
use crate::types::{Region, VaultName};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This variable of the environment.
    Environment(&'static str),
    /// The configuration file.
    File,
    /// The profile in AWS's files.
    Profile,
    /// Nobody said anything.
    Default,
}

/// A value, or that there is none, and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<T> {
    /// The value.
    pub value: Option<T>,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Choice<T> {
    /// Returns the same with another form of the value.
    pub fn map<U>(&self, form: impl FnOnce(&T) -> U) -> Choice<U> {
        Choice { value: self.value.as_ref().map(form), origin: self.origin }
    }

    /// Returns the same with a value where there is none.
    pub fn or(&self, default: T) -> Self
    where
        T: Clone,
    {
        Self { value: Some(self.value.clone().unwrap_or(default)), origin: self.origin }
    }

    fn default_to(value: Option<T>) -> Self {
        Self { value, origin: Origin::Default }
    }

    fn of(value: T, origin: Origin) -> Self {
        Self { value: Some(value), origin }
    }

    /// The value that the file has, if it has one.
    fn of_file(value: Option<T>) -> Self {
        value.map_or(Self { value: None, origin: Origin::Default }, |value| Self::of(value, Origin::File))
    }

    fn is_from(&self, origins: &[Origin]) -> bool {
        self.value.is_some() && origins.contains(&self.origin)
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<Region>,
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
}

/// What commands take where they are not told otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The vault of a command that needs one and names none.
    pub vault: Option<VaultName>,
    /// How fast a job is to be that brings an archive.
    pub tier: Option<Tier>,
    /// How many parts travel at once.
    pub jobs: Option<u16>,
    /// How many bytes a second transfers may take together.
    pub bytes_per_second: Option<u64>,
}

/// All settings of the `glacier` command. A value that is none is left to AWS's own rules, or means no limit.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The vault of commands that need one and name none.
    pub vault: Choice<VaultName>,
    /// The region.
    pub region: Choice<Region>,
    /// The profile of AWS's files whose keys sign. None by the environment if that holds keys itself.
    pub profile: Choice<String>,
    /// The URL of the service.
    pub endpoint_url: Choice<String>,
    /// How fast a job is to be that brings an archive.
    pub tier: Choice<Tier>,
    /// How many parts travel at once.
    pub jobs: Choice<u16>,
    /// How many bytes a second transfers may take together.
    pub bytes_per_second: Choice<u64>,
    /// The cache.
    pub cache_path: Choice<PathBuf>,
    /// The configuration file, whether or not it is there.
    pub config_path: Choice<PathBuf>,
    settings: Settings,
}

impl Chosen {
    /// Reads the environment and the configuration file, `${XDG_CONFIG_HOME:-$HOME/.config}/glacier-cli/config.toml`;
    /// `given` is what the command line says. A relative `XDG_CONFIG_HOME` counts as unset.
    ///
    /// # Errors
    ///
    /// When there is no place for the cache, or something in the file is not as it must be.
    pub fn read(given: Given) -> Result<Self, SettingsError> {
        let config_path = directory("XDG_CONFIG_HOME", ".config").ok_or(NoHome)?.join(CONFIG_FILE);
        let file = ConfigFile::read(&config_path)?;
        let region = region(given.region, file.region);
        let profile = profile(given.profile, file.profile);
        let endpoint_url = endpoint_url(given.endpoint_url, file.endpoint_url);
        let settings = Settings::read(connection(&region, &profile, &endpoint_url))?;
        Ok(Self {
            vault: Choice::of_file(file.vault),
            region,
            profile,
            endpoint_url,
            tier: Choice::of_file(file.tier),
            jobs: Choice::of_file(file.jobs),
            bytes_per_second: Choice::of_file(file.bytes_per_second),
            cache_path: path(settings.cache_path.clone(), "XDG_CACHE_HOME"),
            config_path: path(config_path, "XDG_CONFIG_HOME"),
            settings,
        })
    }

    /// Returns what is passed on to whoever speaks to the service.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns what commands take where they are not told otherwise.
    pub fn defaults(&self) -> Defaults {
        Defaults {
            vault: self.vault.value.clone(),
            tier: self.tier.value,
            jobs: self.jobs.value,
            bytes_per_second: self.bytes_per_second.value,
        }
    }

    /// Fills in what the profile or AWS's default says of region and endpoint, to be shown.
    ///
    /// # Errors
    ///
    /// When there is no such profile, or its region is no region's name.
    pub async fn complete(mut self) -> Result<Self, ServiceError> {
        let glacier = Glacier::connect(&self.settings.connection).await?;
        if self.region.value.is_none() {
            let origin = if glacier.has_configured_region() { Origin::Profile } else { Origin::Default };
            self.region = Choice::of(glacier.region().clone(), origin);
        }
        if self.endpoint_url.value.is_none()
            && let Some(url) = glacier.configured_endpoint_url().await
        {
            self.endpoint_url = Choice::of(url, Origin::Profile);
        }
        Ok(self)
    }
}

fn from_environment(names: &[&'static str]) -> Option<(String, &'static str)> {
    names.iter().find_map(|name| Some((variable(name)?, *name)))
}

fn region(given: Option<Region>, file: Option<Region>) -> Choice<Region> {
    let named = from_environment(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    match (given, named) {
        (Some(region), _) => Choice::of(region, Origin::Flag),
        // One that is no region's name is refused where AWS's rules are followed.
        (None, Some((name, variable))) => {
            Choice { value: name.parse().ok(), origin: Origin::Environment(variable) }
        }
        (None, None) => Choice::of_file(file),
    }
}

/// Keys in the environment are as good as a profile's name there: they come before the file's profile.
fn profile(given: Option<String>, file: Option<String>) -> Choice<String> {
    if let Some(profile) = given {
        return Choice::of(profile, Origin::Flag);
    }
    if variable("AWS_ACCESS_KEY_ID").is_some() {
        return Choice { value: None, origin: Origin::Environment("AWS_ACCESS_KEY_ID") };
    }
    match from_environment(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
        Some((profile, variable)) => Choice::of(profile, Origin::Environment(variable)),
        None => Choice::of_file(file),
    }
}

fn endpoint_url(given: Option<String>, file: Option<String>) -> Choice<String> {
    let named = from_environment(&["AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"]);
    match (given, named) {
        (Some(url), _) => Choice::of(url, Origin::Flag),
        (None, Some((url, variable))) => Choice::of(url, Origin::Environment(variable)),
        (None, None) => Choice::of_file(file),
    }
}

fn path(path: PathBuf, variable: &'static str) -> Choice<PathBuf> {
    let is_named = std::env::var_os(variable).is_some_and(|named| PathBuf::from(named).is_absolute());
    if is_named { Choice::of(path, Origin::Environment(variable)) } else { Choice::default_to(Some(path)) }
}

/// What the environment says is left to AWS's own rules, but for the region, which comes before that of a profile.
fn connection(
    region: &Choice<Region>,
    profile: &Choice<String>,
    endpoint_url: &Choice<String>,
) -> Connection {
    const OURS: [Origin; 2] = [Origin::Flag, Origin::File];
    let of_profile =
        |name: &String| Caller { access_key_id: None, profile: Some(name.clone()), has_profiles: true };
    let profile = profile.value.as_ref().filter(|_| profile.is_from(&OURS));
    Connection {
        region: region.value.clone(),
        endpoint_url: endpoint_url.value.clone().filter(|_| endpoint_url.is_from(&OURS)),
        profile: profile.cloned(),
        keys: None,
        caller: profile.map(of_profile).unwrap_or_default(),
    }
}
