//! Where archives are written to, checked before a job is paid for.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::commands::archive;
use crate::cli::file_or_standard::{FileOrStandard, descriptor_named, is_standard_output_nowhere};
use crate::cli::output::warning;
use crate::cli::session::Session;
use crate::engine::{EngineError, PlaceBelow, Target, Wanted};
use crate::types::{ArchiveRef, VaultName, file_name_in, quoted};

/// Returns each archive with its target, no two of which are one file or in each other's way.
pub(super) async fn of(
    session: &Session,
    args: &archive::Retrieve,
    references: &[ArchiveRef],
) -> Result<Vec<Wanted>> {
    let (mut wanted, mut files) = (Vec::new(), HashMap::new());
    for reference in references {
        let target = match (&args.output, &args.directory) {
            (Some(FileOrStandard::Standard), _) => {
                if is_standard_output_nowhere() {
                    warning("standard output is closed or the null device: what is retrieved goes nowhere");
                }
                Target::Stream(Box::new(tokio::io::stdout()))
            }
            (Some(FileOrStandard::File(path)), _) => Target::File(path.clone()),
            (None, Some(directory)) => {
                Target::Below(below(session, &args.vault, directory, reference).await?)
            }
            (None, None) => Target::File(default_path(reference)?),
        };
        if let Some((path, real_path)) = file_of(&target)? {
            check(path)?;
            if let Target::File(_) = target {
                check_directory_of(path)?;
            }
            if files.insert(real_path, reference.to_string()).is_some() {
                bail!("two of the archives would be written to {}", quoted(&path.to_string_lossy()));
            }
        }
        wanted.push(Wanted { reference: reference.clone(), target });
    }
    check_directories(&files)?;
    Ok(wanted)
}

/// Returns the path as people are told of it.
pub(super) fn shown_path(wanted: &Wanted) -> Option<String> {
    let path = match &wanted.target {
        Target::File(path) | Target::Growing(path) => path,
        Target::Below(place) => place.path(),
        Target::Stream(_) => return None,
    };
    Some(path.to_string_lossy().into_owned())
}

/// The path as it was given, and behind all links.
fn file_of(target: &Target) -> Result<Option<(&Path, PathBuf)>> {
    Ok(match target {
        Target::Stream(_) => None,
        Target::File(path) | Target::Growing(path) => {
            Some((path, path.canonicalize().unwrap_or_else(|_| path.clone())))
        }
        Target::Below(place) => {
            let real_path = place.real_path();
            let shown = || format!("cannot write {}", quoted(&place.path().to_string_lossy()));
            Some((place.path(), real_path.with_context(shown)?))
        }
    })
}

/// Where one archive would be a file, no other may need a directory.
fn check_directories(files: &HashMap<PathBuf, String>) -> Result<()> {
    for (path, name) in files {
        for parent in path.ancestors().skip(1) {
            if let Some(other) = files.get(parent) {
                let (name, other) = (quoted(name), quoted(other));
                bail!("archive {name} needs a directory where archive {other} would be a file");
            }
        }
    }
    Ok(())
}

/// The base name of the archive's name, or of the file that its description tells of, in the current directory.
fn default_path(reference: &ArchiveRef) -> Result<PathBuf> {
    let Some(name) = reference.name() else {
        bail!("an archive given by id needs a name for its file; give one with -o, or a directory with -d");
    };
    let name = &file_name_in(name).unwrap_or_else(|| name.to_owned());
    match Path::new(name).file_name() {
        Some(file_name) if !name.ends_with('/') => Ok(PathBuf::from(file_name)),
        _ => bail!("archive {} has no name that a file could have; give one with -o", quoted(name)),
    }
}

/// All of the archive's name, or of the file that its description tells of, below the directory.
async fn below(
    session: &Session,
    vault: &VaultName,
    directory: &Path,
    reference: &ArchiveRef,
) -> Result<PlaceBelow> {
    let name = match reference.name() {
        Some(name) => Some(file_name_in(name).unwrap_or_else(|| name.to_owned())),
        None => {
            let known = session.engine.known(vault, reference).await?;
            let Some(archive) = known.first() else {
                return Err(EngineError::ArchiveNotFound { reference: reference.to_string() }.into());
            };
            archive.shown_name().map(str::to_owned)
        }
    };
    PlaceBelow::new(directory, &name.unwrap_or_default()).with_context(|| {
        let (name, directory) = (quoted(&reference.to_string()), quoted(&directory.to_string_lossy()));
        format!("archive {name} cannot be written below {directory}; bring it by itself, with -o")
    })
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
    if path.is_file() && descriptor_named(path).is_some() {
        bail!(
            "cannot write {shown}: whoever opened it would not know of it; write to standard output with -o-"
        );
    }
    if path.is_symlink() && !path.exists() {
        bail!("cannot write {shown}: it is a link to what is not there");
    }
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::InvalidFilename => {
            bail!("cannot write {shown}: its name is too long for a file; give another with -o")
        }
        _ => Ok(()),
    }
}

fn check_directory_of(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        let (shown, parent) = (quoted(&path.to_string_lossy()), quoted(&parent.to_string_lossy()));
        bail!("cannot write {shown}: there is no directory {parent}");
    }
    Ok(())
}
