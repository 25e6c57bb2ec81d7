//! What earlier uploads of archives of the same name have left behind.

use super::Upload;
use crate::cache::{Archive, FileIdentity, Storing, Taken, UnfinishedUpload, UploadLock};
use crate::engine::{EngineError, Notice};
use crate::service::ServiceError;
use crate::types::ArchiveId;

/// What earlier uploads of archives of the same name have left behind.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// One of the same file that can go on.
    pub(super) resumable: Option<(UploadLock, UnfinishedUpload)>,
    /// Those of which it is not known whether they have stored something.
    pub(super) open: Vec<UnfinishedUpload>,
    /// Those that turned out to have stored their archive.
    stored: Vec<(UnfinishedUpload, Archive)>,
}

impl Earlier {
    /// Returns the archive that was stored from the same file.
    pub(super) fn stored_from(&self, file: &FileIdentity) -> Option<Archive> {
        let is_same =
            |upload: &UnfinishedUpload| upload.file.as_ref().is_some_and(|other| other.is_same(file));
        self.stored.iter().find(|(upload, _)| is_same(upload)).map(|(_, archive)| archive.clone())
    }

    /// Returns an archive of the same content.
    pub(super) fn stored_like(&self, storing: &Storing) -> Option<Archive> {
        let wanted = (Some(storing.size_bytes), Some(storing.tree_hash));
        let alike = self.stored.iter().find(|(_, archive)| (archive.size_bytes, archive.tree_hash) == wanted);
        alike.map(|(_, archive)| archive.clone())
    }
}

impl Upload<'_> {
    /// Looks at every earlier upload of this name that is not finished: completes what can be completed, gives up what
    /// was superseded, and returns the rest. `file` is what is to be stored now; none for a stream.
    pub(super) async fn clear_up(&mut self, file: Option<&FileIdentity>) -> Result<Earlier, EngineError> {
        let mut earlier = Earlier::default();
        let cache = &self.engine.cache.clone();
        for upload in cache.uploads_of(&self.scope, self.vault, self.name.as_str())? {
            let is_same = match (&upload.file, file) {
                (Some(other), Some(file)) => other.is_same(file),
                _ => false,
            };
            match cache.take_upload(&upload)? {
                Taken::Taken(lock, upload) => {
                    self.clear_up_one(lock, *upload, is_same, file, &mut earlier).await?;
                }
                Taken::InUse if is_same => return Err(self.in_use()),
                Taken::InUse | Taken::Gone => {}
            }
        }
        Ok(earlier)
    }

    async fn clear_up_one(
        &mut self,
        lock: UploadLock,
        upload: UnfinishedUpload,
        is_same: bool,
        file: Option<&FileIdentity>,
        earlier: &mut Earlier,
    ) -> Result<(), EngineError> {
        match (upload.id.is_some(), upload.storing) {
            (true, Some(storing)) => {
                let stored = self.ask_again(lock, upload, &storing, earlier).await?;
                // Of the same file it is the very archive that is asked for now.
                if let Some(archive) = stored.filter(|_| !is_same) {
                    let name = self.name.as_str().to_owned();
                    self.engine.transfers.notice(&Notice::FoundStored { name, archive });
                }
            }
            (false, Some(storing)) => {
                if is_same && !self.options.allow_duplicate {
                    return Err(self.earlier_may_be_stored(&storing));
                }
                earlier.open.push(upload);
            }
            (true, None) if is_same && earlier.resumable.is_none() => {
                earlier.resumable = Some((lock, upload));
            }
            (true, None) if is_superseded(&upload, file) => self.give_up(lock, upload.id.as_ref()).await?,
            (true, None) => {}
            // It never got so far as to be known to the service, or died before it heard.
            (false, None) => self.engine.cache.forget_upload(lock)?,
        }
        Ok(())
    }

    /// Asks the service again for the outcome of a request whose answer was lost. Returns the archive if there is one.
    pub(super) async fn ask_again(
        &mut self,
        lock: UploadLock,
        upload: UnfinishedUpload,
        storing: &Storing,
        earlier: &mut Earlier,
    ) -> Result<Option<ArchiveId>, EngineError> {
        let Some(id) = &upload.id else { return Ok(None) };
        let (engine, vault) = (self.engine, self.vault);
        let what = format!("complete the upload of archive {}", crate::types::quoted(self.name.as_str()));
        let ask = || async {
            let noting = engine.stop.noting().await;
            let completed = engine.glacier.complete_upload(vault, id, storing.size_bytes, storing.tree_hash);
            completed.await.map(|stored| (stored, noting))
        };
        match self.engine.transfers.repeat(&what, ask).await {
            Ok((stored, _noting)) => match self.finish(lock, &stored, storing) {
                Ok(archive) => {
                    earlier.stored.push((upload, archive));
                    Ok(Some(stored.id))
                }
                Err(EngineError::StoredOtherwise { .. }) if self.options.allow_duplicate => {
                    earlier.open.push(upload);
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            Err(error) if error.is_missing_in_vault() => {
                earlier.open.push(upload);
                Ok(None)
            }
            Err(ServiceError::Refused { .. }) => {
                // Only what is given up for certain is known not to be an archive.
                match self.engine.glacier.abort_upload(vault, id).await {
                    Ok(()) => self.engine.cache.forget_upload(lock)?,
                    Err(_) => earlier.open.push(upload),
                }
                Ok(None)
            }
            Err(error) => match self.engine.about_vault(vault)(error) {
                // Whatever keeps Glacier from telling, it may have stored it.
                EngineError::Service(error) => Err(EngineError::Unconfirmed {
                    vault: vault.clone(),
                    name: self.name.as_str().to_owned(),
                    source: Box::new(error),
                }),
                error => Err(error),
            },
        }
    }
}

/// Whether nobody will ever go on with it: the file that it was of is another now, or was a stream.
fn is_superseded(upload: &UnfinishedUpload, file: Option<&FileIdentity>) -> bool {
    upload
        .file
        .as_ref()
        .is_none_or(|other| file.is_some_and(|file| file.path == other.path) || !other.path.exists())
}
