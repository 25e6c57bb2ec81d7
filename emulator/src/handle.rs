//! A running emulator in the hands of a program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::builder::Builder;
use crate::faults::Fault;
use crate::ops::Glacier;
use crate::signature::Keys;

const REGION: &str = "us-east-1";

/// An emulator that listens. Dropping it stops it and removes a temporary directory.
#[derive(Debug)]
pub struct Emulator {
    pub(crate) endpoint_url: String,
    pub(crate) glacier: Arc<Glacier>,
    pub(crate) stop: Option<watch::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<()>>,
    pub(crate) _temporary: Option<TempDir>,
}

impl Emulator {
    /// Returns what decides how an emulator is to be.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the URL of the service, such as `http://127.0.0.1:43210`.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// Returns the access key that clients sign with.
    pub fn access_key_id(&self) -> &str {
        &self.keys().access_key_id
    }

    /// Returns its secret.
    pub fn secret_access_key(&self) -> &str {
        &self.keys().secret_access_key
    }

    /// There is always a first.
    fn keys(&self) -> &Keys {
        &self.glacier.keys[0]
    }

    /// Returns the region that clients sign for; vaults of other regions are apart.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// Returns a configuration of the Rust SDK with which `Client::new` makes a client of this emulator.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::from_keys(self.access_key_id(), self.secret_access_key(), None);
        SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .endpoint_url(self.endpoint_url())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// Lets time pass for vaults, jobs and inventories; signatures go by the real time.
    ///
    /// # Panics
    ///
    /// When the clock would be more than a thousand years ahead, and when the data directory cannot be written.
    pub fn advance(&self, duration: Duration) {
        let pushed = self.glacier.advance(duration);
        assert!(pushed.is_ok(), "cannot push the clock by {duration:?}: {pushed:?}");
    }

    /// Sets one more fault, beside those that are set. Counting begins now.
    pub fn set_fault(&self, fault: Fault) {
        self.glacier.faults.add([fault]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.glacier.faults.clear();
    }

    /// Returns the time that vaults, jobs and inventories live in.
    pub fn now(&self) -> OffsetDateTime {
        self.glacier.clock.now()
    }

    /// Returns how many requests have come in, by operation; those that were refused count too.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.glacier.stats.counts()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It can only have ended by a panic of its own, which it has reported.
            let _ = thread.join();
        }
    }
}
