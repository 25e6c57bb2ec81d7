//! `job list`: `A/S DATE VAULT NAME`, which git-annex reads as well.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use super::job::{self, JobRecord};
use crate::cli::exit::Exit;
use crate::cli::output::Foreign;
use crate::cli::records::{Form, print_record};
use crate::cli::session::Session;
use crate::engine::{Job, JobStatus, JobTask, VaultJob};
use crate::types::{ArchiveRef, Timestamp};

pub(super) async fn run(session: &Session, args: job::List) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let now = session.engine.now();
    for job in session.engine.jobs(args.vault.as_ref()).await? {
        match session.form {
            Form::Json => print_record(&mut out, &JobRecord::of(&job, true))?,
            Form::Text if args.long => writeln!(out, "{}", long_line(&job, now))?,
            Form::Text => writeln!(out, "{}", line(&job))?,
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn line(of: &VaultJob) -> String {
    let date = of.job.completed.as_ref().unwrap_or(&of.job.created);
    let (foreign, name) = (Foreign::of_standard_output(), name(of));
    let (date, name) = (foreign.text(date), foreign.text(&name));
    format!("{} {date} {:10} {name}", letters(&of.job), of.vault.as_str())
}

fn long_line(of: &VaultJob, now: Timestamp) -> String {
    let job = &of.job;
    let unknown = || "-".to_owned();
    let date = |date: Option<Timestamp>| date.map_or_else(unknown, Timestamp::rfc3339);
    let tier = job::tier(&job.task).map_or_else(unknown, |tier| tier.as_str().to_lowercase());
    let size = job.output_bytes().map_or_else(unknown, |bytes| bytes.to_string());
    let (requested, ready) = (date(job.created_at().ok()), date(job.ready_since()));
    let expires_in = of.expires_in(now).map_or_else(unknown, hours_and_minutes);
    let (letters, name) = (letters(job), name(of));
    let name = Foreign::of_standard_output().text(&name);
    format!("{letters}\t{}\t{tier}\t{size}\t{requested}\t{ready}\t{expires_in}\t{}\t{name}", of.vault, job.id)
}

fn hours_and_minutes(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    format!("{}h{:02}m", minutes / 60, minutes % 60)
}

fn letters(job: &Job) -> String {
    let action = match job.task {
        JobTask::Archive(_) => 'a',
        JobTask::Inventory(_) => 'i',
    };
    let status = match job.status {
        JobStatus::InProgress => 'p',
        JobStatus::Succeeded => 'd',
        JobStatus::Failed => 'e',
    };
    format!("{action}/{status}")
}

fn name(of: &VaultJob) -> String {
    match &of.archive {
        Some(ArchiveRef::Name(name) | ArchiveRef::PrefixedName(name)) => name.clone(),
        Some(by_id @ ArchiveRef::Id(_)) => by_id.to_string(),
        None => String::new(),
    }
}
