//! Patterns that many names match.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use super::{InvalidValue, quoted};

/// A pattern of names as shells have it: `*` and `?` stand for anything but `/`, `**` for any directories, `[a-z]` for
/// one of several characters, `{a,b}` for one of several texts, `\\` before a character for the character itself.
#[derive(Debug, Clone)]
pub struct NamePattern(GlobMatcher);

impl NamePattern {
    /// Returns whether the name matches, from its beginning to its end.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl FromStr for NamePattern {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
        let glob = glob.map_err(|error| {
            InvalidValue(format!("{} is not a pattern of names: {}", quoted(text), error.kind()))
        })?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.glob().glob())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_directory() {
        for (pattern, name, expected) in [
            ("*.jpg", "a.jpg", true),
            ("*.jpg", "2014/a.jpg", false),
            ("**/*.jpg", "2014/a.jpg", true),
            ("**/*.jpg", "a.jpg", true),
            ("2014/**", "2014/07/a.jpg", true),
            ("2014/**", "2015/a.jpg", false),
            ("?.{jpg,png}", "a.png", true),
            ("[a-c]", "d", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("A", "a", false),
        ] {
            let parsed: NamePattern = pattern.parse().expect("a pattern");
            assert_eq!(parsed.matches(name), expected, "{pattern} {name}");
        }
        let refused = "[a".parse::<NamePattern>().expect_err("not closed").to_string();
        assert!(refused.starts_with("'[a' is not a pattern of names: "), "{refused}");
    }
}
