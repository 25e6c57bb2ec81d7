//! Lists come in pages: a limit, and a marker that names the first item of the next page.

use crate::error::Refusal;
use crate::request::Request;

/// What a request wants of a list.
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) marker: Option<String>,
}

impl Page {
    /// Reads `limit` and `marker`; a limit above `max` counts as `max`.
    pub(super) fn of(request: &Request, max: usize) -> Result<Self, Refusal> {
        let limit = match request.query.get("limit") {
            None => max,
            Some(text) => match text.parse::<usize>() {
                Ok(limit) if limit > 0 => limit.min(max),
                _ => return Err(Refusal::invalid(format!("Invalid limit: {text}"))),
            },
        };
        let marker = request.query.get("marker").filter(|marker| !marker.is_empty()).cloned();
        Ok(Self { limit, marker })
    }

    /// Cuts the page out of all items and returns the marker of the next; `key` names an item.
    pub(super) fn cut<T>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Refusal> {
        if let Some(marker) = &self.marker {
            let first = items.iter().position(|item| key(item) == *marker);
            let first =
                first.ok_or_else(|| Refusal::invalid(format!("The marker is not valid: {marker}")))?;
            items.drain(..first);
        }
        let next = items.get(self.limit).map(key);
        items.truncate(self.limit);
        Ok((items, next))
    }
}
