//! The SHA-256 tree hash (developer guide, "Computing Checksums"), with its leaves kept so that the hash of a range can
//! be told later.

use sha2::{Digest, Sha256};

/// The size of a leaf's data, in bytes.
pub(crate) const LEAF_BYTES: u64 = 1024 * 1024;

pub(crate) type Hash = [u8; 32];

/// The hashes of data's leaves, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Leaves(Vec<Hash>);

impl Leaves {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks::<32>().0.to_vec())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Returns the tree hash of all the data, in hex.
    pub(crate) fn root(&self) -> String {
        hex(&root(&self.0))
    }

    /// Returns the tree hash of a range, in hex, if the range is exactly one node of the tree of all `size_bytes`.
    pub(crate) fn node(&self, size_bytes: u64, start_byte: u64, length_bytes: u64) -> Option<String> {
        let end_byte = start_byte + length_bytes;
        if length_bytes == 0 || !start_byte.is_multiple_of(LEAF_BYTES) || end_byte > size_bytes {
            return None;
        }
        if !end_byte.is_multiple_of(LEAF_BYTES) && end_byte != size_bytes {
            return None;
        }
        let (first, last) = (start_byte / LEAF_BYTES, end_byte.div_ceil(LEAF_BYTES));
        is_node(size_bytes.div_ceil(LEAF_BYTES), first, last).then_some(())?;
        let leaves = self.0.get(usize::try_from(first).ok()?..usize::try_from(last).ok()?)?;
        Some(hex(&root(leaves)))
    }
}

/// Whether leaves `first..last` of `count` are the leaves of one node.
fn is_node(count: u64, first: u64, last: u64) -> bool {
    (0..u64::BITS)
        .map_while(|height| 1u64.checked_shl(height))
        .any(|width| first.is_multiple_of(width) && last == (first.saturating_add(width)).min(count))
}

fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        _ => {
            // The left subtree is the largest complete one that leaves something for the right.
            let middle = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(middle);
            Sha256::new().chain_update(root(left)).chain_update(root(right)).finalize().into()
        }
    }
}

/// Hashes data as it comes: as a whole, and leaf by leaf.
#[derive(Debug, Default)]
pub(crate) struct Hasher {
    linear: Sha256,
    leaf: Sha256,
    leaf_bytes: u64,
    leaves: Vec<Hash>,
}

impl Hasher {
    pub(crate) fn update(&mut self, mut data: &[u8]) {
        self.linear.update(data);
        while !data.is_empty() {
            let room = usize::try_from(LEAF_BYTES - self.leaf_bytes).unwrap_or(usize::MAX);
            let (now, later) = data.split_at(room.min(data.len()));
            self.leaf.update(now);
            self.leaf_bytes += now.len() as u64;
            if self.leaf_bytes == LEAF_BYTES {
                self.end_leaf();
            }
            data = later;
        }
    }

    /// Returns the linear hash in hex, and the leaves.
    pub(crate) fn finish(mut self) -> (String, Leaves) {
        if self.leaf_bytes > 0 {
            self.end_leaf();
        }
        (hex(&self.linear.finalize().into()), Leaves(self.leaves))
    }

    fn end_leaf(&mut self) {
        self.leaves.push(self.leaf.finalize_reset().into());
        self.leaf_bytes = 0;
    }
}

/// Returns a hash as it is written: 64 lower-case digits.
pub(crate) fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn leaves(data: &[u8]) -> Leaves {
        let mut hasher = Hasher::default();
        data.chunks(777_777).for_each(|portion| hasher.update(portion));
        hasher.finish().1
    }

    /// 6.5 MiB, of which each byte is the number of its MiB.
    fn numbered_mebibytes() -> Vec<u8> {
        (0..6_815_744_usize).map(|position| (position >> 20) as u8).collect()
    }

    /// A rule of the developer guide, followed level by level.
    fn by_the_book(leaves: &[Hash]) -> Hash {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => Sha256::new().chain_update(left).chain_update(right).finalize().into(),
                    odd => odd[0],
                })
                .collect();
        }
        level.first().copied().unwrap_or_else(|| Sha256::digest([]).into())
    }

    #[test]
    fn agrees_with_other_implementations() {
        const MIB: usize = 1 << 20;
        let counting: Vec<u8> = (0..7 * MIB / 2).map(|position| (position % 256) as u8).collect();
        let digits: Vec<u8> = b"01245678912".iter().copied().cycle().take(105_906_680).collect();
        for (data, hash) in [
            (vec![], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"a".to_vec(), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
            (b"hello".to_vec(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
            (
                b"Welcome to Amazon Glacier.".to_vec(),
                "726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628",
            ),
            (
                b"Welcome to S3 Glacier.".to_vec(),
                "04b8bb12ae8f28832f4c291463fb51fa660c1fd18933da16d56eda7db27019f3",
            ),
            (vec![0; MIB], "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"),
            (vec![0; MIB + 1], "28638dab8d5e1754a4ecb38b0ebe6df66c844f94aed142d4d0283d208bb786cd"),
            (vec![0; 2 * MIB], "861890b487038d840e9d71d43bbc0fd4571453fb9d9b1f370caa3582a29b0ec7"),
            (vec![0; 3 * MIB], "ca6cc129a4514ec765de86a4e7a49adf44842c9cac213c383ebe4071271bdf21"),
            (vec![0; 4 * MIB], "27b557ba335a688f779a95e258a886ffa3b39b13533d6f9dcaa0497a2ed1fe18"),
            (vec![0; 5 * MIB], "3de9bfb690ff216d907474b4aa56a6f77a8c846a08b26885d4ab2282092a757e"),
            (vec![0; 13 * MIB / 2], "7fce0b2525bccf5bd8ed75ec7b7eb52de9b5c0aac4cf60f485aed45a934e9cf5"),
            (vec![0; 7 * MIB], "091961d52b7a7681230b75c5652a1750690133b6762b02f012513265e80dde30"),
            (vec![b'a'; MIB], "9bc1b2a288b26af7257a36277ae3816a7d4f16e89c1e7e77d0a5c48bad62b360"),
            (vec![b'a'; 2 * MIB], "560c2c9333c719cb00cfdffee3ba293db17f58743cdd1f7e4055373ae6300afa"),
            (counting, "f81f610ee154c46e593bf91d46638b4db02ca676b48996448687ed84d6c481f3"),
            (digits, "3d417484359fc9f5a3bafd576dc47b8b2de2bf2d4fdac5aa2aff768f2210d386"),
        ] {
            assert_eq!(leaves(&data).root(), hash, "{} bytes", data.len());
        }
    }

    #[test]
    fn the_linear_hash_is_told_too() {
        const MIB: usize = 1 << 20;
        for (data, hash) in [
            (vec![0; MIB + 1], "2cb74edba754a81d121c9db6833704a8e7d417e5b13d1a19f4a52f007d644264"),
            (vec![0; 2 * MIB], "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee"),
            (vec![b'a'; 2 * MIB], "5256ec18f11624025905d057d6befb03d77b243511ac5f77ed5e0221ce6d84b5"),
            (numbered_mebibytes(), "1b3b37b9c74be78adc6189ebc7f97c0b289c4aac4098a4a6b081f6726897ec89"),
        ] {
            let mut hasher = Hasher::default();
            hasher.update(&data);
            assert_eq!(hasher.finish().0, hash);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn parts_joined_are_as_one_pass(size in 0..9_000_000_usize, exponent in 0..4_u32, seed: u8, piece in 1..3_000_000_usize) {
            let data: Vec<u8> = (0..size).map(|position| (position >> 12) as u8 ^ seed).collect();
            let mut joined = Leaves::default();
            data.chunks(1 << (20 + exponent)).for_each(|part| joined.extend(&leaves(part)));
            let mut hasher = Hasher::default();
            data.chunks(piece).for_each(|piece| hasher.update(piece));
            let (linear, whole) = hasher.finish();
            prop_assert_eq!(&joined, &whole);
            prop_assert_eq!(linear, hex(&Sha256::digest(&data).into()));
            let chunks: Vec<Hash> = data.chunks(1 << 20).map(|chunk| Sha256::digest(chunk).into()).collect();
            prop_assert_eq!(whole.root(), hex(&by_the_book(&chunks)));
        }

        #[test]
        fn a_node_has_the_hash_of_its_own_data(count in 1..=70_usize, short in 0..LEAF_BYTES, seed: u64) {
            let hash = |number: usize| Hash::from(Sha256::digest((number as u64 ^ seed).to_be_bytes()));
            let leaves = Leaves((0..count).map(hash).collect());
            let size_bytes = count as u64 * LEAF_BYTES - short;
            for first in 0..count {
                for last in first + 1..=count {
                    let (start_byte, end_byte) = (first as u64 * LEAF_BYTES, size_bytes.min(last as u64 * LEAF_BYTES));
                    let told = leaves.node(size_bytes, start_byte, end_byte - start_byte);
                    prop_assert!(told.is_none_or(|told| told == hex(&by_the_book(&leaves.0[first..last]))));
                }
            }
        }
    }

    #[test]
    fn knows_the_hash_of_every_range_that_is_a_node_and_of_no_other() {
        let leaves = leaves(&numbered_mebibytes());
        let node = |first: u64, last: u64| leaves.node(6_815_744, first, last + 1 - first);
        for (first, last, hash) in [
            (0, 6_815_743, "1bec740b9e7b5da352a727ef3b50e9b24717450758ec506d3a8d45b59ca4f759"),
            (0, 2_097_151, "56000aae067539dced6beb96e22a17d7a596e8824a93fc35dd06c13fba9e9a1b"),
            (0, 4_194_303, "67b4bca77c9935ead8b071feb32ccccc142dfb5a2674650a1320f6fbcef943c6"),
            (1_048_576, 2_097_151, "ee78cd29d3a534713b36e6ff6fa3668c8a8f851a542d5eb2401c25ca4e057d02"),
            (2_097_152, 4_194_303, "d1d5b496d3337e6a861029592334a156fb35d4236b34377b7fa0d504c9f775b3"),
            (4_194_304, 6_291_455, "d640872142ee0da7d1e4d1313d6ebb8087d5a2b1ff89dd954434ffde001fa769"),
            (4_194_304, 6_815_743, "ab6d8ef5453c3b378223882314a706ceef45392913a31a8ee404894e8df97d91"),
            (6_291_456, 6_815_743, "1fc15a7fa5716499f176527299306aedc7f7ee9c523932efb6da89e71886726d"),
        ] {
            assert_eq!(node(first, last).as_deref(), Some(hash), "{first}-{last}");
        }
        assert_eq!(node(1_048_576, 3_145_727), None);
        assert_eq!(node(0, 1000), None);
    }

    #[test]
    fn nodes_are_those_of_a_tree_built_by_hand() {
        for count in 1..=70 {
            let mut nodes = HashSet::new();
            let mut level: Vec<(u64, u64)> = (0..count).map(|leaf| (leaf, leaf + 1)).collect();
            while level.len() > 1 {
                nodes.extend(level.iter().copied());
                level = level.chunks(2).map(|pair| (pair[0].0, pair[pair.len() - 1].1)).collect();
            }
            nodes.extend(level);
            for first in 0..count {
                for last in first + 1..=count {
                    assert_eq!(
                        is_node(count, first, last),
                        nodes.contains(&(first, last)),
                        "{first}..{last} of {count}"
                    );
                }
            }
        }
    }
}
