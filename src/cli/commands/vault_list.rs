//! `vault list`: one name a line, as the service has them now.

use std::io::Write;

use anyhow::Result;

use super::vault;
use crate::cli::exit::Exit;
use crate::engine::{Engine, VaultDetails};
use crate::types::Timestamp;

pub(super) async fn run(engine: &Engine, args: vault::List) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for details in engine.vaults().await? {
        if args.long {
            writeln!(out, "{}", line(&details))?;
        } else {
            writeln!(out, "{}", details.vault.name)?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn line(VaultDetails { vault, knowledge }: &VaultDetails) -> String {
    let unknown = || "-".to_owned();
    let date = |date: Option<Timestamp>| date.map_or_else(unknown, Timestamp::rfc3339);
    let taken = knowledge.inventory;
    let rows = taken.map_or_else(unknown, |taken| taken.rows.to_string());
    let (made, known) = (date(vault.last_inventory), date(taken.map(|taken| taken.date)));
    format!("{}\t{}\t{}\t{made}\t{known}\t{rows}", vault.name, vault.archives, vault.size_bytes)
}
