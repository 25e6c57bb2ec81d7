//! Tags of vaults (API reference, "Add Tags To Vault" and its kin).

use serde_json::{Map, Value, json};

use super::settings::{Kind, done, object};
use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::Request;

/// Tags of a vault, and of one request (developer guide, "Tagging Amazon S3 Glacier Resources").
const TAGS_MAX: usize = 50;
const TAGS_OF_REQUEST_MAX: usize = 10;
const KEY_MAX_CHARS: usize = 128;
const VALUE_MAX_CHARS: usize = 255;

impl Glacier {
    pub(super) fn list_tags(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        Ok(self.json(&json!({"Tags": self.tags(request)?})))
    }

    pub(super) fn add_tags(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let sent = object(body)?;
        let sent = sent["Tags"].as_object().ok_or_else(|| Refusal::missing("Tags"))?;
        check_count(sent.len())?;
        let mut tags = self.tags(request)?;
        for (key, value) in sent {
            check(key, value)?;
            tags.insert(key.clone(), value.clone());
        }
        if tags.len() > TAGS_MAX {
            return Err(Refusal::limit_exceeded(format!("Tag limit of {TAGS_MAX} exceeded")));
        }
        self.set(request, Kind::Tags, &tags.into())?;
        done()
    }

    pub(super) fn remove_tags(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let sent = object(body)?;
        let keys = sent["TagKeys"].as_array().ok_or_else(|| Refusal::missing("TagKeys"))?;
        check_count(keys.len())?;
        let mut tags = self.tags(request)?;
        for key in keys {
            let key = key.as_str().ok_or_else(|| Refusal::malformed("A tag key must be a string"))?;
            tags.remove(key);
        }
        self.set(request, Kind::Tags, &tags.into())?;
        done()
    }

    fn tags(&self, request: &Request) -> Result<Map<String, Value>, Refusal> {
        match self.setting(request, Kind::Tags)? {
            Some(Value::Object(tags)) => Ok(tags),
            _ => Ok(Map::new()),
        }
    }
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if (1..=TAGS_OF_REQUEST_MAX).contains(&count) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("A request names 1 to {TAGS_OF_REQUEST_MAX} tags, not {count}")))
}

fn check(key: &str, value: &Value) -> Result<(), Refusal> {
    let allowed = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _./=+-@".contains(c));
    let value = value
        .as_str()
        .ok_or_else(|| Refusal::malformed(format!("The value of tag {key} must be a string")))?;
    let fits = (1..=KEY_MAX_CHARS).contains(&key.chars().count()) && value.chars().count() <= VALUE_MAX_CHARS;
    if !fits || !allowed(key) || !allowed(value) || key.to_lowercase().starts_with("aws:") {
        return Err(Refusal::invalid(format!("Invalid tag: {key}")));
    }
    Ok(())
}
