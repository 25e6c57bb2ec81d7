//! `archive upload`: a file, or standard input, becomes an archive.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::session::Session;
use crate::engine::{Source, UploadOptions};
use crate::types::{ArchiveName, quoted};

pub(super) async fn run(session: &Session, args: archive::Upload) -> Result<Exit> {
    let name = match (&args.name, &args.file) {
        (Some(name), _) => name.clone(),
        (None, FileOrStandard::File(path)) => base_name(path)?,
        (None, FileOrStandard::Standard) => {
            bail!("standard input has no name; give the archive one with --name")
        }
    };
    let name: ArchiveName = name.parse()?;
    let source = match &args.file {
        FileOrStandard::Standard => Source::stream(tokio::io::stdin(), args.expected_size),
        FileOrStandard::File(path) => {
            Source::open(path).with_context(|| format!("cannot read {}", quoted(&path.to_string_lossy())))?
        }
    };
    let options = UploadOptions { part_size: args.part_size, allow_duplicate: args.allow_duplicate };
    session.engine.upload(&args.vault, &name, source, options, &()).await?;
    Ok(Exit::Done)
}

fn base_name(path: &Path) -> Result<String> {
    let shown = || quoted(&path.to_string_lossy());
    let name = path.file_name().with_context(|| format!("cannot read {}: it is not a file", shown()))?;
    let name = name.to_str();
    Ok(name
        .with_context(|| format!("the name of {} is no text; give the archive one with --name", shown()))?
        .to_owned())
}
