//! The arguments of the `archive` commands.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{count, hours, some_bytes};
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::name_list;
use crate::cli::output::info;
use crate::engine::{Tier, TransferSettings};
use crate::settings::Defaults;
use crate::types::{ArchiveRef, NamePattern, PartSize, VaultName, bytes};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print the id of every archive, then its name.
    #[arg(long)]
    pub(super) force_ids: bool,
    /// Print id, size in bytes, date, tree hash, date of the last inventory that lists it, and name, with tabs between;
    /// - is what is not known.
    #[arg(short, long)]
    pub(super) long: bool,
    /// End each with a zero byte, not a line end, so that names may have line ends in them.
    #[arg(short = '0', long)]
    pub(super) null: bool,
    /// The vault [default: that of the configuration file].
    pub(super) vault: Option<VaultName>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Upload {
    /// Name of the archive, if it is only one [default: the file's, without its directory].
    #[arg(long, allow_hyphen_values = true)]
    pub(super) name: Option<String>,
    /// Store all files below this directory, each named by its path there; links, devices, pipes and empty files are
    /// left out. May be repeated.
    #[arg(short, long, value_name = "DIR")]
    pub(super) recursive: Vec<PathBuf>,
    /// Pass by a file of which the vault holds an archive of the same name, size and tree hash, as far as is known here.
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// Only print what would be stored.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Size of a part: a power of two MiB, from 1M to 4G [default: 16M, or more for an archive that 10,000 of these do
    /// not hold; for standard input 64M, which is enough for 625 GiB].
    #[arg(long, allow_negative_numbers = true, value_name = "BYTES")]
    pub(super) part_size: Option<PartSize>,
    /// About how much will come from standard input, to choose the size of parts by.
    #[arg(long, allow_negative_numbers = true, value_name = "BYTES", value_parser = bytes, conflicts_with = "part_size")]
    pub(super) expected_size: Option<u64>,
    /// Store the archive even if an earlier upload that had no answer may have stored it.
    #[arg(long)]
    pub(super) allow_duplicate: bool,
    #[command(flatten)]
    pub(in crate::cli) transfers: Transfers,
    /// The vault.
    pub(super) vault: VaultName,
    /// Files; - is standard input, which needs --name. If one of several cannot be read, none is stored.
    #[arg(required_unless_present = "recursive", value_name = "FILE")]
    pub(super) files: Vec<FileOrStandard>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Retrieve {
    /// Wait until Glacier has the data ready, which takes hours.
    #[arg(long)]
    pub(super) wait: bool,
    /// Write to this file; - is standard output [default: the last part of the archive's name, in the current
    /// directory].
    #[arg(short, value_name = "FILE", value_parser = OsStringValueParser::new().map(FileOrStandard::output))]
    pub(super) output: Option<FileOrStandard>,
    /// Write to files below this directory, each with all of its archive's name; directories are made as needed.
    #[arg(short, long, value_name = "DIR", conflicts_with = "output")]
    pub(super) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) several: Several,
    /// Pass by an archive whose file is there already, with its size and tree hash.
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// Only print what would be done: start, pending or ready, bytes, file and name, with tabs between.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How much one request fetches; rounded down to a power of two MiB, from 1 to 64.
    #[arg(long, allow_negative_numbers = true, value_name = "BYTES", default_value = "8388608", value_parser = some_bytes)]
    pub(super) multipart_size: u64,
    /// How fast a job that is started is to be: minutes, hours or half a day, at different prices [default: that of
    /// the configuration file, standard].
    #[arg(long, value_name = "TIER", ignore_case = true)]
    pub(super) tier: Option<TierName>,
    #[command(flatten)]
    pub(in crate::cli) transfers: Transfers,
    /// The vault.
    pub(super) vault: VaultName,
    /// Archives, by name or as id:ID.
    #[arg(required_unless_present_any = ["glob", "from_file"], value_name = "NAME")]
    pub(super) names: Vec<ArchiveRef>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    pub(in crate::cli) several: Several,
    /// Delete several archives without asking.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Only print what would be deleted.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The vault.
    pub(super) vault: VaultName,
    /// Archives, by name or as id:ID.
    #[arg(required_unless_present_any = ["glob", "from_file"], value_name = "NAME")]
    pub(super) names: Vec<ArchiveRef>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Dedupe {
    /// Only print what would be deleted.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The vault [default: that of the configuration file].
    pub(super) vault: Option<VaultName>,
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
    #[arg(long, allow_negative_numbers = true, value_name = "HOURS", default_value = "60", value_parser = hours)]
    pub(super) max_age: Duration,
    /// The vault.
    pub(super) vault: VaultName,
    /// The archive, by name or as id:ID.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
}

/// Archives that are meant beside those that are named.
#[derive(Debug, Args)]
pub(in crate::cli) struct Several {
    /// All archives whose name matches: * and ? are anything but /, ** any directories; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(super) glob: Vec<NamePattern>,
    /// The archives that this file lists, one a line, as 'glacier archive list' prints them; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) from_file: Option<FileOrStandard>,
    /// In that file a zero byte ends each name, not a line end.
    #[arg(short = '0', long, requires = "from_file")]
    null: bool,
}

impl Several {
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.glob.is_empty() && self.from_file.is_none()
    }

    /// Reads the list, if there is one, and says if it is empty.
    pub(super) fn listed(&self) -> Result<Vec<ArchiveRef>> {
        let Some(list) = &self.from_file else { return Ok(Vec::new()) };
        let listed = name_list::read(list, self.null)?;
        if listed.is_empty() {
            info(format_args!("{} lists no archive", name_list::shown(list)));
        }
        Ok(listed)
    }
}

/// How data travels.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Transfers {
    /// How many parts travel at once, each on a connection of its own [default: 8].
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = |text: &str| count(text, 1000))]
    jobs: Option<u16>,
    /// Send and receive no more than this a second, all parts together; such as 500K or 10M.
    #[arg(long, allow_negative_numbers = true, value_name = "BYTES", value_parser = rate)]
    bwlimit: Option<u64>,
}

impl Transfers {
    pub(in crate::cli) fn settings(self, defaults: &Defaults) -> TransferSettings {
        TransferSettings {
            jobs: self.jobs.or(defaults.jobs).map(usize::from),
            bytes_per_second: self.bwlimit.or(defaults.bytes_per_second),
        }
    }
}

/// The tiers by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum TierName {
    Standard,
    Bulk,
    Expedited,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Standard => Self::Standard,
            TierName::Bulk => Self::Bulk,
            TierName::Expedited => Self::Expedited,
        }
    }
}

fn rate(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Ok(0) => Err("nothing at all would travel".to_owned()),
        rate => rate.map_err(|error| error.to_string()),
    }
}
