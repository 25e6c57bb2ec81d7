//! `archive list`: one reference a line, each of which can be given back to this program.

use std::io::{BufWriter, Stdout, Write};
use std::ops::ControlFlow;

use anyhow::Result;

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::output::info;
use crate::engine::{Archive, Engine, Listing};
use crate::types::quoted;

pub(super) async fn run(engine: &Engine, args: archive::List) -> Result<Exit> {
    let mut printer =
        Printer { out: BufWriter::new(std::io::stdout()), force_ids: args.force_ids, group: Vec::new() };
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
    if listing == Listing::NeverSynced {
        let vault = args.vault.as_str();
        info(format_args!(
            "what vault {} holds is not known here; run 'glacier vault sync {vault}'",
            quoted(vault)
        ));
    }
    Ok(Exit::Done)
}

/// Prints archives as they come, ordered by name; those of one name wait for each other.
struct Printer {
    out: BufWriter<Stdout>,
    force_ids: bool,
    group: Vec<Archive>,
}

impl Printer {
    fn take(&mut self, archive: Archive) -> std::io::Result<()> {
        if self.group.first().is_some_and(|first| first.name != archive.name) {
            self.print_group()?;
        }
        self.group.push(archive);
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<()> {
        self.print_group()?;
        self.out.flush()
    }

    fn print_group(&mut self) -> std::io::Result<()> {
        let needs_ids = self.force_ids || self.group.len() > 1;
        for archive in self.group.drain(..) {
            match archive.name.as_deref() {
                Some(name) if !name.is_empty() && !needs_ids => {
                    writeln!(self.out, "{}", archive.reference())?;
                }
                name => writeln!(self.out, "id:{}\t{}", archive.id, name.unwrap_or_default())?,
            }
        }
        Ok(())
    }
}
