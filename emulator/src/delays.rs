//! How long things take.

use std::str::FromStr;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// How long jobs take, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobDelays {
    /// Retrievals of tier `Expedited`.
    pub expedited: Duration,
    /// Retrievals of tier `Standard`.
    pub standard: Duration,
    /// Retrievals of tier `Bulk`.
    pub bulk: Duration,
    /// Inventories.
    pub inventory: Duration,
}

impl JobDelays {
    /// The service's own: 1 to 5 minutes, 3 to 5 hours, 5 to 12 hours, and hours for an inventory (developer guide,
    /// "Archive Retrieval Options").
    pub const REALISTIC: Self = Self {
        expedited: Duration::from_secs(180),
        standard: HOUR.saturating_mul(4),
        bulk: HOUR.saturating_mul(8),
        inventory: HOUR.saturating_mul(4),
    };

    /// All the same.
    pub const fn all(delay: Duration) -> Self {
        Self { expedited: delay, standard: delay, bulk: delay, inventory: delay }
    }

    pub(crate) fn of_tier(&self, tier: &str) -> Duration {
        match tier {
            "Expedited" => self.expedited,
            "Bulk" => self.bulk,
            _ => self.standard,
        }
    }
}

impl FromStr for JobDelays {
    type Err = String;

    /// Reads `4h`, or `standard=4h,bulk=8h,expedited=3m,inventory=4h`, of which what is left out takes no time.
    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains('=') {
            return duration(text).map(Self::all);
        }
        let mut delays = Self::all(Duration::ZERO);
        for part in text.split(',') {
            let (kind, delay) = part.split_once('=').ok_or("it must be KIND=DURATION,...")?;
            let place = match kind {
                "expedited" => &mut delays.expedited,
                "standard" => &mut delays.standard,
                "bulk" => &mut delays.bulk,
                "inventory" => &mut delays.inventory,
                _ => return Err(format!("{kind} is none of expedited, standard, bulk, inventory")),
            };
            *place = duration(delay)?;
        }
        Ok(delays)
    }
}

/// Reads a duration such as `500ms`, `10s`, `3m`, `4h` or `1d`.
///
/// # Errors
///
/// What it must be, for the person who wrote it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err("it must be a number and ms, s, m, h or d".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "it must begin with a number".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_delay_serves_all_kinds_or_each_has_its_own() {
        assert_eq!("90s".parse(), Ok(JobDelays::all(Duration::from_secs(90))));
        assert_eq!("standard=4h,bulk=8h,expedited=3m,inventory=4h".parse(), Ok(JobDelays::REALISTIC));
        for bad in ["", "4", "h", "4y", "soon=4h", "standard=", "standard=4h,"] {
            assert!(bad.parse::<JobDelays>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_delay_may_be_anything(text in "[a-z=,0-9.]{0,40}|.*") {
            let _ = (duration(&text), text.parse::<JobDelays>());
        }
    }
}
