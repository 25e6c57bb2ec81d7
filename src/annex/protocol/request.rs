//! What git-annex asks for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::{Key, split, text};

/// What git-annex asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::annex) enum Request {
    /// The extensions that git-annex has.
    Extensions(Vec<String>),
    ListConfigs,
    ExportSupported,
    InitRemote,
    Prepare,
    Store {
        key: Key,
        file: PathBuf,
    },
    Retrieve {
        key: Key,
        file: PathBuf,
    },
    CheckPresent(Key),
    Remove(Key),
    GetCost,
    GetAvailability,
    GetOrdered,
    GetInfo,
    WhereIs(Key),
    ClaimUrl,
    /// git-annex gives up, for this reason.
    Error(String),
    /// Anything else.
    Unknown,
}

impl Request {
    /// Reads a line without its end.
    pub(in crate::annex) fn parse(line: &[u8]) -> Self {
        let (word, rest) = split(line);
        match (word, rest) {
            (b"EXTENSIONS", names) => Self::Extensions(
                text(names.unwrap_or_default()).split_whitespace().map(str::to_owned).collect(),
            ),
            (b"LISTCONFIGS", None) => Self::ListConfigs,
            (b"EXPORTSUPPORTED", None) => Self::ExportSupported,
            (b"INITREMOTE", None) => Self::InitRemote,
            (b"PREPARE", None) => Self::Prepare,
            (b"TRANSFER", Some(rest)) => Self::transfer(rest).unwrap_or(Self::Unknown),
            (b"CHECKPRESENT", Some(key)) => Self::with_key(key, Self::CheckPresent),
            (b"REMOVE", Some(key)) => Self::with_key(key, Self::Remove),
            (b"WHEREIS", Some(key)) => Self::with_key(key, Self::WhereIs),
            (b"GETCOST", None) => Self::GetCost,
            (b"GETAVAILABILITY", None) => Self::GetAvailability,
            (b"GETORDERED", None) => Self::GetOrdered,
            (b"GETINFO", None) => Self::GetInfo,
            (b"CLAIMURL", Some(_)) => Self::ClaimUrl,
            (b"ERROR", message) => Self::Error(text(message.unwrap_or_default())),
            _ => Self::Unknown,
        }
    }

    fn transfer(rest: &[u8]) -> Option<Self> {
        let (direction, rest) = split(rest);
        let (key, file) = split(rest?);
        let (key, file) = (key_of(key)?, PathBuf::from(OsString::from_vec(file?.to_vec())));
        match direction {
            b"STORE" => Some(Self::Store { key, file }),
            b"RETRIEVE" => Some(Self::Retrieve { key, file }),
            _ => None,
        }
    }

    fn with_key(bytes: &[u8], request: impl FnOnce(Key) -> Self) -> Self {
        key_of(bytes).map_or(Self::Unknown, request)
    }
}

fn key_of(bytes: &[u8]) -> Option<Key> {
    (!bytes.is_empty() && !bytes.contains(&b' ')).then(|| Key(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_field_may_hold_spaces() {
        assert_eq!(
            Request::parse(b"TRANSFER STORE SHA256E-s3--aa.txt .git/annex/a file"),
            Request::Store { key: Key(b"SHA256E-s3--aa.txt".to_vec()), file: ".git/annex/a file".into() }
        );
    }

    #[test]
    fn what_is_malformed_is_unknown() {
        for line in [
            "",
            " ",
            "TRANSFER",
            "TRANSFER STORE k",
            "TRANSFER MOVE k f",
            "TRANSFER STORE  f",
            "REMOVE ",
            "CHECKPRESENT",
            "CHECKPRESENT a b",
            "PREPARE now",
            "prepare",
            "VALUE x",
        ] {
            assert_eq!(Request::parse(line.as_bytes()), Request::Unknown, "{line:?}");
        }
    }
}
