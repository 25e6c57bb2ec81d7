//! How archives are cut: parts on the way up, ranges on the way down.

use std::str::FromStr;

use super::InvalidValue;

/// A mebibyte: the leaf of the tree hash and the smallest part, in bytes.
pub const MIB_BYTES: u64 = 1024 * 1024;

/// Most parts an upload can have (developer guide, "Uploading Large Archives in Parts: Quick Facts").
const PARTS_MAX: u64 = 10_000;
/// Largest part, in bytes (same place).
const PART_MAX_BYTES: u64 = 4096 * MIB_BYTES;
/// The size of the largest archive, in bytes: that many parts of that size.
pub(crate) const ARCHIVE_MAX_BYTES: u64 = PARTS_MAX * PART_MAX_BYTES;

/// Adds sizes up. What others say of sizes may be anything; a sum that no number can hold is the largest there is.
pub fn total_bytes(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

/// The size of all parts of an archive but the last: a power of two MiB from 1 MiB to 4 GiB.
///
/// Cut like this, every part is one node of the archive's hash tree, so the whole's hash follows from the parts'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartSize(u64);

impl FromStr for PartSize {
    type Err = InvalidValue;

    /// Reads a number of bytes, or of MiB with an `M` behind it, or of GiB with a `G`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let bytes = bytes(text)?;
        let is_valid = bytes.is_power_of_two() && (MIB_BYTES..=PART_MAX_BYTES).contains(&bytes);
        if !is_valid {
            return Err(InvalidValue("a part is a power of two MiB, from 1M to 4G".to_owned()));
        }
        Ok(Self(bytes))
    }
}

/// Reads a number of bytes: `1048576`, `1024K`, `1M`, `4G`, `1T`, each unit 1024 times the one before.
///
/// # Errors
///
/// When it is none.
pub fn bytes(text: &str) -> Result<u64, InvalidValue> {
    let refused =
        || InvalidValue("it must be a number of bytes, such as 1048576, 1024K, 1M, 1G or 1T".to_owned());
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1024,
        "M" => MIB_BYTES,
        "G" => 1024 * MIB_BYTES,
        "T" => MIB_BYTES * MIB_BYTES,
        _ => return Err(refused()),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = digits.parse().ok().filter(|_| is_number);
    number.and_then(|number| number.checked_mul(unit)).ok_or_else(refused)
}

impl PartSize {
    /// The size used unless the archive needs a larger one: 160 requests for 2.5 GiB, and what four of them in
    /// flight hold in memory is small.
    pub const DEFAULT: Self = Self(16 * MIB_BYTES);
    /// The size used where the length is not known beforehand: 10,000 of them are 625 GiB.
    pub const OF_UNKNOWN_LENGTH: Self = Self(64 * MIB_BYTES);

    /// Returns the smallest part size, not below [`PartSize::DEFAULT`], whose 10,000 parts hold `size_bytes`.
    ///
    /// # Errors
    ///
    /// When the archive would be larger than 10,000 parts of 4 GiB, about 40 TB.
    pub fn for_archive(size_bytes: u64) -> Result<Self, InvalidValue> {
        let mut part = Self::DEFAULT;
        while part.archive_max_bytes() < size_bytes {
            if part.0 == PART_MAX_BYTES {
                return Err(InvalidValue(format!(
                    "{size_bytes} bytes are too much for one archive: Glacier takes at most {}",
                    part.archive_max_bytes()
                )));
            }
            part = Self(part.0 * 2);
        }
        Ok(part)
    }

    /// Returns the largest part size that is not above `size_bytes`, but at least 1 MiB.
    pub fn at_most(size_bytes: u64) -> Self {
        let mib = (size_bytes / MIB_BYTES).clamp(1, PART_MAX_BYTES / MIB_BYTES);
        Self((1 << mib.ilog2()) * MIB_BYTES)
    }

    /// Returns the smallest part size that is not below `size_bytes`, but at most 4 GiB.
    pub fn at_least(size_bytes: u64) -> Self {
        let mib = size_bytes.div_ceil(MIB_BYTES).clamp(1, PART_MAX_BYTES / MIB_BYTES);
        Self(mib.next_power_of_two() * MIB_BYTES)
    }

    /// Returns this size, if 10,000 parts of it hold `size_bytes`.
    ///
    /// # Errors
    ///
    /// When they do not; says which part size would.
    pub fn holding(self, size_bytes: u64) -> Result<Self, InvalidValue> {
        if self.archive_max_bytes() >= size_bytes {
            return Ok(self);
        }
        let needed = Self::for_archive(size_bytes)?.0;
        let part = self.0;
        Err(InvalidValue(format!(
            "{size_bytes} bytes do not fit in {PARTS_MAX} parts of {part}; parts of {needed} would do"
        )))
    }

    /// Returns the size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the size of the largest archive that parts of this size can make up, in bytes.
    pub const fn archive_max_bytes(self) -> u64 {
        self.0 * PARTS_MAX
    }
}

const _: () =
    assert!(PartSize::DEFAULT.0.is_power_of_two() && PartSize::OF_UNKNOWN_LENGTH.0.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_only_when_ten_thousand_parts_do_not_hold_the_archive() {
        let mib = |size_bytes| PartSize::for_archive(size_bytes).expect("fits").bytes() / MIB_BYTES;
        assert_eq!(mib(1), 16);
        assert_eq!(mib(160_000 * MIB_BYTES), 16);
        assert_eq!(mib(160_000 * MIB_BYTES + 1), 32);
        assert_eq!(mib(1 << 40), 128);
        assert_eq!(mib(42_949_672_960_000), 4096);
        assert!(PartSize::for_archive(42_949_672_960_001).is_err());
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        assert_eq!(
            ["7", "1024K", "1M", "4G", "1T"].map(bytes),
            [7, 1 << 20, 1 << 20, 1 << 32, 1 << 40].map(Ok)
        );
        for bad in ["", "M", "1.5M", "-1", "+1", "1MM", "1m", "99999999999T"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        assert_eq!("8M".parse(), Ok(PartSize::at_most(8 * MIB_BYTES)));
        for bad in ["0", "512K", "3M", "8G"] {
            assert!(bad.parse::<PartSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_size_that_is_too_small_for_the_archive_is_refused_with_one_that_is_not() {
        let part = PartSize::at_most(MIB_BYTES);
        assert_eq!(part.holding(10_000 * MIB_BYTES), Ok(part));
        let refused = part.holding(10_000 * MIB_BYTES + 1).expect_err("too large").to_string();
        assert!(refused.ends_with("parts of 16777216 would do"), "{refused}");
    }

    #[test]
    fn a_wanted_size_is_rounded_down_to_a_node_of_the_tree() {
        for (wanted, got_mib) in [(0, 1), (1, 1), (8 * MIB_BYTES, 8), (15 * MIB_BYTES, 8), (u64::MAX, 4096)] {
            assert_eq!(PartSize::at_most(wanted).bytes(), got_mib * MIB_BYTES);
        }
    }
}
