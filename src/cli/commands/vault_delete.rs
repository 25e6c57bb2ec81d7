//! `vault delete`: the vault is gone when this ends.

use anyhow::Result;

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: vault::Name) -> Result<Exit> {
    session.engine.delete_vault(&args.name).await?;
    Ok(Exit::Done)
}
