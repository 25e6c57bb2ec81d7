//! The time that vaults, jobs and inventories live in: that of this machine, plus what it was pushed ahead.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

/// Farthest that the clock can be pushed, in milliseconds: a thousand years, so that every date still has four digits.
const AHEAD_MAX: i64 = 1000 * 365 * 24 * 60 * 60 * 1000;

/// A clock that never goes back, whatever the machine's does: what was written before an inventory must be in it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
    latest: AtomicI64,
}

impl Clock {
    /// A clock that is `ahead` of the machine's, and not before `latest`, both in milliseconds.
    pub(crate) fn new(ahead: i64, latest: i64) -> Self {
        Self { ahead: ahead.into(), latest: latest.into() }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        of(self.now_milliseconds())
    }

    pub(crate) fn now_milliseconds(&self) -> i64 {
        let now = milliseconds(OffsetDateTime::now_utc()) + self.ahead.load(Ordering::SeqCst);
        self.latest.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// Returns how far ahead the clock would be, in milliseconds, if it were pushed; none if that is too far.
    pub(crate) fn ahead_after(&self, push: Duration) -> Option<i64> {
        let push = i64::try_from(push.as_millis()).ok()?;
        self.ahead.load(Ordering::SeqCst).checked_add(push).filter(|ahead| *ahead <= AHEAD_MAX)
    }

    pub(crate) fn set_ahead(&self, milliseconds: i64) {
        self.ahead.store(milliseconds, Ordering::SeqCst);
    }
}

pub(crate) fn milliseconds(time: OffsetDateTime) -> i64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_forms_of_the_service() {
        let moment = 1_332_263_023_221;
        assert_eq!(date(moment), "2012-03-20T17:03:43.221Z");
        assert_eq!(date_in_inventory(moment), "2012-03-20T17:03:43Z");
        assert_eq!(http_date(of(moment)), "Tue, 20 Mar 2012 17:03:43 GMT");
    }

    #[test]
    fn it_is_pushed_ahead_within_reason_and_never_goes_back() {
        let clock = Clock::new(0, 0);
        assert_eq!(clock.ahead_after(Duration::from_millis(1500)), Some(1500));
        assert_eq!(clock.ahead_after(Duration::MAX), None);
        assert_eq!(clock.ahead_after(Duration::from_secs(u64::MAX / 1000)), None);
        clock.set_ahead(AHEAD_MAX);
        assert_eq!(clock.ahead_after(Duration::from_millis(1)), None);
        assert!(date(clock.now_milliseconds()).starts_with('3'));
        let latest = clock.now_milliseconds();
        clock.set_ahead(0);
        assert!(clock.now_milliseconds() >= latest);
    }
}
