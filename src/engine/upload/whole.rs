//! An archive that is stored by one request.

use std::sync::Arc;

use super::parts::{Part, Parts};
use super::{Earlier, Upload};
use crate::cache::Archive;
use crate::engine::transfers::Repeatable;
use crate::engine::{EngineError, blocking};
use crate::service::{Gate, Repeat, ServiceError, StoredArchive};
use crate::treehash::TreeHash;

impl Upload<'_> {
    /// The hash must be on record before the request is sent, so it is computed here, once more than the SDK needs;
    /// one part is all there is.
    pub(super) async fn store_whole(
        &mut self,
        part: Part,
        parts: &mut Parts,
        earlier: &Earlier,
    ) -> Result<Archive, EngineError> {
        let data = part.data.clone();
        let tree_hash = blocking(move || TreeHash::of(&data)).await;
        parts.check_unchanged(tree_hash).await?;
        let storing = self.storing(part.data.len() as u64, tree_hash);
        if let Some(archive) = self.already_stored(&storing, earlier)? {
            return Ok(archive);
        }
        let vault = self.vault;
        let noting = self.engine.stop.noting().await;
        let lock = self.begin(parts, Some(storing), earlier)?;
        let Some(sent) = self.send_whole(&part, tree_hash).await else {
            self.engine.cache.forget_upload(lock)?;
            drop(noting);
            return std::future::pending().await;
        };
        match sent {
            Ok(stored) => {
                self.progress.advanced(storing.size_bytes);
                self.finish(lock, &stored, &storing)
            }
            Err(OnlyIfRefused(error)) if error.is_outcome_unknown() => Err(EngineError::MayBeStored {
                vault: vault.clone(),
                sync: self.engine.sync_command(vault),
                name: self.name.as_str().to_owned(),
                source: Box::new(error),
            }),
            Err(OnlyIfRefused(error)) => {
                self.engine.cache.forget_upload(lock)?;
                Err(self.engine.about_vault(vault)(error))
            }
        }
    }

    /// Sends the data. Returns nothing if the process is to end before all of it was sent: then it is not stored.
    async fn send_whole(
        &self,
        part: &Part,
        tree_hash: TreeHash,
    ) -> Option<Result<StoredArchive, OnlyIfRefused>> {
        let (engine, gate) = (self.engine, Arc::new(Gate::default()));
        let what = format!("archive {}", crate::types::quoted(self.name.as_str()));
        let send = |slot| async {
            let _slot = slot;
            let data = part.data.clone();
            let sent = engine.glacier.upload_archive(self.vault, self.name, tree_hash, data, &gate).await;
            sent.map_err(OnlyIfRefused)
        };
        let mut sending = std::pin::pin!(engine.transfers.repeat_in_turn(&what, send));
        tokio::select! {
            biased;
            sent = &mut sending => Some(sent),
            () = engine.stop.asked() => if gate.shut() { Some(sending.await) } else { None },
        }
    }
}

/// An error of a request that must not be repeated if it may have been carried out.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct OnlyIfRefused(ServiceError);

impl Repeatable for OnlyIfRefused {
    fn repeat(&self) -> Repeat {
        if self.0.is_outcome_unknown() { Repeat::Useless } else { self.0.repeat() }
    }

    fn is_answer(&self) -> bool {
        self.0.is_answer()
    }
}
