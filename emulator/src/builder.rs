//! How an emulator is to be, and its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::delays::JobDelays;
use crate::faults::{Fault, Faults};
use crate::handle::Emulator;
use crate::link::Link;
use crate::ops::Glacier;
use crate::server;
use crate::signature::Keys;
use crate::stats::Stats;
use crate::store::{Keeps, Store, StoreError};

/// Keys that the documentation of AWS uses as examples; they open nothing anywhere else.
pub const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret.
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why an emulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account is not twelve digits.
    #[error("an account is 12 digits, which {0:?} is not")]
    Account(String),
    /// The system gave no thread or temporary directory.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// How an emulator is to be.
#[derive(Debug, Clone)]
pub struct Builder {
    listen: SocketAddr,
    data_directory: Option<PathBuf>,
    account: String,
    keys: Vec<Keys>,
    job_delays: JobDelays,
    job_lifetime: Duration,
    inventory_lag: Duration,
    link: Link,
    faults: Vec<Fault>,
    is_closed_to_customers: bool,
    takes_unsigned: bool,
    omits_nulls: bool,
    keeps_content: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data_directory: None,
            account: "111122223333".to_owned(),
            keys: Vec::new(),
            job_delays: JobDelays::all(Duration::ZERO),
            job_lifetime: DAY,
            inventory_lag: Duration::ZERO,
            link: Link::default(),
            faults: Vec::new(),
            is_closed_to_customers: false,
            takes_unsigned: false,
            omits_nulls: false,
            keeps_content: true,
        }
    }
}

impl Builder {
    /// Listens there; port 0 is any that is free. Without this, on the loopback interface.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keeps vaults in this directory, across runs, and how far the clock was pushed. Without this, in a temporary one.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(directory.into());
        self
    }

    /// The account that all vaults belong to: 12 digits.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// How long jobs take, on the emulator's clock. Without this, no time at all.
    #[must_use]
    pub fn job_delay(mut self, delay: Duration) -> Self {
        self.job_delays = JobDelays::all(delay);
        self
    }

    /// How long jobs take, by kind.
    #[must_use]
    pub fn job_delays(mut self, delays: JobDelays) -> Self {
        self.job_delays = delays;
        self
    }

    /// How long a finished job can be asked for. Without this, a day.
    #[must_use]
    pub fn job_lifetime(mut self, lifetime: Duration) -> Self {
        self.job_lifetime = lifetime;
        self
    }

    /// How long after a vault's first upload its first inventory is made, and how often it may be made anew. Until an
    /// inventory has it, an upload or a deletion shows nowhere. Without this, every inventory is of its moment.
    #[must_use]
    pub fn inventory_lag(mut self, lag: Duration) -> Self {
        self.inventory_lag = lag;
        self
    }

    /// Takes the service's own figures for everything that takes time.
    #[must_use]
    pub fn realistic(self) -> Self {
        self.job_delays(JobDelays::REALISTIC).job_lifetime(DAY).inventory_lag(DAY)
    }

    /// Lets requests be signed with this key, and only with keys that are named so. The first is what
    /// [`Emulator::access_key_id`] returns. Without this, it is the key of AWS's own examples.
    #[must_use]
    pub fn keys(mut self, access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        let (access_key_id, secret_access_key) = (access_key_id.into(), secret_access_key.into());
        self.keys.push(Keys { access_key_id, secret_access_key });
        self
    }

    /// Sets a fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Lets this much time pass before each request is looked at; the emulator's own calls under `/_emulator/` do not wait.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.link.latency = latency;
        self
    }

    /// Lets a connection carry this many bytes a second in each direction, heads of requests and answers included. What
    /// the system's own buffers take in is not yet through: an upload is answered when its last byte was due.
    #[must_use]
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.link.bytes_per_second = Some(bytes_per_second.max(1));
        self
    }

    /// Answers every call as the service answers an account that it takes no more.
    #[must_use]
    pub fn no_longer_supported(mut self) -> Self {
        self.is_closed_to_customers = true;
        self
    }

    /// Takes requests as they come: neither their signatures nor their dates are looked at. Bodies are still held against
    /// their hashes. Vaults are those of the region in the signature, if there is one, else of [`Emulator::region`].
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.takes_unsigned = true;
        self
    }

    /// Leaves empty fields out of JSON answers, as the service was once seen to do, instead of sending `null`.
    #[must_use]
    pub fn omit_nulls(mut self) -> Self {
        self.omits_nulls = true;
        self
    }

    /// Hashes what is uploaded and lists it, but keeps none of its content, and does not wait for the disk: what measures
    /// a client is then not measuring a disk. A retrieval is accepted, then `Failed`, as of an archive of [`crate::seed`]:
    /// made-up bytes would not have the archive's hash.
    #[must_use]
    pub fn discard(mut self) -> Self {
        self.keeps_content = false;
        self
    }

    /// Starts; it listens when this returns.
    ///
    /// # Errors
    ///
    /// When the address or the directory cannot be had.
    pub async fn start(self) -> Result<Emulator, StartError> {
        self.start_blocking()
    }

    /// The same for a caller without a runtime; the emulator has a thread and a runtime of its own.
    pub fn start_blocking(self) -> Result<Emulator, StartError> {
        if self.account.len() != 12 || !self.account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(StartError::Account(self.account));
        }
        let temporary = if self.data_directory.is_none() { Some(TempDir::new()?) } else { None };
        let directory = self.data_directory.or_else(|| temporary.as_ref().map(|dir| dir.path().to_owned()));
        let directory = directory.unwrap_or_default();
        let keeps = match () {
            () if !self.keeps_content => Keeps::Rows,
            () if temporary.is_some() => Keeps::AllWhileItRuns,
            () => Keeps::AllForGood,
        };
        let store = Store::open(&directory, keeps)?;
        let (ahead, latest) =
            store.clock().map_err(|source| StoreError::Index { path: directory.clone(), source })?;
        let mut keys = self.keys;
        if keys.is_empty() {
            let (access_key_id, secret_access_key) = (ACCESS_KEY_ID.to_owned(), SECRET_ACCESS_KEY.to_owned());
            keys.push(Keys { access_key_id, secret_access_key });
        }
        let faults = Faults::default();
        faults.add(self.faults);
        let glacier = Arc::new(Glacier {
            store,
            clock: Clock::new(ahead, latest),
            stats: Stats::default(),
            faults,
            account: self.account,
            keys,
            job_delays: self.job_delays,
            job_lifetime: self.job_lifetime,
            inventory_lag: self.inventory_lag,
            link: self.link,
            is_closed_to_customers: self.is_closed_to_customers,
            takes_unsigned: self.takes_unsigned,
            omits_nulls: self.omits_nulls,
        });
        let cannot_listen = |source| StartError::Listen { address: self.listen, source };
        let listener = std::net::TcpListener::bind(self.listen).map_err(cannot_listen)?;
        listener.set_nonblocking(true).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let (stop, stopping) = watch::channel(());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let served = Arc::clone(&glacier);
        let thread = std::thread::Builder::new().name("glacier-emulator".into()).spawn(move || {
            runtime.block_on(async {
                // A socket that was just bound is a valid one.
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                server::serve(listener, served, stopping).await;
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        let endpoint_url = format!("http://{address}");
        Ok(Emulator { endpoint_url, glacier, stop: Some(stop), thread: Some(thread), _temporary: temporary })
    }
}
