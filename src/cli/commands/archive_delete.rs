//! `archive delete`: the archives are gone when this ends. More than one is deleted only if someone says yes.

use std::io::{IsTerminal, Write};

use anyhow::{Result, bail};
use serde::Serialize;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, ask, can_ask, failure, info, say};
use crate::cli::records::{ArchiveFields, Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::{Archive, EngineError, Selection};
use crate::types::{Timestamp, VaultName, quoted, total_bytes};

pub(super) async fn run(session: &Session, args: archive::Delete) -> Result<Exit> {
    let references = [args.names, args.several.listed()?].concat();
    let selection = Selection { references, patterns: args.several.glob };
    let archives = session.engine.select(&args.vault, &selection).await?;
    // Of a single archive scripts, git-annex among them, expect silence.
    if archives.len() > 1 || std::io::stderr().is_terminal() {
        tell_of_fee(session, &archives);
    }
    if args.dry_run {
        return print_all(session, &args.vault, &archives);
    }
    if archives.len() > 1 && !args.yes && !is_wanted(session, &args.vault, &archives)? {
        say("nothing was deleted");
        return Ok(Exit::Failed);
    }
    delete(session, &args.vault, &archives).await
}

/// Someone at a terminal is asked; nobody can be asked elsewhere.
fn is_wanted(session: &Session, vault: &VaultName, archives: &[Archive]) -> Result<bool> {
    let (count, vault) = (archives.len(), quoted(vault.as_str()));
    if !can_ask() {
        bail!("{count} archives of vault {vault} would be deleted; say so with --yes");
    }
    let going_on = session.interrupts.going_on("nothing was deleted");
    let answer = ask(format_args!("delete {count} archives of vault {vault} ({})?", size_of(archives)));
    session.interrupts.going_on(going_on);
    Ok(answer?)
}

fn size_of(archives: &[Archive]) -> String {
    let known = total_bytes(archives.iter().filter_map(|archive| archive.size_bytes));
    match archives.iter().filter(|archive| archive.size_bytes.is_none()).count() {
        0 => format!("{known} bytes"),
        unknown => format!("{known} bytes, and {unknown} of unknown size"),
    }
}

fn tell_of_fee(session: &Session, archives: &[Archive]) {
    let early = archives.iter().filter(|archive| session.engine.is_early_to_delete(archive)).count();
    match (early, archives.len()) {
        (0, _) => {}
        (_, 1) => info("the archive is younger than 90 days, which Glacier charges for all the same"),
        (early, all) => info(format_args!(
            "{early} of {all} archives are younger than 90 days, which Glacier charges for all the same"
        )),
    }
}

fn print_all(session: &Session, vault: &VaultName, archives: &[Archive]) -> Result<Exit> {
    let (foreign, mut out) = (Foreign::of_standard_output(), std::io::stdout().lock());
    for archive in archives {
        if session.form == Form::Json {
            print_record(&mut out, &DeletionRecord::new(vault, archive, false))?;
        } else {
            let name = foreign.text(archive.shown_name().unwrap_or_default());
            writeln!(out, "id:{}\t{name}", archive.id)?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// What is gone is told at once, so that whoever stops this knows. The first failure is told in any case.
async fn delete(session: &Session, vault: &VaultName, archives: &[Archive]) -> Result<Exit> {
    let (mut told, mut exit, mut printed, mut alone) = (0, Exit::Done, Ok(()), Ok(()));
    let tell = |archive: &Archive, deleted: Result<(), EngineError>| {
        told += 1;
        match deleted {
            Ok(()) if session.form == Form::Json => {
                let record = DeletionRecord::new(vault, archive, true);
                printed = print_record(&mut std::io::stdout(), &record);
            }
            Ok(()) => {}
            Err(error) if archives.len() == 1 => alone = Err(error),
            Err(error) => {
                let context = format!("cannot delete archive {}", quoted(&archive.reference().to_string()));
                exit = failure(&anyhow::Error::from(error).context(context));
            }
        }
    };
    session.engine.delete_all(vault, archives, tell).await;
    alone?;
    printed?;
    if told < archives.len() {
        say(format_args!("{} more archives were not tried", archives.len() - told));
    }
    Ok(exit)
}

/// An archive that was deleted, or that would be.
#[derive(Serialize)]
struct DeletionRecord<'a> {
    #[serde(flatten)]
    archive: ArchiveFields<'a>,
    stored_date: Option<String>,
    is_deleted: bool,
}

impl Record for DeletionRecord<'_> {
    const SCHEMA: &'static str = "deletion/1";
}

impl<'a> DeletionRecord<'a> {
    fn new(vault: &'a VaultName, archive: &'a Archive, is_deleted: bool) -> Self {
        Self {
            archive: ArchiveFields::new(vault, archive),
            stored_date: archive.stored_at().map(Timestamp::rfc3339),
            is_deleted,
        }
    }
}
