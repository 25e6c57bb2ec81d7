//! The name of the archive of a key of git-annex.
//!
//! As the built-in remote has it: the prefix, then the key, byte for byte. A key that no description can hold (anything
//! but printable ASCII) is written as `%` and the key with each such byte, and each `%`, as `%` and two hex digits. As
//! a key that begins with `%` is written so too, each name means one key.

use std::fmt::Write;

use super::names::ARCHIVE_NAME_MAX_BYTES;
use super::{ArchiveName, InvalidValue, quoted, shortened};

const MARK: char = '%';

/// Returns the name of the key's archive.
///
/// # Errors
///
/// When it is too long: by its prefix, as no file system that git-annex keeps its objects on holds such a key.
pub fn annex_name(prefix: &str, key: &[u8]) -> Result<ArchiveName, InvalidValue> {
    let name = match plain(key) {
        Some(key) => format!("{prefix}{key}"),
        None => format!("{prefix}{}", encoded(key)),
    };
    if name.len() > ARCHIVE_NAME_MAX_BYTES {
        return Err(InvalidValue(format!(
            "fileprefix= and key make {}, a name of {} bytes, and Glacier takes at most {ARCHIVE_NAME_MAX_BYTES}; use a shorter fileprefix=, or give the file a shorter key, such as with 'git annex migrate --backend=SHA256 FILE'",
            quoted(&shortened(&name)),
            name.len()
        )));
    }
    name.parse()
}

/// Returns the key whose archive has the name, if it has the prefix.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn key_of(prefix: &str, name: &str) -> Option<Vec<u8>> {
    let rest = name.strip_prefix(prefix)?;
    match rest.strip_prefix(MARK) {
        Some(encoded) => decoded(encoded),
        None => Some(rest.as_bytes().to_vec()),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

fn plain(key: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(key).ok()?;
    (text.bytes().all(is_plain) && !text.starts_with(MARK)).then_some(text)
}

fn encoded(key: &[u8]) -> String {
    let mut name = String::from(MARK);
    for byte in key {
        if is_plain(*byte) && char::from(*byte) != MARK {
            name.push(char::from(*byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

#[cfg(any(test, feature = "fuzzing"))]
fn decoded(name: &str) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        if char::from(byte) == MARK {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            key.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            key.push(byte);
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> String {
        annex_name("pre-", key.as_bytes()).expect("short").as_str().to_owned()
    }

    /// It was sent to an option of the command line, which git-annex does not have.
    #[test]
    fn a_name_that_is_too_long_has_a_hint_for_git_annex() {
        let said = annex_name("pre-", "ü".repeat(200).as_bytes()).expect_err("too long").to_string();
        assert!(said.contains("'pre-%%C3%BC") && said.contains("a name of 1205 bytes"), "{said}");
        assert!(said.contains("git annex migrate") && !said.contains("--name"), "{said}");
        assert!(!said.contains('\n') && said.len() < 400, "{said}");
    }

    #[test]
    fn what_a_description_can_hold_is_the_name_as_it_is() {
        assert_eq!(name("SHA256E-s5--2cf24.a%20b"), "pre-SHA256E-s5--2cf24.a%20b");
        assert_eq!(name("WORM-s5-m1--\u{fc}%"), "pre-%WORM-s5-m1--%C3%BC%25");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert!(annex_name("", &[b'a'; 1025]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn each_name_means_one_key(key: Vec<u8>, prefix in "[!-~]{0,5}") {
            if let Ok(name) = annex_name(&prefix, &key) {
                proptest::prop_assert_eq!(key_of(&prefix, name.as_str()), Some(key));
            }
        }
    }
}
