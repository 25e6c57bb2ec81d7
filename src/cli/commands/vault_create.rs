//! `vault create`: the vault exists when this ends.

use anyhow::Result;

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: vault::Name) -> Result<Exit> {
    session.engine.create_vault(&args.name).await?;
    Ok(Exit::Done)
}
