//! What a comparison with an inventory found that the owner should hear of.
//!
//! There may be as many findings as archives, so they wait in a temporary table until the comparison is committed:
//! nothing is told that did not come to be, and nothing of it is held in memory.

use std::borrow::Cow;

use rusqlite::{Connection, Row};

use super::archives::{Archive, COLUMNS, archive};
use super::values::{integer, text};

/// Something that a sync found which the owner should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The archive.
    pub archive: Archive,
    /// What about it.
    pub kind: FindingKind,
}

/// What a sync found about one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingKind {
    /// The inventory has another name for it. With `fixed` the cache has taken that over.
    Renamed {
        /// The name in the inventory.
        to: String,
        /// Whether the cache now has it.
        fixed: bool,
    },
    /// The inventory tells of another size or tree hash, though no archive ever changes. With `fixed` the cache has taken
    /// that over; else it keeps what it knew, and the archive is in doubt.
    ContentChanged {
        /// The size in the inventory.
        size_bytes: Option<u64>,
        /// The tree hash in the inventory, in hex.
        tree_hash: Option<String>,
        /// Whether the cache now has them.
        fixed: bool,
    },
    /// Deleted from here before the inventory was made, which still lists it. With `fixed` the cache lists it again.
    StillPresent {
        /// Whether the cache lists it again.
        fixed: bool,
    },
    /// Deleted from here after the inventory was made.
    DeletionNotYetListed,
    /// Deleted from here and gone from the inventory: its row is removed.
    DeletionConfirmed,
    /// Known to have existed, and not listed. With `fixed` its row is removed.
    Disappeared {
        /// Whether the cache has forgotten it.
        fixed: bool,
    },
    /// Stored from here too short a time before the inventory for it to be there.
    NotYetListed,
}

/// The columns of an archive as they were when it was found, then what about it. `kind` is one of the names in
/// [`kind`].
pub(super) const TABLE: &str = "
    DROP TABLE IF EXISTS temp.finding;
    CREATE TEMP TABLE finding (
        position INTEGER PRIMARY KEY, id, name, size_bytes, tree_hash, created_upstream, created_here,
        last_seen_upstream, deletion_begun, deleted_here, file_name,
        doubted,  -- nobody is told of that
        kind TEXT NOT NULL, fixed INTEGER NOT NULL, renamed_to TEXT, listed_size_bytes, listed_tree_hash
    );";

/// What is inserted into the table, in this order.
pub(super) const INSERTED: &str =
    "INSERT INTO temp.finding (id, name, size_bytes, tree_hash, created_upstream, created_here,
        last_seen_upstream, deletion_begun, deleted_here, file_name, kind, fixed, renamed_to, listed_size_bytes,
        listed_tree_hash)";

/// Tells of each finding, in the order in which they were found.
pub(super) fn tell(connection: &Connection, tell: &mut dyn FnMut(Finding)) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {COLUMNS}, kind, fixed, renamed_to, listed_size_bytes, listed_tree_hash
         FROM temp.finding AS a ORDER BY position"
    );
    let mut query = connection.prepare(&sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        // A row without an id cannot be spoken of.
        if let Some(archive) = archive(row) {
            tell(Finding { archive, kind: kind(row)? });
        }
    }
    Ok(())
}

fn kind(row: &Row<'_>) -> rusqlite::Result<FindingKind> {
    let name: String = row.get(11)?;
    let fixed = row.get(12)?;
    Ok(match name.as_str() {
        "renamed" => FindingKind::Renamed { to: row.get(13)?, fixed },
        "content changed" => FindingKind::ContentChanged {
            size_bytes: integer(row, 14).and_then(|size| u64::try_from(size).ok()),
            tree_hash: text(row, 15).map(Cow::into_owned),
            fixed,
        },
        "still present" => FindingKind::StillPresent { fixed },
        "deletion not yet listed" => FindingKind::DeletionNotYetListed,
        "deletion confirmed" => FindingKind::DeletionConfirmed,
        "disappeared" => FindingKind::Disappeared { fixed },
        _ => FindingKind::NotYetListed,
    })
}
