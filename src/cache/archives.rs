//! Rows of archives.

use std::borrow::Cow;
use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row, Rows, ToSql, TransactionBehavior, named_params};

use super::accounts::OWNED;
use super::values::{integer, parsed, text, time};
use super::{Cache, CacheError, INVENTORY_LAG, Scope};
use crate::treehash::TreeHash;
use crate::types::{ArchiveId, ArchiveRef, Timestamp, VaultName, file_name_in};

/// An archive as the cache knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its id.
    pub id: ArchiveId,
    /// Its description, which may be empty; `None` where the cache never learnt it.
    pub name: Option<String>,
    /// The file that its description tells of, where another program has written it so.
    pub file_name: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Its tree hash.
    pub tree_hash: Option<TreeHash>,
    /// When the service stored it, by an inventory.
    pub created_upstream: Option<Timestamp>,
    /// When this row was made: at the upload, or when an inventory first told of it.
    pub created_here: Option<Timestamp>,
    /// When it is known to have existed, by an inventory.
    pub last_seen_upstream: Option<Timestamp>,
    /// When its deletion was last asked of the service, whatever came of it.
    pub deletion_begun: Option<Timestamp>,
    /// When Glacier last did not bring it, by the service's clock, or someone else told of a deletion under its name, unless a
    /// later job has brought it.
    pub doubted: Option<Timestamp>,
    /// When it was deleted from here; the row stays, hidden, until an inventory confirms.
    pub deleted_here: Option<Timestamp>,
}

impl Archive {
    /// Returns the name that people know the archive by: the file's, else the description; nothing if that is empty.
    pub fn shown_name(&self) -> Option<&str> {
        self.file_name.as_deref().or(self.name.as_deref()).filter(|name| !name.is_empty())
    }

    /// Returns how to refer to the archive: by its name if it has one.
    pub fn reference(&self) -> ArchiveRef {
        match self.shown_name() {
            Some(name) => ArchiveRef::Name(name.to_owned()),
            None => ArchiveRef::Id(self.id.clone()),
        }
    }

    /// Returns when the archive was stored, as far as is known.
    pub fn stored_at(&self) -> Option<Timestamp> {
        self.created_upstream.or(self.created_here)
    }

    /// Returns whether it was deleted from here, or is in doubt and not proved to be there all the same.
    pub fn may_be_deleted(&self) -> bool {
        let has_survived = |seen| self.has_survived_deletion(seen);
        self.deleted_here.is_some()
            || (self.is_in_doubt() && !self.last_seen_upstream.is_some_and(has_survived))
    }

    /// Returns whether a deletion was begun, from here or elsewhere, or it is doubted.
    pub fn is_in_doubt(&self) -> bool {
        self.deletion_begun.is_some() || self.doubted.is_some()
    }

    /// Returns whether an inventory that tells of the archive at that time is proof that no deletion of it which was begun,
    /// or for which Glacier may not have brought it, was carried out. Inventories lag behind deletions as they do behind
    /// uploads, and clocks differ.
    pub fn has_survived_deletion(&self, seen: Timestamp) -> bool {
        self.deletion_begun.max(self.doubted).is_none_or(|begun| begun + INVENTORY_LAG <= seen)
    }

    /// Returns whether both are known to have the same content.
    pub fn is_equal_to(&self, other: &Self) -> bool {
        let content = |archive: &Self| archive.size_bytes.zip(archive.tree_hash);
        content(self).is_some() && content(self) == content(other)
    }
}

/// What an upload that the service has acknowledged is filed with.
#[derive(Debug, Clone)]
pub struct NewArchive<'a> {
    /// The id that the service gave.
    pub id: &'a ArchiveId,
    /// The description that was sent.
    pub name: &'a str,
    /// The size.
    pub size_bytes: u64,
    /// The tree hash that the service checked.
    pub tree_hash: TreeHash,
    /// When it was acknowledged.
    pub created_here: Timestamp,
}

/// What [`archive`] reads, in its order; `a` is the table.
pub(super) const COLUMNS: &str =
    "a.id, a.name, a.size_bytes, a.tree_hash, a.created_upstream, a.created_here,
    a.last_seen_upstream, a.deletion_begun, a.deleted_here, a.file_name, a.doubted";

impl Cache {
    /// Files an upload. Done once, or again with the same values, it is there when this returns.
    pub fn record_upload(
        &self,
        scope: &Scope,
        vault: &VaultName,
        archive: &NewArchive<'_>,
    ) -> Result<(), CacheError> {
        self.with(|connection| insert_upload(connection, scope, vault, archive))
    }

    /// Notes that the deletion of the archive is about to be asked of the service. From now on it does not count as
    /// known to exist, until an inventory lists it that must know. Returns what was noted before, of an earlier deletion
    /// that had no answer.
    pub fn begin_deletion(&self, id: &ArchiveId, now: Timestamp) -> Result<Option<Timestamp>, CacheError> {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "SELECT deletion_begun FROM archive WHERE id = ?1";
            let before = transaction
                .prepare_cached(sql)?
                .query_row([id.as_str()], |row| Ok(time(row, 0)))
                .optional()?;
            // A later one of someone else stays.
            let sql = "UPDATE archive SET deletion_begun = iif(typeof(deletion_begun) IN ('integer', 'real'),
                           max(deletion_begun, :now), :now) WHERE id = :id";
            let parameters = named_params! {":now": now.unix_seconds(), ":id": id.as_str()};
            transaction.prepare_cached(sql)?.execute(parameters)?;
            transaction.commit()?;
            Ok(before.flatten())
        })
    }

    /// Takes the [`Cache::begin_deletion`] of `begun` back: the service has refused. What was noted `before`, of a deletion
    /// that may have been carried out, stands again; and what others have noted since stays.
    pub fn cancel_deletion(
        &self,
        id: &ArchiveId,
        begun: Timestamp,
        before: Option<Timestamp>,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "UPDATE archive SET deletion_begun = :before WHERE id = :id AND deletion_begun = :begun";
            let parameters = named_params! {
                ":before": before.map(Timestamp::unix_seconds), ":id": id.as_str(), ":begun": begun.unix_seconds()
            };
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }

    /// Returns whether it was stored by an upload from here.
    pub fn is_stored_here(&self, id: &ArchiveId) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND is_stored_here)";
            connection.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))
        })
    }

    /// Hides the archive: deleted from here at `now`.
    pub fn mark_deleted(&self, id: &ArchiveId, now: Timestamp) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "UPDATE archive SET deleted_here = :now WHERE id = :id AND deleted_here IS NULL";
            connection
                .prepare_cached(sql)?
                .execute(named_params! {":now": now.unix_seconds(), ":id": id.as_str()})
                .map(drop)
        })
    }

    /// Returns every archive of the vault that the reference means, those deleted from here included, the oldest first.
    /// A name is a description, or the file that a description of another program tells of.
    pub fn find(
        &self,
        scope: &Scope,
        vault: &VaultName,
        wanted: &ArchiveRef,
    ) -> Result<Vec<Archive>, CacheError> {
        self.with(|connection| match wanted {
            ArchiveRef::Id(id) => owned_rows(connection, scope, vault, "id = :id", &[(":id", &id.as_str())]),
            ArchiveRef::Name(name) | ArchiveRef::PrefixedName(name) => {
                // What a description tells of, or all of the description; the index knows only the first.
                let condition = "coalesce(file_name, name) IN (:name, :file_name)
                                 AND (coalesce(file_name, name) = :name OR name = :name)";
                let values: [(&str, &dyn ToSql); 2] = [(":name", name), (":file_name", &file_name_in(name))];
                owned_rows(connection, scope, vault, condition, &values)
            }
        })
    }

    /// Returns whether a row of the vault was made before `date` and not deleted.
    pub fn has_older_than(
        &self,
        scope: &Scope,
        vault: &VaultName,
        date: Timestamp,
    ) -> Result<bool, CacheError> {
        self.with(|connection| {
            let mut query = connection.prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM archive WHERE vault = :vault AND {OWNED}
                     AND deleted_here IS NULL AND created_here < :date)"
            ))?;
            let parameters = named_params! {
                ":vault": vault.as_str(), ":date": date.unix_seconds(), ":account": scope.account_text(),
                ":key": &scope.access_key_id, ":region": scope.region.as_str()
            };
            query.query_row(parameters, |row| row.get(0))
        })
    }

    /// Returns how many archives of the vault are not deleted.
    pub fn count(&self, scope: &Scope, vault: &VaultName) -> Result<u64, CacheError> {
        self.with(|connection| {
            let sql = format!(
                "SELECT count(*) FROM archive WHERE vault = :vault AND deleted_here IS NULL AND {OWNED}"
            );
            let parameters = named_params! {
                ":vault": vault.as_str(), ":account": scope.account_text(), ":key": &scope.access_key_id,
                ":region": scope.region.as_str()
            };
            connection.query_row(&sql, parameters, |row| row.get::<_, i64>(0).map(i64::unsigned_abs))
        })
    }

    /// Gives every archive of the vault that is not deleted to `visit`, by the name that is shown (bytes) and id, until
    /// it breaks.
    pub fn list(
        &self,
        scope: &Scope,
        vault: &VaultName,
        mut visit: impl FnMut(&Listed<'_>) -> ControlFlow<()>,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let mut query = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM archive AS a WHERE vault = :vault AND deleted_here IS NULL AND {OWNED}
                 ORDER BY coalesce(file_name, name), id"
            ))?;
            let parameters = named_params! {
                ":vault": vault.as_str(), ":account": scope.account_text(), ":key": &scope.access_key_id,
                ":region": scope.region.as_str()
            };
            let mut rows = query.query(parameters)?;
            while let Some(row) = rows.next()? {
                let Some(id) = text(row, 0).filter(|id| ArchiveId::is_valid(id)) else { continue };
                let shown_name = text(row, 9).or(text(row, 1)).unwrap_or_default();
                if visit(&Listed { id: &id, shown_name: &shown_name, row }).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// An archive in a list. Of a million, only what is looked at is taken apart.
pub struct Listed<'row> {
    /// Its id.
    pub id: &'row str,
    /// The name that people know it by; empty if it has none.
    pub shown_name: &'row str,
    row: &'row Row<'row>,
}

impl Listed<'_> {
    /// Returns all that is known of it.
    pub fn archive(&self) -> Archive {
        archive(self.row).expect("only what has an id is listed")
    }
}

fn owned_rows(
    connection: &Connection,
    scope: &Scope,
    vault: &VaultName,
    condition: &str,
    values: &[(&str, &dyn ToSql)],
) -> rusqlite::Result<Vec<Archive>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM archive AS a WHERE vault = :vault AND {condition} AND {OWNED}
         ORDER BY coalesce(created_upstream, created_here), created_here, id"
    ))?;
    let owner = named_params! {
        ":vault": vault.as_str(), ":account": scope.account_text(), ":key": &scope.access_key_id,
        ":region": scope.region.as_str()
    };
    archives(&mut query.query(&*[owner, values].concat())?)
}

/// Files an upload within a transaction of the caller's.
pub(super) fn insert_upload(
    connection: &Connection,
    scope: &Scope,
    vault: &VaultName,
    archive: &NewArchive<'_>,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO archive (id, name, file_name, vault, key, created_here, account, region, size_bytes, tree_hash,
            is_stored_here)
        VALUES (:id, :name, :file_name, :vault, :key, :created, :account, :region, :size, :hash, 1)
        ON CONFLICT (id) DO UPDATE SET
            name = excluded.name, file_name = excluded.file_name, account = excluded.account,
            region = excluded.region, created_here = coalesce(created_here, excluded.created_here),
            size_bytes = excluded.size_bytes, tree_hash = excluded.tree_hash, is_stored_here = 1";
    let parameters = named_params! {
        ":id": archive.id.as_str(), ":name": archive.name, ":file_name": file_name_in(archive.name),
        ":vault": vault.as_str(),
        ":key": &scope.access_key_id, ":created": archive.created_here.unix_seconds(),
        ":account": scope.account_text(), ":region": scope.region.as_str(),
        ":size": i64::try_from(archive.size_bytes).ok(), ":hash": archive.tree_hash.to_string()
    };
    connection.prepare_cached(sql)?.execute(parameters).map(drop)
}

/// Reads rows of [`COLUMNS`]. One without an id could not be referred to, and is left out.
pub(super) fn archives(rows: &mut Rows<'_>) -> rusqlite::Result<Vec<Archive>> {
    let mut archives = Vec::new();
    while let Some(row) = rows.next()? {
        archives.extend(archive(row));
    }
    Ok(archives)
}

/// Reads a row of [`COLUMNS`]; nothing if it has no id.
pub(super) fn archive(row: &Row<'_>) -> Option<Archive> {
    Some(Archive {
        id: parsed(row, 0)?,
        name: text(row, 1).map(Cow::into_owned),
        size_bytes: integer(row, 2).and_then(|size| u64::try_from(size).ok()),
        tree_hash: parsed(row, 3),
        created_upstream: time(row, 4),
        created_here: time(row, 5),
        last_seen_upstream: time(row, 6),
        deletion_begun: time(row, 7),
        deleted_here: time(row, 8),
        file_name: text(row, 9).map(Cow::into_owned),
        doubted: time(row, 10),
    })
}
