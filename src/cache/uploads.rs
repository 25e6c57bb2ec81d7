//! Uploads that are not finished: what was about to be stored, from which file, and how far that came.
//!
//! # Order of writes
//!
//! 1. A row before anything is asked of the service. For an archive of one request it says already that the archive
//!    may be stored from now on: how large it is and its tree hash.
//! 2. For an upload in parts, the service's id as soon as it is known.
//! 3. Before the request that makes the parts an archive, that it may be stored from now on.
//! 4. The archive's row and the end of this one, in one transaction.
//!
//! A crash before 3 leaves an upload that goes on, or is given up, at the next try. A crash between 3 and 4 leaves an
//! archive that may be stored: an upload in parts is asked for its outcome again, for as long as the service
//! remembers it; else an inventory tells ([`Cache::settle_uploads`]).
//!
//! # Who works on a row
//!
//! Whoever holds the lock of its file, which the system takes away from a process that ends, however it ends.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, named_params};

use super::archives::insert_upload;
use super::locks::{Held, lock_file};
use super::values::{integer, parsed, text, time, unsigned};
use super::{Cache, CacheError, InventoryKnowledge, NewArchive, Scope, ToldArchive};
use crate::treehash::TreeHash;
use crate::types::{ArchiveId, PartSize, Region, Timestamp, UploadId, VaultName};

/// How long after a request without an answer an archive may appear that comes of it.
const STORED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How far the clocks of this machine and of the service may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(15 * 60);
/// Tells whether a file is still the one it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIdentity {
    /// Where it is. Not compared: a file that was moved is the same.
    pub path: PathBuf,
    /// The device that it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last written to, in nanoseconds since 1970.
    pub modified_nanoseconds: i64,
}

impl FileIdentity {
    /// Returns whether both are the same file with, as far as that can be told without reading it, the same content.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |file: &Self| (file.device, file.inode, file.size_bytes, file.modified_nanoseconds);
        of(self) == of(other)
    }
}

/// What may be stored from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storing {
    /// When the request that stores it was sent.
    pub since: Timestamp,
    /// The size of the archive.
    pub size_bytes: u64,
    /// Its tree hash.
    pub tree_hash: TreeHash,
}

/// An upload as the cache knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    number: i64,
    /// The name of the archive.
    pub name: String,
    /// The file that it is of; none for a stream.
    pub file: Option<FileIdentity>,
    /// The size of its parts.
    pub part_size: PartSize,
    /// The service's id, once it is in parts and has one.
    pub id: Option<UploadId>,
    /// What may be stored already.
    pub storing: Option<Storing>,
}

/// The right to work on an upload, until it is dropped or its process ends.
#[derive(Debug)]
pub struct UploadLock {
    number: i64,
    path: PathBuf,
    _held: Held,
}

/// What became of trying to take an upload.
#[derive(Debug)]
pub enum Taken {
    /// It is this process's to work on; this is how it stands.
    Taken(UploadLock, Box<UnfinishedUpload>),
    /// Another process works on it.
    InUse,
    /// It was finished or given up meanwhile.
    Gone,
}

/// What an upload is begun with.
#[derive(Debug)]
pub struct NewUpload<'a> {
    /// The name of the archive.
    pub name: &'a str,
    /// The file that it is of; none for a stream.
    pub file: Option<&'a FileIdentity>,
    /// The size of its parts.
    pub part_size: PartSize,
    /// What may be stored from now on, for an archive of one request.
    pub storing: Option<Storing>,
    /// The uploads of this name that the caller has seen.
    pub known: &'a [UnfinishedUpload],
    /// The time.
    pub now: Timestamp,
}

/// How an upload without an answer has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledUpload {
    /// The name of the archive.
    pub name: String,
    /// The archive, if it was stored.
    pub archive: Option<ArchiveId>,
}

impl Cache {
    /// Puts an upload on record and takes it. `None` if another process has begun one of the same file meanwhile.
    pub fn begin_upload(
        &self,
        scope: &Scope,
        vault: &VaultName,
        upload: &NewUpload<'_>,
    ) -> Result<Option<UploadLock>, CacheError> {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(file) = upload.file {
                let others = uploads_of(&transaction, scope, vault, upload.name)?;
                let is_news = |other: &UnfinishedUpload| {
                    other.file.as_ref().is_some_and(|other| other.is_same(file))
                        && upload.known.iter().all(|known| known.number != other.number)
                };
                if others.iter().any(is_news) {
                    return Ok(Ok(None));
                }
            }
            insert(&transaction, scope, vault, upload)?;
            // Locked before anyone else can see the row.
            let lock = self.try_lock(transaction.last_insert_rowid());
            if lock.is_ok() {
                transaction.commit()?;
            }
            Ok(lock)
        })?
    }

    /// Returns the uploads of archives of this name that are not finished, oldest first.
    pub fn uploads_of(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &str,
    ) -> Result<Vec<UnfinishedUpload>, CacheError> {
        self.with(|connection| uploads_of(connection, scope, vault, name))
    }

    /// Returns whether an upload of an archive of this name is not finished, whoever has begun it.
    pub fn has_upload_of_anyone(
        &self,
        region: &Region,
        vault: &VaultName,
        name: &str,
    ) -> Result<bool, CacheError> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM upload WHERE region = ?1 AND vault = ?2 AND name = ?3)";
            let mut query = connection.prepare_cached(sql)?;
            query.query_row([region.as_str(), vault.as_str(), name], |row| row.get(0))
        })
    }

    /// Returns all uploads into the vault that are not finished, oldest first.
    pub fn unfinished_uploads(
        &self,
        scope: &Scope,
        vault: &VaultName,
    ) -> Result<Vec<UnfinishedUpload>, CacheError> {
        self.with(|connection| unfinished_uploads(connection, scope, vault))
    }

    /// Takes an upload to work on it.
    pub fn take_upload(&self, upload: &UnfinishedUpload) -> Result<Taken, CacheError> {
        let Some(lock) = self.try_lock(upload.number)? else { return Ok(Taken::InUse) };
        let row = self.with(|connection| {
            let mut query =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM upload WHERE number = ?1"))?;
            query.query_row([upload.number], |row| Ok(unfinished(row))).optional().map(Option::flatten)
        })?;
        match row {
            Some(row) => Ok(Taken::Taken(lock, Box::new(row))),
            None => {
                lock.end();
                Ok(Taken::Gone)
            }
        }
    }

    /// Notes the service's id of an upload in parts.
    pub fn note_upload_id(&self, lock: &UploadLock, id: &UploadId) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "UPDATE upload SET id = :id WHERE number = :number";
            connection
                .prepare_cached(sql)?
                .execute(named_params! {":id": id.as_str(), ":number": lock.number})
                .map(drop)
        })
    }

    /// Notes that the archive may be stored from now on.
    pub fn note_storing(&self, lock: &UploadLock, storing: &Storing) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "
                UPDATE upload SET storing_since = :since, archive_bytes = :size, tree_hash = :hash
                WHERE number = :number";
            let parameters = named_params! {
                ":since": storing.since.unix_seconds(), ":size": i64::try_from(storing.size_bytes).ok(),
                ":hash": storing.tree_hash.to_string(), ":number": lock.number
            };
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }

    /// Takes [`Cache::note_storing`] back: the service has refused.
    pub fn note_not_storing(&self, lock: &UploadLock) -> Result<(), CacheError> {
        self.with(|connection| {
            let sql = "
                UPDATE upload SET storing_since = NULL, archive_bytes = NULL, tree_hash = NULL WHERE number = ?1";
            connection.prepare_cached(sql)?.execute([lock.number]).map(drop)
        })
    }

    /// Files the archive that came of an upload and ends the upload, both or neither.
    pub fn finish_upload(
        &self,
        lock: UploadLock,
        scope: &Scope,
        vault: &VaultName,
        archive: &NewArchive<'_>,
    ) -> Result<(), CacheError> {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            insert_upload(&transaction, scope, vault, archive)?;
            transaction.prepare_cached("DELETE FROM upload WHERE number = ?1")?.execute([lock.number])?;
            transaction.commit()
        })?;
        lock.end();
        Ok(())
    }

    /// Files an archive of which the service says that it has another content than was sent. Nothing is said of when it
    /// was known to exist, nor of its tree hash: an inventory will tell. The upload stays as it is.
    pub fn note_doubtful(
        &self,
        scope: &Scope,
        vault: &VaultName,
        id: &ArchiveId,
        name: &str,
        storing: &Storing,
    ) -> Result<(), CacheError> {
        let size_bytes = Some(storing.size_bytes);
        let archive = ToldArchive { id, name, size_bytes, stored: None, deletion_begun: None, deleted: None };
        self.adopt(scope, vault, &archive)
    }

    /// Forgets an upload that stored nothing.
    pub fn forget_upload(&self, lock: UploadLock) -> Result<(), CacheError> {
        self.with(|connection| {
            connection
                .prepare_cached("DELETE FROM upload WHERE number = ?1")?
                .execute([lock.number])
                .map(drop)
        })?;
        lock.end();
        Ok(())
    }

    /// Settles the uploads into the vault of which it is not known whether they stored their archive, by what an
    /// inventory has told: to be called when [`Cache::reconcile`] has taken one in. Returns those that are settled.
    ///
    /// One is stored if the cache knows an archive of the same name, size and tree hash that was made at that time; it
    /// is not if the inventory is so much younger than the request that it would list the archive.
    pub fn settle_uploads(&self, scope: &Scope, vault: &VaultName) -> Result<Vec<SettledUpload>, CacheError> {
        let known = self.vault_knowledge(scope, vault)?.unwrap_or_default();
        let mut settled = Vec::new();
        for upload in self.unfinished_uploads(scope, vault)? {
            let Some(storing) = upload.storing else { continue };
            let archive = self.stored_by(scope, vault, &upload.name, &storing)?;
            let would_be_listed =
                |taken: InventoryKnowledge| taken.seen_at() >= storing.since + super::INVENTORY_LAG;
            let is_unlisted =
                known.inventory.is_some_and(|taken| taken.is_complete && would_be_listed(taken));
            if (archive.is_some() || is_unlisted)
                && let Taken::Taken(lock, upload) = self.take_upload(&upload)?
            {
                self.note_stored_here(archive.as_ref())?;
                self.forget_upload(lock)?;
                settled.push(SettledUpload { name: upload.name, archive });
            }
        }
        Ok(settled)
    }

    fn note_stored_here(&self, archive: Option<&ArchiveId>) -> Result<(), CacheError> {
        let Some(archive) = archive else { return Ok(()) };
        self.with(|connection| {
            let sql = "UPDATE archive SET is_stored_here = 1 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([archive.as_str()]).map(drop)
        })
    }

    fn stored_by(
        &self,
        scope: &Scope,
        vault: &VaultName,
        name: &str,
        storing: &Storing,
    ) -> Result<Option<ArchiveId>, CacheError> {
        let wanted = crate::types::ArchiveRef::Name(name.to_owned());
        let rows = self.find(scope, vault, &wanted)?;
        let span = storing.since - CLOCKS_APART..storing.since + STORED_WITHIN;
        // What was on record before the request was sent, or is deleted, is another archive.
        let is_new = |row: &super::Archive| {
            row.deleted_here.is_none() && row.created_here.is_none_or(|made| made >= storing.since)
        };
        let fits = |row: &super::Archive| {
            let created = row.created_upstream.or(row.created_here);
            row.size_bytes == Some(storing.size_bytes)
                && row.tree_hash == Some(storing.tree_hash)
                && created.is_some_and(|created| span.contains(&created))
                && is_new(row)
        };
        Ok(rows.into_iter().find(fits).map(|row| row.id))
    }

    /// Takes the lock of an upload, unless another process has it.
    fn try_lock(&self, number: i64) -> Result<Option<UploadLock>, CacheError> {
        let path = self.path.with_extension("uploads").join(number.to_string());
        let failed = |source| CacheError::Lock { path: path.clone(), source };
        let file = lock_file(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(UploadLock { number, path, _held: Held(file) })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl UploadLock {
    /// The row is gone, and its number is never used again; so the file can go.
    fn end(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What [`unfinished`] reads, in its order.
const COLUMNS: &str =
    "number, name, path, device, inode, file_bytes, modified_nanoseconds, part_size_bytes, id,
    storing_since, archive_bytes, tree_hash";

/// Holds for a row of `upload` that a scope owns; wants the parameters `:account`, `:key` and `:region`. A row that
/// was begun before the account was known belongs to its access key.
const OWNED: &str = "
    region = :region
    AND (account = :account OR key = :key OR key IN (SELECT key FROM caller WHERE account = :account))";

fn uploads_of(
    connection: &Connection,
    scope: &Scope,
    vault: &VaultName,
    name: &str,
) -> rusqlite::Result<Vec<UnfinishedUpload>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM upload WHERE vault = :vault AND name = :name AND {OWNED} ORDER BY number"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let parameters = named_params! {
        ":vault": vault.as_str(), ":name": name, ":account": scope.account_text(), ":key": &scope.access_key_id,
        ":region": scope.region.as_str()
    };
    all_unfinished(&mut query.query(parameters)?)
}

fn unfinished_uploads(
    connection: &Connection,
    scope: &Scope,
    vault: &VaultName,
) -> rusqlite::Result<Vec<UnfinishedUpload>> {
    let sql = format!("SELECT {COLUMNS} FROM upload WHERE vault = :vault AND {OWNED} ORDER BY number");
    let mut query = connection.prepare_cached(&sql)?;
    let parameters = named_params! {
        ":vault": vault.as_str(), ":account": scope.account_text(), ":key": &scope.access_key_id,
        ":region": scope.region.as_str()
    };
    all_unfinished(&mut query.query(parameters)?)
}

fn all_unfinished(rows: &mut rusqlite::Rows<'_>) -> rusqlite::Result<Vec<UnfinishedUpload>> {
    let mut uploads = Vec::new();
    while let Some(row) = rows.next()? {
        uploads.extend(unfinished(row));
    }
    Ok(uploads)
}

/// Numbers without a sign are stored as SQLite's numbers with one, bit by bit.
fn insert(
    connection: &Connection,
    scope: &Scope,
    vault: &VaultName,
    upload: &NewUpload<'_>,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO upload (account, key, region, vault, name, begun, path, device, inode, file_bytes,
            modified_nanoseconds, part_size_bytes, storing_since, archive_bytes, tree_hash)
        VALUES (:account, :key, :region, :vault, :name, :begun, :path, :device, :inode, :file_bytes,
            :modified, :part_size, :since, :size, :hash)";
    let (file, storing) = (upload.file, upload.storing);
    let parameters = named_params! {
        ":account": scope.account_text(), ":key": &scope.access_key_id, ":region": scope.region.as_str(),
        ":vault": vault.as_str(), ":name": upload.name, ":begun": upload.now.unix_seconds(),
        ":path": file.map(|file| file.path.to_string_lossy()),
        ":device": file.map(|file| file.device.cast_signed()),
        ":inode": file.map(|file| file.inode.cast_signed()),
        ":file_bytes": file.map(|file| file.size_bytes.cast_signed()),
        ":modified": file.map(|file| file.modified_nanoseconds),
        ":part_size": upload.part_size.bytes().cast_signed(),
        ":since": storing.map(|storing| storing.since.unix_seconds()),
        ":size": storing.map(|storing| storing.size_bytes.cast_signed()),
        ":hash": storing.map(|storing| storing.tree_hash.to_string())
    };
    connection.prepare_cached(sql)?.execute(parameters).map(drop)
}

/// A row without a number or name that makes sense is nobody's to go on with.
fn unfinished(row: &Row<'_>) -> Option<UnfinishedUpload> {
    let file = match (text(row, 2), unsigned(row, 3), unsigned(row, 4), unsigned(row, 5), integer(row, 6)) {
        (Some(path), Some(device), Some(inode), Some(size_bytes), Some(modified_nanoseconds)) => {
            let path = path.into_owned().into();
            Some(FileIdentity { path, device, inode, size_bytes, modified_nanoseconds })
        }
        _ => None,
    };
    let storing = match (time(row, 9), unsigned(row, 10), parsed(row, 11)) {
        (Some(since), Some(size_bytes), Some(tree_hash)) => Some(Storing { since, size_bytes, tree_hash }),
        _ => None,
    };
    Some(UnfinishedUpload {
        number: integer(row, 0)?,
        name: text(row, 1)?.into_owned(),
        file,
        part_size: PartSize::at_most(unsigned(row, 7).unwrap_or(0)),
        id: parsed(row, 8),
        storing,
    })
}
