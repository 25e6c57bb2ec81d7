//! What holds whatever bytes come in: functions that take any, and panic when it does not.
//!
//! They are for the targets in `fuzz/`, which see this room by the feature `fuzzing`, and for the tests below, which
//! replay what those have kept in `fuzz/corpus` and make up some thousands more. No part of the library.

pub use crate::annex::fuzzing::{annex_lines, key_state};
pub use crate::engine::fuzzing::{inventory_csv, inventory_json};
pub use crate::types::fuzzing::{archive_names, foreign_names};

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("annex_lines", annex_lines),
    ("archive_names", archive_names),
    ("foreign_names", foreign_names),
    ("inventory_csv", inventory_csv),
    ("inventory_json", inventory_json),
    ("key_state", key_state),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    fn below(directory: &str) -> Vec<PathBuf> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
        entries.map(|entry| entry.expect("a readable directory").path()).collect()
    }

    #[test]
    fn what_fuzzing_has_kept_holds_still() {
        for (name, target) in TARGETS {
            let kept = below(&format!("fuzz/corpus/{name}"));
            assert!(kept.len() > 2, "{name} has {} inputs", kept.len());
            for path in kept {
                eprintln!("{}", path.display());
                target(&fs::read(path).expect("a readable file"));
            }
        }
    }

    #[test]
    fn each_target_is_fuzzed() {
        let programs = below("fuzz/fuzz_targets").into_iter();
        let programs: BTreeSet<String> =
            programs.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        assert_eq!(programs, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    /// Any bytes, now and then with something that has a meaning.
    fn bytes(words: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let word = proptest::string::string_regex(words).expect("a pattern").prop_map(String::into_bytes);
        let noise = proptest::collection::vec(any::<u8>(), 0..12);
        let piece = prop_oneof![4 => word, 1 => noise];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// An inventory that is as it should be but for its rows, cut short or with one byte changed at times.
    fn inventory() -> impl Strategy<Value = Vec<u8>> {
        let field = prop_oneof![
            r#""ArchiveId":"[!-~&&[^"\\]]{0,8}""#,
            r#""ArchiveDescription":("(\\u[0-9a-d]{4}|[ -~&&[^"\\]]){0,6}"|null)"#,
            r#""CreationDate":("20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00(\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)"|7)"#,
            r#""Size":(-?[0-9]{1,20}|[0-9]\.5|[0-9]e[0-9]{1,3}|null)"#,
            r#""SHA256TreeHash":("[0-9a-f]{0,64}"|\[\])"#,
            r#""Other":(\{\}|\[1,2\]|true)"#,
        ];
        let row = prop_oneof![
            8 => proptest::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(","))),
            1 => "(null|7|\"x\"|\\[\\])",
        ];
        let rows = proptest::collection::vec(row, 0..8).prop_map(|rows| rows.join(","));
        let head =
            r#"("VaultARN":"arn",|"InventoryDate":"2012-03-20T17:03:43.221Z",|"Later":[{}\[\]],){0,3}"#;
        let whole =
            (head, rows).prop_map(|(head, rows)| format!("{{{head}\"ArchiveList\":[{rows}]}}").into_bytes());
        let change =
            prop_oneof![2 => Just(None), 1 => any::<(prop::sample::Index, Option<u8>)>().prop_map(Some)];
        (whole, change).prop_map(|(mut whole, change)| {
            match change {
                Some((at, Some(byte))) => *at.get_mut(&mut whole) = byte,
                Some((at, None)) => whole.truncate(at.index(whole.len())),
                None => {}
            }
            whole
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_inventory_is_too_strange(inventory in inventory()) {
            inventory_json(&inventory);
        }

        #[test]
        fn no_inventory_in_csv_is_taken_in(
            rest in prop_oneof![bytes("[\\n\",a-z0-9{}\\[\\]:]{0,9}"), inventory()],
        ) {
            inventory_csv(&rest);
        }

        #[test]
        fn no_line_of_git_annex_is_too_strange(
            lines in bytes(
                "TRANSFER (STORE|RETRIEVE)? ?|(CHECKPRESENT|REMOVE|WHEREIS|ERROR|EXTENSIONS) |PREPARE|J [0-9]{0,21} |\
                 VALUE |CREDS |ASYNC|INFO|\\n|[!-~]{1,9}",
            ),
        ) {
            annex_lines(&lines);
        }

        #[test]
        fn no_description_of_another_program_is_too_strange(
            description in bytes("mt[12] |<m><p>|</p></m>|<ArchiveMetadata><Path>|[A-Za-z0-9+/=_-]{0,24}|\\PC{0,9}"),
        ) {
            foreign_names(&description);
        }

        #[test]
        fn no_reference_and_no_key_is_too_strange(text in bytes("id:|name:|%([0-9A-F]{2})?|SHA256E-s[0-9]--|\\PC{0,9}")) {
            archive_names(&text);
        }

        #[test]
        fn nothing_that_is_kept_of_a_key_is_too_strange(
            kept in bytes("1 |[0-9]{1,21} |empty|remov(ed|ing) |1b0f15a6 |[!-~]{1,9}| "),
        ) {
            key_state(&kept);
        }
    }
}
