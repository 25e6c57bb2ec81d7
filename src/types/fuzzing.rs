//! What holds for any text that means an archive, or a file.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::annex_name::key_of;
use super::names::ARCHIVE_NAME_MAX_BYTES;
use super::{ArchiveName, ArchiveRef, VaultName, annex_name, escaped, file_name_in, needs_prefix, quoted};

/// A reference is printed as it was written; a name that needs a prefix gets one; each key has a name of its own, and
/// what Glacier takes of names is what goes into a request.
pub fn archive_names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(reference) = text.parse::<ArchiveRef>() {
        assert_eq!(reference.to_string(), text);
    }
    let name = ArchiveRef::Name(text.clone().into_owned());
    let read: ArchiveRef = name.to_string().parse().expect("what is printed can be read");
    assert_eq!(read.name(), Some(&*text));
    assert_eq!(needs_prefix(&text), name.to_string() != text);
    is_for_a_terminal(&text);

    // The first byte says how much of the rest is the prefix.
    let (count, rest) = bytes.split_first().map_or((0, bytes), |(count, rest)| (usize::from(*count), rest));
    let (prefix, key) = rest.split_at(count.min(rest.len()));
    let prefix = String::from_utf8_lossy(prefix);
    if let Ok(name) = annex_name(&prefix, key) {
        assert_eq!(key_of(&prefix, name.as_str()).as_deref(), Some(key));
        assert_eq!(name.as_str().parse::<ArchiveName>().as_ref(), Ok(&name));
    }
    if let Ok(name) = text.parse::<ArchiveName>() {
        assert!((1..=1024).contains(&name.as_str().len()) && name.as_str().trim() == text);
        assert!(name.as_str().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    }
    if let Ok(vault) = text.parse::<VaultName>() {
        assert!(vault.as_str() == text && !text.contains(['/', '?', '#', '%', ' ']));
    }
}

/// Nothing that a terminal would act upon is left in what is shown.
fn is_for_a_terminal(text: &str) {
    for shown in [&*escaped(text), &quoted(text)] {
        assert!(
            !shown.contains(|c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
            "{shown:?}"
        );
    }
}

/// A file name is no longer than what it was read from, and one line; whichever way it is written again, it is read.
pub fn foreign_names(bytes: &[u8]) {
    let description = String::from_utf8_lossy(bytes);
    let Some(name) = file_name_in(&description) else { return };
    assert!(!name.is_empty() && name.len() <= description.len() && !name.contains(char::is_control));
    let json = serde_json::json!({"filename": name, "mtime": "20140102T030405Z"}).to_string();
    for again in [
        format!("mt2 {}", URL_SAFE.encode(&json)),
        format!("mt2 {}", URL_SAFE_NO_PAD.encode(&json)),
        format!("<m><v>4</v><p>{}</p></m>", STANDARD.encode(&name)),
        format!("<ArchiveMetadata><Path>{}</Path></ArchiveMetadata>", STANDARD_NO_PAD.encode(&name)),
    ] {
        if again.len() <= ARCHIVE_NAME_MAX_BYTES {
            assert_eq!(file_name_in(&again).as_ref(), Some(&name), "{again}");
        }
    }
}
