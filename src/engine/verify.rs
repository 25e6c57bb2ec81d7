//! Comparing files with what the cache knows of a vault's archives. Nothing is brought here, nothing is asked.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;

use futures_util::{FutureExt, StreamExt};

use super::{Engine, EngineError, Item, ItemKind, ItemProgress, LocalFile, LocalTree, Progress, blocking};
use crate::cache::Archive;
use crate::treehash::{TreeHash, TreeHasher};
use crate::types::{VaultName, total_bytes};

/// How many files are read at once.
const READ_AT_ONCE: usize = 4;
/// How much of one is read before that is told.
const PORTION_BYTES: u64 = 16 * 1024 * 1024;

/// What a file is to the archives of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This one has its content.
    Equal(Box<Archive>, TreeHash),
    /// None of them has.
    Differs(TreeHash),
    /// There is none that is known here.
    Unknown,
    /// The tree hash of at least one of them is not known here, and no other has the file's content.
    NotComparable(TreeHash),
}

/// What there is beside the files that were compared.
#[derive(Debug)]
pub struct Verification {
    /// The archives that no file has the name of, by name; not those whose files would be where nothing could be looked
    /// at.
    pub not_here: Vec<Archive>,
    /// The files that no archive can be named like.
    pub unfit: Vec<PathBuf>,
    /// What is no file: links, devices and the like.
    pub left_out: Vec<PathBuf>,
    /// What could not be looked at.
    pub failures: Vec<EngineError>,
}

impl Engine {
    /// Compares the files of the tree with the archives of their names that the cache knows, and tells of each in
    /// their order. An archive whose deletion was begun is not counted, nor one that the last inventory must list and does
    /// not.
    pub async fn verify(
        &self,
        vault: &VaultName,
        tree: LocalTree,
        progress: &dyn Progress,
        mut tell: impl FnMut(&LocalFile, Result<Verdict, EngineError>),
    ) -> Result<Verification, EngineError> {
        let archives = self.archives_there(vault).await?;
        let mut by_name: HashMap<&str, Vec<&Archive>> = HashMap::new();
        for archive in &archives {
            by_name.entry(archive.shown_name().unwrap_or_default()).or_default().push(archive);
        }
        let to_read = tree.files.iter().filter(|file| by_name.contains_key(file.name.as_str()));
        progress.planned(to_read.clone().count(), total_bytes(to_read.map(|file| file.size_bytes)));
        let verdicts: Vec<_> = tree
            .files
            .iter()
            .map(|file| {
                let named = by_name.get(file.name.as_str()).cloned().unwrap_or_default();
                async move { (file, verdict(file, &named, progress).await) }.boxed()
            })
            .collect();
        let mut verdicts = futures_util::stream::iter(verdicts).buffered(READ_AT_ONCE);
        while let Some((file, verdict)) = verdicts.next().await {
            tell(file, verdict);
        }
        drop(verdicts);
        let names: HashSet<&str> = tree.files.iter().map(|file| file.name.as_str()).collect();
        let may_be_here = |name: &str| names.contains(name) || tree.hides(name);
        let is_here = |archive: &Archive| archive.shown_name().is_some_and(may_be_here);
        let not_here = archives.iter().filter(|archive| !is_here(archive)).cloned().collect();
        let unfit = tree.unfit.into_iter().map(|(path, _)| path).collect();
        Ok(Verification { not_here, unfit, left_out: tree.left_out, failures: tree.failures })
    }

    async fn archives_there(&self, vault: &VaultName) -> Result<Vec<Archive>, EngineError> {
        let mut archives = Vec::new();
        let take = |listed: &crate::cache::Listed<'_>| {
            archives.push(listed.archive());
            ControlFlow::Continue(())
        };
        self.list(vault, take).await?;
        let scope = self.scope_for_reading(vault).await?;
        archives.retain(self.counts_as_stored(&scope, vault)?);
        Ok(archives)
    }
}

async fn verdict(
    file: &LocalFile,
    named: &[&Archive],
    progress: &dyn Progress,
) -> Result<Verdict, EngineError> {
    if named.is_empty() {
        return Ok(Verdict::Unknown);
    }
    let item =
        progress.begin(&Item { kind: ItemKind::Reading(file.name.as_str()), total: Some(file.size_bytes) });
    let hash = tree_hash_of(file.path.clone(), &*item).await;
    let hash = hash.map_err(|source| EngineError::CannotReadFile { path: file.path.clone(), source })?;
    item.finished();
    let equal = named.iter().find(|archive| archive.tree_hash == Some(hash));
    Ok(match equal {
        Some(archive) => Verdict::Equal(Box::new((*archive).clone()), hash),
        None if named.iter().any(|archive| archive.tree_hash.is_none()) => Verdict::NotComparable(hash),
        None => Verdict::Differs(hash),
    })
}

async fn tree_hash_of(path: PathBuf, item: &dyn ItemProgress) -> io::Result<TreeHash> {
    let mut file = blocking(move || File::open(path)).await?;
    let (mut hasher, mut done_bytes) = (TreeHasher::new(), 0);
    loop {
        let read = blocking(move || {
            let read_bytes = hasher.update_from(&mut (&mut file).take(PORTION_BYTES))?;
            io::Result::Ok((file, hasher, read_bytes))
        });
        let read_bytes;
        (file, hasher, read_bytes) = read.await?;
        if read_bytes == 0 {
            return Ok(hasher.finish());
        }
        done_bytes += read_bytes;
        item.advanced(done_bytes);
    }
}
