//! `archive delete`: the archive is gone when this ends.

use anyhow::Result;

use super::archive;
use crate::cli::exit::Exit;
use crate::engine::Engine;

pub(super) async fn run(engine: &Engine, args: archive::Delete) -> Result<Exit> {
    engine.delete(&args.vault, &args.name).await?;
    Ok(Exit::Done)
}
