//! What holds for any inventory.

use std::io::{self, Read};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::inventory::{self, InventorySummary, ReadError};
use crate::cache::ListedArchive;
use crate::types::Timestamp;

/// How far an inventory was read, and what was taken on the way.
struct Reading {
    archives: Vec<ListedArchive>,
    outcome: Result<InventorySummary, ReadError<()>>,
}

/// Reads it, and takes no more than so many archives.
fn read(inventory: impl Read, limit: usize) -> Reading {
    let mut archives = Vec::new();
    let outcome = inventory::read(inventory, |archive| {
        archives.push(archive);
        if archives.len() > limit { Err(()) } else { Ok(()) }
    });
    Reading { archives, outcome }
}

/// It is refused or read; what is read is JSON, is the same however it arrives, can be written and read again; who takes
/// no more ends the reading.
pub fn inventory_json(bytes: &[u8]) {
    let whole = read(bytes, usize::MAX);
    let by_bytes = read(ByteByByte(bytes), usize::MAX);
    assert_eq!(whole.archives, by_bytes.archives);
    assert_eq!(whole.outcome.is_ok(), by_bytes.outcome.is_ok());
    let Ok(summary) = whole.outcome else { return };
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok());
    if let Some(last) = whole.archives.len().checked_sub(1) {
        let stopped = read(bytes, last / 2);
        assert!(matches!(stopped.outcome, Err(ReadError::Take(()))));
        assert_eq!(stopped.archives, whole.archives[..=last / 2]);
    }
    let again = read(written(&whole.archives, &summary).as_bytes(), usize::MAX);
    let read_again = again.outcome.expect("what was written can be read");
    assert_eq!(read_again.unreadable_rows, 0);
    assert_eq!(read_again.vault_arn, summary.vault_arn);
    assert_eq!(read_again.date, summary.date.filter(|date| calendar(*date).is_some()));
    let mut archives = whole.archives;
    for archive in &mut archives {
        archive.created = archive.created.filter(|created| calendar(*created).is_some());
    }
    assert_eq!(again.archives, archives);
}

/// An inventory in the other format is refused, also if it has one in JSON before it, behind it or in it; and where none
/// begins, nothing is taken for a row.
pub fn inventory_csv(bytes: &[u8]) {
    const HEAD: &[u8] = b"ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n";
    for inventory in
        [[HEAD, bytes].concat(), [bytes, HEAD].concat(), [b"\"", bytes, b"\"\n"].concat(), bytes.to_vec()]
    {
        let reading = read(inventory.as_slice(), usize::MAX);
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&inventory).is_ok();
        assert!(is_json || matches!(reading.outcome, Err(ReadError::Malformed(_))));
        let first = inventory.iter().find(|byte| !byte.is_ascii_whitespace());
        assert!(first == Some(&b'{') || reading.archives.is_empty());
        assert!(first == Some(&b'{') || reading.outcome.is_err());
    }
}

fn written(archives: &[ListedArchive], summary: &InventorySummary) -> String {
    let rows = archives.iter().map(|archive| {
        json!({
            "ArchiveId": archive.id.as_str(), "ArchiveDescription": archive.name, "Size": archive.size_bytes,
            "CreationDate": archive.created.and_then(calendar), "SHA256TreeHash": archive.tree_hash,
        })
    });
    let mut inventory = json!({ "ArchiveList": rows.collect::<Vec<_>>() });
    if let Some(arn) = &summary.vault_arn {
        inventory["VaultARN"] = json!(arn);
    }
    if let Some(date) = summary.date.and_then(calendar) {
        inventory["InventoryDate"] = json!(date);
    }
    inventory.to_string()
}

/// Returns the date with its milliseconds, if it is one that a calendar of four-digit years has.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of four-digit years are few enough")]
fn calendar(time: Timestamp) -> Option<String> {
    let _ = (time.to_string(), time.rfc3339());
    let milliseconds = (time.unix_seconds() * 1000.0).round() as i128;
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000).ok()?.format(&Rfc3339).ok()
}

/// Arrives a byte at a time.
struct ByteByByte<'a>(&'a [u8]);

impl Read for ByteByByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}
