//! Lists of archives, as `archive list` prints them: one reference a line, or with a zero byte after each.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::file_or_standard::FileOrStandard;
use crate::types::{ArchiveRef, quoted};

/// Reads a list of references. Empty lines mean nothing, and lines may end as those of Windows do. Of a line with an id
/// and a name, as `archive list` prints it, the id counts.
///
/// # Errors
///
/// When the list cannot be read, or a line of it is no reference; that line is named.
pub(super) fn read(from: &FileOrStandard, is_null_separated: bool) -> Result<Vec<ArchiveRef>> {
    let shown = shown(from);
    let mut list = Vec::new();
    let read = match from {
        FileOrStandard::Standard => std::io::stdin().lock().read_to_end(&mut list),
        FileOrStandard::File(path) => File::open(path).and_then(|mut file| file.read_to_end(&mut list)),
    };
    read.with_context(|| format!("cannot read {shown}"))?;
    let (separator, what) = if is_null_separated { (b'\0', "name") } else { (b'\n', "line") };
    let mut references = Vec::new();
    for (index, entry) in list.split(|byte| *byte == separator).enumerate() {
        let entry = if is_null_separated { entry } else { entry.strip_suffix(b"\r").unwrap_or(entry) };
        if entry.is_empty() {
            continue;
        }
        let reference = parsed(entry).with_context(|| format!("{what} {} of {shown}", index + 1))?;
        references.push(reference);
    }
    Ok(references)
}

/// Returns the list as messages call it.
pub(super) fn shown(from: &FileOrStandard) -> String {
    match from {
        FileOrStandard::Standard => "standard input".to_owned(),
        FileOrStandard::File(path) => quoted(&Path::to_string_lossy(path)),
    }
}

fn parsed(entry: &[u8]) -> Result<ArchiveRef> {
    let text = std::str::from_utf8(entry)
        .map_err(|_| anyhow!("{} is no text, as names are", quoted(&String::from_utf8_lossy(entry))))?;
    let id = text.split_once('\t').map(|(id, _name)| id).filter(|id| id.starts_with("id:"));
    Ok(id.unwrap_or(text).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(content: &[u8], is_null_separated: bool) -> Result<Vec<String>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), content)?;
        let read = read(&FileOrStandard::File(file.path().to_owned()), is_null_separated)?;
        Ok(read.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_line_is_a_reference() {
        let lines = b"a\r\n\n  b\tc \nname:id:x\nid:-q\nid:abc\tits name\n\r\nlast";
        let read = list(lines, false).expect("a list");
        assert_eq!(read, ["a", "  b\tc ", "name:id:x", "id:-q", "id:abc", "last"]);
        assert_eq!(list(b"a\nb\0c\r\0\0id:x\ty\n\0", true).expect("a list"), ["a\nb", "c\r", "id:x"]);
        assert_eq!(list(b"", false).expect("a list"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_reference_is_told_with_its_place() {
        for (content, is_null_separated, why) in [
            (b"a\n\xff\n".as_slice(), false, "line 2 of "),
            (b"a\0id:\0", true, "name 2 of "),
            (b"a\n\nid:two words\n", false, "line 3 of "),
        ] {
            let refused = format!("{:#}", list(content, is_null_separated).expect_err(why));
            assert!(refused.contains(why), "{refused}");
        }
    }
}
