//! Calls about jobs: what was asked for, how it stands.

use std::time::Duration;

use aws_sdk_glacier::types::{ActionCode, GlacierJobDescription, JobParameters, StatusCode};
use tracing::info;

use super::pages::{PAGES_OF_JOBS_MAX, Pages};
use super::{Glacier, ServiceError, error::answered, retries};
use crate::treehash::TreeHash;
use crate::types::{ArchiveId, InvalidValue, JobId, Timestamp, VaultName};

/// How long the output of a job is kept at least.
const OUTPUT_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A job as the service lists it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it brings.
    pub task: JobTask,
    /// How it stands.
    pub status: JobStatus,
    /// When it was asked for, as the service wrote it.
    pub created: String,
    /// When it ended, as the service wrote it.
    pub completed: Option<String>,
}

impl Job {
    /// Returns when the job was asked for.
    pub fn created_at(&self) -> Result<Timestamp, InvalidValue> {
        self.created.parse()
    }

    /// Returns since when its output is there, if it is.
    pub fn ready_since(&self) -> Option<Timestamp> {
        self.completed_at().filter(|_| self.status == JobStatus::Succeeded)
    }

    /// Returns until when its output is there at least, if it is: a day (API reference, "Get Job Output").
    pub fn expires(&self) -> Option<Timestamp> {
        self.ready_since().map(|ready| ready + OUTPUT_KEPT)
    }

    /// Returns how large its output is, as far as the job says.
    pub fn output_bytes(&self) -> Option<u64> {
        match &self.task {
            JobTask::Archive(task) => task.output_bytes,
            JobTask::Inventory(task) => task.size_bytes,
        }
    }

    /// Returns when the job ended, if it did and the service's date can be read.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.completed.as_deref()?.parse().ok()
    }
}

/// What a job brings.
#[derive(Debug, Clone)]
pub enum JobTask {
    /// An archive's content.
    Archive(ArchiveJob),
    /// A list of a vault's archives.
    Inventory(InventoryJob),
}

/// A job that brings an archive's content.
#[derive(Debug, Clone)]
pub struct ArchiveJob {
    /// The archive.
    pub archive: ArchiveId,
    /// The size of the whole archive, if the job says.
    pub size_bytes: Option<u64>,
    /// The size of what it brings: the archive or a range of its bytes.
    pub output_bytes: Option<u64>,
    /// The tree hash of the whole archive, if the job says.
    pub tree_hash: Option<TreeHash>,
    /// Whether it brings all of the archive, not a range of its bytes.
    pub is_whole: bool,
    /// How fast it is, if the job says.
    pub tier: Option<Tier>,
}

/// A job that brings a list of a vault's archives.
#[derive(Debug, Clone)]
pub struct InventoryJob {
    /// The size of the output, once there is one.
    pub size_bytes: Option<u64>,
    /// Whether it lists all archives, as JSON: neither limited nor filtered nor another format.
    pub is_full_json: bool,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Not finished.
    InProgress,
    /// Its output can be had.
    Succeeded,
    /// It will bring nothing.
    Failed,
}

/// After how long at most an inventory is ready as a rule: its jobs have no tier, and take as long as those of
/// [`Tier::Standard`].
pub const INVENTORY_READY_WITHIN: Duration = Tier::Standard.ready_within();

/// How fast an archive is wanted, at which price (developer guide, "Archive Retrieval Options").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// 1 to 5 minutes, for archives up to 250 MB, if there is capacity.
    Expedited,
    /// 3 to 5 hours; what the service takes when none is named.
    Standard,
    /// 5 to 12 hours.
    Bulk,
}

impl Tier {
    /// Returns the name that the service has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expedited => "Expedited",
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
        }
    }

    /// Returns the tier of that name, if there is one.
    pub fn named(text: &str) -> Option<Self> {
        [Self::Expedited, Self::Standard, Self::Bulk].into_iter().find(|tier| tier.as_str() == text)
    }

    /// Returns the tier of that name in upper or lower case, if there is one.
    pub fn named_in_any_case(text: &str) -> Option<Self> {
        [Self::Expedited, Self::Standard, Self::Bulk]
            .into_iter()
            .find(|tier| tier.as_str().eq_ignore_ascii_case(text))
    }

    /// Returns after how long at most a job is ready as a rule.
    pub const fn ready_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::Expedited => 5 * 60,
            Self::Standard => 5 * 60 * 60,
            Self::Bulk => 12 * 60 * 60,
        })
    }
}

impl Glacier {
    /// Asks for the content of an archive. Each success is a job of its own, which costs; so this is not sent a
    /// second time unless the first was refused.
    pub async fn initiate_archive_job(
        &self,
        vault: &VaultName,
        archive: &ArchiveId,
        tier: Option<Tier>,
    ) -> Result<JobId, ServiceError> {
        let parameters = JobParameters::builder().r#type("archive-retrieval").archive_id(archive.as_str());
        let parameters = parameters.set_tier(tier.map(|tier| tier.as_str().to_owned()));
        self.initiate_job(vault, parameters.build()).await
    }

    /// Asks for a full list of the vault's archives.
    ///
    /// # Errors
    ///
    /// [`ServiceError::InventoryNotReady`] for about a day after a vault's first upload.
    pub async fn initiate_inventory_job(&self, vault: &VaultName) -> Result<JobId, ServiceError> {
        let parameters = JobParameters::builder().r#type("inventory-retrieval").format("JSON");
        self.initiate_job(vault, parameters.build()).await
    }

    async fn initiate_job(
        &self,
        vault: &VaultName,
        parameters: JobParameters,
    ) -> Result<JobId, ServiceError> {
        let what = [parameters.r#type(), parameters.archive_id(), parameters.tier()];
        let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let request =
            self.client().await.initiate_job().vault_name(vault.as_str()).job_parameters(parameters);
        let request = request.customize().config_override(retries::once(aws_sdk_glacier::Config::builder()));
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let id: JobId = answered(answer.job_id().unwrap_or_default())?;
        info!("job {id} has begun in vault {vault}: {what}");
        Ok(id)
    }

    /// Lists all jobs of the vault that the service still knows, through all pages, in the service's order.
    pub async fn list_jobs(&self, vault: &VaultName) -> Result<Vec<Job>, ServiceError> {
        let (mut pages, mut jobs) = (Pages::at_most(PAGES_OF_JOBS_MAX), Vec::new());
        loop {
            let request = self.client().await.list_jobs().vault_name(vault.as_str());
            let page = request.set_marker(pages.marker.clone()).send().await;
            let page = page.map_err(|error| self.sorted(&error))?;
            for described in page.job_list() {
                jobs.extend(job(described)?);
            }
            if !pages.turn(page.marker())? {
                return Ok(jobs);
            }
        }
    }

    /// Tells how one job stands.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotFound`] from about a day after its end.
    pub async fn describe_job(&self, vault: &VaultName, id: &JobId) -> Result<Job, ServiceError> {
        let request = self.client().await.describe_job().vault_name(vault.as_str()).job_id(id.as_str());
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        let described = GlacierJobDescription::builder()
            .set_job_id(answer.job_id)
            .set_action(answer.action)
            .set_archive_id(answer.archive_id)
            .set_archive_size_in_bytes(answer.archive_size_in_bytes)
            .set_archive_sha256_tree_hash(answer.archive_sha256_tree_hash)
            .set_completion_date(answer.completion_date)
            .set_creation_date(answer.creation_date)
            .set_inventory_retrieval_parameters(answer.inventory_retrieval_parameters)
            .set_inventory_size_in_bytes(answer.inventory_size_in_bytes)
            .set_retrieval_byte_range(answer.retrieval_byte_range)
            .set_status_code(answer.status_code)
            .set_tier(answer.tier)
            .build();
        job(&described)?.ok_or_else(|| ServiceError::bad_answer(format!("job {id} is of no known kind")))
    }
}

/// Jobs of other kinds, or without an id, are none of ours. One that could be, and whose id no request could name, is not
/// passed over without a word.
fn job(described: &GlacierJobDescription) -> Result<Option<Job>, ServiceError> {
    let (Some(action), Some(status), Some(id)) =
        (described.action(), described.status_code(), described.job_id())
    else {
        return Ok(None);
    };
    let task = match (action, described.archive_id()) {
        (ActionCode::ArchiveRetrieval, Some(archive)) => {
            JobTask::Archive(archive_job(described, answered(archive)?))
        }
        (ActionCode::InventoryRetrieval, _) => JobTask::Inventory(inventory_job(described)),
        _ => return Ok(None),
    };
    let status = match status {
        StatusCode::InProgress => JobStatus::InProgress,
        StatusCode::Succeeded => JobStatus::Succeeded,
        _ => JobStatus::Failed,
    };
    Ok(Some(Job {
        id: answered(id)?,
        task,
        status,
        created: described.creation_date().unwrap_or_default().to_owned(),
        completed: described.completion_date().map(str::to_owned),
    }))
}

fn archive_job(described: &GlacierJobDescription, archive: ArchiveId) -> ArchiveJob {
    let size_bytes = described.archive_size_in_bytes().and_then(|size| u64::try_from(size).ok());
    let is_whole = match (described.retrieval_byte_range(), size_bytes) {
        (None, _) => true,
        (Some(range), Some(size)) if size > 0 => range == format!("0-{}", size - 1),
        (Some(_), _) => false,
    };
    let range_bytes = |range: &str| {
        let (first, last) = range.split_once('-')?;
        last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
    };
    ArchiveJob {
        archive,
        size_bytes,
        output_bytes: described.retrieval_byte_range().map_or(size_bytes, range_bytes),
        tree_hash: described.archive_sha256_tree_hash().and_then(|hash| hash.parse().ok()),
        is_whole,
        tier: described.tier().and_then(Tier::named),
    }
}

fn inventory_job(described: &GlacierJobDescription) -> InventoryJob {
    let is_full_json = described.inventory_retrieval_parameters().is_none_or(|parameters| {
        parameters.format().is_none_or(|format| format == "JSON")
            && parameters.start_date().is_none()
            && parameters.end_date().is_none()
            && parameters.limit().is_none()
            && parameters.marker().is_none()
    });
    let size_bytes = described.inventory_size_in_bytes().and_then(|size| u64::try_from(size).ok());
    InventoryJob { size_bytes, is_full_json }
}
