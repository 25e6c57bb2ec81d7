//! The lines of the external special remote protocol, version 2. Nothing here reads or writes.
//!
//! Lines are bytes: keys and file names come as git-annex has them and go back unchanged.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The extensions of the protocol that this remote uses.
pub(super) const EXTENSIONS: [&str; 2] = ["INFO", "GETGITREMOTENAME"];

/// A key of git-annex. It holds no white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(pub(super) Vec<u8>);

/// What git-annex asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
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
    pub(super) fn parse(line: &[u8]) -> Self {
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

/// What the remote says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Version,
    Extensions,
    Config { name: &'static str, description: &'static str },
    ConfigEnd,
    ExportSupportedFailure,
    InitRemote(Result<(), String>),
    Prepare(Result<(), String>),
    Stored(Key, Result<(), String>),
    Retrieved(Key, Result<(), String>),
    Progress(u64),
    Present(Key),
    Absent(Key),
    PresenceUnknown(Key, String),
    Removed(Key, Result<(), String>),
    Cost(u32),
    AvailabilityGlobal,
    Unordered,
    InfoField(&'static str),
    InfoValue(String),
    InfoEnd,
    WhereIs(Option<String>),
    ClaimUrlFailure,
    Unsupported,
}

impl Reply {
    /// Returns the line, its end included.
    pub(super) fn line(&self) -> Vec<u8> {
        let outcome = |words: &str, result: &Result<(), String>| match result {
            Ok(()) => format!("{words}-SUCCESS").into_bytes(),
            Err(why) => format!("{words}-FAILURE {}", flat(why)).into_bytes(),
        };
        let about_key = |words: &str, key: &Key, why: &str| {
            let mut line = [words.as_bytes(), &key.0].join(&b' ');
            if !why.is_empty() {
                line.extend([b" ", flat(why).as_bytes()].concat());
            }
            line
        };
        let of_key = |words: &str, rest: &str, key: &Key, result: &Result<(), String>| match result {
            Ok(()) => about_key(&format!("{words}-SUCCESS{rest}"), key, ""),
            Err(why) => about_key(&format!("{words}-FAILURE{rest}"), key, why),
        };
        let mut line = match self {
            Self::Version => b"VERSION 2".to_vec(),
            Self::Extensions => format!("EXTENSIONS {}", EXTENSIONS.join(" ")).into_bytes(),
            Self::Config { name, description } => format!("CONFIG {name} {description}").into_bytes(),
            Self::ConfigEnd => b"CONFIGEND".to_vec(),
            Self::ExportSupportedFailure => b"EXPORTSUPPORTED-FAILURE".to_vec(),
            Self::InitRemote(result) => outcome("INITREMOTE", result),
            Self::Prepare(result) => outcome("PREPARE", result),
            Self::Stored(key, result) => of_key("TRANSFER", " STORE", key, result),
            Self::Retrieved(key, result) => of_key("TRANSFER", " RETRIEVE", key, result),
            Self::Progress(bytes) => format!("PROGRESS {bytes}").into_bytes(),
            Self::Present(key) => about_key("CHECKPRESENT-SUCCESS", key, ""),
            Self::Absent(key) => about_key("CHECKPRESENT-FAILURE", key, ""),
            Self::PresenceUnknown(key, why) => about_key("CHECKPRESENT-UNKNOWN", key, why),
            Self::Removed(key, result) => of_key("REMOVE", "", key, result),
            Self::Cost(cost) => format!("COST {cost}").into_bytes(),
            Self::AvailabilityGlobal => b"AVAILABILITY GLOBAL".to_vec(),
            Self::Unordered => b"UNORDERED".to_vec(),
            Self::InfoField(name) => format!("INFOFIELD {name}").into_bytes(),
            Self::InfoValue(value) => format!("INFOVALUE {}", flat(value)).into_bytes(),
            Self::InfoEnd => b"INFOEND".to_vec(),
            Self::WhereIs(Some(place)) => format!("WHEREIS-SUCCESS {}", flat(place)).into_bytes(),
            Self::WhereIs(None) => b"WHEREIS-FAILURE".to_vec(),
            Self::ClaimUrlFailure => b"CLAIMURL-FAILURE".to_vec(),
            Self::Unsupported => b"UNSUPPORTED-REQUEST".to_vec(),
        };
        line.push(b'\n');
        line
    }
}

/// What the remote asks of git-annex while it handles a request. Each is answered by one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Config(&'static str),
    Uuid,
    GitRemoteName,
}

impl Question {
    /// Returns the line, its end included.
    pub(super) fn line(&self) -> Vec<u8> {
        match self {
            Self::Config(name) => format!("GETCONFIG {name}\n"),
            Self::Uuid => "GETUUID\n".to_owned(),
            Self::GitRemoteName => "GETGITREMOTENAME\n".to_owned(),
        }
        .into_bytes()
    }
}

/// Returns the line that keeps a setting for good, its end included. It is not answered.
pub(super) fn set_config(name: &str, value: &str) -> Vec<u8> {
    format!("SETCONFIG {name} {}\n", flat(value)).into_bytes()
}

/// Reads the answer to a question, `VALUE` and what follows.
pub(super) fn value(line: &[u8]) -> Option<String> {
    match split(line) {
        (b"VALUE", value) => Some(text(value.unwrap_or_default())),
        _ => None,
    }
}

/// A text within a line must not end it.
fn flat(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Splits at the first space.
fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(space) => (&line[..space], Some(&line[space + 1..])),
        None => (line, None),
    }
}

fn key_of(bytes: &[u8]) -> Option<Key> {
    (!bytes.is_empty() && !bytes.contains(&b' ')).then(|| Key(bytes.to_vec()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key(text.as_bytes().to_vec())
    }

    #[test]
    fn the_last_field_may_hold_spaces() {
        assert_eq!(
            Request::parse(b"TRANSFER STORE SHA256E-s3--aa.txt .git/annex/a file"),
            Request::Store { key: key("SHA256E-s3--aa.txt"), file: ".git/annex/a file".into() }
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

    #[test]
    fn keys_and_files_need_not_be_text() {
        let Request::Retrieve { key, file } = Request::parse(b"TRANSFER RETRIEVE WORM-\xff /tmp/\xfe") else {
            unreachable!("a valid request");
        };
        assert_eq!(Reply::Retrieved(key, Ok(())).line(), b"TRANSFER-SUCCESS RETRIEVE WORM-\xff\n");
        assert_eq!(OsString::from(file).into_vec(), b"/tmp/\xfe");
    }

    #[test]
    fn a_reply_is_one_line_whatever_the_reason_holds() {
        let why = "first\nTRANSFER-SUCCESS STORE k\r\nlast".to_owned();
        assert_eq!(
            Reply::Stored(key("k"), Err(why.clone())).line(),
            b"TRANSFER-FAILURE STORE k first; TRANSFER-SUCCESS STORE k; last\n"
        );
        assert_eq!(
            Reply::PresenceUnknown(key("k"), why).line().iter().filter(|byte| **byte == b'\n').count(),
            1
        );
    }

    #[test]
    fn an_answer_may_be_empty() {
        assert_eq!(value(b"VALUE"), Some(String::new()));
        assert_eq!(value(b"VALUE "), Some(String::new()));
        assert_eq!(value(b"VALUE a b"), Some("a b".to_owned()));
        assert_eq!(value(b"PREPARE"), None);
    }
}
