//! What is kept about a key in the git-annex branch, so that any clone of the repository can bring it back.
//!
//! One line: `1 STORED SIZE PLACE ID`, or `1 STORED empty`; of a key that was removed `1 REMOVED removing PLACE ID ...`
//! while its archives are deleted, then `1 REMOVED removed PLACE ID ...`. STORED and REMOVED are when, in seconds since
//! 1970; SIZE is that of the archive in bytes; PLACE stands for the region and the vault, so that what was kept of
//! another vault is not taken for this one's; ID is an archive's. What a later version of this program wrote, which begins
//! with a higher number, is left alone; what has any other form is as good as nothing.

use sha2::{Digest, Sha256};

use crate::engine::Told;
use crate::types::{ArchiveId, Region, Timestamp, VaultName};

/// The only form there has been so far.
const VERSION: &str = "1";
const VERSION_NUMBER: u32 = 1;
/// What stands in the place of an archive that there is none of: Glacier holds no empty ones.
const EMPTY: &str = "empty";
/// What stands in the place of a size while archives are deleted, and after.
const REMOVING: &str = "removing";
const REMOVED: &str = "removed";

/// What is kept about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyState {
    /// It is stored, as this archive.
    Stored(Told),
    /// It is stored without an archive, as it is empty.
    Empty(Timestamp),
    /// It was removed.
    Removed(Removal),
    /// A later version of this program has kept something.
    Newer,
    /// Nothing that can be used.
    Nothing,
}

/// That a key was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removal {
    /// When.
    pub(super) since: Timestamp,
    /// The archives that were deleted, at least one; also those of earlier removals, while anyone may call them present.
    pub(super) archives: Vec<ArchiveId>,
    /// Whether Glacier has acknowledged that.
    pub(super) is_done: bool,
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
            [VERSION, since, word @ (REMOVING | REMOVED), where_, ref ids @ ..] if where_ == place => {
                let archives: Option<Vec<ArchiveId>> = ids.iter().map(|id| id.parse().ok()).collect();
                let archives = archives.filter(|archives| !archives.is_empty())?;
                Some(Self::Removed(Removal { since: time(since)?, archives, is_done: word == REMOVED }))
            }
            [VERSION, stored, size, where_, id] if where_ == place => Some(Self::Stored(Told {
                id: id.parse().ok()?,
                size_bytes: size.parse().ok()?,
                stored: time(stored)?,
            })),
            [version, ..] if version.parse().is_ok_and(|version: u32| version > VERSION_NUMBER) => {
                Some(Self::Newer)
            }
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
            Self::Removed(Removal { since, archives, is_done }) => {
                let word = if *is_done { REMOVED } else { REMOVING };
                let ids: Vec<&str> = archives.iter().map(ArchiveId::as_str).collect();
                format!("{VERSION} {} {word} {place} {}", seconds_after(*since), ids.join(" "))
            }
            Self::Newer | Self::Nothing => String::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are few enough")]
fn seconds(time: Timestamp) -> i64 {
    time.unix_seconds().floor() as i64
}

/// What was known within the second of a removal is older than the removal.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are few enough")]
fn seconds_after(time: Timestamp) -> i64 {
    time.unix_seconds().ceil() as i64
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
        let archives: Vec<ArchiveId> = ["-a", "b"].map(|id| id.parse().expect("an id")).to_vec();
        let removed =
            |is_done| KeyState::Removed(Removal { since: stored, archives: archives.clone(), is_done });
        for state in [
            KeyState::Stored(told),
            KeyState::Empty(stored),
            KeyState::Nothing,
            removed(true),
            removed(false),
        ] {
            assert_eq!(KeyState::read(&state.text(&place_of("v")), &place_of("v")), state);
        }
        // Every clone reads this for as long as there are repositories.
        for text in ["1 1795000000 7 1b0f15a6 -an_Id", "1 1795000000 removed 1b0f15a6 -an_Id other"] {
            assert_eq!(KeyState::read(text, "1b0f15a6").text("1b0f15a6"), text);
        }
    }

    #[test]
    fn what_is_kept_of_another_vault_does_not_count() {
        let text = format!("1 1795000000 7 {} id", place_of("v"));
        assert_eq!(KeyState::read(&text, &place_of("w")), KeyState::Nothing);
        let text = format!("1 1795000000 removed {} id", place_of("v"));
        assert_eq!(KeyState::read(&text, &place_of("w")), KeyState::Nothing);
    }

    #[test]
    fn what_makes_no_sense_is_as_good_as_nothing() {
        for text in [
            "",
            "1",
            "1 -1 7 p id",
            "1 1 x p id",
            "1 1 7 p ",
            "1 1 7 p id more",
            "1 x empty",
            "1 1 removed p",
            "1 1 removed p id ",
            "1 x removed p id",
            "1 1 remove p id",
        ] {
            assert_eq!(KeyState::read(text, "p"), KeyState::Nothing, "{text}");
        }
        for text in ["2 1 7 p id", "2", "17 anything"] {
            assert_eq!(KeyState::read(text, "p"), KeyState::Newer, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(1 )?\\PC{0,40}") {
            let _ = KeyState::read(&text, "p");
        }
    }
}
