//! Glacier's SHA-256 tree hash (developer guide, "Computing Checksums").
//!
//! Data is cut into leaves of 1 MiB; neighbours are hashed together, pair by pair, until one hash is left; an odd
//! last one moves up as it is.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::types::{InvalidValue, MIB_BYTES, quoted};

/// The tree hash of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// Returns the tree hash of `data`.
    pub fn of(data: &[u8]) -> Self {
        let mut hasher = TreeHasher::new();
        hasher.update(data);
        hasher.finish()
    }

    /// Returns the tree hash of all that `reader` brings.
    pub fn of_reader(reader: &mut impl std::io::Read) -> std::io::Result<Self> {
        let mut hasher = TreeHasher::new();
        hasher.update_from(reader)?;
        Ok(hasher.finish())
    }

    /// Returns the hash that has these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the hash's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the hash of data cut into equal pieces of a power of two MiB with a shorter last one, from the
    /// hashes of the pieces; of no pieces, the hash of no data.
    pub fn combine(pieces: impl IntoIterator<Item = Self>) -> Self {
        let mut tree = Tree::default();
        pieces.into_iter().for_each(|piece| tree.push(piece));
        tree.root()
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TreeHash {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refused = || InvalidValue(format!("{} is not a tree hash", quoted(text)));
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refused());
        }
        for (byte, index) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[index..index + 2], 16).map_err(|_| refused())?;
        }
        Ok(Self(hash))
    }
}

/// Computes a tree hash as the data comes, in any portions; holds one hash a level of the tree.
#[derive(Debug, Default)]
pub struct TreeHasher {
    leaf: Sha256,
    leaf_bytes: u64,
    tree: Tree,
}

impl TreeHasher {
    /// Returns a hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all that `reader` brings in, and returns how many bytes that was.
    pub fn update_from(&mut self, reader: &mut impl std::io::Read) -> std::io::Result<u64> {
        let (mut buffer, mut taken_bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(taken_bytes);
            }
            self.update(&buffer[..count]);
            taken_bytes += count as u64;
        }
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let room = usize::try_from(MIB_BYTES - self.leaf_bytes).unwrap_or(usize::MAX);
            let (now, later) = data.split_at(room.min(data.len()));
            self.leaf.update(now);
            self.leaf_bytes += now.len() as u64;
            if self.leaf_bytes == MIB_BYTES {
                self.end_leaf();
            }
            data = later;
        }
    }

    /// Returns the tree hash of all that was taken in.
    pub fn finish(mut self) -> TreeHash {
        if self.leaf_bytes > 0 {
            self.end_leaf();
        }
        self.tree.root()
    }

    fn end_leaf(&mut self) {
        self.tree.push(TreeHash(self.leaf.finalize_reset().into()));
        self.leaf_bytes = 0;
    }
}

/// Complete subtrees from the left, largest first, at most one a height: a binary counter whose digits are hashes.
#[derive(Debug, Default)]
struct Tree {
    subtrees: Vec<(u32, TreeHash)>,
}

impl Tree {
    fn push(&mut self, leaf: TreeHash) {
        let mut new = (0, leaf);
        while let Some(&(height, left)) = self.subtrees.last()
            && height == new.0
        {
            self.subtrees.pop();
            new = (height + 1, parent(left, new.1));
        }
        self.subtrees.push(new);
    }

    fn root(self) -> TreeHash {
        let hashes = self.subtrees.into_iter().map(|(_, hash)| hash);
        hashes
            .rev()
            .reduce(|right, left| parent(left, right))
            .unwrap_or_else(|| TreeHash(Sha256::digest([]).into()))
    }
}

fn parent(left: TreeHash, right: TreeHash) -> TreeHash {
    TreeHash(Sha256::new().chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn agrees_with_independent_implementations() {
        let counting: Vec<u8> = (0..=255).cycle().take(7 * MIB / 2).collect();
        for (data, hash) in [
            (vec![], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"hello".to_vec(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
            (vec![0; MIB], "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"),
            (vec![0; MIB + 1], "28638dab8d5e1754a4ecb38b0ebe6df66c844f94aed142d4d0283d208bb786cd"),
            (vec![0; 3 * MIB], "ca6cc129a4514ec765de86a4e7a49adf44842c9cac213c383ebe4071271bdf21"),
            (vec![0; 5 * MIB], "3de9bfb690ff216d907474b4aa56a6f77a8c846a08b26885d4ab2282092a757e"),
            (vec![0; 13 * MIB / 2], "7fce0b2525bccf5bd8ed75ec7b7eb52de9b5c0aac4cf60f485aed45a934e9cf5"),
            (vec![0; 7 * MIB], "091961d52b7a7681230b75c5652a1750690133b6762b02f012513265e80dde30"),
            (counting, "f81f610ee154c46e593bf91d46638b4db02ca676b48996448687ed84d6c481f3"),
        ] {
            assert_eq!(TreeHash::of(&data).to_string(), hash, "{} bytes", data.len());
        }
    }

    #[test]
    fn text_and_hash_are_one() {
        let hash = TreeHash::of(b"hello");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("2cf24d".parse::<TreeHash>().is_err());
        assert!("zz".repeat(32).parse::<TreeHash>().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn parts_combined_are_one_pass(size in 0..9 * MIB, height in 0u32..4, cut in 1..3 * MIB) {
            let data: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let whole = TreeHash::of(&data);
            prop_assert_eq!(TreeHash::combine(data.chunks(MIB << height).map(TreeHash::of)), whole);
            let mut streamed = TreeHasher::new();
            data.chunks(cut).for_each(|portion| streamed.update(portion));
            prop_assert_eq!(streamed.finish(), whole);
        }
    }
}
