//! `archive list`: one reference a line, each of which can be given back to this program.

use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::ops::ControlFlow;

use anyhow::Result;
use serde::Serialize;

use super::{archive, end_of_name};
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, info};
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::Listed;
use crate::types::{Timestamp, VaultName, needs_prefix, quoted};

pub(super) async fn run(session: &Session, args: archive::List) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let mut printer = Printer::new(args.force_ids, end_of_name(session, args.null)?);
    let mut failure = None;
    let print = |listed: &Listed<'_>| {
        let printed = match session.form {
            Form::Json => printer.print_record(&vault, listed),
            Form::Text if args.long => printer.print_all(listed),
            Form::Text => printer.take(listed),
        };
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let listing = session.engine.list(&vault, print).await?;
    failure.map_or(Ok(()), Err)?;
    printer.finish()?;
    if let Some(account) = listing.account_of_several {
        info(format_args!("this is account {account}, one of several that are known here"));
    }
    if !listing.is_known {
        info(format_args!(
            "what vault {} holds is not known here; run '{}'",
            quoted(vault.as_str()),
            session.engine.sync_command(&vault)
        ));
    } else if !listing.was_whole && std::io::stderr().is_terminal() {
        info(format_args!(
            "archives that were not stored from here are not known until '{}'",
            session.engine.sync_command(&vault)
        ));
    }
    Ok(Exit::Done)
}

/// Prints archives as they come, ordered by name.
struct Printer {
    out: BufWriter<Stdout>,
    foreign: Foreign,
    force_ids: bool,
    end: char,
    /// The last that came: it waits for the next, which may have the same name.
    id: String,
    name: String,
    is_waiting: bool,
    was_same: bool,
}

impl Printer {
    fn new(force_ids: bool, end: char) -> Self {
        let (id, name) = (String::new(), String::new());
        let (out, foreign) = (BufWriter::new(std::io::stdout()), Foreign::of_standard_output());
        Self { out, foreign, force_ids, end, id, name, is_waiting: false, was_same: false }
    }

    fn take(&mut self, listed: &Listed<'_>) -> Result<()> {
        let is_same = self.is_waiting && self.name == listed.shown_name;
        self.print_waiting(is_same)?;
        self.id.clear();
        self.id.push_str(listed.id);
        self.name.clear();
        self.name.push_str(listed.shown_name);
        (self.is_waiting, self.was_same) = (true, is_same);
        Ok(())
    }

    fn print_waiting(&mut self, is_same_as_next: bool) -> std::io::Result<()> {
        if !self.is_waiting {
            return Ok(());
        }
        let name = self.foreign.text(&self.name);
        if self.force_ids || self.was_same || is_same_as_next || name.is_empty() {
            return write!(self.out, "id:{}\t{name}{}", self.id, self.end);
        }
        let prefix = if needs_prefix(&self.name) { "name:" } else { "" };
        write!(self.out, "{prefix}{name}{}", self.end)
    }

    /// Prints id, size in bytes, date, tree hash, when it was last seen by an inventory, name.
    fn print_all(&mut self, listed: &Listed<'_>) -> Result<()> {
        let archive = listed.archive();
        let (size, hash) = (shown(archive.size_bytes), shown(archive.tree_hash));
        let (date, seen) = (day(archive.stored_at()), day(archive.last_seen_upstream));
        let name = self.foreign.text(listed.shown_name);
        let (id, end) = (listed.id, self.end);
        Ok(write!(self.out, "id:{id}\t{size}\t{date}\t{hash}\t{seen}\t{name}{end}")?)
    }

    fn print_record(&mut self, vault: &VaultName, listed: &Listed<'_>) -> Result<()> {
        let archive = listed.archive();
        let record = ArchiveRecord {
            vault: vault.as_str(),
            id: listed.id,
            name: archive.shown_name(),
            description: archive.name.as_deref(),
            size_bytes: archive.size_bytes,
            tree_hash: archive.tree_hash.map(|hash| hash.to_string()),
            stored_date: archive.stored_at().map(Timestamp::rfc3339),
            last_seen_date: archive.last_seen_upstream.map(Timestamp::rfc3339),
        };
        Ok(print_record(&mut self.out, &record)?)
    }

    fn finish(mut self) -> std::io::Result<()> {
        self.print_waiting(false)?;
        self.out.flush()
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn day(date: Option<Timestamp>) -> String {
    shown(date.map(Timestamp::rfc3339))
}

/// An archive, as the cache knows it.
#[derive(Serialize)]
struct ArchiveRecord<'a> {
    vault: &'a str,
    id: &'a str,
    name: Option<&'a str>,
    /// As Glacier has it; some programs write more than a name into it.
    description: Option<&'a str>,
    size_bytes: Option<u64>,
    tree_hash: Option<String>,
    stored_date: Option<String>,
    /// When the last inventory that lists it saw it.
    last_seen_date: Option<String>,
}

impl Record for ArchiveRecord<'_> {
    const SCHEMA: &'static str = "archive/1";
}
