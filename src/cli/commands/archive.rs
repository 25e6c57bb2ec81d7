//! The arguments of the `archive` commands.

use std::time::Duration;

use clap::Args;

use super::hours;
use crate::cli::file_or_standard::FileOrStandard;
use crate::types::{ArchiveRef, VaultName};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print the id of every archive, then its name.
    #[arg(long)]
    pub(super) force_ids: bool,
    /// Print id, size in bytes, date, tree hash, date of the last inventory that lists it, and name, with tabs between;
    /// - is what is not known.
    #[arg(short, long)]
    pub(super) long: bool,
    /// The vault.
    pub(super) vault: VaultName,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Upload {
    /// Name of the archive [default: the file's, without its directory].
    #[arg(long, allow_hyphen_values = true)]
    pub(super) name: Option<String>,
    /// The vault.
    pub(super) vault: VaultName,
    /// The file; - is standard input, which needs --name.
    pub(super) file: FileOrStandard,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Retrieve {
    /// Wait until Glacier has the data ready, which takes hours.
    #[arg(long)]
    pub(super) wait: bool,
    /// Write to this file; - is standard output [default: the archive's name, in the current directory].
    #[arg(short, value_name = "FILE")]
    pub(super) output: Option<FileOrStandard>,
    /// How much one request fetches; rounded down to a power of two MiB, from 1 to 64.
    #[arg(long, value_name = "BYTES", default_value = "8388608", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) multipart_size: u64,
    /// The vault.
    pub(super) vault: VaultName,
    /// Archives, by name or as id:ID.
    #[arg(required = true, value_name = "NAME")]
    pub(super) names: Vec<ArchiveRef>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// The vault.
    pub(super) vault: VaultName,
    /// The archive, by name or as id:ID.
    pub(super) name: ArchiveRef,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Dedupe {
    /// Only print what would be deleted.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The vault.
    pub(super) vault: VaultName,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Checkpresent {
    /// Wait for an inventory where one is needed to know, which takes hours.
    #[arg(long)]
    pub(super) wait: bool,
    /// Do not say why the archive is not known to exist.
    #[arg(long)]
    pub(super) quiet: bool,
    /// The archive must be known to have existed within this many hours.
    #[arg(long, value_name = "HOURS", default_value = "60", value_parser = hours)]
    pub(super) max_age: Duration,
    /// The vault.
    pub(super) vault: VaultName,
    /// The archive, by name or as id:ID.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
}
