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

impl Engine {
    /// Returns the uploads into the vault that are not finished.
    pub async fn open_uploads(&self, vault: &VaultName) -> Result<OpenUploads, EngineError> {
        let scope = self.scope_of(vault).await?;
        let in_parts = self.glacier.list_uploads(vault).await.map_err(self.about_vault(vault))?;
        let mut without_answer = self.cache.unfinished_uploads(&scope, vault)?;
        without_answer.retain(|upload| upload.storing.is_some());
        Ok(OpenUploads { in_parts, without_answer })
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

    /// Gives up all uploads in parts that nobody here is at; returns those that somebody is at.
    pub async fn abort_uploads(&self, vault: &VaultName) -> Result<Vec<UploadId>, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut in_use = Vec::new();
        for upload in self.glacier.list_uploads(vault).await.map_err(self.about_vault(vault))? {
            match self.abort_one(&scope, vault, &upload.id).await {
                Ok(()) | Err(EngineError::Service(ServiceError::NotFound { .. })) => {}
                Err(EngineError::UploadInUse { id }) => in_use.push(id),
                Err(error) => return Err(error),
            }
        }
        Ok(in_use)
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
