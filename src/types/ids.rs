//! Identifiers that Glacier hands out. They are opaque: compared and given back, never looked into.

use std::fmt;
use std::str::FromStr;

use super::{InvalidValue, quoted};

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Returns the id as the service wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                if !is_opaque(text) {
                    return Err(InvalidValue(format!(concat!("{} is not ", $what), quoted(text))));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_opaque(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl ArchiveId {
    /// Returns whether the text could be an id.
    pub fn is_valid(text: &str) -> bool {
        is_opaque(text)
    }
}

opaque_id!(
    /// The id of an archive. It may begin with `-`.
    ArchiveId,
    "the id of an archive"
);
opaque_id!(
    /// The id of a retrieval or inventory job.
    JobId,
    "the id of a job"
);
opaque_id!(
    /// The id of a multipart upload under way.
    UploadId,
    "the id of an upload"
);

/// An AWS account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// Returns the twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidValue(format!("{} is not the id of an AWS account", quoted(text))));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
