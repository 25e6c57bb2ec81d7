//! The schema and how a file gets there, step by step.
//!
//! Rules: a step that was released is never changed; it only adds, so that older programs can go on reading.

use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

use super::values::{integer, text};
use crate::types::{AccountId, file_name_in, quoted};

/// Each entry brings a file from the version that is its index to the next.
const STEPS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; 6] = [
    from_the_original,
    |transaction| transaction.execute_batch(TRANSFERS),
    |transaction| transaction.execute_batch(GONE),
    of_old_keys,
    |transaction| transaction.execute_batch(DOUBTED),
    |transaction| transaction.execute_batch(ORIGINS),
];

/// The version that the last step leads to.
pub(super) const KNOWN_VERSION: i64 = STEPS.len() as i64;

/// The first statement is the original's own table, for a file that begins here.
const FROM_THE_ORIGINAL: &str = "
    CREATE TABLE IF NOT EXISTS archive (
        id VARCHAR NOT NULL PRIMARY KEY,
        name VARCHAR,
        vault VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        last_seen_upstream INTEGER,
        created_here INTEGER,
        deleted_here INTEGER
    );
    ALTER TABLE archive ADD COLUMN account VARCHAR;
    ALTER TABLE archive ADD COLUMN region VARCHAR;
    ALTER TABLE archive ADD COLUMN size_bytes INTEGER;
    ALTER TABLE archive ADD COLUMN tree_hash VARCHAR;
    ALTER TABLE archive ADD COLUMN created_upstream INTEGER;
    ALTER TABLE archive ADD COLUMN deletion_begun INTEGER;  -- asked of the service; unknown how it ended
    ALTER TABLE archive ADD COLUMN file_name VARCHAR;       -- what is written in a description of another program
    ALTER TABLE archive ADD COLUMN listed_in INTEGER;       -- inventory_serial of the last inventory that lists it

    -- Whoever looks for a name, or lists by name, does so by this expression.
    CREATE INDEX archive_by_name ON archive (vault, coalesce(file_name, name));

    -- Which account a caller is of, as the service's answers told: an access key's id, or a profile as 'profile:NAME'.
    CREATE TABLE caller (
        key VARCHAR NOT NULL PRIMARY KEY,
        account VARCHAR NOT NULL,
        last_used INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- What is known of a vault as a whole. Times are unix seconds.
    CREATE TABLE vault (
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        empty_since INTEGER,          -- made here at this time: all that was stored in it by us is in this file
        inventory_date INTEGER,       -- what the last inventory taken in says of its age
        inventory_requested INTEGER,  -- when the job of that inventory was asked for
        inventory_rows INTEGER,       -- how many archives it lists
        inventory_unreadable INTEGER, -- how many of its rows made no sense and were left out
        inventory_job VARCHAR,        -- the job that brought it
        inventory_content VARCHAR,    -- the tree hash of its bytes
        inventory_checksum INTEGER,   -- of the rows that it lists, as it left them
        inventory_last INTEGER,       -- which of all that were taken in it is: what its rows have in listed_in
        inventory_serial INTEGER,     -- how many were taken in, older ones than the last included
        PRIMARY KEY (account, region, name)
    ) WITHOUT ROWID;
";

fn from_the_original(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(FROM_THE_ORIGINAL)?;
    let mut foreign = Vec::new();
    let sql = "SELECT rowid, name FROM archive WHERE name LIKE 'mt%' OR name LIKE '%<%'";
    let mut query = transaction.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let file_name = text(row, 1).as_deref().and_then(file_name_in);
        foreign.extend(integer(row, 0).zip(file_name));
    }
    let mut update = transaction.prepare("UPDATE archive SET file_name = ?1 WHERE rowid = ?2")?;
    for (rowid, file_name) in foreign {
        update.execute((file_name, rowid))?;
    }
    Ok(())
}

/// What is under way. Times are unix seconds unless their name says otherwise.
const TRANSFERS: &str = "
    -- An upload that is not finished (src/cache/uploads.rs). A number is never used twice.
    CREATE TABLE upload (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        account VARCHAR,                -- unknown to a key that was never used here
        key VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        vault VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        begun INTEGER NOT NULL,
        path VARCHAR,                   -- of the file; these five are missing for a stream
        device INTEGER,
        inode INTEGER,
        file_bytes INTEGER,
        modified_nanoseconds INTEGER,
        part_size_bytes INTEGER NOT NULL,
        id VARCHAR,                     -- the service's, once it is in parts
        storing_since INTEGER,          -- from then on the archive may be stored; these three go together
        archive_bytes INTEGER,
        tree_hash VARCHAR
    );
    CREATE INDEX upload_by_name ON upload (vault, name);

    -- A retrieval job that was started from here.
    CREATE TABLE job (
        id VARCHAR NOT NULL PRIMARY KEY,
        region VARCHAR NOT NULL,
        vault VARCHAR NOT NULL,
        archive VARCHAR NOT NULL,
        requested INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX job_by_archive ON job (archive);
";

/// Times are unix seconds.
const GONE: &str = "
    -- An archive that an inventory has proved to be gone (src/cache/told.rs).
    CREATE TABLE gone (
        id VARCHAR NOT NULL PRIMARY KEY,
        noted INTEGER NOT NULL
    ) WITHOUT ROWID;
";

const OLD_KEYS: &str = "
    -- The account that the access key of a row of the original tells of by itself (src/cache/accounts.rs).
    CREATE TABLE old_key (
        key VARCHAR NOT NULL PRIMARY KEY,
        account VARCHAR NOT NULL
    ) WITHOUT ROWID;
";

/// Whoever has a new key by now finds what was stored with the old one.
fn of_old_keys(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(OLD_KEYS)?;
    let mut query = transaction.prepare("SELECT DISTINCT key FROM archive WHERE account IS NULL")?;
    let mut rows = query.query([])?;
    let mut insert = transaction.prepare("INSERT INTO old_key (key, account) VALUES (?1, ?2)")?;
    while let Some(row) = rows.next()? {
        let Some(key) = text(row, 0) else { continue };
        if let Some(account) = AccountId::told_by_access_key(&key) {
            insert.execute([&key, account.as_str()])?;
        }
    }
    Ok(())
}

/// In unix seconds, as all times are.
const DOUBTED: &str = "
    ALTER TABLE archive ADD COLUMN doubted INTEGER;         -- someone may have deleted it (src/cache/doubts.rs)
";

const ORIGINS: &str = "
    -- The account that rows of the original in a vault are taken to be of: nothing tells of it but that it has such a vault
    -- (src/cache/accounts.rs).
    CREATE TABLE presumed (
        old_key VARCHAR NOT NULL,
        of_vault VARCHAR NOT NULL,
        owner VARCHAR NOT NULL,
        PRIMARY KEY (old_key, of_vault)
    ) WITHOUT ROWID;

    -- 1: by an upload from here; an inventory may have told of it first.
    ALTER TABLE archive ADD COLUMN is_stored_here INTEGER;
    ALTER TABLE archive ADD COLUMN proved INTEGER;          -- at that time it was there, in spite of a doubt
";

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs the missing steps in one transaction; when another process is at it, waits and finds nothing left to do.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? == KNOWN_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = usize::try_from(version(&transaction)?).unwrap_or(0);
    for step in STEPS.iter().skip(from) {
        step(&transaction)?;
        #[cfg(debug_assertions)]
        super::failpoint::pass_one();
    }
    transaction.pragma_update(None, "user_version", KNOWN_VERSION)?;
    transaction.commit()?;
    #[cfg(debug_assertions)]
    super::failpoint::pass_one();
    Ok(())
}

/// All that is read and written here, by table.
const COLUMNS: [(&str, &str); 8] = [
    (
        "archive",
        "id, name, vault, key, last_seen_upstream, created_here, deleted_here, account, region, size_bytes, tree_hash,
         created_upstream, deletion_begun, file_name, listed_in, doubted, is_stored_here, proved",
    ),
    ("caller", "key, account, last_used"),
    (
        "vault",
        "account, region, name, empty_since, inventory_date, inventory_requested, inventory_rows,
         inventory_unreadable, inventory_job, inventory_content, inventory_checksum, inventory_last, inventory_serial",
    ),
    (
        "upload",
        "number, account, key, region, vault, name, begun, path, device, inode, file_bytes, modified_nanoseconds,
         part_size_bytes, id, storing_since, archive_bytes, tree_hash",
    ),
    ("job", "id, region, vault, archive, requested"),
    ("gone", "id, noted"),
    ("old_key", "key, account"),
    ("presumed", "old_key, of_vault, owner"),
];

/// Makes sure that the file is what its version says. That it is not must show before an archive is stored that could
/// then not be noted.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<()> {
    COLUMNS.iter().try_for_each(|(table, columns)| {
        connection.prepare(&format!("SELECT {columns} FROM main.{table} LIMIT 0"))?;
        refuse_foreign_rules(connection, table)
    })
}

/// No table has a unique index but that of its primary key; rows that are as they should be could break one that someone
/// else has made.
fn refuse_foreign_rules(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let sql = "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" AND origin <> 'pk'";
    let mut query = connection.prepare(sql)?;
    let mut rows = query.query([table])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let name = text(row, 0).unwrap_or_default();
    let said = format!("someone has made a unique index of its table {table}, {}", quoted(&name));
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(said)))
}

/// Readers and a writer do not wait for each other in this mode, which the file keeps for good. Not every file system
/// allows it, nor does another process at work on the file; then it stays as it is until the next time.
pub(super) fn prefer_wal(connection: &Connection) {
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    if mode.is_ok_and(|mode| mode != "wal") {
        let _ = connection.pragma_update(None, "journal_mode", "wal");
        #[cfg(debug_assertions)]
        super::failpoint::pass_one();
    }
}
