//! `archive checkpresent`: prints the name if the archive is known to exist. Its callers read the output, not the
//! status, so not knowing prints nothing, as it always did; git-annex's external remote says what is unknown.

use std::io::Write;

use anyhow::Result;

use super::{archive, patience, vault_sync};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::session::Session;

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
    match answer {
        Ok(()) => writeln!(std::io::stdout(), "{}", args.name)?,
        Err(reason) if !args.quiet => say(reason),
        Err(_) => {}
    }
    Ok(Exit::Done)
}
