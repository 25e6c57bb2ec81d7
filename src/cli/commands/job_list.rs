//! `job list`: `A/S DATE VAULT NAME`, which git-annex reads as well.

use std::io::Write;

use anyhow::Result;

use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::engine::{JobStatus, JobTask, VaultJob};
use crate::types::ArchiveRef;

pub(super) async fn run(session: &Session) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for job in session.engine.jobs().await? {
        writeln!(out, "{}", line(&job))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn line(VaultJob { vault, job, archive }: &VaultJob) -> String {
    let action = match job.task {
        JobTask::Archive(_) => 'a',
        JobTask::Inventory(_) => 'i',
    };
    let status = match job.status {
        JobStatus::InProgress => 'p',
        JobStatus::Succeeded => 'd',
        JobStatus::Failed => 'e',
    };
    let date = job.completed.as_ref().unwrap_or(&job.created);
    let name = match archive {
        Some(ArchiveRef::Name(name) | ArchiveRef::PrefixedName(name)) => name.clone(),
        Some(by_id @ ArchiveRef::Id(_)) => by_id.to_string(),
        None => String::new(),
    };
    format!("{action}/{status} {date} {:10} {name}", vault.as_str())
}
