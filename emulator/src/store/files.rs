//! Files that become visible whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Store;

impl Store {
    /// Makes the names in the directory of `path` last through a loss of power.
    pub(crate) fn sync_directory_of(path: &Path) -> std::io::Result<()> {
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    /// Removes files that no row speaks of any more. One that cannot be removed is swept at the next start.
    pub(crate) fn remove_files<'a>(
        ids: impl IntoIterator<Item = &'a String>,
        path_of: impl Fn(&'a str) -> PathBuf,
    ) {
        ids.into_iter().for_each(|id| drop(std::fs::remove_file(path_of(id))));
    }

    /// Joins files, in order, into a new one, which is synced when this returns.
    pub(crate) fn join(parts: &[PathBuf], whole: &Path) -> std::io::Result<()> {
        let mut whole_file = File::create(whole)?;
        for part in parts {
            std::io::copy(&mut File::open(part)?, &mut whole_file)?;
        }
        whole_file.sync_all()?;
        Self::sync_directory_of(whole)
    }
}
