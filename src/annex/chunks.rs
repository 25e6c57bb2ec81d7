//! The chunks that git-annex cuts a key into where the remote has `chunk=`.
//!
//! It asks for one after the other and stops at the first that fails, so that a key of many chunks would cost as many
//! times the wait for Glacier. Their names tell how they go on, unless they are encrypted.

use super::protocol::Key;

/// Returns the chunks of a key that follow this one, in order; none of what is no chunk.
pub(super) fn later(key: &Key) -> impl Iterator<Item = Key> + use<> {
    let chunk = Chunk::read(&key.0);
    chunk.into_iter().flat_map(|chunk| {
        let count = chunk.size_bytes.div_ceil(chunk.chunk_size_bytes);
        (chunk.number + 1..=count).map(move |number| chunk.numbered(number))
    })
}

/// Returns the size of what is stored for the key, as the key tells it: of a chunk, its own. Nothing is told by what is
/// encrypted, nor by a key that has fields of chunks which make no sense.
pub(super) fn content_bytes(key: &Key) -> Option<u64> {
    let size_bytes = key.size_bytes()?;
    if let Some(chunk) = Chunk::read(&key.0) {
        let before = chunk.number.checked_sub(1)?.checked_mul(chunk.chunk_size_bytes)?;
        return size_bytes.checked_sub(before).map(|left| left.min(chunk.chunk_size_bytes));
    }
    (!has_field(&key.0, b'S') && !has_field(&key.0, b'C')).then_some(size_bytes)
}

fn has_field(key: &[u8], letter: u8) -> bool {
    let end = key.windows(2).position(|two| two == b"--").unwrap_or(key.len());
    key[..end].split(|byte| *byte == b'-').skip(1).any(|field| field.first() == Some(&letter))
}

/// What `BACKEND-sSIZE-SCHUNKSIZE-CNUMBER--NAME` says (git-annex, "key format"); another field may stand between.
struct Chunk {
    before: Vec<u8>,
    size_bytes: u64,
    chunk_size_bytes: u64,
    number: u64,
    after: Vec<u8>,
}

impl Chunk {
    fn read(key: &[u8]) -> Option<Self> {
        let end = key.windows(2).position(|two| two == b"--")?;
        let (fields, after) = key.split_at(end);
        let fields: Vec<&[u8]> = fields.split(|byte| *byte == b'-').collect();
        let (last, others) = fields.split_last()?;
        let field = |letter: u8| {
            let is_it = |field: &&&[u8]| field.first() == Some(&letter);
            // The first is the backend, which may begin with any letter.
            number(&others.iter().skip(1).find(is_it)?[1..]).filter(|number| *number > 0)
        };
        Some(Self {
            before: others.join(&b'-'),
            size_bytes: field(b's')?,
            chunk_size_bytes: field(b'S')?,
            number: number(last.strip_prefix(b"C")?)?,
            after: after.to_vec(),
        })
    }

    fn numbered(&self, number: u64) -> Key {
        Key([&self.before[..], format!("-C{number}").as_bytes(), &self.after].concat())
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later_than(key: &str) -> Vec<String> {
        let key = Key(key.as_bytes().to_vec());
        later(&key).take(10).map(|key| String::from_utf8(key.0).expect("text")).collect()
    }

    #[test]
    fn chunks_are_numbered_from_one_to_the_last() {
        assert_eq!(
            later_than("SHA256E-s2500-S1000-C1--ab-C9--c.tar"),
            ["SHA256E-s2500-S1000-C2--ab-C9--c.tar", "SHA256E-s2500-S1000-C3--ab-C9--c.tar"]
        );
        assert_eq!(later_than("WORM-s2000-m17-S1000-C1--f"), ["WORM-s2000-m17-S1000-C2--f"]);
        assert!(later_than("SHA256E-s2500-S1000-C3--ab").is_empty());
    }

    #[test]
    fn a_key_tells_the_size_of_what_is_stored_for_it() {
        let told = |key: &str| content_bytes(&Key(key.as_bytes().to_vec()));
        assert_eq!(told("SHA256E-s2500--ab-C9.tar"), Some(2500));
        assert_eq!(told("SHA256E-s0--ab"), Some(0));
        for (number, bytes) in [(1, Some(1000)), (3, Some(500)), (4, None), (0, None)] {
            assert_eq!(told(&format!("SHA256E-s2500-S1000-C{number}--ab")), bytes, "{number}");
        }
        for key in ["GPGHMACSHA1--ab", "URL--x", "SHA256E-s2500-S0-C1--ab", "SHA256E-s2500-C1--ab", "s7", ""]
        {
            assert_eq!(told(key), None, "{key}");
        }
    }

    #[test]
    fn what_is_no_chunk_has_none_after_it() {
        for key in [
            "SHA256E-s2500--ab",
            "GPGHMACSHA1--ab",
            "SHA256E-s2500-S0-C1--ab",
            "SHA256E-s2500-C1--ab",
            "SHA256E-S1000-C1--ab",
            "SHA256E-s2500-S1000-Cx--ab",
            "SHA256E-s2500-S1000-C99999999999999999999999--ab",
            "",
            "--",
        ] {
            assert!(later_than(key).is_empty(), "{key}");
        }
        // As many as there can be, and none is made before it is wanted.
        assert_eq!(later_than("SHA256E-s18446744073709551615-S1-C1--ab").len(), 10);
    }
}
