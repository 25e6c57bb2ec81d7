//! How far inventories lag behind.

use std::time::Duration;

use crate::types::Timestamp;

/// How long an upload may be missing from inventories before that is strange. Inventories are made about daily, and
/// an archive may be missing even from one that was made after its upload.
pub(crate) const INVENTORY_LAG: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Returns when what an inventory lists is known to have existed, by the original's careful reckoning. An inventory is
/// not made anew while a vault does not change, so one that was asked for long after its date still tells of a time
/// shortly before the asking.
pub(super) fn seen_at(date: Timestamp, requested: Timestamp) -> Timestamp {
    date.max(requested - INVENTORY_LAG)
}
