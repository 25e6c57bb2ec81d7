//! A process that ends right after one of its writes to the file, as one that is killed at that moment does: for tests, in
//! debug builds only. Each step of the schema counts as one, although it holds only together with the others.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

/// How many writes are left until then.
static WRITES_LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Lets this process end after so many writes from now on.
pub fn end_after_writes(count: u64) {
    WRITES_LEFT.store(count, Ordering::SeqCst);
}

/// Ends the process if there were changes since `changes_before`, and those were the last it may make.
pub(super) fn pass(connection: &Connection, changes_before: u64) {
    let has_written = connection.is_autocommit() && connection.total_changes() > changes_before;
    if has_written {
        pass_one();
    }
}

/// Ends the process if what it has just written was the last it may write.
pub(super) fn pass_one() {
    if WRITES_LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
}
