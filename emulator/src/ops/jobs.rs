//! Jobs (API reference, "Job Operations").

use std::time::Duration;

use hyper::StatusCode;
use rusqlite::{OptionalExtension, Row};
use serde_json::{Value, json};

use super::pages::Page;
use super::{Answer, Glacier};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::Request;
use crate::treehash::{LEAF_BYTES, Leaves};
use crate::{ids, response};

/// How long a finished job can be asked for (developer guide, "Downloading an Archive").
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Items on a page.
const PAGE_MAX: usize = 50;

/// A job as the index has it.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) task: Task,
    description: Option<String>,
    topic: Option<String>,
    created: i64,
    pub(super) completes: i64,
}

pub(super) enum Task {
    Archive { archive: String, start_byte: u64, length_bytes: u64, tier: String },
    Inventory { format: String, size_bytes: u64 },
}

impl Glacier {
    pub(super) fn initiate_job(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let parameters: Value = match body {
            [] => return Err(Refusal::missing("Job Parameters")),
            body => serde_json::from_slice(body).map_err(|error| Refusal::malformed(error.to_string()))?,
        };
        let id = ids::job_id();
        let task = match text(&parameters, "Type")? {
            None => return Err(Refusal::missing("type")),
            Some("archive-retrieval") => self.archive_task(request, &parameters)?,
            Some("inventory-retrieval") => self.inventory_task(request, &parameters, &id)?,
            Some(other) => return Err(Refusal::invalid(format!("Invalid job type: {other}"))),
        };
        let created = self.clock.now_milliseconds();
        let delay = i64::try_from(self.job_delay.as_millis()).unwrap_or(i64::MAX);
        let job = Job {
            id,
            task,
            description: text(&parameters, "Description")?.map(str::to_owned),
            topic: text(&parameters, "SNSTopic")?.map(str::to_owned),
            created,
            completes: created.saturating_add(delay),
        };
        self.insert_job(request, &job)?;
        let location = self.location(request, &format!("/jobs/{}", job.id));
        let headers = [("location", &*location), ("x-amz-job-id", &*job.id)];
        Ok(response::empty(StatusCode::ACCEPTED, &headers))
    }

    fn archive_task(&self, request: &Request, parameters: &Value) -> Result<Task, Refusal> {
        let archive = text(parameters, "ArchiveId")?.ok_or_else(|| Refusal::missing("archiveId"))?;
        let sql = "SELECT size FROM archive WHERE id = ?1 AND region = ?2 AND vault = ?3 AND deleted IS NULL";
        let size =
            self.store.index().query_row(sql, [archive, &request.region, &request.vault], |row| row.get(0));
        let missing = || Refusal::not_found(format!("The archive ID was not found: {archive}"));
        let size_bytes = unsigned(size.optional()?.ok_or_else(missing)?);
        let (start_byte, length_bytes) = match text(parameters, "RetrievalByteRange")? {
            None => (0, size_bytes),
            Some(range) => byte_range(range, size_bytes)?,
        };
        let tier = text(parameters, "Tier")?.unwrap_or("Standard");
        if !["Expedited", "Standard", "Bulk"].contains(&tier) {
            return Err(Refusal::invalid(format!("Invalid tier: {tier}")));
        }
        Ok(Task::Archive { archive: archive.to_owned(), start_byte, length_bytes, tier: tier.to_owned() })
    }

    fn inventory_task(&self, request: &Request, parameters: &Value, id: &str) -> Result<Task, Refusal> {
        let format = text(parameters, "Format")?.unwrap_or("JSON");
        if !["JSON", "CSV"].contains(&format) {
            return Err(Refusal::invalid(format!("Invalid format: {format}")));
        }
        if !parameters["InventoryRetrievalParameters"].is_null() {
            return Err(Refusal::invalid("InventoryRetrievalParameters are not known to this emulator"));
        }
        let size_bytes = self.write_inventory(request, format, &self.store.job_path(id))?;
        Ok(Task::Inventory { format: format.to_owned(), size_bytes })
    }

    fn insert_job(&self, request: &Request, job: &Job) -> Result<(), Refusal> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (archive, start, length, tier, format, size) = match &job.task {
            Task::Archive { archive, start_byte, length_bytes, tier } => (
                Some(archive),
                Some(signed(*start_byte)),
                Some(signed(*length_bytes)),
                Some(tier),
                None,
                None,
            ),
            Task::Inventory { format, size_bytes } => {
                (None, None, None, None, Some(format), Some(signed(*size_bytes)))
            }
        };
        let index = self.store.index();
        let sql = "INSERT INTO job (id, region, vault, archive, range_start, range_length, tier, format, output_size,
                                    description, topic, created, completes)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let (region, vault) = (&request.region, &request.vault);
        let times = (job.created, job.completes);
        let values = (
            &job.id,
            region,
            vault,
            archive,
            start,
            length,
            tier,
            format,
            size,
            &job.description,
            &job.topic,
            times.0,
            times.1,
        );
        index.execute(sql, values)?;
        Ok(())
    }

    pub(super) fn describe_job(&self, request: &Request) -> Answer {
        let job = self.find_job(request)?;
        Ok(response::json(StatusCode::OK, &self.job_json(request, &job)?))
    }

    pub(super) fn list_jobs(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let wanted = Filter::of(request)?;
        let jobs: Vec<Job> = {
            let index = self.store.index();
            let mut query = index.prepare(&format!(
                "SELECT {COLUMNS} FROM job WHERE region = ?1 AND vault = ?2 AND completes > ?3 ORDER BY position DESC"
            ))?;
            let rows = query.query_map((&request.region, &request.vault, self.oldest_completion()), job)?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let jobs = jobs.into_iter().filter(|job| wanted.lets_through(self.is_finished(job))).collect();
        let (jobs, next) = Page::of(request, PAGE_MAX)?.cut(jobs, |job| job.id.clone())?;
        let jobs: Vec<Value> =
            jobs.iter().map(|job| self.job_json(request, job)).collect::<Result<_, _>>()?;
        Ok(response::json(StatusCode::OK, &json!({"JobList": jobs, "Marker": next})))
    }

    pub(super) fn find_job(&self, request: &Request) -> Result<Job, Refusal> {
        self.require_vault(request)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE id = ?1 AND region = ?2 AND vault = ?3 AND completes > ?4"
        );
        let values = (&request.id, &request.region, &request.vault, self.oldest_completion());
        let found = self.store.index().query_row(&sql, values, job).optional()?;
        found.ok_or_else(|| Refusal::not_found(format!("The job ID was not found: {}", request.id)))
    }

    /// Jobs that were finished before this are forgotten.
    fn oldest_completion(&self) -> i64 {
        self.clock.now_milliseconds() - i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn is_finished(&self, job: &Job) -> bool {
        job.completes <= self.clock.now_milliseconds()
    }

    fn job_json(&self, request: &Request, job: &Job) -> Result<Value, Refusal> {
        let is_finished = self.is_finished(job);
        let mut answer = json!({
            "Action": "InventoryRetrieval",
            "ArchiveId": null,
            "ArchiveSHA256TreeHash": null,
            "ArchiveSizeInBytes": null,
            "Completed": is_finished,
            "CompletionDate": is_finished.then(|| date(job.completes)),
            "CreationDate": date(job.created),
            "InventoryRetrievalParameters": null,
            "InventorySizeInBytes": null,
            "JobDescription": job.description,
            "JobId": job.id,
            "RetrievalByteRange": null,
            "SHA256TreeHash": null,
            "SNSTopic": job.topic,
            "StatusCode": if is_finished { "Succeeded" } else { "InProgress" },
            "StatusMessage": is_finished.then_some("Succeeded"),
            "Tier": null,
            "VaultARN": self.vault_arn(request, &request.vault),
        });
        match &job.task {
            Task::Inventory { format, size_bytes } => {
                answer["InventoryRetrievalParameters"] = json!({"EndDate": null, "Format": format, "Limit": null, "Marker": null, "StartDate": null});
                answer["InventorySizeInBytes"] = is_finished.then_some(*size_bytes).into();
            }
            Task::Archive { archive, start_byte, length_bytes, tier } => {
                let (size_bytes, leaves) = self.archive_leaves(archive)?;
                answer["Action"] = "ArchiveRetrieval".into();
                answer["ArchiveId"] = archive.as_str().into();
                answer["ArchiveSHA256TreeHash"] = leaves.root().into();
                answer["ArchiveSizeInBytes"] = size_bytes.into();
                answer["RetrievalByteRange"] =
                    format!("{start_byte}-{}", start_byte + length_bytes - 1).into();
                answer["SHA256TreeHash"] = leaves.node(size_bytes, *start_byte, *length_bytes).into();
                answer["Tier"] = tier.as_str().into();
            }
        }
        Ok(answer)
    }

    /// Returns the size of an archive, deleted or not, and its leaves.
    pub(super) fn archive_leaves(&self, id: &str) -> Result<(u64, Leaves), Refusal> {
        let sql = "SELECT size, leaves FROM archive WHERE id = ?1";
        let found = self.store.index().query_row(sql, [id], |row| {
            Ok((unsigned(row.get(0)?), Leaves::from_bytes(&row.get::<_, Vec<u8>>(1)?)))
        });
        Ok(found?)
    }
}

/// Which jobs a list shows; both conditions must hold.
struct Filter {
    completed: Option<bool>,
    status: Option<String>,
}

impl Filter {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let given = |name: &str| request.query.get(name).filter(|value| !value.is_empty());
        let completed = match given("completed").map(String::as_str) {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                return Err(Refusal::invalid(format!("The completed value is not valid: {other}")));
            }
        };
        let status = given("statuscode").cloned();
        if let Some(status) =
            status.as_ref().filter(|s| !["InProgress", "Succeeded", "Failed"].contains(&s.as_str()))
        {
            return Err(Refusal::invalid(format!("The job status code is not valid: {status}")));
        }
        Ok(Self { completed, status })
    }

    fn lets_through(&self, is_finished: bool) -> bool {
        let status = if is_finished { "Succeeded" } else { "InProgress" };
        self.completed.is_none_or(|wanted| wanted == is_finished)
            && self.status.as_ref().is_none_or(|wanted| wanted == status)
    }
}

const COLUMNS: &str = "id, archive, range_start, range_length, tier, format, output_size, description, topic, created, completes";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let task = match row.get::<_, Option<String>>(1)? {
        Some(archive) => Task::Archive {
            archive,
            start_byte: unsigned(row.get(2)?),
            length_bytes: unsigned(row.get(3)?),
            tier: row.get(4)?,
        },
        None => Task::Inventory { format: row.get(5)?, size_bytes: unsigned(row.get(6)?) },
    };
    Ok(Job {
        id: row.get(0)?,
        task,
        description: row.get(7)?,
        topic: row.get(8)?,
        created: row.get(9)?,
        completes: row.get(10)?,
    })
}

fn text<'a>(parameters: &'a Value, name: &str) -> Result<Option<&'a str>, Refusal> {
    match &parameters[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(Refusal::malformed(format!("{name} must be a string: {other}"))),
    }
}

/// Reads `FIRST-LAST`, which must be aligned to whole MiB, or reach the end of the archive.
fn byte_range(text: &str, size_bytes: u64) -> Result<(u64, u64), Refusal> {
    let range = text.split_once('-').and_then(|(first, last)| {
        Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)).filter(|(first, last)| first <= last)
    });
    let is_aligned = |&(first, last): &(u64, u64)| {
        first.is_multiple_of(LEAF_BYTES)
            && last < size_bytes
            && ((last + 1).is_multiple_of(LEAF_BYTES) || last + 1 == size_bytes)
    };
    let (first, last) = range
        .filter(is_aligned)
        .ok_or_else(|| Refusal::invalid(format!("Invalid retrieval byte range: {text}")))?;
    Ok((first, last + 1 - first))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
