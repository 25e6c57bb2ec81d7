//! Identifiers of the lengths and the alphabet that the service uses; they may begin with `-` or `_`.

use rand::RngExt;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn archive_id() -> String {
    random(138)
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
