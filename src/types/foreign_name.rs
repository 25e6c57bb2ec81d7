//! File names inside the descriptions that other programs give their archives.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::general_purpose};
use serde::Deserialize;

use super::names::ARCHIVE_NAME_MAX_BYTES;

/// Padding is left out by one of the programs; whoever writes it is understood too.
const LENIENT: GeneralPurposeConfig =
    general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Returns the name of the file that another program's description tells of, or `None` where it is none of these:
///
/// - mt-aws-glacier: `mt2 ` and base64url of JSON with `filename` and `mtime` (and `mt1 `, whose text was encoded
///   twice by mistake), as its module `MetaData` describes them;
/// - FastGlacier and those who write like it: XML, `<m>` with the path in base64 in `<p>`, or `<ArchiveMetadata>` with
///   `<Path>`, as its page on the metadata format describes versions 1 to 4.
///
/// A name that holds control characters, or nothing, is none: a line of a list could not hold it. Nor is there one in a
/// description that is longer than Glacier takes: someone made that up, and attributes of XML are compared each with all.
pub fn file_name_in(description: &str) -> Option<String> {
    if description.len() > ARCHIVE_NAME_MAX_BYTES {
        return None;
    }
    let description = description.trim();
    let name = if let Some(encoded) = description.strip_prefix("mt2 ") {
        mt_file_name(&String::from_utf8(URL_SAFE.decode(encoded).ok()?).ok()?)?
    } else if let Some(encoded) = description.strip_prefix("mt1 ") {
        mt_file_name(&encoded_once(&String::from_utf8(URL_SAFE.decode(encoded).ok()?).ok()?)?)?
    } else if description.starts_with('<') {
        fastglacier_path(description)?
    } else {
        return None;
    };
    (!name.is_empty() && !name.contains(char::is_control)).then_some(name)
}

#[derive(Deserialize)]
struct MtMetadata {
    filename: String,
}

fn mt_file_name(json: &str) -> Option<String> {
    serde_json::from_str::<MtMetadata>(json).ok().map(|metadata| metadata.filename)
}

/// Takes one layer of UTF-8 off a text that was encoded as if its bytes were Latin-1.
fn encoded_once(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    String::from_utf8(bytes?).ok()
}

fn fastglacier_path(description: &str) -> Option<String> {
    let document = roxmltree::Document::parse(description).ok()?;
    let root = document.root_element();
    let tag = match root.tag_name().name() {
        "m" => "p",
        "ArchiveMetadata" => "Path",
        _ => return None,
    };
    let path = root.children().find(|child| child.has_tag_name(tag))?.text()?;
    String::from_utf8(STANDARD.decode(path.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mt2(json: &str) -> String {
        format!("mt2 {}", URL_SAFE.encode(json))
    }

    #[test]
    fn names_of_mt_aws_glacier_are_read() {
        let description = mt2(r#"{"filename":"photos/2014/тест.jpg","mtime":"20140102T030405Z"}"#);
        assert_eq!(file_name_in(&description).as_deref(), Some("photos/2014/тест.jpg"));
        // The bytes of the UTF-8 text, each written as the character of that number.
        let twice: String =
            r#"{"mtime":"20140102T030405Z","filename":"é"}"#.bytes().map(char::from).collect();
        let description = format!("mt1 {}", URL_SAFE.encode(twice));
        assert_eq!(file_name_in(&description).as_deref(), Some("é"));
    }

    #[test]
    fn paths_of_fastglacier_are_read_in_all_versions() {
        let example =
            "<m><v>4</v><p>Z2xhY2llci1kZy5wZGY=</p><lm>20120821T170824Z</lm><ce>1:1:4340ebcf:54687</ce></m>";
        assert_eq!(file_name_in(example).as_deref(), Some("glacier-dg.pdf"));
        let spaced = " <m> <v>2</v> <p>L3NhbXBsZS8xMjM0LnBkZg== </p><lm>20190501T100059Z</lm> </m>";
        assert_eq!(file_name_in(spaced).as_deref(), Some("/sample/1234.pdf"));
        let first = "<ArchiveMetadata><Path>Z2xhY2llci1kZy5wZGY</Path><LastModified>x</LastModified></ArchiveMetadata>";
        assert_eq!(file_name_in(first).as_deref(), Some("glacier-dg.pdf"));
    }

    #[test]
    fn everything_else_is_a_plain_name() {
        for plain in [
            "",
            "photo.jpg",
            "mt2",
            "mt2 ",
            "mt2 not base64!",
            "mt3 e30",
            "<m></m>",
            "<m><p></p></m>",
            "<m><p>!</p></m>",
            "<x><p>YQ==</p></x>",
            "<m><p>YQ==</p>",
            "< not xml",
            &mt2(r#"{"mtime":"20140102T030405Z"}"#),
            &mt2(r#"{"filename":""}"#),
            &mt2(r#"{"filename":"two\nlines"}"#),
            &mt2(r#"{"filename":7}"#),
        ] {
            assert_eq!(file_name_in(plain), None, "{plain}");
        }
    }

    /// Reading one of a million bytes took minutes, so that an inventory of one such row could hold up a sync for ever.
    #[test]
    fn a_description_that_is_too_long_to_be_one_is_not_read() {
        let attributes = |count| (0..count).map(|number| format!(" a{number}=''")).collect::<String>();
        let description = |count| format!("<m{}><p>YQ==</p></m>", attributes(count));
        assert_eq!(file_name_in(&description(100)).as_deref(), Some("a"));
        let long = description(150_000);
        let began = std::time::Instant::now();
        assert_eq!(file_name_in(&long), None);
        assert!(began.elapsed() < std::time::Duration::from_secs(1));
    }

    proptest::proptest! {
        #[test]
        fn no_description_is_too_strange(text in "(mt[12] |<m><p>|<ArchiveMetadata><Path>)?\\PC{0,60}") {
            let _ = file_name_in(&text);
        }

        #[test]
        fn what_is_written_is_read(name in "[^\\p{Cc}]{1,80}") {
            let json = serde_json::json!({"filename": name, "mtime": "20140102T030405Z"}).to_string();
            let xml = format!("<m><v>4</v><p>{}</p></m>", STANDARD.encode(&name));
            proptest::prop_assert_eq!(file_name_in(&mt2(&json)), Some(name.clone()));
            proptest::prop_assert_eq!(file_name_in(&xml), Some(name));
        }
    }
}
