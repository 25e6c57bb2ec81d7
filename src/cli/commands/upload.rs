//! The arguments of the `upload` commands.

use clap::Args;

use crate::types::{UploadId, VaultName};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// The vault [default: that of the configuration file].
    pub(super) vault: Option<VaultName>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Abort {
    /// Give up all uploads into the vault that no process here is at.
    #[arg(long)]
    pub(super) all: bool,
    /// Only print what would be given up, as 'glacier upload list' does.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The vault.
    pub(super) vault: VaultName,
    /// The id of the upload, as 'glacier upload list' prints it.
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all",
        allow_hyphen_values = true
    )]
    pub(super) id: Option<UploadId>,
}
