//! Identifiers of the lengths and the alphabet that the service uses; they may begin with `-` or `_`.

use rand::RngExt;

/// In the order in which text is sorted.
const ALPHABET: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const ARCHIVE_ID_LENGTH: usize = 138;

pub(crate) fn archive_id() -> String {
    random(ARCHIVE_ID_LENGTH)
}

/// Ids of archives that ascend, so that an index of many is quickly made. Those of one call have their ends in common.
pub(crate) fn ascending_archive_ids(count: u64) -> impl Iterator<Item = String> {
    const DIGITS: usize = 8;
    let end = random(ARCHIVE_ID_LENGTH - DIGITS);
    (0..count).map(move |number| {
        let digits = (0..DIGITS).rev().map(|place| ALPHABET[(number >> (6 * place)) as usize % 64]);
        digits.map(char::from).chain(end.chars()).collect()
    })
}

pub(crate) fn job_id() -> String {
    random(92)
}

pub(crate) fn upload_id() -> String {
    random(92)
}

/// Of a vault lock or a unit of capacity.
pub(crate) fn lock_id() -> String {
    random(24)
}

pub(crate) fn request_id() -> String {
    random(47)
}

fn random(length: usize) -> String {
    let mut bytes = vec![0_u8; length];
    rand::rng().fill(&mut bytes[..]);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}
