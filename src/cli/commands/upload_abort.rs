//! `upload abort`: what Glacier held of an upload in parts is gone when this ends.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::{upload, upload_list};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::UploadToAbort;
use crate::types::VaultName;

pub(super) async fn run(session: &Session, args: upload::Abort) -> Result<Exit> {
    let mut told =
        Told { form: session.form, vault: &args.vault, is_dry_run: args.dry_run, exit: Exit::Done };
    if args.dry_run {
        for upload in session.engine.uploads_to_abort(&args.vault, args.id.as_ref()).await? {
            told.tell(&upload)?;
        }
        return Ok(told.exit);
    }
    if let Some(id) = &args.id {
        session.engine.abort_upload(&args.vault, id).await?;
        told.record(id.as_str(), None, false)?;
        return Ok(Exit::Done);
    }
    let mut printed = Ok(());
    let tell = |upload: UploadToAbort| {
        let outcome = told.tell(&upload);
        if printed.is_ok() {
            printed = outcome;
        }
    };
    session.engine.abort_uploads(&args.vault, tell).await?;
    printed?;
    Ok(told.exit)
}

/// What is told of each upload.
struct Told<'a> {
    form: Form,
    vault: &'a VaultName,
    is_dry_run: bool,
    exit: Exit,
}

impl Told<'_> {
    /// Lines only of what would be given up.
    fn tell(&mut self, UploadToAbort { upload, is_in_use }: &UploadToAbort) -> std::io::Result<()> {
        if *is_in_use {
            self.exit = Exit::Failed;
            say(format_args!("upload {} is at work in another process; stop that first", upload.id));
        } else if self.is_dry_run && self.form == Form::Text {
            writeln!(std::io::stdout(), "{}", upload_list::line(upload))?;
        }
        self.record(upload.id.as_str(), Some(&upload.name), *is_in_use)
    }

    fn record(&self, id: &str, name: Option<&str>, is_in_use: bool) -> std::io::Result<()> {
        if self.form == Form::Text {
            return Ok(());
        }
        let (vault, is_aborted) = (self.vault.as_str(), !is_in_use && !self.is_dry_run);
        print_record(&mut std::io::stdout(), &AbortRecord { vault, id, name, is_in_use, is_aborted })
    }
}

/// An upload that was given up, or that would be.
#[derive(Serialize)]
struct AbortRecord<'a> {
    vault: &'a str,
    id: &'a str,
    /// Not known of one that was given by its id.
    name: Option<&'a str>,
    /// Whether a process of this machine is at it, so that it was left alone.
    is_in_use: bool,
    is_aborted: bool,
}

impl Record for AbortRecord<'_> {
    const SCHEMA: &'static str = "abort/1";
}
