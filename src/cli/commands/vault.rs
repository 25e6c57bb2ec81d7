//! The arguments of the `vault` commands.

use std::time::Duration;

use clap::Args;

use super::hours;
use crate::types::VaultName;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print name, archives and bytes as of Glacier's last inventory, its date, the date of the inventory that the cache
    /// has and how many archives that lists, with tabs between; - is what is not known.
    #[arg(short, long)]
    pub(super) long: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Name {
    /// The vault.
    pub(super) name: VaultName,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Sync {
    /// Wait until Glacier has made the inventory, which takes hours.
    #[arg(long)]
    pub(super) wait: bool,
    /// Where cache and inventory disagree, take over what the inventory says.
    #[arg(long)]
    pub(super) fix: bool,
    /// Use an inventory that was finished within this many hours; 0 asks for a new one.
    #[arg(long, value_name = "HOURS", default_value = "24", value_parser = hours)]
    pub(super) max_age: Duration,
    /// The vault [default: that of the configuration file].
    pub(super) name: Option<VaultName>,
}
