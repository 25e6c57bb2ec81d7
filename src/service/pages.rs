//! Lists that come page by page, each with a marker of the next: all of a list, or an error. Nobody is to take a list that
//! was cut off for the whole, nor to wait for the end of one that has none.

use super::ServiceError;

/// Longest marker that is given back. What it is made of is Glacier's own affair; one that is an ARN or an id has a few
/// hundred bytes at most, and none is longer than a URL may be.
const MARKER_MAX_BYTES: usize = 8 * 1024;

/// Most pages of a list of vaults, uploads or parts. The longest that there are: 10,000 parts, fifty a page.
pub(super) const PAGES_MAX: usize = 2000;
/// Most pages of a list of jobs, of which there is no limit: a million, fifty a page, and those that have ended are listed for
/// a day only.
pub(super) const PAGES_OF_JOBS_MAX: usize = 20_000;

/// Where in a list one is.
#[derive(Debug)]
pub(super) struct Pages {
    /// What is asked for next; nothing for the first page.
    pub(super) marker: Option<String>,
    /// A marker of before, against which later ones are held.
    landmark: Option<String>,
    turned: usize,
    max: usize,
}

impl Pages {
    pub(super) fn at_most(max: usize) -> Self {
        Self { marker: None, landmark: None, turned: 0, max }
    }

    /// Takes the marker of the page that has come. Returns whether there is another page.
    ///
    /// # Errors
    ///
    /// When the list would not end.
    pub(super) fn turn(&mut self, next: Option<&str>) -> Result<bool, ServiceError> {
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(false) };
        self.turned += 1;
        let bytes = next.len();
        if bytes > MARKER_MAX_BYTES {
            return Err(ServiceError::bad_answer(format!(
                "the marker of page {} of a list has {bytes} bytes, and none has more than {MARKER_MAX_BYTES}",
                self.turned + 1
            )));
        }
        if [&self.marker, &self.landmark].into_iter().flatten().any(|earlier| earlier == next) {
            return Err(ServiceError::bad_answer(
                "a list begins again where it was before, so that it has no end",
            ));
        }
        if self.turned >= self.max {
            return Err(ServiceError::bad_answer(format!("a list goes on after {} pages", self.max)));
        }
        // Ever later ones, ever longer: however long a circle is, it comes by one before long.
        if self.turned.is_power_of_two() {
            self.landmark = Some(next.to_owned());
        }
        self.marker = Some(next.to_owned());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(markers: impl Iterator<Item = String>) -> Result<usize, String> {
        let mut pages = Pages::at_most(PAGES_OF_JOBS_MAX);
        let mut count = 1;
        for marker in markers {
            if !pages.turn(Some(&marker)).map_err(|error| error.to_string())? {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn a_list_ends_with_its_last_page() {
        let mut pages = Pages::at_most(2);
        assert_eq!((pages.turn(Some("b")), pages.marker.as_deref()), (Ok(true), Some("b")));
        assert_eq!((pages.turn(None), pages.turn(Some(""))), (Ok(false), Ok(false)));
        assert_eq!(turned((2..=PAGES_OF_JOBS_MAX).map(|page| page.to_string())), Ok(PAGES_OF_JOBS_MAX));
    }

    #[test]
    fn a_list_without_end_is_an_error() {
        let said = turned((2..).map(|page: usize| page.to_string())).expect_err("no end");
        assert_eq!(said, "Glacier's answer cannot be used: a list goes on after 20000 pages");
        for (before, around) in [(0, 1), (0, 2), (5, 1), (5, 3), (100, 7), (7, 100)] {
            let ahead = (0..before).map(|page| format!("before {page}"));
            let circle = (0..around).map(|page| page.to_string()).cycle();
            let said = turned(ahead.chain(circle)).expect_err("a circle");
            assert!(said.contains("a list begins again"), "{before} {around}: {said}");
        }
        assert!(turned(std::iter::once("m".repeat(8192))).is_ok());
        let said = turned(std::iter::once("m".repeat(8193))).expect_err("too long");
        assert!(
            said.ends_with("the marker of page 2 of a list has 8193 bytes, and none has more than 8192"),
            "{said}"
        );
    }
}
