//! One file a command; the arguments of a command stand with it.

pub(super) mod annex;
mod annex_prefetch;
pub(super) mod archive;
mod archive_checkpresent;
mod archive_dedupe;
mod archive_delete;
mod archive_list;
mod archive_retrieve;
mod archive_upload;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod estimate;
mod estimate_bill;
mod estimate_delete;
mod estimate_prices;
mod estimate_retrieve;
mod estimate_store;
mod estimate_upload;
pub(super) mod job;
mod job_list;
mod job_wait;
pub(super) mod man_pages;
pub(super) mod policy;
pub(super) mod task;
pub(super) mod treehash;
pub(super) mod upload;
mod upload_abort;
mod upload_list;
pub(super) mod vault;
mod vault_create;
mod vault_delete;
mod vault_info;
mod vault_list;
mod vault_notifications;
mod vault_sync;
mod vault_tags;
pub(super) mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use super::args::{
    AnnexCommand, ArchiveCommand, Command, EstimateCommand, JobCommand, PolicyCommand, UploadCommand,
    VaultCommand,
};
use super::exit::Exit;
use super::output::warning;
use super::records::Form;
use super::session::Session;
use crate::engine::Patience;
use crate::types::{bytes, quoted};

/// Runs a command that needs neither the cache nor Glacier; any other is none of its business.
pub(super) fn run_alone(form: Form, command: &Command) -> Option<Result<Exit>> {
    match command {
        Command::Completions(args) => Some(completions::run(args)),
        Command::ManPages(args) => Some(man_pages::run(args)),
        Command::Treehash(args) => Some(treehash::run(form, args)),
        Command::Estimate(EstimateCommand::Prices) => Some(estimate_prices::run()),
        _ => None,
    }
}

/// Runs a command that [`run_alone`] does not.
pub(super) async fn run(session: &Session, command: Command) -> Result<Exit> {
    match command {
        Command::Completions(_)
        | Command::Config
        | Command::ManPages(_)
        | Command::Treehash(_)
        | Command::Estimate(EstimateCommand::Prices) => {
            unreachable!("they are run alone")
        }
        Command::Vault(VaultCommand::List(args)) => vault_list::run(session, args).await,
        Command::Vault(VaultCommand::Create(args)) => vault_create::run(session, args).await,
        Command::Vault(VaultCommand::Sync(args)) => vault_sync::run(session, args).await,
        Command::Vault(VaultCommand::Delete(args)) => vault_delete::run(session, args).await,
        Command::Vault(VaultCommand::Info(args)) => vault_info::run(session, args).await,
        Command::Vault(VaultCommand::Tags(args)) => vault_tags::run(session, args).await,
        Command::Vault(VaultCommand::Notifications(args)) => vault_notifications::run(session, args).await,
        Command::Archive(ArchiveCommand::List(args)) => archive_list::run(session, args).await,
        Command::Archive(ArchiveCommand::Upload(args)) => archive_upload::run(session, args).await,
        Command::Archive(ArchiveCommand::Retrieve(args)) => archive_retrieve::run(session, args).await,
        Command::Archive(ArchiveCommand::Delete(args)) => archive_delete::run(session, args).await,
        Command::Archive(ArchiveCommand::Dedupe(args)) => archive_dedupe::run(session, args).await,
        Command::Archive(ArchiveCommand::Checkpresent(args)) => {
            archive_checkpresent::run(session, args).await
        }
        Command::Upload(UploadCommand::List(args)) => upload_list::run(session, args).await,
        Command::Upload(UploadCommand::Abort(args)) => upload_abort::run(session, args).await,
        Command::Annex(AnnexCommand::Prefetch(args)) => annex_prefetch::run(session, args).await,
        Command::Estimate(EstimateCommand::Upload(args)) => estimate_upload::run(session, args).await,
        Command::Estimate(EstimateCommand::Retrieve(args)) => estimate_retrieve::run(session, args).await,
        Command::Estimate(EstimateCommand::Store(args)) => estimate_store::run(session, args).await,
        Command::Estimate(EstimateCommand::Delete(args)) => estimate_delete::run(session, args).await,
        Command::Verify(args) => verify::run(session, args).await,
        Command::Job(JobCommand::List(args)) => job_list::run(session, args).await,
        Command::Job(JobCommand::Wait(args)) => job_wait::run(session, args).await,
        Command::Policy(PolicyCommand::Get) => policy::get(session).await,
        Command::Policy(PolicyCommand::Set(policy)) => policy::set(session, policy).await,
    }
}

/// Says what of a directory is not looked at.
fn tell_of_left_out(paths: &[PathBuf]) {
    for path in paths {
        warning(format_args!("left out {}: it is a link, or no file", quoted(&path.to_string_lossy())));
    }
}

/// What ends a name that is printed, by `--null`.
fn end_of_name(session: &Session, is_null: bool) -> Result<char> {
    if is_null && session.form == Form::Json {
        bail!("records end with a line; leave out either --null or --json");
    }
    Ok(if is_null { '\0' } else { '\n' })
}

/// What `--wait` means.
fn patience(wait: bool) -> Patience {
    if wait { Patience::Wait } else { Patience::ComeBackLater }
}

/// Reads a number of bytes, of which there is at least one.
fn some_bytes(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Ok(0) => Err("it must be 1 or more".to_owned()),
        bytes => bytes.map_err(|error| error.to_string()),
    }
}

/// Reads a number from 1 to `most`.
fn count(text: &str, most: u16) -> Result<u16, String> {
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("it must be a number from 1 to {most}"))
}

/// Reads an age in hours, with or without a fraction.
fn hours(text: &str) -> Result<Duration, String> {
    let hours: f64 = text.parse().map_err(|_| "it must be a number of hours".to_owned())?;
    Duration::try_from_secs_f64(hours * 3600.0)
        .map_err(|_| "it must be a number of hours, 0 or more".to_owned())
}
