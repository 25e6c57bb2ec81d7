//! How a person points at an archive: by name or by id.

use std::fmt;
use std::str::FromStr;

use super::{ArchiveId, InvalidValue};

/// A reference to an archive as written on a command line.
///
/// `id:XYZ` addresses by id, `name:XYZ` forces a name, anything else is a name. `Display` gives back what was written,
/// or for a name that needs a prefix what has to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArchiveRef {
    /// The archives whose description is this text. It may be any text: other programs write what they like.
    Name(String),
    /// The same, written with the prefix `name:`.
    PrefixedName(String),
    /// The archive with this id.
    Id(ArchiveId),
}

impl ArchiveRef {
    /// Returns the name, if it refers by one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::PrefixedName(name) => Some(name),
            Self::Id(_) => None,
        }
    }
}

impl FromStr for ArchiveRef {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if let Some(id) = text.strip_prefix("id:") {
            return Ok(Self::Id(id.parse()?));
        }
        Ok(match text.strip_prefix("name:") {
            Some(name) => Self::PrefixedName(name.to_owned()),
            None => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for ArchiveRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::PrefixedName(name) => write!(f, "name:{name}"),
            Self::Name(name) if needs_prefix(name) => {
                write!(f, "name:{name}")
            }
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Returns whether a name must be written with the prefix `name:` to be read back as one.
pub fn needs_prefix(name: &str) -> bool {
    name.starts_with("id:") || name.starts_with("name:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ArchiveRef {
        text.parse().expect("a valid reference")
    }

    #[test]
    fn a_prefix_decides_and_a_name_needs_none() {
        assert_eq!(parsed("photo.jpg"), ArchiveRef::Name("photo.jpg".into()));
        assert_eq!(parsed("name:id:odd"), ArchiveRef::PrefixedName("id:odd".into()));
        assert_eq!(parsed("id:-abc").to_string(), "id:-abc");
        assert!(matches!(parsed("id:-abc"), ArchiveRef::Id(_)));
        assert!("id:".parse::<ArchiveRef>().is_err());
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for text in ["plain", "name:plain", "name:id:x", "name:name:x", "id:abc"] {
            assert_eq!(parsed(text).to_string(), text);
        }
        assert_eq!(ArchiveRef::Name("id:x".into()).to_string(), "name:id:x");
    }
}
