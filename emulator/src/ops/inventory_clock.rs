//! When inventories are made: a day or so after a vault's first upload, then daily, but only if something has changed
//! (developer guide, "Vault Inventory").

use rusqlite::{Connection, OptionalExtension};

use super::Glacier;
use crate::error::Refusal;
use crate::request::Request;

impl Glacier {
    /// Returns the moment, in milliseconds since 1970, that the last inventory of the vault tells of. Without a lag that
    /// is now; with one there is none at first.
    pub(super) fn inventory_moment(
        &self,
        index: &Connection,
        request: &Request,
    ) -> Result<Option<i64>, Refusal> {
        let now = self.clock.now_milliseconds();
        let lag = i64::try_from(self.inventory_lag.as_millis()).unwrap_or(i64::MAX);
        if lag == 0 {
            return Ok(Some(now));
        }
        let vault = [&request.region, &request.vault];
        let sql = "SELECT min(created) FROM archive WHERE region = ?1 AND vault = ?2";
        let first_upload: Option<i64> = index.query_row(sql, vault, |row| row.get(0)).optional()?.flatten();
        let Some(first) =
            first_upload.map(|created| created.saturating_add(lag)).filter(|first| *first <= now)
        else {
            return Ok(None);
        };
        let last = first + (now - first) / lag * lag;
        let sql = "SELECT max(moment) FROM (
                       SELECT max(created) AS moment FROM archive WHERE region = ?1 AND vault = ?2 AND created <= ?3
                       UNION SELECT max(deleted) FROM archive WHERE region = ?1 AND vault = ?2 AND deleted <= ?3)";
        let changed: i64 = index.query_row(sql, (vault[0], vault[1], last), |row| row.get(0))?;
        Ok(Some(first + (changed - first).max(0).div_ceil_to(lag)))
    }

    /// Returns whether nothing was written to the vault since its last inventory; without a lag nothing ever was.
    pub(super) fn is_unchanged_since_inventory(
        &self,
        index: &Connection,
        request: &Request,
    ) -> Result<bool, Refusal> {
        if self.inventory_lag.is_zero() {
            return Ok(true);
        }
        let moment = self.inventory_moment(index, request)?.unwrap_or(i64::MIN);
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM archive
                       WHERE region = ?1 AND vault = ?2 AND (created > ?3 OR deleted > ?3))";
        Ok(index.query_row(sql, (&request.region, &request.vault, moment), |row| row.get(0))?)
    }
}

trait DivCeilTo {
    /// Returns the multiple of `step` that is not below.
    fn div_ceil_to(self, step: Self) -> Self;
}

impl DivCeilTo for i64 {
    fn div_ceil_to(self, step: Self) -> Self {
        self.saturating_add(step - 1) / step * step
    }
}
