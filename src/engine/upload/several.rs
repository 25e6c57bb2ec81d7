//! Storing several files.
//!
//! Files of one part travel side by side, as many as parts may; one of several parts travels alone, since its parts fill
//! the link and so fewer uploads are left half done by whoever stops this. Each keeps the order of writes of a single
//! upload. What was stored before something went wrong stays, and `skip_existing` passes it by the next time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::parts::hash_all;
use super::source::{Data, SourceFile};
use super::{Source, UploadOptions};
use crate::cache::{Archive, Scope};
use crate::engine::{Engine, EngineError, Item, ItemKind, Progress, blocking, several};
use crate::types::{ArchiveName, ArchiveRef, PartSize, VaultName, total_bytes};

/// A file to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToStore {
    /// The name that its archive is to have.
    pub name: ArchiveName,
    /// Where it is.
    pub path: PathBuf,
}

impl FileToStore {
    /// Looks whether it can be stored, as far as that can be told without reading it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is empty.
    pub fn look(&self) -> Result<(), EngineError> {
        let there = std::fs::metadata(&self.path).map_err(|source| self.cannot_read(source))?;
        // A pipe can be opened but once.
        if there.is_file() || there.is_dir() { self.open().map(drop) } else { Ok(()) }
    }

    fn open(&self) -> Result<Source, EngineError> {
        let source = Source::open(&self.path).map_err(|source| self.cannot_read(source))?;
        match source.size_bytes() {
            Some(0) => Err(EngineError::EmptyArchive { name: self.name.as_str().to_owned() }),
            _ => Ok(source),
        }
    }

    fn cannot_read(&self, source: std::io::Error) -> EngineError {
        EngineError::CannotReadFile { path: self.path.clone(), source }
    }
}

/// How several files are to be stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreOptions {
    /// How each is stored.
    pub upload: UploadOptions,
    /// Whether a file is passed by if the cache knows an archive of its name, size and tree hash.
    pub skip_existing: bool,
    /// Whether nothing is stored.
    pub dry_run: bool,
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is stored now.
    Now(Archive),
    /// It was stored before.
    Before(Archive),
    /// It would be stored; so large it is, if that is known.
    WouldBe(Option<u64>),
}

impl Engine {
    /// Stores the files and tells of each when it is done. One that fails does not stop the others, unless all would
    /// fail so: what `tell` has not heard of was not tried.
    ///
    /// # Errors
    ///
    /// When nothing was tried: two of the files have one name, or the cache cannot be read.
    pub async fn upload_all(
        &self,
        vault: &VaultName,
        files: &[FileToStore],
        options: StoreOptions,
        progress: &dyn Progress,
        tell: impl FnMut(&FileToStore, Result<Stored, EngineError>),
    ) -> Result<(), EngineError> {
        let mut names = HashSet::new();
        if let Some(second) = files.iter().find(|file| !names.insert(&file.name)) {
            return Err(EngineError::TwoOfOneName { name: second.name.as_str().to_owned() });
        }
        // What cannot be looked at now is told of when its turn comes.
        let size_of = |file: &FileToStore| std::fs::metadata(&file.path).map_or(0, |metadata| metadata.len());
        progress.planned(files.len(), total_bytes(files.iter().map(size_of)));
        let scope = if options.skip_existing { Some(self.scope_of(vault).await?) } else { None };
        let places = Places::new(self.transfers.jobs());
        let store = |file| self.store_one(vault, file, options, scope.as_ref(), &places, progress);
        several::each(files, self.transfers.jobs(), store, tell).await;
        Ok(())
    }

    async fn store_one(
        &self,
        vault: &VaultName,
        file: &FileToStore,
        options: StoreOptions,
        scope: Option<&Scope>,
        places: &Places,
        progress: &dyn Progress,
    ) -> Result<Stored, EngineError> {
        let _place = places.take(&file.path, options.upload.part_size).await;
        let source = file.open()?;
        if let Some(scope) = scope {
            let Data::File(opened) = &source.0 else {
                let why = "what is no regular file cannot be compared";
                return Err(file.cannot_read(std::io::Error::new(std::io::ErrorKind::InvalidInput, why)));
            };
            if let Some(archive) = self.stored_before(scope, vault, &file.name, opened).await? {
                let kind = ItemKind::Upload(file.name.as_str());
                let item = progress.begin(&Item { kind, total: source.size_bytes() });
                item.resumed(source.size_bytes().unwrap_or(0));
                item.finished();
                return Ok(Stored::Before(archive));
            }
        }
        if options.dry_run {
            return Ok(Stored::WouldBe(source.size_bytes()));
        }
        self.upload(vault, &file.name, source, options.upload, progress).await.map(Stored::Now)
    }

    /// Returns the archive that the cache knows with the file's name and content. The file is read only if one may be.
    async fn stored_before(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &ArchiveName,
        file: &SourceFile,
    ) -> Result<Option<Archive>, EngineError> {
        let named = self.find(scope, vault, &ArchiveRef::Name(name.as_str().to_owned()))?;
        let is_alike = |archive: &&Archive| {
            archive.size_bytes.is_none_or(|size_bytes| size_bytes == file.identity().size_bytes)
        };
        let is_stored = self.counts_as_stored(scope, vault)?;
        let alike: Vec<&Archive> =
            named.iter().filter(|archive| is_stored(archive)).filter(is_alike).collect();
        if alike.is_empty() {
            return Ok(None);
        }
        let (reading, read_name) = (file.clone(), name.as_str().to_owned());
        let hash = blocking(move || hash_all(&reading)).await;
        let hash = hash.map_err(|source| EngineError::CannotRead { name: read_name, source })?;
        match alike.iter().find(|archive| archive.tree_hash == Some(hash)) {
            Some(archive) => Ok(Some((*archive).clone())),
            None if alike.iter().any(|archive| archive.tree_hash.is_none()) => {
                let (vault, sync) = (vault.clone(), self.sync_command(vault));
                Err(EngineError::NotComparable { vault, sync, name: name.as_str().to_owned() })
            }
            None => Ok(None),
        }
    }
}

/// How many files are under way at once.
struct Places {
    places: Semaphore,
    count: u32,
}

impl Places {
    fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { places: Semaphore::new(count as usize), count }
    }

    /// Waits for the turn of the file: all places for one of several parts.
    async fn take(&self, path: &Path, part_size: Option<PartSize>) -> Option<SemaphorePermit<'_>> {
        let size_bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let part_size = part_size.or_else(|| PartSize::for_archive(size_bytes).ok());
        let is_of_one_part = part_size.is_some_and(|part_size| size_bytes <= part_size.bytes());
        self.places.acquire_many(if is_of_one_part { 1 } else { self.count }).await.ok()
    }
}
