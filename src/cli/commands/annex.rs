//! Arguments of the commands about repositories of git-annex. The comments of this file are the help texts.

use std::ffi::OsString;

use clap::Args;

use super::archive::TierName;

#[derive(Debug, Args)]
pub(in crate::cli) struct Prefetch {
    /// How fast: Standard takes 3 to 5 hours, bulk 5 to 12 at the lowest price [default: that of the remote,
    /// that of the configuration file, standard].
    #[arg(long, value_name = "TIER", ignore_case = true)]
    pub(super) tier: Option<TierName>,
    /// Only print the files that would be asked for, bytes and name with a tab between; git-annex is not asked which of
    /// them were asked for before.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The remote [default: the only one of type=external externaltype=glacier].
    pub(super) remote: Option<String>,
    /// Paths, or matching options as 'git annex find' has them.
    #[arg(value_name = "MATCHING", allow_hyphen_values = true)]
    pub(super) matching: Vec<OsString>,
    /// Paths, whatever they begin with.
    #[arg(value_name = "PATH", last = true)]
    pub(super) paths: Vec<OsString>,
}
