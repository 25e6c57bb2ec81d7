//! Files below a directory, and the names of their archives.
//!
//! A file's archive has the file's path below the directory as its name, with `/` between its parts. Symbolic links are
//! not followed, as those to directories may go round in circles and none could be brought back as what it was;
//! links, devices, pipes and sockets are left out. The directory itself may be given by a link.

use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::EngineError;
use crate::types::{ArchiveName, InvalidValue, quoted};

/// A file whose archive can have its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its archive.
    pub name: ArchiveName,
    /// Its size.
    pub size_bytes: u64,
}

/// What stands below a directory.
#[derive(Debug, Default)]
pub struct LocalTree {
    /// The files, by their paths.
    pub files: Vec<LocalFile>,
    /// Those that no archive can be named like.
    pub unfit: Vec<(PathBuf, InvalidValue)>,
    /// What is no file: links, devices and the like.
    pub left_out: Vec<PathBuf>,
    /// What could not be looked at.
    pub failures: Vec<EngineError>,
    /// Where that is, below the directory.
    unseen: Vec<PathBuf>,
}

impl LocalTree {
    /// Looks at all that stands below the directory.
    pub fn below(directory: &Path) -> Self {
        let mut tree = Self::default();
        for entry in WalkDir::new(directory).min_depth(1).sort_by_file_name() {
            match entry.and_then(|entry| Ok((entry.file_type(), entry.metadata()?.len(), entry.into_path())))
            {
                Ok((kind, ..)) if kind.is_dir() => {}
                Ok((kind, size_bytes, path)) if kind.is_file() => tree.add(directory, path, size_bytes),
                Ok((_, _, path)) => tree.left_out.push(path),
                Err(error) => {
                    let path = error.path().unwrap_or(directory).to_owned();
                    let source = error.into_io_error();
                    let source = source.unwrap_or_else(|| std::io::ErrorKind::InvalidInput.into());
                    tree.fail(directory, path, source);
                }
            }
        }
        if !directory.is_dir() && tree.failures.is_empty() {
            tree.fail(directory, directory.to_owned(), std::io::ErrorKind::NotADirectory.into());
        }
        tree
    }

    /// Returns whether a file of this name would be where nothing could be looked at.
    pub fn hides(&self, name: &str) -> bool {
        self.unseen.iter().any(|place| Path::new(name).starts_with(place))
    }

    fn fail(&mut self, directory: &Path, path: PathBuf, source: std::io::Error) {
        self.unseen.push(path.strip_prefix(directory).unwrap_or(Path::new("")).to_owned());
        self.failures.push(EngineError::CannotReadFile { path, source });
    }

    fn add(&mut self, directory: &Path, path: PathBuf, size_bytes: u64) {
        let below = path.strip_prefix(directory).unwrap_or(&path);
        match name_of(below) {
            Ok(name) => self.files.push(LocalFile { path, name, size_bytes }),
            Err(why) => self.unfit.push((path, why)),
        }
    }
}

fn name_of(below: &Path) -> Result<ArchiveName, InvalidValue> {
    let parts = below.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_str()),
        _ => None,
    });
    let parts: Option<Vec<&str>> = parts.collect();
    let no_text = || InvalidValue(format!("{} is no text", quoted(&below.to_string_lossy())));
    parts.ok_or_else(no_text)?.join("/").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_hides_what_would_be_below_it() {
        let mut tree = LocalTree::default();
        tree.fail(Path::new("d"), "d/locked".into(), std::io::ErrorKind::PermissionDenied.into());
        assert!(tree.hides("locked/file") && tree.hides("locked") && !tree.hides("locked-not"));
        assert!(LocalTree::below(Path::new("none")).hides("file"));
    }
}
