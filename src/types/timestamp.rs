//! Points in time as the cache stores them and the service writes them.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{InvalidValue, quoted};

/// A point in time, to the millisecond: what the service's own dates carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    unix_milliseconds: i64,
}

impl Timestamp {
    /// Returns the point in time `seconds` after 1970, as the cache file has it (whole or with a fraction).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float out of range saturates, which orders rightly"
    )]
    pub fn from_unix_seconds(seconds: f64) -> Self {
        Self { unix_milliseconds: (seconds * 1000.0).round() as i64 }
    }

    /// Returns the seconds since 1970, with the fraction.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit a double exactly")]
    pub fn unix_seconds(self) -> f64 {
        self.unix_milliseconds as f64 / 1000.0
    }

    /// Returns `2012-03-20T17:03:43Z`, as inventories write it.
    pub fn rfc3339(self) -> String {
        let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        self.formatted(&format)
    }

    fn formatted(self, format: &(impl time::formatting::Formattable + ?Sized)) -> String {
        OffsetDateTime::from_unix_timestamp(self.unix_milliseconds.div_euclid(1000))
            .ok()
            .and_then(|time| time.format(format).ok())
            .unwrap_or_else(|| "a date beyond the calendar".to_owned())
    }

    /// Returns the time passed since `earlier`; nothing if that lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(
            u64::try_from(self.unix_milliseconds.saturating_sub(earlier.unix_milliseconds)).unwrap_or(0),
        )
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        Self { unix_milliseconds: time.unix_timestamp() * 1000 + i64::from(time.millisecond()) }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidValue;

    /// Reads a date as the service writes it, such as `2012-03-20T17:03:43.221Z`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(Self::from)
            .map_err(|_| InvalidValue(format!("{} is not a date of the service", quoted(text))))
    }
}

impl fmt::Display for Timestamp {
    /// Writes `2012-03-20 17:03:43 UTC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
        f.write_str(&self.formatted(&format))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self { unix_milliseconds: self.unix_milliseconds.saturating_add(milliseconds) }
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self { unix_milliseconds: self.unix_milliseconds.saturating_sub(milliseconds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_of_date_the_service_writes() {
        let with_milliseconds: Timestamp = "2012-03-20T17:03:43.221Z".parse().expect("a date");
        let whole: Timestamp = "2012-03-20T17:03:43Z".parse().expect("a date");
        assert_eq!(with_milliseconds.since(whole), Duration::from_millis(221));
        assert_eq!(whole.since(with_milliseconds), Duration::ZERO);
        assert_eq!(with_milliseconds.to_string(), "2012-03-20 17:03:43 UTC");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_survives_the_cache() {
        for seconds in [0.0, 1_348_090_895.238, 1_795_000_000.0] {
            assert_eq!(Timestamp::from_unix_seconds(seconds).unix_seconds(), seconds);
        }
    }
}
