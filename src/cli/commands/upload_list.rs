//! `upload list`: `ID DATE PARTSIZE NAME`, one upload in parts a line; what has no answer is said beside it.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::upload;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, info};
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::OpenUpload;
use crate::types::{Timestamp, VaultName, quoted};

pub(super) async fn run(session: &Session, args: upload::List) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let open = session.engine.open_uploads(&vault).await?;
    let mut out = std::io::stdout().lock();
    for upload in &open.in_parts {
        match session.form {
            Form::Json => print_record(&mut out, &UploadRecord::in_parts(&vault, upload))?,
            Form::Text => writeln!(out, "{}", line(upload))?,
        }
    }
    for upload in &open.without_answer {
        let Some(storing) = upload.storing else { continue };
        if session.form == Form::Json {
            let record = UploadRecord {
                vault: vault.as_str(),
                id: upload.id.as_ref().map(ToString::to_string),
                name: &upload.name,
                status: "without-answer",
                part_size_bytes: upload.id.is_some().then(|| upload.part_size.bytes()),
                size_bytes: Some(storing.size_bytes),
                begun_date: None,
                sent_date: Some(storing.since.rfc3339()),
            };
            print_record(&mut out, &record)?;
            continue;
        }
        info(format_args!(
            "archive {} of {} bytes, sent on {}, had no answer and may be stored; '{}' settles that with an inventory of some days later",
            quoted(&upload.name),
            storing.size_bytes,
            storing.since,
            session.engine.sync_command(&vault)
        ));
    }
    out.flush()?;
    Ok(Exit::Done)
}

pub(super) fn line(upload: &OpenUpload) -> String {
    let foreign = Foreign::of_standard_output();
    let (created, name) = (foreign.text(&upload.created), foreign.text(&upload.name));
    format!("{}\t{created}\t{}\t{name}", upload.id, upload.part_size_bytes)
}

/// An upload that is not finished.
#[derive(Serialize)]
struct UploadRecord<'a> {
    vault: &'a str,
    id: Option<String>,
    name: &'a str,
    /// `in-parts`, of which Glacier holds what has come; or `without-answer`, which may be stored.
    status: &'static str,
    part_size_bytes: Option<u64>,
    size_bytes: Option<u64>,
    begun_date: Option<String>,
    /// When the request was sent that had no answer.
    sent_date: Option<String>,
}

impl Record for UploadRecord<'_> {
    const SCHEMA: &'static str = "upload/1";
}

impl<'a> UploadRecord<'a> {
    fn in_parts(vault: &'a VaultName, upload: &'a OpenUpload) -> Self {
        Self {
            vault: vault.as_str(),
            id: Some(upload.id.to_string()),
            name: &upload.name,
            status: "in-parts",
            part_size_bytes: Some(upload.part_size_bytes),
            size_bytes: None,
            begun_date: upload.created.parse().ok().map(Timestamp::rfc3339),
            sent_date: None,
        }
    }
}
