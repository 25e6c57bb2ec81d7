//! `verify`: `STATUS<TAB>NAME`, one file or archive a line: files below a directory against what the cache knows.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::tell_of_left_out;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, failure, info};
use crate::cli::progress::beside;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::{Archive, EngineError, LocalFile, LocalTree, Verdict};
use crate::types::VaultName;

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The vault.
    pub(super) vault: VaultName,
    /// The directory; its files are compared with the archives that have their paths in it as names.
    directory: PathBuf,
}

pub(super) async fn run(session: &Session, args: Verify) -> Result<Exit> {
    let mut printer = Printer { form: session.form, vault: &args.vault, is_equal: true, not_comparable: 0 };
    let mut printed = Ok(());
    let tell = |file: &LocalFile, verdict: Result<Verdict, EngineError>| {
        let outcome = beside(|| printer.file(file, verdict));
        if printed.is_ok() {
            printed = outcome;
        }
    };
    let tree = LocalTree::below(&args.directory);
    let verification = session.engine.verify(&args.vault, tree, &*session.progress, tell).await?;
    printed?;
    for path in &verification.unfit {
        printer.print(&Line { file: Some(path), ..Line::new(Status::Unknown) })?;
    }
    for archive in &verification.not_here {
        let name = archive.shown_name();
        printer.print(&Line { name, archive: Some(archive), ..Line::new(Status::NotHere) })?;
    }
    tell_of_left_out(&verification.left_out);
    for error in verification.failures {
        printer.is_equal = false;
        failure(&error.into());
    }
    if printer.not_comparable > 0 {
        info(format_args!(
            "the tree hashes of {} archives are not known here; run '{}'",
            printer.not_comparable,
            session.engine.sync_command(&args.vault)
        ));
    }
    Ok(if printer.is_equal { Exit::Done } else { Exit::Failed })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Differs,
    Unknown,
    NotHere,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
            Self::NotHere => "not-here",
        }
    }
}

/// What is printed of one file or archive.
struct Line<'a> {
    status: Status,
    name: Option<&'a str>,
    file: Option<&'a Path>,
    archive: Option<&'a Archive>,
    size_bytes: Option<u64>,
    tree_hash: Option<String>,
}

impl Line<'_> {
    fn new(status: Status) -> Self {
        Self { status, name: None, file: None, archive: None, size_bytes: None, tree_hash: None }
    }
}

struct Printer<'a> {
    form: Form,
    vault: &'a VaultName,
    /// Whether each file is known and equal so far.
    is_equal: bool,
    not_comparable: u64,
}

impl Printer<'_> {
    fn file(&mut self, file: &LocalFile, verdict: Result<Verdict, EngineError>) -> std::io::Result<()> {
        let equal;
        let (status, archive, hash) = match verdict {
            Ok(Verdict::Equal(archive, hash)) => {
                equal = archive;
                (Status::Ok, Some(&*equal), Some(hash))
            }
            Ok(Verdict::Differs(hash)) => (Status::Differs, None, Some(hash)),
            Ok(Verdict::NotComparable(hash)) => {
                self.not_comparable += 1;
                (Status::Unknown, None, Some(hash))
            }
            Ok(Verdict::Unknown) => (Status::Unknown, None, None),
            Err(error) => {
                self.is_equal = false;
                failure(&error.into());
                return Ok(());
            }
        };
        let (name, path) = (Some(file.name.as_str()), Some(file.path.as_path()));
        let (size_bytes, tree_hash) = (Some(file.size_bytes), hash.map(|hash| hash.to_string()));
        self.print(&Line { status, name, file: path, archive, size_bytes, tree_hash })
    }

    fn print(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        self.is_equal &= matches!(line.status, Status::Ok | Status::NotHere);
        let mut out = std::io::stdout().lock();
        let id = line.archive.map(|archive| archive.id.as_str());
        let file = line.file.map(|path| path.to_string_lossy());
        if self.form == Form::Text {
            let by_id = || id.map(|id| format!("id:{id}"));
            let name = line.name.or(file.as_deref()).map(str::to_owned).or_else(by_id).unwrap_or_default();
            let name = Foreign::of_standard_output().text(&name).into_owned();
            return writeln!(out, "{}\t{name}", line.status.as_str());
        }
        let archive = line.archive;
        let archive_hash = || archive.and_then(|archive| archive.tree_hash).map(|hash| hash.to_string());
        let record = VerificationRecord {
            vault: self.vault.as_str(),
            name: line.name,
            file: file.as_deref(),
            status: line.status.as_str(),
            id,
            size_bytes: line.size_bytes.or_else(|| archive.and_then(|archive| archive.size_bytes)),
            tree_hash: line.tree_hash.clone().or_else(archive_hash),
        };
        print_record(&mut out, &record)
    }
}

/// A file, or an archive that is no file here. Size and tree hash are the file's, or the archive's if there is no file;
/// the id is that of the archive with this content.
#[derive(Serialize)]
struct VerificationRecord<'a> {
    vault: &'a str,
    name: Option<&'a str>,
    file: Option<&'a str>,
    /// `ok`, `differs`, `unknown` or `not-here`.
    status: &'static str,
    id: Option<&'a str>,
    size_bytes: Option<u64>,
    tree_hash: Option<String>,
}

impl Record for VerificationRecord<'_> {
    const SCHEMA: &'static str = "verification/1";
}
