//! The local cache: the SQLite file that the original program made and that both programs here share.
//!
//! # Compatibility
//!
//! The original's table keeps its columns and their meaning; ours are extra, nullable columns and tables, so that the
//! old program can still use the file. The schema's version is `user_version`; a file of a later version is refused
//! and left as it is.
//!
//! # Whose rows
//!
//! The original filed rows under the access key in use. A row of ours also has the account and the region; a row
//! without them belongs to whoever uses its access key, or another key known to be of the same account.
//!
//! # Damage
//!
//! A file that SQLite calls damaged is set aside under a new name, never deleted, and a new one is begun: what it held
//! can be learnt again from inventories.
//!
//! A file that cannot be written, for want of rights or room, is read all the same; whoever would write hears why not.
//! Names of archives are nobody else's business: what is made here is for its owner alone.
//!
//! # Locking
//!
//! Any number of processes may use the file. Each method is one transaction; writers queue for [`BUSY_TIMEOUT`].
//! This room knows nothing of the network, nor what to do about a row that is missing.

mod access;
mod accounts;
mod archives;
mod checksum;
mod damage;
mod doubts;
mod duplicates;
mod error;
#[cfg(debug_assertions)]
pub mod failpoint;
mod findings;
mod glance;
mod inventory;
mod jobs;
mod lag;
mod locks;
mod opening;
mod reconciliation;
mod repeated;
mod schema;
mod told;
mod uploads;
mod values;
mod vaults;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

pub use accounts::Scope;
pub use archives::{Archive, Listed, NewArchive};
pub use error::CacheError;
pub use findings::{Finding, FindingKind};
pub use glance::Glance;
pub use inventory::{Comparison, InventoryTaken, ListedArchive, ListedSink};
pub use jobs::JobLock;
pub(crate) use lag::INVENTORY_LAG;
pub use repeated::Recognised;
pub use told::ToldArchive;
pub use uploads::{FileIdentity, NewUpload, SettledUpload, Storing, Taken, UnfinishedUpload, UploadLock};
pub use vaults::{InventoryKnowledge, VaultKnowledge};

/// How long a writer waits for another to finish: the longest transaction is the end of a sync of a large vault.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The cache file, open. Shared by reference between the tasks of a process.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    connection: Mutex<Connection>,
    set_aside: Option<PathBuf>,
    read_only: Option<CacheError>,
}

impl Cache {
    /// Returns where a damaged file was moved to when this one was opened in its place.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Returns why the file can only be read, if that is so.
    pub fn read_only(&self) -> Option<&CacheError> {
        self.read_only.as_ref()
    }

    /// Runs one piece of work on the connection, alone in this process.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, CacheError> {
        let mut connection = self.lock();
        #[cfg(debug_assertions)]
        let changes_before = connection.total_changes();
        let worked = work(&mut connection);
        #[cfg(debug_assertions)]
        failpoint::pass(&connection, changes_before);
        drop(connection);
        worked.map_err(|source| self.failed(source))
    }

    /// The same for what is learnt again by itself: in a file that can only be read it is not remembered.
    fn remember(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<()>) -> Result<(), CacheError> {
        if self.read_only.is_some() { Ok(()) } else { self.with(work) }
    }

    fn failed(&self, source: rusqlite::Error) -> CacheError {
        let error = CacheError::new(&self.path, source);
        if let CacheError::Damaged { .. } = error
            && self.read_only.is_none()
        {
            damage::mark(&self.path);
        }
        error
    }

    /// A panic elsewhere leaves no transaction open: dropping one rolls it back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
