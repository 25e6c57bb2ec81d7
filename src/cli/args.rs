//! The grammar of the command line. The comments of this file are the help texts.

use clap::{Parser, Subcommand};

use super::commands::{
    annex, archive, completions, estimate, job, man_pages, policy, treehash, upload, vault, verify,
};
use super::progress::Mode;
use crate::engine::TransferSettings;
use crate::settings::Defaults;
use crate::types::{Region, endpoint_url};

/// Amazon Glacier from a shell: friendly names for archives, a local cache, jobs handled for you.
///
/// A command that needs a job which is not finished says so and exits with status 75: run the same command again
/// later, or give it --wait.
#[derive(Debug, Parser)]
#[command(name = "glacier", version, propagate_version = true, arg_required_else_help = true)]
// As the original's parser has it.
#[command(args_override_self = true, infer_long_args = true)]
pub(super) struct Args {
    /// AWS region [default: AWS_REGION, AWS_DEFAULT_REGION, the configuration file's, the profile's, us-east-1].
    #[arg(long, global = true, value_name = "REGION")]
    pub(super) region: Option<Region>,

    /// URL of the service [default: AWS_ENDPOINT_URL_GLACIER, AWS_ENDPOINT_URL, the configuration file's, the
    /// profile's, AWS itself].
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint_url)]
    pub(super) endpoint_url: Option<String>,

    /// Profile of AWS's files whose keys and region are used [default: AWS_PROFILE, unless the environment has keys].
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,

    /// Say what happens on the way, such as requests that are sent again; -vv: every request to Glacier.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,

    /// Print records for programs, one JSON object a line, where the command prints anything.
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// Show how far work has come: by bars on a terminal, or as records, one JSON object a line, on standard error.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: Mode,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create, list, synchronise and delete vaults.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Store, bring back, list, check and delete archives.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// See and give up uploads that are not finished.
    #[command(subcommand)]
    Upload(UploadCommand),
    /// See what Glacier is preparing.
    #[command(subcommand)]
    Job(JobCommand),
    /// See and set how much Glacier lets this account retrieve: the data retrieval policy of the region.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Reckon what something would cost, by a price list that can be edited; nothing is changed.
    #[command(subcommand)]
    Estimate(EstimateCommand),
    /// Work on a repository of git-annex.
    #[command(subcommand)]
    Annex(AnnexCommand),
    /// Print what a shell has to read to complete command lines, such as by 'source <(glacier completions bash)'.
    Completions(completions::Completions),
    /// Write the manual, a page for each command, for those who make packages.
    #[command(hide = true)]
    ManPages(man_pages::ManPages),
    /// Compare the files below a directory with what is known of a vault; nothing is retrieved.
    ///
    /// Prints ok, differs or unknown for each file, and not-here for each archive that no file has the name of. The
    /// status is 0 only if all files are known and equal.
    Verify(verify::Verify),
    /// Print the tree hashes of files, as Glacier computes them.
    Treehash(treehash::Treehash),
    /// Show all settings: name, value (- is none), and where the value comes from, with tabs between.
    Config,
}

impl Command {
    /// Returns whether the command has records to print, for `--json`.
    pub(super) fn has_records(&self) -> bool {
        match self {
            Self::Vault(VaultCommand::Create(_) | VaultCommand::Delete(_)) => false,
            Self::Vault(VaultCommand::Tags(args)) => !args.is_change(),
            Self::Vault(VaultCommand::Notifications(args)) => !args.is_change(),
            Self::Policy(PolicyCommand::Set(args)) => args.dry_run,
            Self::Vault(_) | Self::Archive(_) | Self::Upload(_) | Self::Job(_) | Self::Policy(_) => true,
            Self::Estimate(command) => !matches!(command, EstimateCommand::Prices),
            Self::Config | Self::Verify(_) | Self::Treehash(_) => true,
            Self::Annex(_) | Self::Completions(_) | Self::ManPages(_) => false,
        }
    }

    /// Returns how the command's transfers are to go.
    pub(super) fn transfer_settings(&self, defaults: &Defaults) -> TransferSettings {
        match self {
            Self::Archive(ArchiveCommand::Upload(args)) => args.transfers.settings(defaults),
            Self::Archive(ArchiveCommand::Retrieve(args)) => args.transfers.settings(defaults),
            _ => TransferSettings::default(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum VaultCommand {
    /// Print the names of all vaults of the region.
    List(vault::List),
    /// Make sure that a vault exists.
    Create(vault::Name),
    /// Bring the cache in line with an inventory of the vault.
    Sync(vault::Sync),
    /// Delete a vault that is empty.
    Delete(vault::Delete),
    /// Print what Glacier says of a vault and what the cache knows of it: name and value, with a tab between; - is what
    /// is not known.
    Info(vault::OrDefault),
    /// Print the tags of a vault, key and value with a tab between; or set and remove some.
    Tags(vault::Tags),
    /// Print the topic that is told when a job of a vault ends, and of which events; or set or delete that.
    Notifications(vault::Notifications),
}

#[derive(Debug, Subcommand)]
pub(super) enum ArchiveCommand {
    /// Print the archives of a vault that the cache knows, one reference a line.
    List(archive::List),
    /// Store files as archives.
    Upload(archive::Upload),
    /// Bring archives back; starts a job if there is none yet.
    Retrieve(archive::Retrieve),
    /// Delete archives; asks first if they are several.
    Delete(archive::Delete),
    /// Delete archives of which another has the same name, size and tree hash; the oldest of them is kept.
    Dedupe(archive::Dedupe),
    /// Print the archive's name if the archive is known to exist.
    Checkpresent(archive::Checkpresent),
}

#[derive(Debug, Subcommand)]
pub(super) enum UploadCommand {
    /// Print the uploads in parts that are not finished: id, date, size of a part in bytes, name.
    List(upload::List),
    /// Give up uploads in parts; what Glacier holds of them is gone.
    Abort(upload::Abort),
}

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Print the jobs of all vaults: a(rchive) or i(nventory), p(ending), d(one) or e(rror), date, vault, archive.
    List(job::List),
    /// Wait until jobs are finished; status 1 if one of them failed.
    Wait(job::Wait),
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Print the policy, as 'glacier policy set' takes it.
    Get,
    /// Set the policy, for all vaults of the account in the region.
    ///
    /// Glacier refuses a standard retrieval that goes beyond the policy, at once and free of charge. Expedited and bulk
    /// retrievals and jobs under way are not touched. A change takes some minutes to be in force.
    Set(policy::Set),
}

#[derive(Debug, Subcommand)]
pub(super) enum EstimateCommand {
    /// Estimate what it costs to store files, and to keep them each month from then on.
    Upload(estimate::Upload),
    /// Estimate what it costs to bring archives back, by tier.
    Retrieve(estimate::Retrieve),
    /// Estimate what it costs to keep a vault.
    Store(estimate::Store),
    /// Estimate what is charged for archives that are deleted now, before they are 90 days old.
    Delete(estimate::Delete),
    /// Print the price file in use, the owner's or the one that is built in.
    ///
    /// The owner's is prices.toml beside the configuration file, of which 'glacier config' tells; it is used instead of the
    /// one that is built in, as a whole.
    Prices,
}

#[derive(Debug, Subcommand)]
pub(super) enum AnnexCommand {
    /// Ask Glacier for all files that are there and not here, in the order in which they were stored.
    Prefetch(annex::Prefetch),
}
