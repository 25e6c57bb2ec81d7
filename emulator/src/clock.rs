//! The time that vaults, jobs and inventories live in: that of this machine, plus what it was pushed ahead.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_milliseconds: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
            + time::Duration::milliseconds(self.ahead_milliseconds.load(Ordering::SeqCst))
    }

    pub(crate) fn now_milliseconds(&self) -> i64 {
        milliseconds(self.now())
    }

    pub(crate) fn advance(&self, duration: Duration) {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.ahead_milliseconds.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

fn milliseconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1000 + i64::from(time.millisecond())
}

/// As vaults and jobs are dated: `2012-03-20T17:03:43.221Z`.
pub(crate) fn date(unix_milliseconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    of(unix_milliseconds).format(&format).unwrap_or_default()
}

/// As inventories are dated: `2012-03-20T17:03:43Z`.
pub(crate) fn date_in_inventory(unix_milliseconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    of(unix_milliseconds).format(&format).unwrap_or_default()
}

/// As the `Date` header of a response has it.
pub(crate) fn http_date(time: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time.format(&format).unwrap_or_default()
}

fn of(unix_milliseconds: i64) -> OffsetDateTime {
    let nanoseconds = i128::from(unix_milliseconds) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
