//! `vault create`: the vault exists when this ends.

use anyhow::Result;

use super::vault;
use crate::cli::exit::Exit;
use crate::engine::Engine;

pub(super) async fn run(engine: &Engine, args: vault::Name) -> Result<Exit> {
    engine.create_vault(&args.name).await?;
    Ok(Exit::Done)
}
