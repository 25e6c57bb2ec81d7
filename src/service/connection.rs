//! How the service is reached: endpoint, region, credentials, time limits.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_glacier::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_glacier::config::timeout::TimeoutConfig;
use aws_sdk_glacier::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_glacier::error::BoxError;
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::{Mutex, OnceCell};
use tracing::trace;

use super::answers;
use super::bandwidth::Bandwidth;
use super::error::{ServiceError, innermost_of_several_lines};
use super::requests;
use crate::types::{Region, URL_MAX_BYTES, endpoint_url, names_user, quoted, shortened, without_user};

/// The region of the original program, when nothing names another.
pub const REGION_OF_THE_ORIGINAL: &str = "us-east-1";

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call without data may take, retries included: a dead peer is noticed within a minute.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one try of such a call may go unanswered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// For how long the access key that a provider has named is taken for the caller's: a provider may be a program or a
/// server, and a process may serve thousands of keys. As long as the SDK keeps credentials that do not expire.
const KEY_KNOWN_FOR: Duration = Duration::from_secs(15 * 60);

/// What decides which Glacier is spoken to. Whatever is left out follows AWS's own rules.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The region; else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, `us-east-1`.
    pub region: Option<Region>,
    /// The URL of the service; else `AWS_ENDPOINT_URL_GLACIER` and its kin, the profile, AWS itself over TLS.
    pub endpoint_url: Option<String>,
    /// The profile of AWS's files whose keys and region are meant, whatever the environment says.
    pub profile: Option<String>,
    /// Keys to sign with; else those of the profile, else those of AWS's chain of providers.
    pub keys: Option<Keys>,
    /// Who asks, as far as the environment shows it without asking a provider.
    pub caller: Caller,
}

/// A pair of keys to sign with.
#[derive(Clone)]
pub struct Keys {
    /// The id of the access key.
    pub access_key_id: String,
    /// Its secret, which nothing here shows.
    pub secret_access_key: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Who asks, as far as the environment shows it: enough to find the rows of an account that has been met before.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The access key that the environment names.
    pub access_key_id: Option<String>,
    /// The profile that the environment names.
    pub profile: Option<String>,
    /// Whether there are files with profiles.
    pub has_profiles: bool,
}

impl Caller {
    /// Returns what the caller is remembered by: its access key, else its profile as `profile:NAME`.
    pub fn name(&self) -> String {
        let profile = || format!("profile:{}", self.profile.as_deref().unwrap_or("default"));
        self.access_key_id.clone().unwrap_or_else(profile)
    }

    /// Returns whether anything says who asks.
    pub fn is_named(&self) -> bool {
        self.access_key_id.is_some() || self.profile.is_some() || self.has_profiles
    }
}

/// A Glacier of one region, as one set of credentials sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Glacier {
    connection: Arc<Connection>,
    region: Region,
    has_configured_region: bool,
    pub(super) bandwidth: Option<Arc<Bandwidth>>,
    config: Arc<OnceCell<SdkConfig>>,
    client: Arc<OnceCell<aws_sdk_glacier::Client>>,
    url: Arc<OnceLock<String>>,
    asked: Arc<Mutex<Option<Asked>>>,
}

/// The access key that a provider has named.
#[derive(Debug)]
struct Asked {
    access_key_id: String,
    until: Instant,
}

/// Notes the URL that the SDK has worked out of endpoint, environment, profile and region.
#[derive(Debug)]
struct UrlNote(Arc<OnceLock<String>>);

impl Intercept for UrlNote {
    fn name(&self) -> &'static str {
        "note the URL"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = without_user(context.request().uri());
        let end = uri.find("://").map_or(0, |at| at + 3);
        let end = uri[end..].find('/').map_or(uri.len(), |at| end + at);
        self.0.get_or_init(|| uri[..end].to_owned());
        Ok(())
    }
}

impl Glacier {
    /// Finds out which region is meant; nothing is sent and no credentials are asked for.
    ///
    /// # Errors
    ///
    /// When a profile is named that is not there, or the region that the configuration names is no region's name.
    pub async fn connect(connection: &Connection) -> Result<Self, ServiceError> {
        for name in ["AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"] {
            check_endpoint_variable(name)?;
        }
        if let Some(profile) = profile_needed(connection) {
            require_profile(profile).await?;
        }
        let region = match &connection.region {
            Some(region) => Some(region.clone()),
            None => configured_region(connection.profile.as_deref()).await?,
        };
        let has_configured_region = region.is_some();
        let fallback = || REGION_OF_THE_ORIGINAL.parse().map_err(|error| unusable(format!("{error}")));
        let region = region.map_or_else(fallback, Ok)?;
        let connection = Arc::new(connection.clone());
        Ok(Self {
            connection,
            region,
            has_configured_region,
            bandwidth: None,
            config: Arc::default(),
            client: Arc::default(),
            url: Arc::default(),
            asked: Arc::default(),
        })
    }

    /// Returns whether anything named the region, so that it is not the one of the original program.
    pub fn has_configured_region(&self) -> bool {
        self.has_configured_region
    }

    /// Returns the URL of the service that is named anywhere; none means AWS itself.
    pub async fn configured_endpoint_url(&self) -> Option<String> {
        let config = self.config().await;
        // What the SDK's own client looks for.
        let key = ServiceConfigKey::builder().service_id("Glacier");
        let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
        let of_service = config.service_config().and_then(|settings| settings.load_config(key));
        let url = of_service.or_else(|| config.endpoint_url().map(str::to_owned));
        url.map(|url| without_user(&url).into_owned())
    }

    /// AWS's configuration and the client are made when they are first needed: for them all certificates of the system
    /// are read, which takes longer than all the rest of a command that only asks the cache.
    async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(|| self.load()).await
    }

    pub(super) async fn client(&self) -> &aws_sdk_glacier::Client {
        let make = async || {
            let config = aws_sdk_glacier::config::Builder::from(self.config().await);
            let config = config.interceptor(UrlNote(Arc::clone(&self.url))).interceptor(requests::Log);
            aws_sdk_glacier::Client::from_conf(config.interceptor(answers::Bounded).build())
        };
        self.client.get_or_init(make).await
    }

    /// Returns where the service is, for a sentence: `at` its URL, or before anything was sent `in` its region.
    pub(super) fn place(&self) -> String {
        self.url.get().map_or_else(|| format!("in {}", self.region), |url| format!("at {url}"))
    }

    async fn load(&self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(self.region.as_str().to_owned()))
            .timeout_config(timeouts);
        if let Some(url) = &self.connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &self.connection.profile {
            let keys = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
            loader = loader.profile_name(profile).credentials_provider(keys);
        }
        if let Some(Keys { access_key_id, secret_access_key }) = &self.connection.keys {
            let keys = Credentials::new(access_key_id, secret_access_key, None, None, "given");
            loader = loader.credentials_provider(keys);
        }
        loader.load().await
    }

    /// Returns the options of a command that means the same Glacier, as far as they were given: each with a space before.
    pub fn options(&self) -> String {
        self.options_in(self.connection.region.as_ref())
    }

    /// The same for another region.
    pub fn options_in(&self, region: Option<&Region>) -> String {
        let Connection { endpoint_url, profile, .. } = &*self.connection;
        let region = region.map(|region| ("region", region.as_str()));
        let url = endpoint_url.as_deref().map(|url| ("endpoint-url", url));
        let profile = profile.as_deref().map(|name| ("profile", name));
        let given = [region, url, profile].into_iter().flatten();
        given.map(|(option, value)| format!(" --{option} {}", word(value))).collect()
    }

    /// Lets data come and go no faster than this, together with all others who share the limit.
    #[must_use]
    pub fn with_bandwidth(mut self, bandwidth: Option<Arc<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth;
        self
    }

    /// Returns the region that is spoken to.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the id of the access key that requests are signed with; never the secret.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NoCredentials`] when AWS's chain of providers has none.
    pub async fn access_key_id(&self) -> Result<String, ServiceError> {
        let is_good = |asked: &&Asked| Instant::now() < asked.until;
        if let Some(asked) = self.asked.lock().await.as_ref().filter(is_good) {
            return Ok(asked.access_key_id.clone());
        }
        let none = || ServiceError::NoCredentials { cause: String::new() };
        let provider = self.config().await.credentials_provider().ok_or_else(none)?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| ServiceError::no_credentials(&error))?;
        let id = credentials.access_key_id();
        if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            let cause = format!("the access key {} holds what no key holds, such as a line end", quoted(id));
            return Err(ServiceError::Configuration { cause });
        }
        trace!("requests are signed with access key {id}");
        let left = credentials.expiry().map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        let good_for = left.map_or(KEY_KNOWN_FOR, |left| (left / 2).min(KEY_KNOWN_FOR));
        *self.asked.lock().await =
            Some(Asked { access_key_id: id.to_owned(), until: Instant::now() + good_for });
        Ok(id.to_owned())
    }
}

/// As a shell takes it for one word.
fn word(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if value.bytes().all(is_plain) { value.to_owned() } else { quoted(value) }
}

/// AWS's chain without the instance metadata service, which would be asked, slowly, on machines that have none.
/// A profile that was named comes before the environment.
async fn configured_region(profile: Option<&str>) -> Result<Option<Region>, ServiceError> {
    let environment = EnvironmentVariableRegionProvider::new();
    let chain = match profile {
        Some(name) => {
            RegionProviderChain::first_try(ProfileFileRegionProvider::builder().profile_name(name).build())
                .or_else(environment)
        }
        None => RegionProviderChain::first_try(environment).or_else(ProfileFileRegionProvider::new()),
    };
    let configured =
        chain.region().await.map(|region| region.as_ref().to_owned()).filter(|name| !name.is_empty());
    configured.map(|name| name.parse().map_err(|error| unusable(format!("{error}")))).transpose()
}

/// The profile whose keys would sign.
fn profile_needed(connection: &Connection) -> Option<&str> {
    let Connection { profile, keys, caller, .. } = connection;
    let of_environment = caller.profile.as_deref().filter(|_| caller.access_key_id.is_none());
    profile.as_deref().or(of_environment).filter(|_| keys.is_none())
}

/// Without this, an unknown profile would look like a caller without credentials, to whom the cache shows what it has.
async fn require_profile(name: &str) -> Result<(), ServiceError> {
    let files = EnvConfigFiles::default();
    let profiles = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
    let profiles = profiles.map_err(|error| unusable(innermost_of_several_lines(&error)))?;
    // The default one need not be written down.
    if name == "default" || profiles.get_profile(name).is_some() {
        return Ok(());
    }
    Err(ServiceError::NoProfile { name: name.to_owned() })
}

/// The SDK panics at a URL that is empty or too long, and makes use of no user; what stands there may be a secret.
fn check_endpoint_variable(name: &str) -> Result<(), ServiceError> {
    let Some(value) = std::env::var_os(name) else { return Ok(()) };
    let url = value.to_string_lossy();
    if url.is_empty() {
        return Err(unusable(format!("{name} is empty; unset it")));
    }
    match endpoint_url(&url) {
        Err(error) if names_user(&url) || url.len() > URL_MAX_BYTES => {
            let shown = quoted(&shortened(&without_user(&url)));
            Err(unusable(format!("{name} is {shown}, which cannot be used: {error}")))
        }
        _ => Ok(()),
    }
}

fn unusable(cause: String) -> ServiceError {
    ServiceError::Configuration { cause }
}
