//! Lists come in pages: a limit, and a marker that says where the next page begins.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::Refusal;
use crate::request::{Request, number};

/// What a request wants of a list.
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) marker: Option<String>,
}

impl Page {
    /// Reads `limit` and `marker`; a limit above `max` counts as `max`, an empty marker is the start.
    pub(super) fn of(request: &Request, max: usize) -> Result<Self, Refusal> {
        let limit = match request.query.get("limit") {
            None => max,
            Some(text) => number(text)
                .filter(|limit| *limit > 0)
                .map(|limit| usize::try_from(limit).unwrap_or(max).min(max))
                .ok_or_else(|| Refusal::invalid(format!("Invalid limit: {text}")))?,
        };
        let marker = request.query.get("marker").filter(|marker| !marker.is_empty()).cloned();
        Ok(Self { limit, marker })
    }

    /// Cuts the page out of all items, whose keys ascend, and returns the marker of the next: the key of its first item.
    /// If that is gone when the page is asked for, the page begins with the one after.
    pub(super) fn cut<T, K: Display + FromStr + Ord>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Result<(Vec<T>, Option<String>), Refusal> {
        if let Some(first) = self.first_key()? {
            items.retain(|item| key(item) >= first);
        }
        let next = items.get(self.limit).map(|item| key(item).to_string());
        items.truncate(self.limit);
        Ok((items, next))
    }

    /// Returns the key that the page begins with, if it is not the first.
    pub(super) fn first_key<K: FromStr>(&self) -> Result<Option<K>, Refusal> {
        self.marker.as_ref().map(|marker| marker.parse().map_err(|_| invalid(marker))).transpose()
    }

    /// Refuses a marker that does not begin so.
    pub(super) fn check_marker(&self, prefix: &str) -> Result<(), Refusal> {
        match &self.marker {
            Some(marker) if !marker.starts_with(prefix) => Err(invalid(marker)),
            _ => Ok(()),
        }
    }
}

fn invalid(marker: &str) -> Refusal {
    Refusal::invalid(format!("The marker is not valid: {marker}"))
}
