//! `vault info`: what Glacier says of a vault, and what the cache knows of it.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::output::Foreign;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::VaultInfo;
use crate::types::Timestamp;

pub(super) async fn run(session: &Session, args: vault::OrDefault) -> Result<Exit> {
    let vault = session.vault(args.name)?;
    let record = InfoRecord::from(&session.engine.vault_info(&vault).await?);
    let mut out = std::io::stdout().lock();
    if session.form == Form::Json {
        print_record(&mut out, &record)?;
    } else {
        print(&mut out, &record)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// What Glacier says, as of its last inventory; then what the cache knows.
#[derive(Serialize)]
struct InfoRecord {
    name: String,
    arn: String,
    created_date: Option<String>,
    archives: u64,
    size_bytes: u64,
    inventory_date: Option<String>,
    known_inventory_date: Option<String>,
    known_inventory_age_seconds: Option<u64>,
    known_archives: u64,
    uploads_unfinished: u64,
    uploads_without_answer: u64,
}

impl Record for InfoRecord {
    const SCHEMA: &'static str = "vault-info/1";
}

impl From<&VaultInfo> for InfoRecord {
    fn from(info: &VaultInfo) -> Self {
        let VaultInfo { vault, knowledge, .. } = info;
        Self {
            name: vault.name.to_string(),
            arn: vault.arn.clone(),
            created_date: vault.created.map(Timestamp::rfc3339),
            archives: vault.archives,
            size_bytes: vault.size_bytes,
            inventory_date: vault.last_inventory.map(Timestamp::rfc3339),
            known_inventory_date: knowledge.inventory.map(|taken| taken.date.rfc3339()),
            known_inventory_age_seconds: info.inventory_age.map(|age| age.as_secs()),
            known_archives: info.archives,
            uploads_unfinished: info.uploads_unfinished,
            uploads_without_answer: info.uploads_without_answer,
        }
    }
}

fn print(out: &mut impl Write, record: &InfoRecord) -> std::io::Result<()> {
    let unknown = || "-".to_owned();
    let known = |text: &Option<String>| text.clone().unwrap_or_else(unknown);
    let age = record.known_inventory_age_seconds.map_or_else(unknown, |age| format!("{} hours", age / 3600));
    for (name, value) in [
        ("name", record.name.clone()),
        ("arn", Foreign::of_standard_output().text(&record.arn).into_owned()),
        ("created", known(&record.created_date)),
        ("archives", record.archives.to_string()),
        ("size in bytes", record.size_bytes.to_string()),
        ("last inventory", known(&record.inventory_date)),
        ("inventory in the cache", known(&record.known_inventory_date)),
        ("its age", age),
        ("archives in the cache", record.known_archives.to_string()),
        ("uploads unfinished", record.uploads_unfinished.to_string()),
        ("uploads without an answer", record.uploads_without_answer.to_string()),
    ] {
        writeln!(out, "{name}\t{value}")?;
    }
    Ok(())
}
