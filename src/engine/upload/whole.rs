//! An archive that is stored by one request.

use super::parts::{Part, Parts};
use super::{Earlier, Upload};
use crate::cache::Archive;
use crate::engine::transfers::Repeatable;
use crate::engine::{EngineError, blocking};
use crate::service::{Repeat, ServiceError};
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
        let lock = self.begin(parts, Some(storing), earlier)?;
        let (glacier, vault, name) = (&self.engine.glacier, self.vault, self.name);
        let what = format!("archive {}", crate::types::quoted(name.as_str()));
        let send = |slot| async {
            let _slot = slot;
            glacier.upload_archive(vault, name, tree_hash, part.data.clone()).await.map_err(OnlyIfRefused)
        };
        match self.engine.transfers.repeat_in_turn(&what, send).await {
            Ok(stored) => {
                self.progress.transferred(storing.size_bytes);
                self.finish(lock, &stored, &storing)
            }
            Err(OnlyIfRefused(error)) if error.is_outcome_unknown() => Err(EngineError::MayBeStored {
                vault: vault.clone(),
                name: name.as_str().to_owned(),
                source: Box::new(error),
            }),
            Err(OnlyIfRefused(error)) => {
                self.engine.cache.forget_upload(lock)?;
                Err(self.engine.about_vault(vault)(error))
            }
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
