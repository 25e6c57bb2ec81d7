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
        Ok(self.json(&json!({"Tags": tags(self.setting(request, Kind::Tags)?)})))
    }

    pub(super) fn add_tags(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let sent = object(body)?;
        let sent = sent["Tags"].as_object().ok_or_else(|| Refusal::missing("Tags"))?;
        check_count(sent.len())?;
        sent.iter().try_for_each(|(key, value)| check(key, value))?;
        self.change(request, Kind::Tags, |former| {
            let mut tags = tags(former);
            tags.extend(sent.clone());
            if tags.len() > TAGS_MAX {
                return Err(Refusal::limit_exceeded(format!("Tag limit of {TAGS_MAX} exceeded")));
            }
            Ok(Some(tags.into()))
        })?;
        done()
    }

    pub(super) fn remove_tags(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let sent = object(body)?;
        let keys = sent["TagKeys"].as_array().ok_or_else(|| Refusal::missing("TagKeys"))?;
        check_count(keys.len())?;
        let keys: Option<Vec<&str>> = keys.iter().map(Value::as_str).collect();
        let keys = keys.ok_or_else(|| Refusal::malformed("A tag key must be a string"))?;
        self.change(request, Kind::Tags, |former| {
            let mut tags = tags(former);
            tags.retain(|key, _| !keys.contains(&&**key));
            Ok(Some(tags.into()))
        })?;
        done()
    }
}

fn tags(setting: Option<Value>) -> Map<String, Value> {
    match setting {
        Some(Value::Object(tags)) => tags,
        _ => Map::new(),
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
