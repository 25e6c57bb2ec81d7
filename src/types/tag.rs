//! Tags of vaults (developer guide, "Tagging Amazon S3 Glacier Resources").

use std::fmt;
use std::str::FromStr;

use super::{InvalidValue, quoted, shortened};

/// Longest key, in characters.
const KEY_MAX_CHARS: usize = 128;
/// Longest value, in characters.
const VALUE_MAX_CHARS: usize = 255;

/// The key of a tag: 1 to 128 letters, digits, spaces and `_ . / = + - @`; `aws:` at its beginning is reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagKey(String);

impl TagKey {
    /// Returns the key as Glacier has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagKey {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refused = |why: String| {
            InvalidValue(format!("{} cannot be the key of a tag: {why}", quoted(&shortened(text))))
        };
        if text.to_lowercase().starts_with("aws:") {
            return Err(refused("what begins with 'aws:' is AWS's own".to_owned()));
        }
        if text.is_empty() || text.chars().count() > KEY_MAX_CHARS || !text.chars().all(is_allowed) {
            return Err(refused(format!("Glacier takes 1 to {KEY_MAX_CHARS} of {ALLOWED}")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag that a vault can be given: a key, and a value of up to 255 of the same characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: TagKey,
    /// Its value, which may be empty.
    pub value: String,
}

impl FromStr for Tag {
    type Err = InvalidValue;

    /// Reads `KEY=VALUE`; the first `=` divides them.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let parts = text.split_once('=');
        let (key, value) = parts.ok_or_else(|| InvalidValue("a tag is given as KEY=VALUE".to_owned()))?;
        if value.chars().count() > VALUE_MAX_CHARS || !value.chars().all(is_allowed) {
            return Err(InvalidValue(format!(
                "the value of tag {} cannot be set: Glacier takes up to {VALUE_MAX_CHARS} of {ALLOWED}",
                quoted(&shortened(key))
            )));
        }
        Ok(Self { key: key.parse()?, value: value.to_owned() })
    }
}

const ALLOWED: &str = "letters, digits, spaces and _ . / = + - @";

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || " _./=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::Tag;

    #[test]
    fn tags_are_checked_as_the_service_does() {
        let long = format!("{}={}", "k".repeat(128), "v".repeat(255));
        for good in ["a=b", "a=", "é=ü", "a b=c=d", &long] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        assert_eq!("a=b=c".parse::<Tag>().expect("a tag").value, "b=c");
        let (key, value) = (format!("{}=v", "k".repeat(129)), format!("k={}", "v".repeat(256)));
        for bad in ["a", "=b", "aws:x=y", "AWS:x=y", "a:b=c", "a=b:c", "a=\n", &key, &value] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }
}
