//! Archives that Glacier did not bring when it was asked for them: someone may have deleted them.
//!
//! This is apart from a deletion that was begun (`deletion_begun`), which is known to have been asked for: what is proof
//! against a doubt is none against that.

use rusqlite::named_params;

use super::{Cache, CacheError};
use crate::types::{ArchiveId, Timestamp};

impl Cache {
    /// Notes that Glacier did not bring the archive at that time, unless that was noted for a later one.
    pub fn doubt(&self, id: &ArchiveId, since: Timestamp) -> Result<(), CacheError> {
        self.remember(|connection| {
            let sql = "UPDATE archive SET doubted = :since
                       WHERE id = :id AND (typeof(doubted) NOT IN ('integer', 'real') OR doubted < :since)";
            let parameters = named_params! {":since": since.unix_seconds(), ":id": id.as_str()};
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }

    /// Notes that the archive was there at that time. What was doubted later stays so.
    pub fn end_doubt(&self, id: &ArchiveId, there: Timestamp) -> Result<(), CacheError> {
        self.remember(|connection| {
            let sql = "UPDATE archive SET doubted = NULL WHERE id = :id AND doubted < :there";
            let parameters = named_params! {":there": there.unix_seconds(), ":id": id.as_str()};
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }
}
