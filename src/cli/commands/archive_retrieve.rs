//! `archive retrieve`: what is ready is brought here, jobs are started for the rest.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{archive, patience};
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::{FileOrStandard, is_standard_output_nowhere};
use crate::cli::output::{say, warning};
use crate::cli::session::Session;
use crate::engine::{Progress, RangeSize, Retrieval, RetrieveOptions, Target, Wanted};
use crate::types::{ArchiveRef, file_name_in, quoted};

pub(super) async fn run(session: &Session, args: archive::Retrieve) -> Result<Exit> {
    if args.names.len() > 1 && args.output.is_some() {
        bail!("cannot specify output filename with multi-archive retrieval");
    }
    let wanted = wanted(&args)?;
    let options = RetrieveOptions {
        range_size: RangeSize::at_most(args.multipart_size),
        tier: args.tier.map(Into::into).or(session.defaults.tier),
        patience: patience(args.wait),
    };
    // Data on a terminal must not have bars drawn into it.
    let is_shown = matches!(args.output, Some(FileOrStandard::Standard)) && std::io::stdout().is_terminal();
    let progress: &dyn Progress = if is_shown { &() } else { &*session.progress };
    let retrievals = session.engine.retrieve(&args.vault, wanted, options, progress).await?;
    if retrievals.iter().all(|retrieval| *retrieval == Retrieval::Done) {
        return Ok(Exit::Done);
    }
    tell(&args.names, &retrievals);
    Ok(Exit::TryLater)
}

/// What is here first, then what is not.
fn tell(names: &[ArchiveRef], retrievals: &[Retrieval]) {
    let each =
        || names.iter().zip(retrievals).map(|(name, retrieval)| (quoted(&name.to_string()), retrieval));
    for (name, _) in each().filter(|(_, retrieval)| **retrieval == Retrieval::Done) {
        say(format_args!("retrieved archive {name}"));
    }
    for (name, retrieval) in each() {
        match retrieval {
            Retrieval::Done => {}
            Retrieval::Queued => say(format_args!("queued retrieval job for archive {name}")),
            Retrieval::Pending => say(format_args!("job still pending for archive {name}")),
        }
    }
}

fn wanted(args: &archive::Retrieve) -> Result<Vec<Wanted>> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for reference in &args.names {
        let target = match &args.output {
            Some(FileOrStandard::Standard) => {
                if is_standard_output_nowhere() {
                    warning("standard output is closed or the null device: what is retrieved goes nowhere");
                }
                Target::Stream(Box::new(tokio::io::stdout()))
            }
            Some(FileOrStandard::File(path)) => Target::File(path.clone()),
            None => Target::File(default_path(reference)?),
        };
        if let Target::File(path) = &target {
            check(path)?;
            if wanted.iter().any(|earlier| matches!(&earlier.target, Target::File(other) if other == path)) {
                bail!("two of the archives would be written to {}", quoted(&path.to_string_lossy()));
            }
        }
        wanted.push(Wanted { reference: reference.clone(), target });
    }
    Ok(wanted)
}

/// The base name of the archive's name, or of the file that its description tells of, in the current directory.
fn default_path(reference: &ArchiveRef) -> Result<PathBuf> {
    let (ArchiveRef::Name(name) | ArchiveRef::PrefixedName(name)) = reference else {
        bail!("an archive given by id needs a name for its file; give one with -o");
    };
    let name = &file_name_in(name).unwrap_or_else(|| name.clone());
    match Path::new(name).file_name() {
        Some(file_name) if !name.ends_with('/') => Ok(PathBuf::from(file_name)),
        _ => bail!("archive {} has no name that a file could have; give one with -o", quoted(name)),
    }
}

/// A place that cannot be written to is noticed before a job is paid for.
fn check(path: &Path) -> Result<()> {
    let shown = quoted(&path.to_string_lossy());
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir() {
        bail!("cannot write {shown}: it names no file");
    }
    if path.is_dir() {
        bail!("cannot write {shown}: it is a directory");
    }
    if path.is_symlink() && !path.exists() {
        bail!("cannot write {shown}: it is a link to what is not there");
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        bail!("cannot write {shown}: there is no directory {}", quoted(&parent.to_string_lossy()));
    }
    Ok(())
}
