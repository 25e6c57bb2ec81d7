//! `archive dedupe`: of archives with the same name and content one is left when this ends. Prints what it deletes.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, warning};
use crate::cli::session::Session;

/// An archive that stands for others must be known to have existed within this time, as with git-annex.
const KNOWN_WITHIN: Duration = Duration::from_secs(60 * 60 * 60);

pub(super) async fn run(session: &Session, args: archive::Dedupe) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let (foreign, mut unsure) = (Foreign::of_standard_output(), 0);
    let mut out = std::io::stdout().lock();
    for duplicate in session.engine.duplicates(&vault, KNOWN_WITHIN).await? {
        if duplicate.kept.is_none() {
            unsure += 1;
            continue;
        }
        if !args.dry_run {
            session.engine.dedupe(&vault, &duplicate).await?;
        }
        let name = foreign.text(duplicate.archive.shown_name().unwrap_or_default()).into_owned();
        writeln!(out, "id:{}\t{name}", duplicate.archive.id)?;
    }
    out.flush()?;
    if unsure == 0 {
        return Ok(Exit::Done);
    }
    let vault = &vault;
    warning(format_args!(
        "{unsure} archives with equal ones were left alone, since no inventory of the last 60 hours lists them; run 'glacier vault sync {vault}' first"
    ));
    Ok(Exit::Failed)
}
