//! The lines of the external special remote protocol, version 2. Nothing here reads or writes.
//!
//! Lines are bytes: keys and file names come as git-annex has them and go back unchanged.

mod question;
mod reply;
mod request;

pub(super) use question::{Question, Statement, credentials, value};
pub(super) use reply::Reply;
pub(super) use request::Request;

use crate::types::escaped;

/// The extensions of the protocol that this remote uses where git-annex has them.
pub(super) const EXTENSIONS: [&str; 4] = ["INFO", "GETGITREMOTENAME", "UNAVAILABLERESPONSE", ASYNC];
/// The extension by which one process serves several requests at once.
pub(super) const ASYNC: &str = "ASYNC";

/// A key of git-annex. It holds no white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(pub(super) Vec<u8>);

impl Key {
    /// Returns the size of the content as the key tells it: of a chunk, that of all of them; nothing of one that is
    /// encrypted.
    pub(super) fn size_bytes(&self) -> Option<u64> {
        let end = self.0.windows(2).position(|two| two == b"--")?;
        // The first field is the backend, which may begin with any letter.
        let mut fields = self.0[..end].split(|byte| *byte == b'-').skip(1);
        let digits = fields.find_map(|field| field.strip_prefix(b"s"))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Returns whether it is a name that git-annex gives to what it encrypts, by which two contents are one although they
    /// differ.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.starts_with(b"GPGHMAC")
    }
}

/// Which of several requests at once a line belongs to; none where there is one at a time.
pub(super) type Job = Option<u64>;

/// Takes the `J NUMBER ` off a line of the extension [`ASYNC`].
pub(super) fn job(line: &[u8]) -> Option<(u64, &[u8])> {
    let (b"J", Some(rest)) = split(line) else { return None };
    let (number, rest) = split(rest);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest.unwrap_or_default()))
}

/// A text within a line must not end it.
fn flat(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The same for people, on whose terminals git-annex shows it as it comes.
fn shown(text: &str) -> String {
    escaped(&flat(text)).into_owned()
}

/// Splits at the first space.
fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(space) => (&line[..space], Some(&line[space + 1..])),
        None => (line, None),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
