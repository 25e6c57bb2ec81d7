//! `vault tags`: lists the tags of a vault, or changes them.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::output::Foreign;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: vault::Tags) -> Result<Exit> {
    let is_change = args.is_change();
    let vault = session.vault(args.name)?;
    if is_change {
        session.engine.change_tags(&vault, &args.set, &args.remove).await?;
        return Ok(Exit::Done);
    }
    let foreign = Foreign::of_standard_output();
    let mut out = std::io::stdout().lock();
    for (key, value) in session.engine.tags(&vault).await? {
        if session.form == Form::Json {
            print_record(&mut out, &TagRecord { vault: vault.as_str(), key: &key, value: &value })?;
        } else {
            writeln!(out, "{}\t{}", foreign.text(&key), foreign.text(&value))?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// A tag of a vault.
#[derive(Serialize)]
struct TagRecord<'a> {
    vault: &'a str,
    key: &'a str,
    value: &'a str,
}

impl Record for TagRecord<'_> {
    const SCHEMA: &'static str = "tag/1";
}
