//! What is set at a vault or for the account: tags, notifications, the retrieval policy.

use std::collections::BTreeMap;

use super::{Engine, EngineError};
use crate::service::{Event, Notifications, RetrievalPolicy};
use crate::types::{Tag, TagKey, TopicArn, VaultName};

/// Most tags of a vault (developer guide, "Tagging Amazon S3 Glacier Resources").
const TAGS_MAX: usize = 50;

impl Engine {
    /// Returns the tags of the vault by key.
    pub async fn tags(&self, vault: &VaultName) -> Result<BTreeMap<String, String>, EngineError> {
        self.glacier.list_tags(vault).await.map_err(self.about_vault(vault))
    }

    /// Removes the tags of `remove`, of which some may not be there, then sets those of `set`. A retry does no harm.
    ///
    /// # Errors
    ///
    /// Before anything is changed, when a key is in both, or when the vault would have more tags than it can.
    pub async fn change_tags(
        &self,
        vault: &VaultName,
        set: &[Tag],
        remove: &[TagKey],
    ) -> Result<(), EngineError> {
        if let Some(tag) = set.iter().find(|tag| remove.contains(&tag.key)) {
            return Err(EngineError::TagSetAndRemoved { key: tag.key.clone() });
        }
        let mut keys: Vec<String> = self.tags(vault).await?.into_keys().collect();
        keys.retain(|key| !remove.iter().any(|removed| removed.as_str() == key));
        keys.extend(set.iter().map(|tag| tag.key.as_str().to_owned()));
        keys.sort();
        keys.dedup();
        if keys.len() > TAGS_MAX {
            return Err(EngineError::TooManyTags { vault: vault.clone(), tags: keys.len(), max: TAGS_MAX });
        }
        self.glacier.remove_tags(vault, remove).await.map_err(self.about_vault(vault))?;
        self.glacier.add_tags(vault, set).await.map_err(self.about_vault(vault))
    }

    /// Returns who is told when a job of the vault ends, if anybody is.
    pub async fn notifications(&self, vault: &VaultName) -> Result<Option<Notifications>, EngineError> {
        self.glacier.notifications(vault).await.map_err(self.about_vault(vault))
    }

    /// Lets a topic be told of these events from now on, in place of any other; of all if none is given.
    pub async fn set_notifications(
        &self,
        vault: &VaultName,
        topic: &TopicArn,
        events: &[Event],
    ) -> Result<(), EngineError> {
        let mut events = if events.is_empty() { Event::ALL.to_vec() } else { events.to_vec() };
        events.sort();
        events.dedup();
        self.glacier.set_notifications(vault, topic, &events).await.map_err(self.about_vault(vault))
    }

    /// Lets nobody be told any more.
    pub async fn delete_notifications(&self, vault: &VaultName) -> Result<(), EngineError> {
        self.glacier.delete_notifications(vault).await.map_err(self.about_vault(vault))
    }

    /// Returns which standard retrievals the service accepts, of all vaults of the account in the region.
    pub async fn retrieval_policy(&self) -> Result<RetrievalPolicy, EngineError> {
        Ok(self.glacier.retrieval_policy().await?)
    }

    /// Sets which standard retrievals the service accepts; jobs under way are not touched.
    pub async fn set_retrieval_policy(&self, policy: RetrievalPolicy) -> Result<(), EngineError> {
        Ok(self.glacier.set_retrieval_policy(policy).await?)
    }
}
