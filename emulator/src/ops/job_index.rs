//! Jobs as the index has them.

use rusqlite::{Connection, OptionalExtension, Row};

use super::Glacier;
use super::inventory::Parameters;
use crate::error::Refusal;
use crate::request::Request;
use crate::store::Store;
use crate::treehash::Leaves;

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    /// In the order in which jobs began; the index gives it.
    pub(super) position: i64,
    pub(super) id: String,
    pub(super) task: Task,
    pub(super) description: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) created: i64,
    pub(super) completes: i64,
    /// Whether it will end without an output.
    pub(super) fails: bool,
}

#[derive(Debug)]
pub(super) enum Task {
    Archive { archive: String, start_byte: u64, length_bytes: u64, tier: String },
    Inventory { parameters: Parameters, size_bytes: u64, next_marker: Option<String> },
}

const COLUMNS: &str =
    "id, archive, range_start, range_length, tier, parameters, output_size, next_marker, description,
    topic, created, completes, failed, position";

/// Whether an archive is deleted and no job may still be asked for its content.
pub(super) const IS_UNNEEDED: &str = "SELECT NOT EXISTS (SELECT 1 FROM job WHERE archive = ?1)
        AND NOT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND deleted IS NULL)";

impl Glacier {
    /// Puts a job on record, unless the vault was deleted meanwhile. If its archive was, it will fail.
    pub(super) fn insert_job(&self, request: &Request, job: &Job) -> Result<(), Refusal> {
        let index = self.store.index();
        self.require_vault_in(&index, request)?;
        let archive = match &job.task {
            Task::Archive { archive, .. } => Some(archive),
            Task::Inventory { .. } => None,
        };
        let sql = "INSERT INTO job (id, region, vault, description, topic, created, completes, failed)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                           ?8 OR EXISTS (SELECT 1 FROM archive WHERE id = ?9 AND deleted IS NOT NULL))";
        let values = (
            &job.id,
            &request.region,
            &request.vault,
            &job.description,
            &job.topic,
            job.created,
            job.completes,
            job.fails,
            archive,
        );
        let transaction = index.unchecked_transaction()?;
        transaction.execute(sql, values)?;
        match &job.task {
            Task::Archive { archive, start_byte, length_bytes, tier } => {
                let sql = "UPDATE job SET archive = ?1, range_start = ?2, range_length = ?3, tier = ?4 WHERE id = ?5";
                let range = (signed(*start_byte), signed(*length_bytes));
                transaction.execute(sql, (archive, range.0, range.1, tier, &job.id))?;
            }
            Task::Inventory { parameters, size_bytes, next_marker } => {
                let sql = "UPDATE job SET parameters = ?1, output_size = ?2, next_marker = ?3 WHERE id = ?4";
                let parameters =
                    serde_json::to_string(parameters).map_err(|error| Refusal::failure(error.to_string()))?;
                transaction.execute(sql, (parameters, signed(*size_bytes), next_marker, &job.id))?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Returns the jobs of the vault that are not forgotten and are `wanted`, newest first from this position on, and at
    /// most so many: a list of thousands costs no more than its page.
    pub(super) fn jobs(
        &self,
        index: &Connection,
        request: &Request,
        newest: i64,
        wanted: impl Fn(&Job) -> bool,
        most: usize,
    ) -> Result<Vec<Job>, Refusal> {
        let mut query = index.prepare(&format!(
            "SELECT {COLUMNS} FROM job WHERE region = ?1 AND vault = ?2 AND +completes > ?3 AND position <= ?4
             ORDER BY position DESC"
        ))?;
        let values = (&request.region, &request.vault, self.oldest_completion(), newest);
        let wanted_rows = query.query_map(values, job)?.filter(|read| read.as_ref().map_or(true, &wanted));
        Ok(wanted_rows.take(most).collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn find_job(&self, index: &Connection, request: &Request) -> Result<Job, Refusal> {
        self.require_vault_in(index, request)?;
        let found = self.job_if_it_completes_after(index, request, self.oldest_completion())?;
        found.ok_or_else(|| Refusal::not_found(format!("The job ID was not found: {}", request.id)))
    }

    /// Returns the job of the vault if it is not forgotten and has not ended by that moment.
    pub(super) fn job_if_it_completes_after(
        &self,
        index: &Connection,
        request: &Request,
        moment: i64,
    ) -> Result<Option<Job>, Refusal> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE id = ?1 AND region = ?2 AND vault = ?3 AND completes > ?4"
        );
        let values = (&request.id, &request.region, &request.vault, moment);
        Ok(index.query_row(&sql, values, job).optional()?)
    }

    /// Jobs that were finished before this are forgotten.
    fn oldest_completion(&self) -> i64 {
        let lifetime = i64::try_from(self.job_lifetime.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_milliseconds().saturating_sub(lifetime)
    }

    /// Removes the jobs that no one can ask for any more, with what was kept for them.
    pub(super) fn forget_expired_jobs(&self) -> Result<(), Refusal> {
        self.deliver()?;
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let forgotten: Vec<(String, Option<String>)> = {
            let mut query =
                transaction.prepare("DELETE FROM job WHERE completes <= ?1 RETURNING id, archive")?;
            let rows = query.query_map([self.oldest_completion()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let mut unneeded = Vec::new();
        for archive in forgotten.iter().filter_map(|(_, archive)| archive.as_ref()) {
            if transaction.query_row(IS_UNNEEDED, [archive], |row| row.get(0))? {
                unneeded.push(archive);
            }
        }
        transaction.commit()?;
        Store::remove_files(forgotten.iter().map(|(id, _)| id), |id| self.store.job_path(id));
        Store::remove_files(unneeded, |id| self.store.archive_path(id));
        Ok(())
    }

    pub(super) fn is_finished(&self, job: &Job) -> bool {
        job.completes <= self.clock.now_milliseconds()
    }
}

/// Returns the size of an archive, deleted or not, and its leaves.
pub(super) fn archive_leaves(index: &Connection, id: &str) -> rusqlite::Result<(u64, Leaves)> {
    let sql = "SELECT size, leaves FROM archive WHERE id = ?1";
    index.query_row(sql, [id], |row| {
        Ok((unsigned(row.get(0)?), Leaves::from_bytes(&row.get::<_, Vec<u8>>(1)?)))
    })
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let task = match row.get::<_, Option<String>>(1)? {
        Some(archive) => Task::Archive {
            archive,
            start_byte: unsigned(row.get(2)?),
            length_bytes: unsigned(row.get(3)?),
            tier: row.get(4)?,
        },
        None => {
            let invalid = |error| {
                rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error))
            };
            let parameters = serde_json::from_str(&row.get::<_, String>(5)?).map_err(invalid)?;
            Task::Inventory { parameters, size_bytes: unsigned(row.get(6)?), next_marker: row.get(7)? }
        }
    };
    Ok(Job {
        id: row.get(0)?,
        task,
        description: row.get(8)?,
        topic: row.get(9)?,
        created: row.get(10)?,
        completes: row.get(11)?,
        fails: row.get(12)?,
        position: row.get(13)?,
    })
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
