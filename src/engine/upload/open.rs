//! Uploads in parts that are not finished, whoever began them.

use crate::cache::{Scope, Taken, UnfinishedUpload};
use crate::engine::{Engine, EngineError};
use crate::service::{OpenUpload, ServiceError};
use crate::types::{UploadId, VaultName};

/// What is not finished in a vault.
#[derive(Debug)]
pub struct OpenUploads {
    /// The uploads in parts that the service knows, in its order.
    pub in_parts: Vec<OpenUpload>,
    /// The archives that were sent from here and may or may not be stored.
    pub without_answer: Vec<UnfinishedUpload>,
}

/// An upload in parts that is to be given up, or was.
#[derive(Debug, Clone)]
pub struct UploadToAbort {
    /// The upload.
    pub upload: OpenUpload,
    /// Whether a process of this machine is at it, so that it is left alone.
    pub is_in_use: bool,
}

impl Engine {
    /// Returns the uploads into the vault that are not finished.
    pub async fn open_uploads(&self, vault: &VaultName) -> Result<OpenUploads, EngineError> {
        let scope = self.scope_of(vault).await?;
        let in_parts = self.glacier.list_uploads(vault).await.map_err(self.about_vault(vault))?;
        let mut without_answer = self.cache.unfinished_uploads(&scope, vault)?;
        without_answer.retain(|upload| upload.storing.is_some());
        Ok(OpenUploads { in_parts, without_answer })
    }

    /// Returns what [`Engine::abort_uploads`] would do: the uploads in parts into the vault, or that of this id, and
    /// which of them somebody here is at.
    ///
    /// # Errors
    ///
    /// [`EngineError::UploadNotFound`] if the service knows none of that id.
    pub async fn uploads_to_abort(
        &self,
        vault: &VaultName,
        only: Option<&UploadId>,
    ) -> Result<Vec<UploadToAbort>, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut uploads = self.glacier.list_uploads(vault).await.map_err(self.about_vault(vault))?;
        if let Some(id) = only {
            uploads.retain(|upload| upload.id == *id);
            if uploads.is_empty() {
                let (vault, list) = (vault.clone(), self.command(&format!("upload list {vault}")));
                return Err(EngineError::UploadNotFound { vault, list, id: id.clone() });
            }
        }
        let known = self.cache.unfinished_uploads(&scope, vault)?;
        let mut found = Vec::new();
        for upload in uploads {
            let mut is_in_use = false;
            for own in known.iter().filter(|own| own.id.as_ref() == Some(&upload.id)) {
                is_in_use |= matches!(self.cache.take_upload(own)?, Taken::InUse);
            }
            found.push(UploadToAbort { upload, is_in_use });
        }
        Ok(found)
    }

    /// Gives an upload in parts up: what the service holds of it is gone.
    ///
    /// # Errors
    ///
    /// [`EngineError::UploadInUse`] if a process of this machine is at it.
    pub async fn abort_upload(&self, vault: &VaultName, id: &UploadId) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        self.abort_one(&scope, vault, id).await
    }

    /// Gives up all uploads in parts that nobody here is at, and tells of each at once.
    pub async fn abort_uploads(
        &self,
        vault: &VaultName,
        mut tell: impl FnMut(UploadToAbort),
    ) -> Result<(), EngineError> {
        let scope = self.scope_of(vault).await?;
        for upload in self.glacier.list_uploads(vault).await.map_err(self.about_vault(vault))? {
            let is_in_use = match self.abort_one(&scope, vault, &upload.id).await {
                Ok(()) | Err(EngineError::Service(ServiceError::NotFound { .. })) => false,
                Err(EngineError::UploadInUse { .. }) => true,
                Err(error) => return Err(error),
            };
            tell(UploadToAbort { upload, is_in_use });
        }
        Ok(())
    }

    /// The service first: a row that is left behind finds its upload gone and is forgotten.
    async fn abort_one(&self, scope: &Scope, vault: &VaultName, id: &UploadId) -> Result<(), EngineError> {
        let mut lock = None;
        for upload in self.cache.unfinished_uploads(scope, vault)? {
            if upload.id.as_ref() == Some(id) {
                match self.cache.take_upload(&upload)? {
                    Taken::Taken(taken, _) => lock = Some(taken),
                    Taken::InUse => return Err(EngineError::UploadInUse { id: id.clone() }),
                    Taken::Gone => {}
                }
            }
        }
        self.glacier.abort_upload(vault, id).await.map_err(self.about_vault(vault))?;
        lock.map_or(Ok(()), |lock| Ok(self.cache.forget_upload(lock)?))
    }
}
