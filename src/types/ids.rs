//! Identifiers that Glacier hands out. They are opaque: compared and given back, never looked into.

use std::fmt;
use std::str::FromStr;

use super::{InvalidValue, quoted, shortened};

/// Longest id that is taken. Those of archives have 138 characters, those of jobs and uploads 92; what is longer than any
/// URL may be could not be asked about.
const ID_MAX_BYTES: usize = 1024;

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
                    let (shown, why) = (quoted(&shortened(text)), why_not(text));
                    return Err(InvalidValue(format!(concat!("{} is not ", $what, "{}"), shown, why)));
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
    (1..=ID_MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is wrong with it does not show where only its beginning does.
fn why_not(text: &str) -> String {
    match text.len() {
        bytes if bytes > ID_MAX_BYTES => {
            format!(": it has {bytes} bytes, and none has more than {ID_MAX_BYTES}")
        }
        _ => String::new(),
    }
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

    /// Returns the account that an access key's id tells of, as those made since about 2019 do: behind the prefix, in base32,
    /// a bit that is set and forty bits of the account's number. AWS does not document that, so it is no proof of whose a key
    /// is; that it names an account which is known otherwise is no accident.
    pub fn told_by_access_key(id: &str) -> Option<Self> {
        const NUMBER_BITS: u32 = 40;
        let digits =
            id.strip_prefix("AKIA").or(id.strip_prefix("ASIA")).filter(|digits| digits.len() == 16)?;
        let value = |digit: u8| match digit {
            b'A'..=b'Z' => Some(u64::from(digit - b'A')),
            b'2'..=b'7' => Some(u64::from(digit - b'2') + 26),
            _ => None,
        };
        let bits = digits.bytes().take(9).try_fold(0, |bits, digit| Some(bits << 5 | value(digit)?))? >> 4;
        let (is_told, number) = (bits >> NUMBER_BITS == 1, bits & ((1 << NUMBER_BITS) - 1));
        (is_told && number < 1_000_000_000_000).then(|| Self(format!("{number:012}")))
    }
}

impl FromStr for AccountId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidValue(format!(
                "{} is not the id of an AWS account",
                quoted(&shortened(text))
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_length_that_any_url_can_have() {
        let refused = "x".repeat(1025).parse::<UploadId>().expect_err("too long").to_string();
        assert!(refused.contains(": it has 1025 bytes, and none has more than 1024"), "{refused}");
        assert!(refused.len() < 200 && "x".repeat(1024).parse::<UploadId>().is_ok(), "{refused}");
        assert_eq!("".parse::<JobId>().expect_err("empty").to_string(), "'' is not the id of a job");
    }

    /// The two whose accounts are known are those that researchers have published.
    #[test]
    fn newer_access_keys_tell_of_their_account() {
        let told = |id| AccountId::told_by_access_key(id).map(|account| account.to_string());
        assert_eq!(told("ASIAY34FZKBOKMUTVV7A").as_deref(), Some("609629065308"));
        assert_eq!(told("ASIAQNZGKIQY56JQ7WML").as_deref(), Some("029608264753"));
        for silent in [
            "AKIAIOSFODNN7EXAMPLE",
            "AKIAY34FZKBOKMUTVV7",
            "ABIAY34FZKBOKMUTVV7A",
            "ASIAY34F1KBOKMUTVV7A",
            "",
            "AKIA",
        ] {
            assert_eq!(told(silent), None, "{silent}");
        }
    }
}
