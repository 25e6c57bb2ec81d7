//! What a command was to do, for the error that says why it did not, and what to do after an interruption.

use std::borrow::Cow;

use super::archive;
use crate::cli::args::{
    ArchiveCommand, Command, EstimateCommand, JobCommand, PolicyCommand, UploadCommand, VaultCommand,
};
use crate::cli::file_or_standard::FileOrStandard;
use crate::settings::Defaults;
use crate::types::{VaultName, quoted};

/// Returns what the command cannot do when Glacier does not, if the error alone would not tell.
pub(in crate::cli) fn failing(command: &Command, defaults: &Defaults) -> Option<String> {
    let of = |vault: &VaultName| quoted(vault.as_str());
    let meant = |vault: &Option<VaultName>| {
        let vault = vault.as_ref().or(defaults.vault.as_ref());
        vault.map_or_else(String::new, |vault| format!(" {}", of(vault)))
    };
    Some(match command {
        Command::Vault(VaultCommand::List(_)) => "cannot list the vaults".to_owned(),
        Command::Vault(VaultCommand::Create(args)) => format!("cannot create vault {}", of(&args.name)),
        Command::Vault(VaultCommand::Sync(args)) => format!("cannot synchronise vault{}", meant(&args.name)),
        Command::Vault(VaultCommand::Delete(args)) => format!("cannot delete vault {}", of(&args.name)),
        Command::Vault(VaultCommand::Info(args)) => format!("cannot describe vault{}", meant(&args.name)),
        Command::Vault(VaultCommand::Tags(args)) => {
            format!("cannot get or change the tags of vault{}", meant(&args.name))
        }
        Command::Vault(VaultCommand::Notifications(args)) => {
            format!("cannot get or change the notifications of vault{}", meant(&args.name))
        }
        Command::Archive(ArchiveCommand::List(args)) => {
            format!("cannot list the archives of vault{}", meant(&args.vault))
        }
        Command::Archive(ArchiveCommand::Upload(args)) => {
            let what = match args.files.as_slice() {
                [FileOrStandard::Standard] => "standard input".to_owned(),
                [FileOrStandard::File(path)] => quoted(&path.to_string_lossy()),
                _ => "files".to_owned(),
            };
            format!("cannot store {what} in vault {}", of(&args.vault))
        }
        Command::Archive(ArchiveCommand::Retrieve(args)) => {
            let which = match args.names.as_slice() {
                [name] if args.several.is_empty() => format!("archive {}", quoted(&name.to_string())),
                names if args.several.is_empty() => format!("all {} archives", names.len()),
                _ => "archives".to_owned(),
            };
            format!("cannot retrieve {which} from vault {}", of(&args.vault))
        }
        Command::Archive(ArchiveCommand::Delete(args)) => {
            let what = match args.names.as_slice() {
                [name] if args.several.is_empty() => format!("archive {}", quoted(&name.to_string())),
                _ => "archives".to_owned(),
            };
            format!("cannot delete {what} of vault {}", of(&args.vault))
        }
        Command::Archive(ArchiveCommand::Dedupe(args)) => {
            format!("cannot delete duplicates in vault{}", meant(&args.vault))
        }
        Command::Archive(ArchiveCommand::Checkpresent(args)) => {
            format!("cannot check archive {} of vault {}", quoted(&args.name), of(&args.vault))
        }
        Command::Upload(UploadCommand::List(args)) => {
            format!("cannot list the uploads into vault{}", meant(&args.vault))
        }
        Command::Upload(UploadCommand::Abort(args)) => {
            format!("cannot give up uploads into vault {}", of(&args.vault))
        }
        Command::Job(JobCommand::List(_)) => "cannot list the jobs".to_owned(),
        Command::Job(JobCommand::Wait(_)) => "cannot wait for jobs".to_owned(),
        Command::Policy(PolicyCommand::Get) => "cannot get the retrieval policy".to_owned(),
        Command::Policy(PolicyCommand::Set(_)) => "cannot set the retrieval policy".to_owned(),
        Command::Estimate(EstimateCommand::Upload(args)) => {
            format!("cannot estimate uploads into vault {}", of(&args.vault))
        }
        Command::Estimate(EstimateCommand::Retrieve(args)) => {
            format!("cannot estimate retrievals from vault {}", of(&args.vault))
        }
        Command::Estimate(EstimateCommand::Store(args)) => {
            format!("cannot estimate the storage of vault{}", meant(&args.vault))
        }
        Command::Estimate(EstimateCommand::Delete(args)) => {
            format!("cannot estimate deletions from vault {}", of(&args.vault))
        }
        Command::Verify(args) => format!("cannot compare with vault {}", of(&args.vault)),
        // The remote's name is in its own words, and the others send nothing.
        Command::Annex(_)
        | Command::Config
        | Command::Completions(_)
        | Command::Estimate(EstimateCommand::Prices)
        | Command::ManPages(_)
        | Command::Treehash(_) => return None,
    })
}

/// Returns what to do after an interruption, if there is anything to say.
pub(in crate::cli) fn going_on(command: &Command) -> Cow<'static, str> {
    const GO_ON: &str = "run the same command again to go on";
    const ONCE_MORE: &str = "run the same command again";
    let of_uploads = |args: &archive::Upload| match args.files.as_slice() {
        _ if args.dry_run => "",
        [file] if !file.is_file() => "run the same command again, with the same data from its beginning",
        files if args.skip_existing || (files.len() == 1 && args.recursive.is_empty()) => GO_ON,
        _ => "run the same command again with --skip-existing to go on",
    };
    Cow::Borrowed(match command {
        Command::Archive(ArchiveCommand::Upload(args)) => of_uploads(args),
        Command::Archive(ArchiveCommand::Retrieve(args)) => match args.output {
            _ if args.dry_run => "",
            Some(FileOrStandard::Standard) => ONCE_MORE,
            _ => GO_ON,
        },
        Command::Archive(ArchiveCommand::Delete(args)) if !args.dry_run => {
            return format!("'glacier archive list {}' shows what is left", args.vault).into();
        }
        Command::Upload(UploadCommand::Abort(args)) if args.dry_run => "",
        Command::Archive(ArchiveCommand::Dedupe(_))
        | Command::Upload(UploadCommand::Abort(_))
        | Command::Annex(_) => GO_ON,
        Command::Archive(ArchiveCommand::Checkpresent(_)) | Command::Vault(VaultCommand::Sync(_)) => {
            "what Glacier prepares is not lost; run the same command again"
        }
        Command::Job(JobCommand::Wait(_)) => "the jobs go on; run the same command again",
        Command::Vault(
            VaultCommand::Create(_)
            | VaultCommand::Delete(_)
            | VaultCommand::Tags(_)
            | VaultCommand::Notifications(_),
        )
        | Command::Policy(_) => ONCE_MORE,
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::Args;

    /// That it goes on was said of pipes by name too, which have nothing to go on with.
    #[test]
    fn only_a_file_can_be_gone_on_with() {
        for (source, going_on_with) in [
            ("Cargo.toml", "run the same command again to go on"),
            ("/dev/zero", "run the same command again, with the same data from its beginning"),
            ("-", "run the same command again, with the same data from its beginning"),
        ] {
            let args = Args::try_parse_from(["glacier", "archive", "upload", "v", "--name=n", source]);
            assert_eq!(going_on(&args.expect("a command").command), going_on_with, "{source}");
        }
    }
}
