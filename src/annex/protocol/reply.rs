//! What the remote says to a request.

use super::{Key, shown};

/// How a request ended.
type Outcome = Result<(), String>;

/// What the remote says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::annex) enum Reply {
    Version,
    Extensions(Vec<&'static str>),
    Config {
        name: &'static str,
        description: &'static str,
    },
    ConfigEnd,
    ExportSupportedFailure,
    InitRemote(Outcome),
    Prepare(Outcome),
    Stored(Key, Outcome),
    Retrieved(Key, Outcome),
    Progress(u64),
    Present(Key),
    Absent(Key),
    PresenceUnknown(Key, String),
    Removed(Key, Outcome),
    Cost(u32),
    AvailabilityGlobal,
    Unordered,
    InfoField(&'static str),
    InfoValue(String),
    InfoEnd,
    WhereIs(Option<String>),
    ClaimUrlFailure,
    Unsupported,
    /// The conversation cannot go on.
    Error(String),
}

impl Reply {
    /// Returns the line without its end.
    pub(in crate::annex) fn line(&self) -> Vec<u8> {
        match self {
            Self::Version => b"VERSION 2".to_vec(),
            Self::Extensions(names) => format!("EXTENSIONS {}", names.join(" ")).into_bytes(),
            Self::Config { name, description } => format!("CONFIG {name} {description}").into_bytes(),
            Self::ConfigEnd => b"CONFIGEND".to_vec(),
            Self::ExportSupportedFailure => b"EXPORTSUPPORTED-FAILURE".to_vec(),
            Self::InitRemote(result) => outcome("INITREMOTE", "", None, result),
            Self::Prepare(result) => outcome("PREPARE", "", None, result),
            Self::Stored(key, result) => outcome("TRANSFER", " STORE", Some(key), result),
            Self::Retrieved(key, result) => outcome("TRANSFER", " RETRIEVE", Some(key), result),
            Self::Progress(bytes) => format!("PROGRESS {bytes}").into_bytes(),
            Self::Present(key) => about("CHECKPRESENT-SUCCESS", Some(key), ""),
            Self::Absent(key) => about("CHECKPRESENT-FAILURE", Some(key), ""),
            Self::PresenceUnknown(key, why) => about("CHECKPRESENT-UNKNOWN", Some(key), why),
            Self::Removed(key, result) => outcome("REMOVE", "", Some(key), result),
            Self::Cost(cost) => format!("COST {cost}").into_bytes(),
            Self::AvailabilityGlobal => b"AVAILABILITY GLOBAL".to_vec(),
            Self::Unordered => b"UNORDERED".to_vec(),
            Self::InfoField(name) => format!("INFOFIELD {name}").into_bytes(),
            Self::InfoValue(value) => about("INFOVALUE", None, value),
            Self::InfoEnd => b"INFOEND".to_vec(),
            Self::WhereIs(Some(place)) => about("WHEREIS-SUCCESS", None, place),
            Self::WhereIs(None) => b"WHEREIS-FAILURE".to_vec(),
            Self::ClaimUrlFailure => b"CLAIMURL-FAILURE".to_vec(),
            Self::Unsupported => b"UNSUPPORTED-REQUEST".to_vec(),
            Self::Error(why) => about("ERROR", None, why),
        }
    }
}

fn outcome(word: &str, rest: &str, key: Option<&Key>, result: &Outcome) -> Vec<u8> {
    match result {
        Ok(()) => about(&format!("{word}-SUCCESS{rest}"), key, ""),
        Err(why) => about(&format!("{word}-FAILURE{rest}"), key, why),
    }
}

fn about(words: &str, key: Option<&Key>, text: &str) -> Vec<u8> {
    let text = shown(text);
    let key = key.map(|key| key.0.as_slice());
    let fields = [Some(words.as_bytes()), key, Some(text.as_bytes()).filter(|text| !text.is_empty())];
    fields.into_iter().flatten().collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::super::Request;
    use super::*;

    #[test]
    fn keys_and_files_need_not_be_text() {
        let Request::Retrieve { key, file } = Request::parse(b"TRANSFER RETRIEVE WORM-\xff /tmp/\xfe") else {
            unreachable!("a valid request");
        };
        assert_eq!(Reply::Retrieved(key, Ok(())).line(), b"TRANSFER-SUCCESS RETRIEVE WORM-\xff");
        assert_eq!(std::ffi::OsString::from(file).into_vec(), b"/tmp/\xfe");
    }

    #[test]
    fn a_reply_is_one_line_whatever_the_reason_holds() {
        let why = "first\nTRANSFER-SUCCESS STORE k\r\nlast".to_owned();
        assert_eq!(
            Reply::Stored(Key(b"k".to_vec()), Err(why)).line(),
            b"TRANSFER-FAILURE STORE k first; TRANSFER-SUCCESS STORE k; last"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_parser_panic_and_no_reply_is_two_lines(
            line in proptest::collection::vec(proptest::num::u8::ANY.prop_filter("one line", |b| *b != b'\n'), 0..80),
            word in "(TRANSFER (STORE|RETRIEVE) |CHECKPRESENT |REMOVE |WHEREIS |ERROR |EXTENSIONS |J [0-9]{0,30} |)",
            why in "(?s).{0,60}",
        ) {
            let line = [word.as_bytes(), &line].concat();
            let reply = match Request::parse(&line) {
                Request::Store { key, .. } => Reply::Stored(key, Err(why)),
                Request::Retrieve { key, .. } => Reply::Retrieved(key, Err(why)),
                Request::CheckPresent(key) => Reply::PresenceUnknown(key, why),
                Request::Remove(key) => Reply::Removed(key, Err(why)),
                Request::WhereIs(_) => Reply::WhereIs(Some(why)),
                Request::Error(said) => Reply::Error(said),
                _ => Reply::Prepare(Err(why)),
            };
            let (_, rest) = super::super::job(&line).unwrap_or_default();
            proptest::prop_assert!(rest.len() <= line.len());
            let said = reply.line();
            proptest::prop_assert!(!said.contains(&b'\n'), "{said:?}");
        }
    }
    use proptest::strategy::Strategy;
}
