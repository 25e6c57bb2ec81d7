//! Reading an inventory (developer guide, "Downloading a Vault Inventory"), one archive at a time.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cache::ListedArchive;
use crate::types::{ArchiveId, Timestamp};

/// What an inventory says besides its archives.
#[derive(Debug, Default)]
pub(super) struct InventorySummary {
    /// The vault that it is of.
    pub(super) vault_arn: Option<String>,
    pub(super) date: Option<Timestamp>,
    /// How many of its rows could not be read.
    pub(super) unreadable_rows: u64,
}

/// Reads a JSON inventory and gives each archive to `take`; its error ends the reading.
pub(super) fn read<E>(
    input: impl Read,
    mut take: impl FnMut(ListedArchive) -> Result<(), E>,
) -> Result<InventorySummary, ReadError<E>> {
    let mut failure = None;
    let mut result = InventorySummary::default();
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let mut visit = |archive| {
        take(archive).map_err(|error| {
            failure = Some(error);
        })
    };
    let inventory = InventoryVisitor { take: &mut visit, result: &mut result };
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

type Take<'a> = dyn FnMut(ListedArchive) -> Result<(), ()> + 'a;

struct InventoryVisitor<'a> {
    take: &'a mut Take<'a>,
    result: &'a mut InventorySummary,
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
                    map.next_value_seed(ListSeed { take: &mut *self.take, result: &mut *self.result })?;
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
    Some(ListedArchive {
        id,
        name: row.archive_description,
        created,
        size_bytes: row.size,
        tree_hash: row.tree_hash,
    })
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

    #[test]
    fn what_is_cut_short_is_refused_as_a_whole() {
        for json in ["", "{", r#"{"ArchiveList":[{"ArchiveId":"a"}"#, "[]", "{}", r#"{"ArchiveList":[]} x"#] {
            let result = read(json.as_bytes(), |_| Ok::<(), ()>(()));
            assert!(matches!(result, Err(ReadError::Malformed(_))), "{json}");
        }
    }
}
