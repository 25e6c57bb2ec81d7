//! `completions`: what a shell has to read to complete command lines.

use anyhow::Result;
use clap::Args;

use crate::cli::complete::Shell;
use crate::cli::exit::Exit;

#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Completions) -> Result<Exit> {
    args.shell.write_function(&mut std::io::stdout())?;
    Ok(Exit::Done)
}
