//! `archive upload`: a file, or standard input, becomes an archive.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::archive;
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::engine::{Engine, Source};
use crate::types::{ArchiveName, quoted};

pub(super) async fn run(engine: &Engine, args: archive::Upload) -> Result<Exit> {
    let name = match (&args.name, &args.file) {
        (Some(name), _) => name.clone(),
        (None, FileOrStandard::File(path)) => base_name(path)?,
        (None, FileOrStandard::Standard) => {
            bail!("standard input has no name; give the archive one with --name")
        }
    };
    let name: ArchiveName = name.parse()?;
    let source = match &args.file {
        FileOrStandard::Standard => Source { reader: Box::new(tokio::io::stdin()), size_bytes: None },
        FileOrStandard::File(path) => open(path).await?,
    };
    engine.upload(&args.vault, &name, source, &()).await?;
    Ok(Exit::Done)
}

async fn open(path: &Path) -> Result<Source> {
    let cannot_read = || format!("cannot read {}", quoted(&path.to_string_lossy()));
    let file = tokio::fs::File::open(path).await.with_context(cannot_read)?;
    let metadata = file.metadata().await.with_context(cannot_read)?;
    if metadata.is_dir() {
        return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory)).with_context(cannot_read);
    }
    // A pipe or device has no size of its own.
    let size_bytes = metadata.is_file().then_some(metadata.len());
    Ok(Source { reader: Box::new(file), size_bytes })
}

fn base_name(path: &Path) -> Result<String> {
    let shown = || quoted(&path.to_string_lossy());
    let name = path.file_name().with_context(|| format!("cannot read {}: it is not a file", shown()))?;
    let name = name.to_str();
    Ok(name
        .with_context(|| format!("the name of {} is no text; give the archive one with --name", shown()))?
        .to_owned())
}
