//! `archive retrieve`: what is ready is brought here, jobs are started for the rest.

mod plan;
mod targets;

use std::collections::HashSet;
use std::io::IsTerminal;

use anyhow::{Result, bail};
use serde::Serialize;

use super::{archive, patience};
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::output::{say, warning};
use crate::cli::progress::beside;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::{
    Archive, EngineError, Progress, RangeSize, Retrieval, RetrieveOptions, Retrieved, Selection, Wanted,
};
use crate::types::{ArchiveRef, JobId, VaultName, quoted};

pub(super) async fn run(session: &Session, args: archive::Retrieve) -> Result<Exit> {
    if args.output.is_some() && (args.names.len() > 1 || !args.several.is_empty()) {
        bail!("cannot specify output filename with multi-archive retrieval");
    }
    if session.form == Form::Json && matches!(args.output, Some(FileOrStandard::Standard)) {
        bail!(
            "records and data cannot both go to standard output; give a file with -o, or run it without --json"
        );
    }
    let mut references = meant(session, &args).await?;
    if references.is_empty() {
        return Ok(if args.several.glob.is_empty() { Exit::Done } else { Exit::Failed });
    }
    let mut wanted = targets::of(session, &args, &references).await?;
    if args.skip_existing {
        (references, wanted) = pass_by_existing(session, &args, references, wanted).await?;
    }
    let options = RetrieveOptions {
        range_size: RangeSize::at_most(args.multipart_size),
        tier: args.tier.map(Into::into).or(session.defaults.tier),
        patience: patience(args.wait),
    };
    if args.dry_run {
        return plan::print(session, &args.vault, wanted, options.tier).await;
    }
    // Data on a terminal must not have bars drawn into it.
    let is_shown = matches!(args.output, Some(FileOrStandard::Standard)) && std::io::stdout().is_terminal();
    let progress: &dyn Progress = if is_shown { &() } else { &*session.progress };
    retrieve(session, &args.vault, &references, wanted, options, progress).await
}

/// The archives that are named, in the order given, then those that the list and the patterns add.
async fn meant(session: &Session, args: &archive::Retrieve) -> Result<Vec<ArchiveRef>> {
    let mut meant = args.names.clone();
    let mut known: HashSet<ArchiveRef> = meant.iter().map(plain).collect();
    let mut add = |reference: ArchiveRef| {
        if known.insert(plain(&reference)) {
            meant.push(reference);
        }
    };
    args.several.listed()?.into_iter().for_each(&mut add);
    if !args.several.glob.is_empty() {
        let selection = Selection { references: Vec::new(), patterns: args.several.glob.clone() };
        for archive in session.engine.select(&args.vault, &selection).await? {
            match archive.shown_name() {
                Some(name) => add(ArchiveRef::Name(name.to_owned())),
                None => warning(format_args!("left out id:{}: it has no name; bring it with -o", archive.id)),
            }
        }
    }
    Ok(meant)
}

/// The same reference, however it was written.
fn plain(reference: &ArchiveRef) -> ArchiveRef {
    match reference {
        ArchiveRef::PrefixedName(name) => ArchiveRef::Name(name.clone()),
        other => other.clone(),
    }
}

/// Returns those that are not here, and tells of the others.
async fn pass_by_existing(
    session: &Session,
    args: &archive::Retrieve,
    references: Vec<ArchiveRef>,
    wanted: Vec<Wanted>,
) -> Result<(Vec<ArchiveRef>, Vec<Wanted>)> {
    let here = session.engine.already_here(&args.vault, &wanted).await?;
    let mut out = std::io::stdout().lock();
    let mut missing = (Vec::new(), Vec::new());
    for ((reference, wanted), here) in references.into_iter().zip(wanted).zip(here) {
        let Some(archive) = here else {
            missing.0.push(reference);
            missing.1.push(wanted);
            continue;
        };
        let path = targets::shown_path(&wanted);
        if session.form == Form::Json {
            let record = RetrievalRecord::new(&args.vault, &archive, "already-here", path.as_deref(), None);
            print_record(&mut out, &record)?;
        } else if args.dry_run {
            plan::print_line(&mut out, "here", &archive, path.as_deref())?;
        }
    }
    Ok(missing)
}

async fn retrieve(
    session: &Session,
    vault: &VaultName,
    references: &[ArchiveRef],
    wanted: Vec<Wanted>,
    options: RetrieveOptions,
    progress: &dyn Progress,
) -> Result<Exit> {
    let paths: Vec<Option<String>> = wanted.iter().map(targets::shown_path).collect();
    let (mut told, mut printed) = (vec![None; references.len()], Ok(()));
    let mut tell = |retrieved: Retrieved<'_>| {
        if let Some(told) = told.get_mut(retrieved.index) {
            *told = Some(retrieved.outcome.map_err(drop));
        }
        if session.form == Form::Json && printed.is_ok() {
            let path = paths.get(retrieved.index).and_then(Option::as_deref);
            let record = RetrievalRecord::of(vault, &retrieved, path);
            printed = beside(|| print_record(&mut std::io::stdout(), &record));
        }
    };
    let retrievals = session.engine.retrieve_and_tell(vault, wanted, options, progress, &mut tell).await;
    printed?;
    if retrievals.is_err() && references.len() > 1 && session.form == Form::Text {
        tell_all(references, &told);
    }
    let untried = told.iter().filter(|told| told.is_none()).count();
    if retrievals.is_err() && (1..references.len()).contains(&untried) {
        say(format_args!("{untried} more archives were not tried"));
    }
    let retrievals = retrievals?;
    if retrievals.iter().all(|retrieval| *retrieval == Retrieval::Done) {
        return Ok(Exit::Done);
    }
    if session.form == Form::Text {
        tell_all(references, &told);
    }
    Ok(Exit::TryLater)
}

/// What is here first, then what is not, of those that were tried.
fn tell_all(names: &[ArchiveRef], told: &[Option<Result<Retrieval, ()>>]) {
    let each = || {
        let tried = names.iter().zip(told).filter_map(|(name, told)| Some((name, (*told)?)));
        tried.map(|(name, outcome)| (quoted(&name.to_string()), outcome))
    };
    for (name, _) in each().filter(|(_, outcome)| *outcome == Ok(Retrieval::Done)) {
        say(format_args!("retrieved archive {name}"));
    }
    for (name, outcome) in each() {
        match outcome {
            Ok(Retrieval::Done) => {}
            Ok(Retrieval::Queued) => say(format_args!("queued retrieval job for archive {name}")),
            Ok(Retrieval::Pending) => say(format_args!("job still pending for archive {name}")),
            Err(()) => say(format_args!("could not retrieve archive {name}")),
        }
    }
}

/// What came of an archive, or what would.
#[derive(Serialize)]
struct RetrievalRecord<'a> {
    vault: &'a str,
    name: Option<&'a str>,
    id: &'a str,
    /// `done`, `already-here`, `queued`, `pending` or `failed`; of a dry run `would-be-done`, `would-be-queued` or `pending`.
    status: &'static str,
    /// Why it failed.
    reason: Option<String>,
    /// The file; none for a stream.
    path: Option<&'a str>,
    size_bytes: Option<u64>,
    job_id: Option<&'a str>,
}

impl Record for RetrievalRecord<'_> {
    const SCHEMA: &'static str = "retrieval/1";
}

impl<'a> RetrievalRecord<'a> {
    fn new(
        vault: &'a VaultName,
        archive: &'a Archive,
        status: &'static str,
        path: Option<&'a str>,
        job: Option<&'a JobId>,
    ) -> Self {
        Self {
            vault: vault.as_str(),
            name: archive.shown_name(),
            id: archive.id.as_str(),
            status,
            reason: None,
            path,
            size_bytes: archive.size_bytes,
            job_id: job.map(JobId::as_str),
        }
    }

    fn of(vault: &'a VaultName, retrieved: &Retrieved<'a>, path: Option<&'a str>) -> Self {
        let status = match retrieved.outcome {
            Ok(Retrieval::Done) => "done",
            Ok(Retrieval::Queued) => "queued",
            Ok(Retrieval::Pending) => "pending",
            Err(_) => "failed",
        };
        let reason = retrieved.outcome.err().map(EngineError::explained);
        Self { reason, ..Self::new(vault, retrieved.archive, status, path, retrieved.job) }
    }
}
