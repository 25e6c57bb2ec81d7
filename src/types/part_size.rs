//! How archives are cut: parts on the way up, ranges on the way down.

use super::InvalidValue;

/// A mebibyte: the leaf of the tree hash and the smallest part, in bytes.
pub const MIB_BYTES: u64 = 1024 * 1024;

/// Most parts an upload can have (developer guide, "Uploading Large Archives in Parts: Quick Facts").
const PARTS_MAX: u64 = 10_000;
/// Largest part, in bytes (same place).
const PART_MAX_BYTES: u64 = 4096 * MIB_BYTES;

/// The size of all parts of an archive but the last: a power of two MiB from 1 MiB to 4 GiB.
///
/// Cut like this, every part is one node of the archive's hash tree, so the whole's hash follows from the parts'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartSize(u64);

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
    fn a_wanted_size_is_rounded_down_to_a_node_of_the_tree() {
        for (wanted, got_mib) in [(0, 1), (1, 1), (8 * MIB_BYTES, 8), (15 * MIB_BYTES, 8), (u64::MAX, 4096)] {
            assert_eq!(PartSize::at_most(wanted).bytes(), got_mib * MIB_BYTES);
        }
    }
}
