//! Retrieval jobs that were started from here: a job may be missing from the service's list for a while.

use std::time::Duration;

use rusqlite::named_params;

use super::locks::{Held, lock_file};
use super::values::all_parsed;
use super::{Cache, CacheError, Scope};
use crate::types::{ArchiveId, JobId, Timestamp, VaultName};

/// A job ends after at most 12 hours and is gone a day or two later; after that there is nothing to remember.
const REMEMBERED_FOR: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// How many locks there are for all archives: enough that those of one process seldom wait for each other.
const LOCKS: usize = 64;

/// The right to start a job for an archive, until it is dropped or its process ends.
#[derive(Debug)]
pub struct JobLock {
    _held: Held,
}

impl Cache {
    /// Waits until no one else starts a job for the archive. Blocks. None where nothing can be written, so that no one
    /// else could be asked.
    pub fn lock_job(&self, archive: &ArchiveId) -> Result<Option<JobLock>, CacheError> {
        if self.read_only.is_some() {
            return Ok(None);
        }
        let number = archive.as_str().bytes().map(usize::from).sum::<usize>() % LOCKS;
        let path = self.path.with_extension("jobs").join(number.to_string());
        let failed = |source| CacheError::Lock { path: path.clone(), source };
        let file = lock_file(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Some(JobLock { _held: Held(file) }))
    }

    /// Remembers a job that was started just now, and forgets those of long ago. That the service has taken it tells in which
    /// region the archive is, which a row of the original does not. In a file that can only be read nothing
    /// is remembered: the service's own list has the job after some minutes.
    pub fn remember_job(
        &self,
        scope: &Scope,
        vault: &VaultName,
        archive: &ArchiveId,
        job: &JobId,
        now: Timestamp,
    ) -> Result<(), CacheError> {
        self.remember(|connection| {
            let transaction = connection.transaction()?;
            let sql = "DELETE FROM job WHERE requested < :oldest";
            transaction
                .prepare_cached(sql)?
                .execute(named_params! {":oldest": (now - REMEMBERED_FOR).unix_seconds()})?;
            let sql = "
                INSERT OR REPLACE INTO job (id, region, vault, archive, requested)
                VALUES (:id, :region, :vault, :archive, :now)";
            let parameters = named_params! {
                ":id": job.as_str(), ":region": scope.region.as_str(), ":vault": vault.as_str(),
                ":archive": archive.as_str(), ":now": now.unix_seconds()
            };
            transaction.prepare_cached(sql)?.execute(parameters)?;
            let sql = "UPDATE archive SET region = ?1, account = coalesce(account, ?2) WHERE id = ?3 AND region IS NULL";
            let values = (scope.region.as_str(), scope.account_text(), archive.as_str());
            transaction.prepare_cached(sql)?.execute(values)?;
            transaction.commit()
        })
    }

    /// Returns the jobs for the archive that are remembered, newest first. An archive's id is unique everywhere.
    pub fn jobs_of(&self, archive: &ArchiveId) -> Result<Vec<JobId>, CacheError> {
        self.with(|connection| {
            let mut query =
                connection.prepare_cached("SELECT id FROM job WHERE archive = ?1 ORDER BY requested DESC")?;
            all_parsed(&mut query.query([archive.as_str()])?)
        })
    }

    /// Returns how many jobs for archives of the vault were asked for from here since `date`.
    pub fn jobs_begun_since(
        &self,
        scope: &Scope,
        vault: &VaultName,
        date: Timestamp,
    ) -> Result<u64, CacheError> {
        self.with(|connection| {
            let sql = "SELECT count(*) FROM job WHERE region = ?1 AND vault = ?2 AND requested >= ?3";
            let parameters = (scope.region.as_str(), vault.as_str(), date.unix_seconds());
            connection.query_row(sql, parameters, |row| row.get::<_, i64>(0).map(i64::unsigned_abs))
        })
    }

    /// Forgets a job that will bring nothing more.
    pub fn forget_job(&self, job: &JobId) -> Result<(), CacheError> {
        self.with(|connection| {
            connection.prepare_cached("DELETE FROM job WHERE id = ?1")?.execute([job.as_str()]).map(drop)
        })
    }
}
