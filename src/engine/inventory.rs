//! Reading an inventory (developer guide, "Downloading a Vault Inventory"), one archive at a time.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cache::ListedArchive;
use crate::treehash::TreeHash;
use crate::types::{ArchiveId, Timestamp};

/// How much of an inventory is read at a time.
const READ_BYTES: usize = 256 * 1024;
/// The longest row that is read: a million characters in any spelling, which is more than Glacier takes by far.
const ROW_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What an inventory says besides its archives.
#[derive(Debug, Default)]
pub(super) struct InventorySummary {
    /// The vault that it is of.
    pub(super) vault_arn: Option<String>,
    pub(super) date: Option<Timestamp>,
    /// How many of its rows could not be read.
    pub(super) unreadable_rows: u64,
}

/// Reads a JSON inventory and gives each archive to `take`; its error ends the reading. One row at a time is in memory,
/// and a row, or what stands before the rows or behind them, that has no end ends the reading too.
pub(super) fn read<E>(
    input: impl Read,
    mut take: impl FnMut(ListedArchive) -> Result<(), E>,
) -> Result<InventorySummary, ReadError<E>> {
    let mut failure = None;
    let mut result = InventorySummary::default();
    let since_row = Cell::new(0);
    let input = BufReader::with_capacity(READ_BYTES, Bounded { input, since_row: &since_row });
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let mut visit = |archive| {
        take(archive).map_err(|error| {
            failure = Some(error);
        })
    };
    let inventory = InventoryVisitor { take: &mut visit, result: &mut result, since_row: &since_row };
    let outcome = serde::Deserializer::deserialize_map(&mut deserializer, inventory);
    let outcome = outcome.and_then(|()| deserializer.end());
    match (failure, outcome) {
        (Some(error), _) => Err(ReadError::Take(error)),
        (None, Err(error)) => Err(ReadError::Malformed(error.to_string())),
        (None, Ok(())) => Ok(result),
    }
}

/// Why an inventory could not be read to its end.
#[derive(Debug)]
pub(super) enum ReadError<E> {
    Malformed(String),
    Take(E),
}

/// Refuses to bring more than a row can have.
struct Bounded<'a, R> {
    input: R,
    since_row: &'a Cell<usize>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > ROW_MAX_BYTES {
            return Err(io::Error::other("one of its rows has no end"));
        }
        let count = self.input.read(buffer)?;
        self.since_row.set(self.since_row.get() + count);
        Ok(count)
    }
}

type Take<'a> = dyn FnMut(ListedArchive) -> Result<(), ()> + 'a;

struct InventoryVisitor<'a> {
    take: &'a mut Take<'a>,
    result: &'a mut InventorySummary,
    since_row: &'a Cell<usize>,
}

impl<'de> Visitor<'de> for InventoryVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an inventory")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_list = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "VaultARN" => self.result.vault_arn = Some(map.next_value()?),
                "InventoryDate" => self.result.date = map.next_value::<String>()?.parse().ok(),
                "ArchiveList" => {
                    has_list = true;
                    let (take, result) = (&mut *self.take, &mut *self.result);
                    map.next_value_seed(ListSeed { take, result, since_row: self.since_row })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_list { Ok(()) } else { Err(A::Error::custom("it has no list of archives")) }
    }
}

struct ListSeed<'a, 'b> {
    take: &'a mut Take<'b>,
    result: &'a mut InventorySummary,
    since_row: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of archives")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            self.since_row.set(0);
            match listed(raw.get()) {
                Some(archive) => (self.take)(archive).map_err(|()| A::Error::custom("stopped"))?,
                None => self.result.unreadable_rows += 1,
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    archive_id: String,
    archive_description: Option<String>,
    creation_date: Option<String>,
    size: Option<u64>,
    #[serde(rename = "SHA256TreeHash")]
    tree_hash: Option<String>,
}

/// One row that makes no sense must not cost the others.
fn listed(json: &str) -> Option<ListedArchive> {
    let row: Row = serde_json::from_str(json).ok()?;
    let id: ArchiveId = row.archive_id.parse().ok()?;
    let created = row.creation_date.and_then(|date| date.parse().ok());
    let mut tree_hash = row.tree_hash.filter(|hash| hash.parse::<TreeHash>().is_ok());
    tree_hash.as_deref_mut().map(str::make_ascii_lowercase);
    Some(ListedArchive { id, name: row.archive_description, created, size_bytes: row.size, tree_hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(json: &str) -> (Vec<Option<String>>, InventorySummary) {
        let mut names = Vec::new();
        let result = read(json.as_bytes(), |archive| {
            names.push(archive.name);
            Ok::<(), ()>(())
        });
        (names, result.expect("a readable inventory"))
    }

    #[test]
    fn reads_an_inventory_whose_keys_stand_in_any_order() {
        let (listed, result) = names(
            r#"{"VaultARN":"arn","ArchiveList":[{"Size":3,"ArchiveId":"a","ArchiveDescription":"x"},
                {"ArchiveId":"b","ArchiveDescription":""}],"InventoryDate":"2016-12-19T01:56:27Z","Later":[{}]}"#,
        );
        assert_eq!(listed, [Some("x".to_owned()), Some(String::new())]);
        assert_eq!(result.date, "2016-12-19T01:56:27Z".parse().ok());
        assert_eq!(result.vault_arn.as_deref(), Some("arn"));
    }

    #[test]
    fn a_bad_row_costs_only_itself() {
        let (listed, result) =
            names(r#"{"ArchiveList":[{"ArchiveId":7},{},{"ArchiveId":"a"},{"ArchiveId":""}]}"#);
        assert_eq!((listed.len(), result.unreadable_rows), (1, 3));
    }

    /// The row was gathered for as long as it went on.
    #[test]
    fn a_row_without_end_does_not_fill_the_memory() {
        for begun in [
            r#"{"ArchiveList":[{"ArchiveId":"a"},{"ArchiveId":""#,
            r#"{"ArchiveList":[{"Later":["#,
            r#"{"VaultARN":""#,
            r#"{""#,
        ] {
            let mut rest = io::repeat(b'1').take(1 << 40);
            let result = read(begun.as_bytes().chain(&mut rest), |_| Ok::<(), ()>(()));
            let Err(ReadError::Malformed(why)) = result else { unreachable!("{result:?}") };
            assert!(why.contains("one of its rows has no end"), "{why}");
            assert!((1 << 40) - rest.limit() < 17 << 20);
        }
    }

    #[test]
    fn rows_may_be_long_and_many() {
        let row = format!(r#"{{"ArchiveId":"a","ArchiveDescription":"{}"}},"#, "\\u0041".repeat(1_000_000));
        let rows = row.repeat(7);
        let (listed, _) = names(&format!(r#"{{"ArchiveList":[{}]}}"#, rows.trim_end_matches(',')));
        assert!(listed.len() == 7 && listed.iter().flatten().all(|name| name.len() == 1_000_000));
    }

    #[test]
    fn what_is_cut_short_is_refused_as_a_whole() {
        for json in ["", "{", r#"{"ArchiveList":[{"ArchiveId":"a"}"#, "[]", "{}", r#"{"ArchiveList":[]} x"#] {
            let result = read(json.as_bytes(), |_| Ok::<(), ()>(()));
            assert!(matches!(result, Err(ReadError::Malformed(_))), "{json}");
        }
    }
}
