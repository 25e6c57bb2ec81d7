//! Calls about what is set at a vault: its tags, and who is told when its jobs end.

use std::collections::BTreeMap;
use std::str::FromStr;

use aws_sdk_glacier::types::VaultNotificationConfig;

use super::{Glacier, ServiceError};
use crate::types::{InvalidValue, Tag, TagKey, TopicArn, VaultName, quoted};

/// Most tags that one request names (developer guide, "Tagging Amazon S3 Glacier Resources").
const TAGS_OF_REQUEST_MAX: usize = 10;

/// What a topic is told of (API reference, "Set Vault Notification Configuration").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A job that brings an archive has ended.
    Archive,
    /// A job that brings an inventory has ended.
    Inventory,
}

impl Event {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Archive, Self::Inventory];

    /// Returns the name that the service has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "ArchiveRetrievalCompleted",
            Self::Inventory => "InventoryRetrievalCompleted",
        }
    }
}

impl FromStr for Event {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::ALL.into_iter().find(|event| event.as_str() == text).ok_or_else(|| {
            let [archive, inventory] = Self::ALL.map(Self::as_str);
            InvalidValue(format!("{} is no event; there are {archive} and {inventory}", quoted(text)))
        })
    }
}

/// Who is told of what, as the service has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifications {
    /// The ARN of the topic.
    pub topic: String,
    /// The names of the events.
    pub events: Vec<String>,
}

impl Glacier {
    /// Returns the tags of the vault by key.
    pub async fn list_tags(&self, vault: &VaultName) -> Result<BTreeMap<String, String>, ServiceError> {
        let answer = self.client().await.list_tags_for_vault().vault_name(vault.as_str()).send().await;
        let answer = answer.map_err(|error| self.sorted(&error))?;
        Ok(answer.tags.unwrap_or_default().into_iter().collect())
    }

    /// Sets tags, by several requests if there are many.
    pub async fn add_tags(&self, vault: &VaultName, tags: &[Tag]) -> Result<(), ServiceError> {
        for some in tags.chunks(TAGS_OF_REQUEST_MAX) {
            let mut request = self.client().await.add_tags_to_vault().vault_name(vault.as_str());
            for tag in some {
                request = request.tags(tag.key.as_str(), &tag.value);
            }
            request.send().await.map_err(|error| self.sorted(&error))?;
        }
        Ok(())
    }

    /// Removes tags, by several requests if there are many; one that is not there is no error.
    pub async fn remove_tags(&self, vault: &VaultName, keys: &[TagKey]) -> Result<(), ServiceError> {
        for some in keys.chunks(TAGS_OF_REQUEST_MAX) {
            let keys = some.iter().map(|key| key.as_str().to_owned()).collect();
            let request = self.client().await.remove_tags_from_vault().vault_name(vault.as_str());
            request.set_tag_keys(Some(keys)).send().await.map_err(|error| self.sorted(&error))?;
        }
        Ok(())
    }

    /// Returns who is told when a job of the vault ends, if anybody is.
    pub async fn notifications(&self, vault: &VaultName) -> Result<Option<Notifications>, ServiceError> {
        let answer = self.client().await.get_vault_notifications().vault_name(vault.as_str()).send().await;
        match answer.map_err(|error| self.sorted(&error)) {
            Ok(answer) => Ok(answer.vault_notification_config().and_then(|config| {
                let topic = config.sns_topic()?.to_owned();
                Some(Notifications { topic, events: config.events().to_vec() })
            })),
            Err(error) if error.is_missing_in_vault() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets a topic be told from now on, in place of any other.
    pub async fn set_notifications(
        &self,
        vault: &VaultName,
        topic: &TopicArn,
        events: &[Event],
    ) -> Result<(), ServiceError> {
        let events = events.iter().map(|event| event.as_str().to_owned()).collect();
        let config = VaultNotificationConfig::builder().sns_topic(topic.as_str()).set_events(Some(events));
        let request = self.client().await.set_vault_notifications().vault_name(vault.as_str());
        let answer = request.vault_notification_config(config.build()).send().await;
        answer.map(drop).map_err(|error| self.sorted(&error))
    }

    /// Lets nobody be told any more.
    pub async fn delete_notifications(&self, vault: &VaultName) -> Result<(), ServiceError> {
        let answer = self.client().await.delete_vault_notifications().vault_name(vault.as_str()).send().await;
        answer.map(drop).map_err(|error| self.sorted(&error))
    }
}
