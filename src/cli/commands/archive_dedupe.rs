//! `archive dedupe`: of archives with the same name and content one is left when this ends. Prints what it deletes.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, warning};
use crate::cli::records::{ArchiveFields, Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::Duplicate;
use crate::types::VaultName;

/// An archive that stands for others must be known to have existed within this time, as with git-annex.
const KNOWN_WITHIN: Duration = Duration::from_secs(60 * 60 * 60);

pub(super) async fn run(session: &Session, args: archive::Dedupe) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let (foreign, mut unsure) = (Foreign::of_standard_output(), 0);
    let mut out = std::io::stdout().lock();
    for duplicate in session.engine.duplicates(&vault, KNOWN_WITHIN).await? {
        let is_deleted = duplicate.kept.is_some() && !args.dry_run;
        if is_deleted {
            session.engine.dedupe(&vault, &duplicate).await?;
        }
        unsure += u64::from(duplicate.kept.is_none());
        if session.form == Form::Json {
            print_record(&mut out, &DuplicateRecord::new(&vault, &duplicate, is_deleted))?;
        } else if duplicate.kept.is_some() {
            let name = foreign.text(duplicate.archive.shown_name().unwrap_or_default()).into_owned();
            writeln!(out, "id:{}\t{name}", duplicate.archive.id)?;
        }
    }
    out.flush()?;
    if unsure == 0 {
        return Ok(Exit::Done);
    }
    warning(format_args!(
        "{unsure} archives with equal ones were left alone: no inventory of the last 60 hours lists them all, or the oldest is in doubt; run '{}' first",
        session.engine.sync_command(&vault)
    ));
    Ok(Exit::Failed)
}

/// An archive of which another has the same name and content.
#[derive(Serialize)]
struct DuplicateRecord<'a> {
    #[serde(flatten)]
    archive: ArchiveFields<'a>,
    /// The archive that stands for it; none if it is left alone, since no inventory lists both or the oldest is in doubt.
    kept_id: Option<&'a str>,
    is_deleted: bool,
}

impl Record for DuplicateRecord<'_> {
    const SCHEMA: &'static str = "duplicate/1";
}

impl<'a> DuplicateRecord<'a> {
    fn new(vault: &'a VaultName, Duplicate { archive, kept }: &'a Duplicate, is_deleted: bool) -> Self {
        Self {
            archive: ArchiveFields::new(vault, archive),
            kept_id: kept.as_ref().map(|kept| kept.id.as_str()),
            is_deleted,
        }
    }
}
