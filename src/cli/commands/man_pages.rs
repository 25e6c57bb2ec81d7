//! `man-pages`: the manual of this program, a page for each command.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cli::exit::Exit;
use crate::cli::grammar;
use crate::types::quoted;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManPages {
    /// Where to write them; made if it is not there.
    directory: PathBuf,
}

pub(super) fn run(args: &ManPages) -> Result<Exit> {
    let shown = || format!("cannot write to {}", quoted(&args.directory.to_string_lossy()));
    std::fs::create_dir_all(&args.directory).with_context(shown)?;
    clap_mangen::generate_to(grammar(), &args.directory).with_context(shown)?;
    Ok(Exit::Done)
}
