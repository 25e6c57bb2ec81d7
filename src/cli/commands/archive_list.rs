//! `archive list`: one reference a line, each of which can be given back to this program.

use std::io::{BufWriter, Stdout, Write};
use std::ops::ControlFlow;

use anyhow::Result;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, info};
use crate::engine::{Archive, Engine};
use crate::types::{Timestamp, quoted};

pub(super) async fn run(engine: &Engine, args: archive::List) -> Result<Exit> {
    let mut printer = Printer::new(&args);
    let mut failure = None;
    let listing = engine
        .list(&args.vault, |archive| match printer.take(archive) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        })
        .await?;
    failure.map_or(Ok(()), Err)?;
    printer.finish()?;
    if let Some(account) = listing.account_of_several {
        info(format_args!("this is account {account}, one of several that are known here"));
    }
    if !listing.is_known {
        let vault = args.vault.as_str();
        info(format_args!(
            "what vault {} holds is not known here; run 'glacier vault sync {vault}'",
            quoted(vault)
        ));
    }
    Ok(Exit::Done)
}

/// Prints archives as they come, ordered by name. Each waits for the next, which may have the same name.
struct Printer {
    out: BufWriter<Stdout>,
    foreign: Foreign,
    columns: Columns,
    waiting: Option<Archive>,
    was_same: bool,
}

/// What a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Columns {
    /// The reference; with the id where the name alone does not do.
    Reference { force_ids: bool },
    /// Id, size in bytes, date, tree hash, when it was last seen by an inventory, name.
    All,
}

impl Printer {
    fn new(args: &archive::List) -> Self {
        let columns = if args.long { Columns::All } else { Columns::Reference { force_ids: args.force_ids } };
        let (out, foreign) = (BufWriter::new(std::io::stdout()), Foreign::of_standard_output());
        Self { out, foreign, columns, waiting: None, was_same: false }
    }

    fn take(&mut self, archive: Archive) -> std::io::Result<()> {
        let is_same = self.waiting.as_ref().is_some_and(|before| before.shown_name() == archive.shown_name());
        if let Some(before) = self.waiting.replace(archive) {
            self.print(&before, self.was_same || is_same)?;
        }
        self.was_same = is_same;
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<()> {
        if let Some(last) = self.waiting.take() {
            self.print(&last, self.was_same)?;
        }
        self.out.flush()
    }

    fn print(&mut self, archive: &Archive, is_one_of_several: bool) -> std::io::Result<()> {
        let name = self.foreign.text(archive.shown_name().unwrap_or_default());
        match self.columns {
            Columns::All => {
                let (size, hash) = (shown(archive.size_bytes), shown(archive.tree_hash));
                let (date, seen) = (day(archive.stored_at()), day(archive.last_seen_upstream));
                writeln!(self.out, "id:{}\t{size}\t{date}\t{hash}\t{seen}\t{name}", archive.id)
            }
            Columns::Reference { force_ids } if force_ids || is_one_of_several || name.is_empty() => {
                writeln!(self.out, "id:{}\t{name}", archive.id)
            }
            Columns::Reference { .. } => {
                writeln!(self.out, "{}", self.foreign.text(&archive.reference().to_string()))
            }
        }
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn day(date: Option<Timestamp>) -> String {
    shown(date.map(Timestamp::rfc3339))
}
