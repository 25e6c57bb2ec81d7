//! What is kept about a key in the git-annex branch, so that any clone of the repository can bring it back.
//!
//! One line: `1 STORED SIZE PLACE ID`, or `1 STORED empty`. STORED is when, in seconds since 1970; SIZE is that of the
//! archive in bytes; PLACE stands for the region and the vault, so that what was kept of another vault is not taken for
//! this one's; ID is the archive's. Nothing is kept of a key that was removed. What has another form is as good as
//! nothing: a later version's, or someone else's.

use sha2::{Digest, Sha256};

use crate::engine::Told;
use crate::types::{Region, Timestamp, VaultName};

/// The only form there has been so far.
const VERSION: &str = "1";
/// What stands in the place of an archive that there is none of: Glacier holds no empty ones.
const EMPTY: &str = "empty";

/// What is kept about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyState {
    /// It is stored, as this archive.
    Stored(Told),
    /// It is stored without an archive, as it is empty.
    Empty(Timestamp),
    /// Nothing that can be used.
    Nothing,
}

impl KeyState {
    /// Reads what is kept; only what was written for the same place counts.
    pub(super) fn read(text: &str, place: &str) -> Self {
        Self::parse(text, place).unwrap_or(Self::Nothing)
    }

    fn parse(text: &str, place: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(' ').collect();
        let time = |text: &str| {
            let seconds: u32 = text.parse().ok()?;
            Some(Timestamp::from_unix_seconds(seconds.into()))
        };
        match fields[..] {
            [VERSION, stored, EMPTY] => Some(Self::Empty(time(stored)?)),
            [VERSION, stored, size, where_, id] if where_ == place => Some(Self::Stored(Told {
                id: id.parse().ok()?,
                size_bytes: size.parse().ok()?,
                stored: time(stored)?,
            })),
            _ => None,
        }
    }

    /// Returns the text to keep.
    pub(super) fn text(&self, place: &str) -> String {
        match self {
            Self::Stored(Told { id, size_bytes, stored }) => {
                format!("{VERSION} {} {size_bytes} {place} {id}", seconds(*stored))
            }
            Self::Empty(stored) => format!("{VERSION} {} {EMPTY}", seconds(*stored)),
            Self::Nothing => String::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are few enough")]
fn seconds(time: Timestamp) -> i64 {
    time.unix_seconds().floor() as i64
}

/// Returns what stands for a vault: eight hex digits of the SHA-256 of `REGION/VAULT`.
pub(super) fn place(region: &Region, vault: &VaultName) -> String {
    let hash = Sha256::digest(format!("{region}/{vault}"));
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(vault: &str) -> String {
        place(&"us-east-1".parse().expect("a region"), &vault.parse().expect("a vault"))
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let stored = Timestamp::from_unix_seconds(1_795_000_000.0);
        let told = Told { id: "-an_Id".parse().expect("an id"), size_bytes: 7, stored };
        for state in [KeyState::Stored(told), KeyState::Empty(stored), KeyState::Nothing] {
            assert_eq!(KeyState::read(&state.text(&place_of("v")), &place_of("v")), state);
        }
        // Every clone reads this for as long as there are repositories.
        let text = "1 1795000000 7 1b0f15a6 -an_Id";
        assert_eq!(KeyState::read(text, "1b0f15a6").text("1b0f15a6"), text);
    }

    #[test]
    fn what_is_kept_of_another_vault_does_not_count() {
        let text = format!("1 1795000000 7 {} id", place_of("v"));
        assert_eq!(KeyState::read(&text, &place_of("w")), KeyState::Nothing);
    }

    #[test]
    fn what_makes_no_sense_is_as_good_as_nothing() {
        for text in
            ["", "1", "2 1 7 p id", "1 -1 7 p id", "1 1 x p id", "1 1 7 p ", "1 1 7 p id more", "1 x empty"]
        {
            assert_eq!(KeyState::read(text, "p"), KeyState::Nothing, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(1 )?\\PC{0,40}") {
            let _ = KeyState::read(&text, "p");
        }
    }
}
