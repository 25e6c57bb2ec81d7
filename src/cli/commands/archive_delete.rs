//! `archive delete`: the archive is gone when this ends.

use anyhow::Result;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: archive::Delete) -> Result<Exit> {
    session.engine.delete(&args.vault, &args.name).await?;
    Ok(Exit::Done)
}
