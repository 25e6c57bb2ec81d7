//! Jobs (API reference, "Job Operations").

use hyper::StatusCode;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::archives::unknown;
use super::inventory::Parameters;
pub(super) use super::job_index::{Job, Task};
use super::job_index::{archive_leaves, unsigned};
use super::pages::Page;
use super::{Answer, Glacier, printable};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::treehash::LEAF_BYTES;
use crate::{ids, response};

/// Items on a page.
const PAGE_MAX: usize = 50;
/// How long a job may be started for an archive that is deleted, in milliseconds. The service says only "recently"
/// (API reference, "Delete Archive"); this is how often it makes inventories.
const JUST_DELETED: i64 = 24 * 60 * 60 * 1000;

impl Glacier {
    /// `fails` lets the job end without an output.
    pub(super) fn initiate_job(&self, request: &Request, body: &[u8], fails: bool) -> Answer {
        self.require_vault(request)?;
        let parameters = match body {
            [] => return Err(Refusal::missing("Job Parameters")),
            body => super::settings::object(body)?,
        };
        let id = ids::job_id();
        let (task, fails) = match text(&parameters, "Type")? {
            None => return Err(Refusal::missing("type")),
            Some("archive-retrieval") => {
                let (task, cannot) = self.archive_task(request, &parameters)?;
                (task, fails || cannot)
            }
            Some("inventory-retrieval") => (self.inventory_task(request, &parameters, &id)?, fails),
            Some(other) => return Err(Refusal::invalid(format!("Invalid job type: {other}"))),
        };
        let description = text(&parameters, "Description")?.map(str::to_owned);
        if let Some(bad) = description.as_ref().filter(|description| !printable(description)) {
            return Err(Refusal::invalid(format!("Invalid job description: {bad}")));
        }
        let delay = match &task {
            Task::Archive { tier, .. } => self.job_delays.of_tier(tier),
            Task::Inventory { .. } => self.job_delays.inventory,
        };
        self.forget_expired_jobs()?;
        let created = self.clock.now_milliseconds();
        let completes = created.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
        let topic = text(&parameters, "SNSTopic")?.map(str::to_owned);
        let job = Job { position: 0, id, task, description, topic, created, completes, fails };
        self.insert_job(request, &job)?;
        let location = self.location(request, &format!("/jobs/{}", job.id));
        let headers = [("location", &*location), ("x-amz-job-id", &*job.id)];
        Ok(response::empty(StatusCode::ACCEPTED, &headers))
    }

    /// Returns the task, and whether it cannot succeed: the content is gone, or never was there.
    fn archive_task(&self, request: &Request, parameters: &Value) -> Result<(Task, bool), Refusal> {
        let archive = text(parameters, "ArchiveId")?.ok_or_else(|| Refusal::missing("archiveId"))?;
        let size_bytes = self.retrievable(request, archive)?;
        let (start_byte, length_bytes) = match text(parameters, "RetrievalByteRange")? {
            None => (0, size_bytes),
            Some(range) => byte_range(range, size_bytes)?,
        };
        let tier = tier(parameters)?;
        if tier == "Standard" {
            self.check_retrieval_policy(request, length_bytes)?;
        }
        let cannot = !self.store.archive_path(archive).exists();
        let task =
            Task::Archive { archive: archive.to_owned(), start_byte, length_bytes, tier: tier.to_owned() };
        Ok((task, cannot))
    }

    /// Returns the size of an archive of the vault that a job can be started for. That can be one that was just deleted;
    /// its job will fail.
    fn retrievable(&self, request: &Request, archive: &str) -> Result<u64, Refusal> {
        let index = self.store.index();
        let sql =
            "SELECT size, coalesce(deleted, ?4) FROM archive WHERE id = ?1 AND region = ?2 AND vault = ?3";
        let values = (archive, &request.region, &request.vault, i64::MAX);
        let found: Option<(i64, i64)> =
            index.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (size, deleted) = found.ok_or_else(|| unknown(archive))?;
        let is_listed = self.inventory_moment(&index, request)?.is_none_or(|moment| deleted > moment);
        if is_listed || deleted > self.clock.now_milliseconds() - JUST_DELETED {
            return Ok(unsigned(size));
        }
        Err(unknown(archive))
    }

    fn inventory_task(&self, request: &Request, parameters: &Value, id: &str) -> Result<Task, Refusal> {
        // It has no effect.
        tier(parameters)?;
        let parameters = Parameters::read(parameters)?;
        let path = self.store.job_path(id);
        let written = self.write_inventory(request, &parameters, &path);
        let written = written.inspect_err(|_| drop(std::fs::remove_file(&path)))?;
        Ok(Task::Inventory { parameters, size_bytes: written.size_bytes, next_marker: written.next_marker })
    }

    pub(super) fn describe_job(&self, request: &Request) -> Answer {
        let index = self.store.index();
        let job = self.find_job(&index, request)?;
        Ok(self.json(&self.job_json(&index, request, &job)?))
    }

    pub(super) fn list_jobs(&self, request: &Request) -> Answer {
        let index = self.store.index();
        self.require_vault_in(&index, request)?;
        let wanted = Filter::of(request)?;
        let page = Page::of(request, PAGE_MAX)?;
        // Newest first, and keys must ascend.
        let newest = page.first_key()?.map_or(i64::MAX, |key: i64| i64::MAX - key.max(0));
        let is_wanted = |job: &Job| wanted.lets_through(self.status(job));
        let jobs = self.jobs(&index, request, newest, is_wanted, page.limit + 1)?;
        let (jobs, next) = page.cut(jobs, |job| i64::MAX - job.position)?;
        let jobs: Vec<Value> =
            jobs.iter().map(|job| self.job_json(&index, request, job)).collect::<Result<_, _>>()?;
        Ok(self.json(&json!({"JobList": jobs, "Marker": next})))
    }

    fn status(&self, job: &Job) -> &'static str {
        match (self.is_finished(job), job.fails) {
            (false, _) => "InProgress",
            (true, false) => "Succeeded",
            (true, true) => "Failed",
        }
    }

    pub(super) fn job_json(
        &self,
        index: &Connection,
        request: &Request,
        job: &Job,
    ) -> Result<Value, Refusal> {
        let (is_finished, status) = (self.is_finished(job), self.status(job));
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
            "StatusCode": status,
            "StatusMessage": is_finished.then_some(status),
            "Tier": null,
            "VaultARN": self.vault_arn(request, &request.vault),
        });
        match &job.task {
            Task::Inventory { parameters, size_bytes, next_marker } => {
                let given =
                    serde_json::to_value(parameters).map_err(|error| Refusal::failure(error.to_string()))?;
                answer["InventoryRetrievalParameters"] = given;
                if is_finished {
                    answer["InventoryRetrievalParameters"]["Marker"] = next_marker.clone().into();
                    answer["InventorySizeInBytes"] = (*size_bytes).into();
                }
            }
            Task::Archive { archive, start_byte, length_bytes, tier } => {
                let (size_bytes, leaves) = archive_leaves(index, archive)?;
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
        let known = ["InProgress", "Succeeded", "Failed"];
        if let Some(status) = status.as_ref().filter(|status| !known.contains(&status.as_str())) {
            return Err(Refusal::invalid(format!("The job status code is not valid: {status}")));
        }
        Ok(Self { completed, status })
    }

    fn lets_through(&self, status: &str) -> bool {
        self.completed.is_none_or(|wanted| wanted == (status != "InProgress"))
            && self.status.as_ref().is_none_or(|wanted| wanted == status)
    }
}

pub(super) fn text<'a>(parameters: &'a Value, name: &str) -> Result<Option<&'a str>, Refusal> {
    match &parameters[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(Refusal::malformed(format!("{name} must be a string: {other}"))),
    }
}

fn tier(parameters: &Value) -> Result<&str, Refusal> {
    let tier = text(parameters, "Tier")?.unwrap_or("Standard");
    if !["Expedited", "Standard", "Bulk"].contains(&tier) {
        return Err(Refusal::invalid(format!("Invalid tier: {tier}")));
    }
    Ok(tier)
}

/// Reads `FIRST-LAST`, which must be aligned to whole MiB, or reach the end of the archive.
fn byte_range(text: &str, size_bytes: u64) -> Result<(u64, u64), Refusal> {
    let range = text.split_once('-').and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let is_aligned = |&(first, last): &(u64, u64)| {
        first <= last
            && last < size_bytes
            && first.is_multiple_of(LEAF_BYTES)
            && ((last + 1).is_multiple_of(LEAF_BYTES) || last + 1 == size_bytes)
    };
    let invalid = || Refusal::invalid(format!("Invalid retrieval byte range: {text}"));
    let (first, last) = range.filter(is_aligned).ok_or_else(invalid)?;
    Ok((first, last + 1 - first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_aligned_to_mebibytes_or_ends_with_the_archive() {
        let size_bytes = 5 * LEAF_BYTES + 7;
        assert_eq!(byte_range("0-1048575", size_bytes), Ok((0, LEAF_BYTES)));
        assert_eq!(byte_range("1048576-5242886", size_bytes), Ok((LEAF_BYTES, 4 * LEAF_BYTES + 7)));
        for bad in
            ["", "-", "0-0", "1-1048575", "0-5242887", "5242886-0", "+0-1048575", "0-18446744073709551615"]
        {
            assert!(byte_range(bad, size_bytes).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_range_may_be_anything(text in "[-+0-9]{0,45}|.*", size_bytes: u64) {
            if let Ok((first, length)) = byte_range(&text, size_bytes) {
                prop_assert!(length > 0 && first + length <= size_bytes);
            }
        }
    }
}
