//! `archive upload`: files, or standard input, become archives.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{archive, tell_of_left_out};
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::output::{failure, info, say, warning};
use crate::cli::progress::beside;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::{
    Archive, EngineError, FileToStore, LocalTree, Progress, Source, StoreOptions, Stored, UploadOptions,
};
use crate::types::{ArchiveName, VaultName, quoted};

pub(super) async fn run(session: &Session, args: archive::Upload) -> Result<Exit> {
    let standard = args.files.iter().any(|file| matches!(file, FileOrStandard::Standard));
    let is_single = args.files.len() == 1 && args.recursive.is_empty();
    if args.name.is_some() && !is_single {
        bail!("--name is the name of one archive, and this would be several");
    }
    if !standard {
        return store_files(session, &args, is_single).await;
    }
    if !is_single || args.skip_existing || args.dry_run {
        bail!(
            "standard input is read once, to be stored; it goes without other files, --skip-existing and --dry-run"
        );
    }
    let Some(name) = &args.name else {
        bail!("standard input has no name; give the archive one with --name");
    };
    let source = Source::stream(tokio::io::stdin(), args.expected_size);
    // Who types the data must not have bars drawn into it.
    let is_typed = std::io::stdin().is_terminal();
    let progress: &dyn Progress = if is_typed { &() } else { &*session.progress };
    let archive =
        session.engine.upload(&args.vault, &name.parse()?, source, options(&args), progress).await?;
    let told = Told { session, vault: &args.vault, is_dry_run: false };
    told.record(name, None, &Stored::Now(archive))?;
    Ok(Exit::Done)
}

fn options(args: &archive::Upload) -> UploadOptions {
    UploadOptions { part_size: args.part_size, allow_duplicate: args.allow_duplicate }
}

async fn store_files(session: &Session, args: &archive::Upload, is_single: bool) -> Result<Exit> {
    let Plan { files, mut exit } = plan(&args.files, &args.recursive, args.name.as_deref())?;
    if !is_single && is_any_wrong(&files[..args.files.len()], &args.recursive) {
        if !files.is_empty() {
            say("nothing was stored");
        }
        return Ok(Exit::Failed);
    }
    let upload = options(args);
    let options = StoreOptions { upload, skip_existing: args.skip_existing, dry_run: args.dry_run };
    let told = Told { session, vault: &args.vault, is_dry_run: args.dry_run };
    let (mut count, mut printed, mut alone) = (0, Ok(()), Ok(()));
    let tell = |file: &FileToStore, stored: Result<Stored, EngineError>| {
        count += 1;
        match stored {
            Ok(stored) => {
                let outcome = told.record(file.name.as_str(), Some(&file.path), &stored);
                if printed.is_ok() {
                    printed = outcome;
                }
            }
            Err(error) if is_single => alone = Err(error),
            Err(error) => exit = cannot_store(&file.path, error),
        }
    };
    session.engine.upload_all(&args.vault, &files, options, &*session.progress, tell).await?;
    alone?;
    printed?;
    if count < files.len() {
        say(format_args!("{} more files were not tried", files.len() - count));
    }
    Ok(exit)
}

/// Returns whether a file that was named cannot be stored, after telling of each, or a directory cannot be read, which was
/// told. Who corrects that and runs the command again would store all others twice; what is wrong below a directory was
/// named by nobody.
fn is_any_wrong(files: &[FileToStore], directories: &[PathBuf]) -> bool {
    let mut is_any = directories.iter().any(|directory| std::fs::read_dir(directory).is_err());
    for file in files {
        if let Err(error) = file.look() {
            cannot_store(&file.path, error);
            is_any = true;
        }
    }
    is_any
}

fn cannot_store(path: &Path, why: impl Into<anyhow::Error>) -> Exit {
    failure(&why.into().context(format!("cannot store {}", quoted(&path.to_string_lossy()))))
}

/// The files to store, and how the command ends if all of them are.
pub(super) struct Plan {
    pub(super) files: Vec<FileToStore>,
    pub(super) exit: Exit,
}

/// `name` is that of the archive, if it is only one.
pub(super) fn plan(files: &[FileOrStandard], directories: &[PathBuf], name: Option<&str>) -> Result<Plan> {
    let mut plan = Plan { files: Vec::new(), exit: Exit::Done };
    for file in files {
        let FileOrStandard::File(path) = file else { continue };
        let name = match name {
            Some(name) => name.to_owned(),
            None => base_name(path)?,
        };
        let name: ArchiveName = name.parse()?;
        plan.files.push(FileToStore { name, path: path.clone() });
    }
    for directory in directories {
        plan.add_all_below(directory);
    }
    Ok(plan)
}

impl Plan {
    fn add_all_below(&mut self, directory: &Path) {
        let tree = LocalTree::below(directory);
        tell_of_left_out(&tree.left_out);
        for (path, why) in tree.unfit {
            self.exit = cannot_store(&path, why);
        }
        for error in tree.failures {
            self.exit = failure(&error.into());
        }
        for file in tree.files {
            if file.size_bytes == 0 {
                let path = quoted(&file.path.to_string_lossy());
                warning(format_args!("left out {path}: it is empty, and Glacier holds no empty archives"));
            } else {
                self.files.push(FileToStore { name: file.name, path: file.path });
            }
        }
    }
}

fn base_name(path: &Path) -> Result<String> {
    let shown = || quoted(&path.to_string_lossy());
    let name = path.file_name().with_context(|| format!("cannot read {}: it is not a file", shown()))?;
    let name = name.to_str();
    Ok(name
        .with_context(|| format!("the name of {} is no text; give the archive one with --name", shown()))?
        .to_owned())
}

/// What is told of each file.
struct Told<'a> {
    session: &'a Session,
    vault: &'a VaultName,
    is_dry_run: bool,
}

impl Told<'_> {
    /// Records at once, so that whoever stops this knows what is stored; names only of what would be stored.
    fn record(&self, name: &str, file: Option<&PathBuf>, stored: &Stored) -> std::io::Result<()> {
        beside(|| self.print(name, file, stored))
    }

    fn print(&self, name: &str, file: Option<&PathBuf>, stored: &Stored) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.session.form == Form::Json {
            return print_record(&mut out, &StoredRecord::new(self.vault, name, file, stored));
        }
        match stored {
            Stored::WouldBe(_) => writeln!(out, "{name}"),
            Stored::Before(_) if self.is_dry_run => {
                info(format_args!("archive {} is stored already", quoted(name)));
                Ok(())
            }
            Stored::Now(_) | Stored::Before(_) => Ok(()),
        }
    }
}

/// A file and its archive.
#[derive(Serialize)]
struct StoredRecord<'a> {
    vault: &'a str,
    name: &'a str,
    file: Option<String>,
    /// `stored`, `already-stored` or `would-be-stored`.
    status: &'static str,
    id: Option<&'a str>,
    size_bytes: Option<u64>,
    tree_hash: Option<String>,
}

impl Record for StoredRecord<'_> {
    const SCHEMA: &'static str = "stored/1";
}

impl<'a> StoredRecord<'a> {
    fn new(vault: &'a VaultName, name: &'a str, file: Option<&PathBuf>, stored: &'a Stored) -> Self {
        let known = |status, archive: &'a Archive| (status, Some(archive), archive.size_bytes);
        let (status, archive, size_bytes) = match stored {
            Stored::Now(archive) => known("stored", archive),
            Stored::Before(archive) => known("already-stored", archive),
            Stored::WouldBe(size_bytes) => ("would-be-stored", None, *size_bytes),
        };
        Self {
            vault: vault.as_str(),
            name,
            file: file.map(|path| path.to_string_lossy().into_owned()),
            status,
            id: archive.map(|archive| archive.id.as_str()),
            size_bytes,
            tree_hash: archive.and_then(|archive| archive.tree_hash).map(|hash| hash.to_string()),
        }
    }
}
