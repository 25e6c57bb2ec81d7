//! The arguments of the `vault` commands.

use std::time::Duration;

use clap::Args;

use super::hours;
use crate::engine::Event;
use crate::types::{Tag, TagKey, TopicArn, VaultName};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print name, archives and bytes as of Glacier's last inventory, its date, the date of the inventory that the cache
    /// has and how many archives that lists, with tabs between; - is what is not known.
    #[arg(short, long)]
    pub(super) long: bool,
    /// End each with a zero byte, not a line end.
    #[arg(short = '0', long)]
    pub(super) null: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Name {
    /// The vault.
    pub(super) name: VaultName,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// Only print the vault if Glacier would delete it, as far as is known: its last inventory has found it empty, and
    /// nothing was stored from here since.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The vault.
    pub(super) name: VaultName,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OrDefault {
    /// The vault [default: that of the configuration file].
    pub(super) name: Option<VaultName>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Tags {
    /// Set this tag; one that has the key is replaced. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<Tag>,
    /// Remove the tag of this key; none need be there. May be given several times.
    #[arg(long, value_name = "KEY")]
    pub(super) remove: Vec<TagKey>,
    /// The vault [default: that of the configuration file].
    pub(super) name: Option<VaultName>,
}

impl Tags {
    /// Returns whether the tags are to be changed, not printed.
    pub(in crate::cli) fn is_change(&self) -> bool {
        !self.set.is_empty() || !self.remove.is_empty()
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Notifications {
    /// Let this SNS topic be told, in place of any other.
    #[arg(long, value_name = "ARN")]
    pub(super) topic: Option<TopicArn>,
    /// What it is told of: ArchiveRetrievalCompleted or InventoryRetrievalCompleted; may be given twice [default: both].
    #[arg(long, value_name = "EVENT", requires = "topic")]
    pub(super) event: Vec<Event>,
    /// Let nobody be told any more.
    #[arg(long, conflicts_with = "topic")]
    pub(super) delete: bool,
    /// The vault [default: that of the configuration file].
    pub(super) name: Option<VaultName>,
}

impl Notifications {
    /// Returns whether they are to be changed, not printed.
    pub(in crate::cli) fn is_change(&self) -> bool {
        self.topic.is_some() || self.delete
    }
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
    #[arg(long, allow_negative_numbers = true, value_name = "HOURS", default_value = "24", value_parser = hours)]
    pub(super) max_age: Duration,
    /// The vault [default: that of the configuration file].
    pub(super) name: Option<VaultName>,
}
