//! `vault list`: one name a line, as the service has them now.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::{end_of_name, vault};
use crate::cli::exit::Exit;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::VaultDetails;
use crate::types::Timestamp;

pub(super) async fn run(session: &Session, args: vault::List) -> Result<Exit> {
    let end = end_of_name(session, args.null)?;
    let mut out = std::io::stdout().lock();
    for details in session.engine.vaults().await? {
        if session.form == Form::Json {
            print_record(&mut out, &VaultRecord::from(&details))?;
        } else if args.long {
            write!(out, "{}{end}", line(&details))?;
        } else {
            write!(out, "{}{end}", details.vault.name)?;
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

/// A vault, as of Glacier's last inventory and as far as the cache knows it.
#[derive(Serialize)]
struct VaultRecord {
    name: String,
    archives: u64,
    size_bytes: u64,
    inventory_date: Option<String>,
    known_inventory_date: Option<String>,
    known_archives: Option<u64>,
}

impl Record for VaultRecord {
    const SCHEMA: &'static str = "vault/1";
}

impl From<&VaultDetails> for VaultRecord {
    fn from(VaultDetails { vault, knowledge }: &VaultDetails) -> Self {
        let taken = knowledge.inventory;
        Self {
            name: vault.name.to_string(),
            archives: vault.archives,
            size_bytes: vault.size_bytes,
            inventory_date: vault.last_inventory.map(Timestamp::rfc3339),
            known_inventory_date: taken.map(|taken| taken.date.rfc3339()),
            known_archives: taken.map(|taken| taken.rows),
        }
    }
}
