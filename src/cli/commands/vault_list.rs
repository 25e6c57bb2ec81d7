//! `vault list`: one name a line, as the service has them now.

use std::io::Write;

use anyhow::Result;

use crate::cli::exit::Exit;
use crate::engine::Engine;

pub(super) async fn run(engine: &Engine) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for vault in engine.vaults().await? {
        writeln!(out, "{vault}")?;
    }
    out.flush()?;
    Ok(Exit::Done)
}
