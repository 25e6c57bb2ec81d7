//! Archives that someone may have deleted: Glacier did not bring them when it was asked for them, or someone else has told of a
//! deletion under their name.
//!
//! This is apart from a deletion that was begun (`deletion_begun`), which is known to have been asked for: what is proof
//! against a doubt is none against that. What has ended a doubt stays on file (`proved`), so that the same word of someone
//! else, which is heard again and again, does not raise it anew.

use rusqlite::named_params;

use super::{Cache, CacheError};
use crate::types::{ArchiveId, Timestamp};

impl Cache {
    /// Notes that the archive may be deleted since that time, unless that was noted for a later one, or it is proved to have
    /// been there then.
    pub fn doubt(&self, id: &ArchiveId, since: Timestamp) -> Result<(), CacheError> {
        self.remember(|connection| {
            let sql = "UPDATE archive SET doubted = :since
                       WHERE id = :id AND (typeof(doubted) NOT IN ('integer', 'real') OR doubted < :since)
                           AND (proved IS NULL OR proved < :since)";
            let parameters = named_params! {":since": since.unix_seconds(), ":id": id.as_str()};
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }

    /// Notes that the archive was there at that time. What was doubted later stays so.
    pub fn end_doubt(&self, id: &ArchiveId, there: Timestamp) -> Result<(), CacheError> {
        self.remember(|connection| {
            let sql =
                "UPDATE archive SET doubted = NULL, proved = :there WHERE id = :id AND doubted < :there";
            let parameters = named_params! {":there": there.unix_seconds(), ":id": id.as_str()};
            connection.prepare_cached(sql)?.execute(parameters).map(drop)
        })
    }
}
