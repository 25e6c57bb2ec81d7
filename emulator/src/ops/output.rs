//! The output of a job, whole or a range of it (API reference, "Get Job Output").

use hyper::{Response, StatusCode};
use rusqlite::OptionalExtension;

use super::job_index::{Job, Task, archive_leaves};
use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::response::{self, header};

impl Glacier {
    pub(super) async fn job_output(&self, request: &Request) -> Answer {
        let job = self.find_job(&self.store.index(), request)?;
        if !self.is_finished(&job) || job.fails {
            return Err(Refusal::invalid(format!(
                "The job is not currently available for download: {}",
                job.id
            )));
        }
        let (path, first_byte, size_bytes) = match &job.task {
            Task::Inventory { size_bytes, .. } => (self.store.job_path(&job.id), 0, *size_bytes),
            Task::Archive { archive, start_byte, length_bytes, .. } => {
                (self.store.archive_path(archive), *start_byte, *length_bytes)
            }
        };
        let range = wanted(request, size_bytes)?;
        let (start_byte, length_bytes) = range.unwrap_or((0, size_bytes));
        let body = response::of_file(&path, first_byte + start_byte, length_bytes).await?;
        let mut answer = Response::new(body);
        header(&mut answer, "accept-ranges", "bytes");
        header(&mut answer, "content-length", &length_bytes.to_string());
        if range.is_some() {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last_byte = start_byte + length_bytes - 1;
            header(&mut answer, "content-range", &format!("bytes {start_byte}-{last_byte}/{size_bytes}"));
        }
        self.describe_output(&job, first_byte + start_byte, length_bytes, &mut answer)?;
        Ok(answer)
    }

    fn describe_output<B>(
        &self,
        job: &Job,
        start_byte: u64,
        length_bytes: u64,
        answer: &mut Response<B>,
    ) -> Result<(), Refusal> {
        match &job.task {
            Task::Inventory { parameters, .. } => {
                let content_type = if parameters.format == "CSV" { "text/csv" } else { "application/json" };
                header(answer, "content-type", content_type);
            }
            Task::Archive { archive, start_byte: job_start, length_bytes: job_length, .. } => {
                header(answer, "content-type", "application/octet-stream");
                let index = self.store.index();
                let (size_bytes, leaves) = archive_leaves(&index, archive)?;
                let of_job = leaves.node(size_bytes, *job_start, *job_length);
                if let Some(hash) = of_job.and_then(|_| leaves.node(size_bytes, start_byte, length_bytes)) {
                    header(answer, "x-amz-sha256-tree-hash", &hash);
                }
                let sql = "SELECT description FROM archive WHERE id = ?1";
                let description: Option<String> =
                    index.query_row(sql, [archive], |row| row.get(0)).optional()?;
                header(answer, "x-amz-archive-description", description.as_deref().unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// Reads `Range: bytes=FIRST-LAST`, relative to the output. One that is malformed is passed over; one that reaches
/// beyond the end is cut there.
fn wanted(request: &Request, size_bytes: u64) -> Result<Option<(u64, u64)>, Refusal> {
    request.header("range").map_or(Ok(None), |text| range(text, size_bytes))
}

fn range(text: &str, size_bytes: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let range = text.strip_prefix("bytes=").and_then(|range| {
        let (first, last) = range.split_once('-')?;
        let last = if last.is_empty() { u64::MAX } else { capped(last)? };
        Some((capped(first)?, last))
    });
    let Some((first, last)) = range.filter(|(first, last)| first <= last) else { return Ok(None) };
    if first >= size_bytes {
        let message = format!("The start of the range is larger than size of retrieved data: {text}");
        return Err(Refusal::invalid(message));
    }
    Ok(Some((first, last.min(size_bytes - 1) - first + 1)))
}

/// Whatever is beyond all outputs is as good as their end.
fn capped(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| number(digits).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::range;

    #[test]
    fn a_range_is_cut_at_the_end_and_passed_over_if_it_is_none() {
        assert_eq!(range("bytes=0-9", 100), Ok(Some((0, 10))));
        assert_eq!(range("bytes=90-999", 100), Ok(Some((90, 10))));
        assert_eq!(range("bytes=90-", 100), Ok(Some((90, 10))));
        for passed_over in
            ["", "bytes 0-9", "bytes=9-0", "bytes=-9", "bytes=0-1,5-6", "bytes=+0-9", "lines=0-9"]
        {
            assert_eq!(range(passed_over, 100), Ok(None), "{passed_over}");
        }
        assert!(range("bytes=100-100", 100).is_err());
        let beyond = "9".repeat(30);
        assert_eq!(range(&format!("bytes=90-{beyond}"), 100), Ok(Some((90, 10))));
        assert!(range(&format!("bytes={beyond}-{beyond}"), 100).is_err());
    }

    proptest! {
        #[test]
        fn a_range_may_be_anything(text in "(bytes=)?[-+0-9,]{0,45}|.*", size_bytes: u64) {
            if let Ok(Some((first, length))) = range(&text, size_bytes) {
                prop_assert!(length > 0 && first + length <= size_bytes);
            }
        }
    }
}
