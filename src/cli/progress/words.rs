//! Amounts and times in few letters.

use std::time::Duration;

use crate::engine::{ItemKind, Wait};
use crate::types::{escaped, quoted};

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// Returns `1.25 MiB`.
pub(super) fn bytes(count: u64) -> String {
    amount(approximately(count))
}

/// Returns `1.25 of 3.40 MiB`, both in the unit of the second.
pub(super) fn bytes_of(done: u64, total: u64) -> String {
    let (unit, factor) = unit_of(approximately(total));
    let figure = |count| figure(approximately(count), factor);
    format!("{} of {} {unit}", figure(done), figure(total))
}

/// Returns `1.25 MiB/s`.
pub(super) fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", amount(bytes_per_second))
}

/// Returns the two largest units that are not zero at the end: `45s`, `3m 05s`, `5h`, `1d 2h`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let (large, small) = match (days, hours, minutes) {
        (0, 0, 0) => return format!("{seconds}s"),
        (0, 0, _) => (format!("{minutes}m"), (seconds % 60, 's')),
        (0, _, _) => (format!("{hours}h"), (minutes % 60, 'm')),
        _ => (format!("{days}d"), (hours % 24, 'h')),
    };
    match small {
        (0, _) => large,
        (count, 'h') => format!("{large} {count}h"),
        (count, unit) => format!("{large} {count:02}{unit}"),
    }
}

/// Returns which part of a hundred is done.
pub(super) fn percent(done: u64, total: u64) -> u64 {
    u64::try_from(u128::from(done.min(total)) * 100 / u128::from(total.max(1))).unwrap_or(100)
}

/// Returns what the item is.
pub(super) fn name(kind: ItemKind<'_>) -> String {
    match kind {
        ItemKind::Upload(name) | ItemKind::Retrieval(name) | ItemKind::Reading(name) => {
            escaped(name).into_owned()
        }
        ItemKind::Inventory(vault) => format!("inventory of {vault}"),
        ItemKind::TakingIn(vault) => format!("archives of {vault}"),
    }
}

/// Returns what is waited for, since when, and how long that takes, in no more than so many columns.
pub(super) fn waiting(wait: &Wait<'_>, columns: usize) -> String {
    let what = match (wait.jobs, wait.name) {
        (1, Some(name)) => format!("archive {}", quoted(name)),
        (1, None) => "a job".to_owned(),
        (jobs, _) => format!("{jobs} jobs"),
    };
    let (gone, whole) = (wait.now.since(wait.asked), wait.ready_by.since(wait.asked));
    let (since, within) = (duration(gone), duration(whole));
    let rule = if gone > whole { "longer than the usual" } else { "usually ready within" };
    let choices = [
        format!("waiting for {what}: asked for {since} ago, {rule} {within}"),
        format!("waiting for {what}: {since} of about {within}"),
        format!("waiting: {since} of about {within}"),
        format!("{since} of {within}"),
    ];
    let [.., shortest] = &choices;
    choices.iter().find(|words| words.chars().count() <= columns).unwrap_or(shortest).clone()
}

fn amount(bytes: f64) -> String {
    let (unit, factor) = unit_of(bytes);
    format!("{} {unit}", figure(bytes, factor))
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn approximately(count: u64) -> f64 {
    count as f64
}

fn unit_of(bytes: f64) -> (&'static str, f64) {
    let mut factor = 1.0;
    for unit in &UNITS[..UNITS.len() - 1] {
        if bytes < factor * 1024.0 {
            return (unit, factor);
        }
        factor *= 1024.0;
    }
    (UNITS[UNITS.len() - 1], factor)
}

/// Three digits, or four before the point.
fn figure(bytes: f64, factor: f64) -> String {
    let value = bytes / factor;
    let digits = match value {
        _ if factor <= 1.0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn amounts_have_three_digits() {
        let shown = [0, 1023, 1024, 1280, 10 << 20, 123 << 20, 1023 << 20, u64::MAX].map(bytes);
        let expected =
            ["0 B", "1023 B", "1.00 KiB", "1.25 KiB", "10.0 MiB", "123 MiB", "1023 MiB", "16384 PiB"];
        assert_eq!(shown, expected);
        assert_eq!(bytes_of(64 << 20, 3 << 30), "0.06 of 3.00 GiB");
        assert_eq!(rate(1_310_720.7), "1.25 MiB/s");
        assert_eq!((percent(1, 3), percent(5, 0), percent(u64::MAX, u64::MAX)), (33, 0, 100));
    }

    #[test]
    fn times_have_two_units_at_most() {
        let shown =
            [0, 59, 60, 65, 3600, 3660, 7260, 86400, 93_600].map(|s| duration(Duration::from_secs(s)));
        assert_eq!(shown, ["0s", "59s", "1m", "1m 05s", "1h", "1h 01m", "2h 01m", "1d", "1d 2h"]);
    }

    #[test]
    fn a_wait_is_told_in_what_room_there_is() {
        let asked = Timestamp::from_unix_seconds(0.0);
        let at = |hours: u64| asked + Duration::from_secs(hours * 3600);
        let wait = Wait { jobs: 1, name: Some("x"), asked, ready_by: at(5), now: at(1) };
        let told = [80, 40, 30, 12, 1].map(|columns| waiting(&wait, columns));
        assert_eq!(told[0], "waiting for archive 'x': asked for 1h ago, usually ready within 5h");
        assert_eq!(told[1], "waiting for archive 'x': 1h of about 5h");
        assert_eq!(told[2..], ["waiting: 1h of about 5h", "1h of 5h", "1h of 5h"]);
        let late = Wait { jobs: 3, now: at(6), ..wait };
        assert_eq!(waiting(&late, 80), "waiting for 3 jobs: asked for 6h ago, longer than the usual 5h");
    }
}
