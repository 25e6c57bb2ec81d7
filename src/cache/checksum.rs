//! Whether the rows that an inventory lists are as it left them.

use rusqlite::{Connection, ToSql};
use sha2::{Digest, Sha256};

/// Returns a number that changes with any row that an inventory lists, whatever their order.
pub(super) fn checksum(connection: &Connection, serial: i64) -> rusqlite::Result<i64> {
    let sql = "SELECT id, vault, account, region, name, file_name, size_bytes, tree_hash, created_upstream
               FROM main.archive WHERE listed_in = ?1";
    let mut query = connection.prepare(sql)?;
    let columns = query.column_count();
    let mut rows = query.query([&serial as &dyn ToSql])?;
    let mut sum = 0_i64;
    while let Some(row) = rows.next()? {
        let mut hasher = Sha256::new();
        for column in 0..columns {
            match row.get_ref(column)? {
                rusqlite::types::ValueRef::Text(text) => hasher.update(text),
                rusqlite::types::ValueRef::Integer(number) => hasher.update(number.to_le_bytes()),
                rusqlite::types::ValueRef::Real(number) => hasher.update(number.to_le_bytes()),
                _ => {}
            }
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let (head, _) = digest.split_at(8);
        sum = sum.wrapping_add(head.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)));
    }
    Ok(sum)
}
