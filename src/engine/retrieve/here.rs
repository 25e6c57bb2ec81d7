//! Which of the archives that are wanted are here already.

use std::fs::File;
use std::path::{Path, PathBuf};

use futures_util::{FutureExt, StreamExt, TryStreamExt};

use super::Wanted;
use crate::cache::Archive;
use crate::engine::{Engine, EngineError, Target, blocking};
use crate::treehash::TreeHash;
use crate::types::VaultName;

/// How many files are read at once.
const READ_AT_ONCE: usize = 4;

impl Engine {
    /// Returns for each that is wanted the archive whose content its file has already, by size and tree hash. Files are
    /// read where the size is right; nothing is asked of the service.
    ///
    /// # Errors
    ///
    /// When a reference means no archive or several, when a file cannot be read, and when there is one of which cannot be
    /// told: the archive's tree hash is not known here.
    pub async fn already_here(
        &self,
        vault: &VaultName,
        wanted: &[Wanted],
    ) -> Result<Vec<Option<Archive>>, EngineError> {
        let scope = self.scope_for_finding(vault).await?;
        let mut comparing = Vec::new();
        for Wanted { reference, target } in wanted {
            let equal = self.resolve_content(&scope, vault, reference)?;
            let archive =
                equal.into_iter().next().ok_or_else(|| EngineError::archive_not_found(reference))?;
            let path = match target {
                Target::File(path) | Target::Growing(path) => Some(path.as_path()),
                Target::Below(place) => Some(place.path()),
                Target::Stream(_) => None,
            };
            comparing.push(async move { self.has_content(path, archive, vault).await }.boxed());
        }
        futures_util::stream::iter(comparing).buffered(READ_AT_ONCE).try_collect().await
    }

    async fn has_content(
        &self,
        path: Option<&Path>,
        archive: Archive,
        vault: &VaultName,
    ) -> Result<Option<Archive>, EngineError> {
        let Some(path) = path.filter(|path| path.is_file()) else { return Ok(None) };
        let Some(expected) = archive.tree_hash else {
            let (vault, sync) = (vault.clone(), self.sync_command(vault));
            return Err(EngineError::NotComparable { vault, sync, name: archive.reference().to_string() });
        };
        let path: PathBuf = path.to_owned();
        let reading = path.clone();
        let size_bytes = archive.size_bytes;
        let compare = move || {
            let mut file = File::open(reading)?;
            let has_size =
                size_bytes.is_none_or(|size| file.metadata().is_ok_and(|there| there.len() == size));
            Ok(has_size && TreeHash::of_reader(&mut file)? == expected)
        };
        let is_here: std::io::Result<bool> = blocking(compare).await;
        let is_here = is_here.map_err(|source| EngineError::CannotReadFile { path, source })?;
        Ok(is_here.then_some(archive))
    }
}
