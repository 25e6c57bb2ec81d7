//! Files that come before their rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::{Keeps, Store};

/// A file whose row is not there yet; it goes when this is dropped before [`NewFile::keep`].
#[derive(Debug)]
pub(crate) struct NewFile {
    path: Option<TempPath>,
    /// Whether it is to last through a loss of power.
    pub(crate) lasts: bool,
}

impl NewFile {
    /// Returns where it is to be written; none if content is not kept.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Makes its name last, if the file is to.
    pub(crate) fn sync_name(&self) -> std::io::Result<()> {
        if !self.lasts {
            return Ok(());
        }
        let directory = self.path().and_then(Path::parent);
        directory.map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    /// To be called once a row speaks of it.
    pub(crate) fn keep(self) {
        if let Some(mut path) = self.path {
            path.disable_cleanup(true);
        }
    }
}

impl Store {
    /// Prepares a file of an archive or a part.
    pub(crate) fn new_file(&self, path: PathBuf) -> std::io::Result<NewFile> {
        let path = (self.keeps != Keeps::Rows).then(|| TempPath::try_from_path(path)).transpose()?;
        Ok(NewFile { path, lasts: self.keeps == Keeps::AllForGood })
    }

    /// Removes files that no row speaks of any more. One that cannot be removed is swept at the next start.
    pub(crate) fn remove_files<'a>(
        ids: impl IntoIterator<Item = &'a String>,
        path_of: impl Fn(&'a str) -> PathBuf,
    ) {
        ids.into_iter().for_each(|id| drop(std::fs::remove_file(path_of(id))));
    }

    /// Joins files, in order, into a new one, which lasts with its name when this returns, if it is to.
    pub(crate) fn join(parts: &[PathBuf], whole: &NewFile) -> std::io::Result<()> {
        let Some(path) = whole.path() else { return Ok(()) };
        let mut file = File::create_new(path)?;
        for part in parts {
            std::io::copy(&mut File::open(part)?, &mut file)?;
        }
        if whole.lasts {
            file.sync_all()?;
        }
        whole.sync_name()
    }
}
