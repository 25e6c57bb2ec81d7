//! Names that Glacier accepts: vaults, archives (their description), regions.

use std::fmt;
use std::str::FromStr;

use super::{InvalidValue, quoted, shortened};

/// Longest vault name, in bytes (developer guide, "Working with Vaults").
const VAULT_NAME_MAX_BYTES: usize = 255;
/// Longest archive description, in bytes (API reference, "Upload Archive").
pub(super) const ARCHIVE_NAME_MAX_BYTES: usize = 1024;

/// The name of a vault: 1 to 255 of `A-Z a-z 0-9 _ - .`, unique within an account and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VaultName(String);

impl VaultName {
    /// Returns the name as Glacier writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VaultName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        // In a URL these two mean another place, so no request could name such a vault.
        let is_a_step = matches!(text, "." | "..");
        if text.is_empty() || is_a_step || text.len() > VAULT_NAME_MAX_BYTES || !text.chars().all(allowed) {
            return Err(InvalidValue(format!(
                "{} cannot be the name of a vault: Glacier takes 1 to {VAULT_NAME_MAX_BYTES} of a-z, A-Z, 0-9, '_', '-' and '.'",
                quoted(&shortened(text))
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that a new archive can have: what Glacier keeps as the archive's description.
///
/// 1 to 1,024 bytes of printable ASCII that neither begins nor ends with a space: the description travels as an
/// HTTP header, whose outer spaces are dropped, so such a name would come back changed. Names that other programs
/// gave their archives are foreign text and stay plain strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchiveName(String);

impl ArchiveName {
    /// Returns the name, which is the archive's description word for word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ArchiveName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refuse = |why: &str| {
            Err(InvalidValue(format!("{} cannot be the name of an archive: {why}", quoted(&shortened(text)))))
        };
        if text.is_empty() {
            return refuse("it is empty; give one with --name");
        }
        if text.len() > ARCHIVE_NAME_MAX_BYTES {
            return refuse(&format!(
                "it has {} bytes, and Glacier takes at most {ARCHIVE_NAME_MAX_BYTES}; give another with --name",
                text.len()
            ));
        }
        if !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return refuse("Glacier takes printable ASCII only; give another with --name");
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return refuse("Glacier drops spaces at its ends; give another with --name");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of an AWS region, such as `eu-west-1`: lower-case letters, digits and hyphens.
///
/// It becomes part of the host name, so nothing else is let through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// Returns the name as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 63 || !text.chars().all(allowed) {
            return Err(InvalidValue(format!(
                "{} is not the name of an AWS region, such as 'us-east-1'",
                quoted(&shortened(text))
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vault_names_are_checked_before_they_reach_a_url() {
        for good in ["a", "...", "example-vault", "A_b.9", &"v".repeat(255)] {
            assert!(good.parse::<VaultName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ü", "a\n", &"v".repeat(256)] {
            assert!(bad.parse::<VaultName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn archive_names_are_what_a_header_brings_back_unchanged() {
        for good in ["a", "a  b", "~!\"\\'", &"n".repeat(1024)] {
            assert!(good.parse::<ArchiveName>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "tab\t", "ü", "nul\0", "del\u{7f}", &"n".repeat(1025)] {
            assert!(bad.parse::<ArchiveName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_stays_one_short_line() {
        let error = "x".repeat(5000).parse::<ArchiveName>().expect_err("too long").to_string();
        assert!(error.len() < 250 && !error.contains('\n'), "{error}");
    }
}
