//! Reading values from a file that any program may have written to. A value that its column cannot have counts as one
//! that is not there: a row must not stop the others.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows};

use crate::types::Timestamp;

/// Text. What is no UTF-8 in it is replaced.
pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> Option<Cow<'row, str>> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(text)) => Some(String::from_utf8_lossy(text)),
        _ => None,
    }
}

/// Text that is one of our types.
pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> Option<T> {
    text(row, column)?.parse().ok()
}

pub(super) fn integer(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}

/// A number without a sign that is stored as one with it, bit by bit.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Option<u64> {
    integer(row, column).map(i64::cast_unsigned)
}

/// Seconds since 1970, with or without a fraction.
#[expect(clippy::cast_precision_loss, reason = "a time that large is nonsense to the second anyway")]
pub(super) fn time(row: &Row<'_>, column: usize) -> Option<Timestamp> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(seconds)) => Some(Timestamp::from_unix_seconds(seconds as f64)),
        Ok(ValueRef::Real(seconds)) => Some(Timestamp::from_unix_seconds(seconds)),
        _ => None,
    }
}

/// The first column of all rows, where it is of the type.
pub(super) fn all_parsed<T: std::str::FromStr>(rows: &mut Rows<'_>) -> rusqlite::Result<Vec<T>> {
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        values.extend(parsed(row, 0));
    }
    Ok(values)
}
