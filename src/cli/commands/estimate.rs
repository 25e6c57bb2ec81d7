//! The arguments of the `estimate` commands.

use std::path::PathBuf;

use clap::Args;

use super::archive::TierName;
use super::count;
use crate::cli::file_or_standard::FileOrStandard;
use crate::engine::{Selection, Tier};
use crate::types::{ArchiveRef, NamePattern, PartSize, VaultName};

#[derive(Debug, Args)]
pub(in crate::cli) struct Upload {
    /// All files below this directory, but links, devices, pipes and empty files; may be repeated.
    #[arg(short, long, value_name = "DIR")]
    pub(super) recursive: Vec<PathBuf>,
    /// Without files of which the vault holds an archive of the same name, size and tree hash, as far as is known here.
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// Size of a part: a power of two MiB, from 1M to 4G [default: as 'archive upload' chooses it].
    #[arg(long, allow_negative_numbers = true, value_name = "BYTES")]
    pub(super) part_size: Option<PartSize>,
    /// The vault; it need not be there.
    pub(super) vault: VaultName,
    /// Files.
    #[arg(required_unless_present = "recursive", value_name = "FILE")]
    pub(super) files: Vec<FileOrStandard>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Retrieve {
    /// All archives whose name matches: * and ? are anything but /, ** any directories; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    glob: Vec<NamePattern>,
    /// How fast [default: each that has prices].
    #[arg(long, value_name = "TIER")]
    pub(super) tier: Option<TierName>,
    /// The vault.
    pub(super) vault: VaultName,
    /// Archives, by name or as id:ID [default: all of the vault].
    #[arg(value_name = "NAME")]
    names: Vec<ArchiveRef>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Store {
    /// For how many months.
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value = "1", value_parser = |text: &str| count(text, 1200))]
    pub(super) months: u16,
    /// The vault [default: that of the configuration file].
    pub(super) vault: Option<VaultName>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// All archives whose name matches: * and ? are anything but /, ** any directories; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    glob: Vec<NamePattern>,
    /// The vault.
    pub(super) vault: VaultName,
    /// Archives, by name or as id:ID [default: all of the vault].
    #[arg(value_name = "NAME")]
    names: Vec<ArchiveRef>,
}

impl Retrieve {
    pub(super) fn selection(&self) -> Selection {
        Selection { references: self.names.clone(), patterns: self.glob.clone() }
    }

    /// The tiers to tell of, the cheapest first.
    pub(super) fn tiers(&self) -> Vec<Tier> {
        match self.tier {
            Some(tier) => vec![tier.into()],
            None => vec![Tier::Bulk, Tier::Standard, Tier::Expedited],
        }
    }
}

impl Delete {
    pub(super) fn selection(&self) -> Selection {
        Selection { references: self.names.clone(), patterns: self.glob.clone() }
    }
}
