//! `archive checkpresent`: prints the name if the archive is known to exist. Its callers read the output, not the
//! status, so not knowing prints nothing, as it always did; its record says whether that is known, and git-annex's external
//! remote says what is unknown.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::{archive, patience, vault_sync};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::Presence;

pub(super) async fn run(session: &Session, args: archive::Checkpresent) -> Result<Exit> {
    let reference = args.name.parse()?;
    let patience = patience(args.wait);
    let (answer, taken) = session
        .engine
        .is_known_present(
            &args.vault,
            &reference,
            args.max_age,
            patience,
            vault_sync::tell,
            &*session.progress,
        )
        .await?;
    taken.iter().for_each(vault_sync::tell_of_unreadable);
    if session.form == Form::Json {
        let known = session.engine.known_presence(&args.vault, &reference, args.max_age).await?;
        let presence = match (&answer, known) {
            (Ok(()), _) => "present",
            (Err(_), Presence::Absent) => "absent",
            (Err(_), _) => "unknown",
        };
        let (vault, name, reason) = (args.vault.as_str(), args.name.as_str(), answer.err());
        print_record(&mut std::io::stdout(), &PresenceRecord { vault, name, presence, reason })?;
        return Ok(Exit::Done);
    }
    match answer {
        Ok(()) => writeln!(std::io::stdout(), "{}", args.name)?,
        Err(reason) if !args.quiet => say(reason),
        Err(_) => {}
    }
    Ok(Exit::Done)
}

/// Whether an archive exists.
#[derive(Serialize)]
struct PresenceRecord<'a> {
    vault: &'a str,
    /// As it was given.
    name: &'a str,
    /// `present`, `absent` or `unknown`.
    presence: &'static str,
    /// Why it is not known to be present.
    reason: Option<String>,
}

impl Record for PresenceRecord<'_> {
    const SCHEMA: &'static str = "presence/1";
}
