//! Uploads of which it is not known whether they have stored their archive, for whoever asks whether it exists.

use std::time::Duration;

use super::earlier::Earlier;
use super::{Upload, UploadOptions};
use crate::cache::{Scope, Taken, UnfinishedUpload};
use crate::engine::{Engine, EngineError};
use crate::types::{ArchiveName, Timestamp, VaultName};

/// After how long an inventory lists what was stored: one is made within a day (developer guide, "Vault Inventory").
const LISTED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Returns why it is not known whether an archive of the name is stored, if that is because of an upload from here
    /// whose outcome is open. One in parts is asked for its outcome first.
    pub async fn open_outcome(&self, vault: &VaultName, name: &str) -> Result<Option<String>, EngineError> {
        let scope = self.scope_of(vault).await?;
        self.ask_for_outcomes(&scope, vault, name).await?;
        let open = self.unanswered(&scope, vault, name)?.into_iter().next();
        open.map(|upload| self.why_unknown(vault, &upload)).transpose()
    }

    /// The uploads that may have stored an archive of the name, as far as the cache knows.
    pub(in crate::engine) fn unanswered(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &str,
    ) -> Result<Vec<UnfinishedUpload>, EngineError> {
        let mut uploads = self.cache.uploads_of(scope, vault, name)?;
        uploads.retain(|upload| upload.storing.is_some());
        Ok(uploads)
    }

    /// Asks the service for the outcome of those in parts, whose last request can be repeated.
    pub(in crate::engine) async fn ask_for_outcomes(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &str,
    ) -> Result<(), EngineError> {
        for upload in self.unanswered(scope, vault, name)? {
            let Ok(name) = upload.name.parse::<ArchiveName>() else { continue };
            if upload.id.is_none() {
                continue;
            }
            let Taken::Taken(lock, upload) = self.cache.take_upload(&upload)? else { continue };
            let Some(storing) = upload.storing else { continue };
            let options = UploadOptions::default();
            let mut asking =
                Upload { engine: self, scope: scope.clone(), vault, name: &name, options, progress: &() };
            asking.ask_again(lock, *upload, &storing, &mut Earlier::default()).await?;
        }
        Ok(())
    }

    /// Says since when it is not known, and what to run.
    pub(in crate::engine) fn why_unknown(
        &self,
        vault: &VaultName,
        upload: &UnfinishedUpload,
    ) -> Result<String, EngineError> {
        // To try the lock is to know whether someone is at it; it is given back at once.
        if let Taken::InUse = self.cache.take_upload(upload)? {
            return Ok("it is being stored at this moment; run the same command again later".to_owned());
        }
        let since = upload.storing.map_or_else(|| self.clock.now(), |storing| storing.since);
        let listed: Timestamp = since + LISTED_WITHIN;
        Ok(format!(
            "an upload of it on {since} had no answer and may have stored it; '{}' tells: from about {listed} on if it is stored, some days later if it is not",
            self.sync_command(vault)
        ))
    }
}
