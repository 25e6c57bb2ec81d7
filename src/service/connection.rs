//! How the service is reached: endpoint, region, credentials, time limits.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_glacier::config::timeout::TimeoutConfig;

use super::bandwidth::Bandwidth;
use super::error::ServiceError;
use crate::types::Region;

/// The region of the original program, when nothing names another.
const REGION_FALLBACK: &str = "us-east-1";

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call without data may take, retries included: a dead peer is noticed within a minute.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one try of such a call may go unanswered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);
/// What decides which Glacier is spoken to. Whatever is left out follows AWS's own rules.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The region; else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, `us-east-1`.
    pub region: Option<Region>,
    /// The URL of the service; else `AWS_ENDPOINT_URL_GLACIER` and its kin, the profile, AWS itself over TLS.
    pub endpoint_url: Option<String>,
}

/// A Glacier of one region, as one set of credentials sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Glacier {
    pub(super) client: aws_sdk_glacier::Client,
    pub(super) bandwidth: Option<Arc<Bandwidth>>,
    config: SdkConfig,
    region: Region,
}

impl Glacier {
    /// Reads AWS's configuration; nothing is sent yet and no credentials are asked for.
    ///
    /// # Errors
    ///
    /// When the region that the configuration names is no region's name.
    pub async fn connect(connection: &Connection) -> Result<Self, ServiceError> {
        let region = match &connection.region {
            Some(region) => region.clone(),
            None => configured_region().await?,
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(region.as_str().to_owned()))
            .timeout_config(timeouts);
        if let Some(url) = &connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        Ok(Self { client: aws_sdk_glacier::Client::new(&config), bandwidth: None, config, region })
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
        let none = || ServiceError::NoCredentials { cause: String::new() };
        let provider = self.config.credentials_provider().ok_or_else(none)?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| ServiceError::no_credentials(&error))?;
        Ok(credentials.access_key_id().to_owned())
    }
}

/// AWS's chain without the instance metadata service, which would be asked, slowly, on machines that have none.
async fn configured_region() -> Result<Region, ServiceError> {
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let configured =
        chain.region().await.map(|region| region.as_ref().to_owned()).filter(|name| !name.is_empty());
    let name = configured.unwrap_or_else(|| REGION_FALLBACK.to_owned());
    name.parse().map_err(|error| ServiceError::Configuration { cause: format!("{error}") })
}
