//! The arguments of the `job` commands, and their record.

use clap::Args;
use serde::Serialize;

use crate::cli::records::Record;
use crate::engine::{JobStatus, JobTask, Tier, VaultJob};
use crate::types::{ArchiveRef, JobId, Timestamp, VaultName};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print action and status, vault, tier, size of the output in bytes, when it was asked for, since when it is ready,
    /// for how long it will be kept at least, id, and archive, with tabs between; - is what is not known.
    #[arg(short, long)]
    pub(super) long: bool,
    /// Only the jobs of this vault.
    #[arg(long, value_name = "VAULT")]
    pub(super) vault: Option<VaultName>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Wait {
    /// Only jobs of this vault.
    #[arg(long, value_name = "VAULT")]
    pub(super) vault: Option<VaultName>,
    /// The jobs, by the ids that 'glacier job list -l' prints; one that begins with - stands after -- [default: all that
    /// are pending].
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<JobId>,
}

/// A job.
#[derive(Serialize)]
pub(super) struct JobRecord {
    vault: String,
    id: String,
    /// `archive` or `inventory`.
    action: &'static str,
    /// `pending`, `succeeded` or `failed`.
    status: Option<&'static str>,
    /// `expedited`, `standard` or `bulk`; inventories have none.
    tier: Option<String>,
    archive_id: Option<String>,
    archive_name: Option<String>,
    size_bytes: Option<u64>,
    requested_date: Option<String>,
    completed_date: Option<String>,
    /// Until then at least the output is kept.
    expires_date: Option<String>,
}

impl Record for JobRecord {
    const SCHEMA: &'static str = "job/1";
}

impl JobRecord {
    /// A job whose end is not known has no status.
    pub(super) fn of(VaultJob { vault, job, archive }: &VaultJob, is_known: bool) -> Self {
        let (action, archive_id) = match &job.task {
            JobTask::Archive(task) => ("archive", Some(task.archive.to_string())),
            JobTask::Inventory(_) => ("inventory", None),
        };
        let status = match job.status {
            JobStatus::InProgress => "pending",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Failed => "failed",
        };
        let archive_name = match archive {
            Some(ArchiveRef::Name(name) | ArchiveRef::PrefixedName(name)) => Some(name.clone()),
            _ => None,
        };
        Self {
            vault: vault.to_string(),
            id: job.id.to_string(),
            action,
            status: is_known.then_some(status),
            tier: tier(&job.task).map(|tier| tier.as_str().to_lowercase()),
            archive_id,
            archive_name,
            size_bytes: job.output_bytes(),
            requested_date: job.created_at().ok().map(Timestamp::rfc3339),
            completed_date: job.completed_at().map(Timestamp::rfc3339),
            expires_date: job.expires().map(Timestamp::rfc3339),
        }
    }
}

pub(super) fn tier(task: &JobTask) -> Option<Tier> {
    match task {
        JobTask::Archive(task) => task.tier,
        JobTask::Inventory(_) => None,
    }
}
