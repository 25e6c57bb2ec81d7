//! What a finished job brings, as a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_glacier::primitives::ByteStream;
use bytes::Bytes;

use super::bandwidth::Bandwidth;
use super::sending::SILENCE_MAX;
use super::{Glacier, ServiceError, error::innermost, retries};
use crate::treehash::TreeHash;
use crate::types::{JobId, VaultName};

/// A range of a job's output: `length_bytes`, at least one, from `start_byte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start_byte: u64,
    /// How many.
    pub length_bytes: u64,
}

/// The output of a job, or a range of it, on its way here.
#[derive(Debug)]
pub struct JobOutput {
    /// The tree hash of these bytes, where the service knows it: for ranges that are a node of the hash tree.
    pub tree_hash: Option<TreeHash>,
    body: ByteStream,
    patience: Patience,
    bandwidth: Option<Arc<Bandwidth>>,
    place: String,
}

/// How much must come within [`SILENCE_MAX`]: with a byte now and then a peer could hold a command for ever.
const HEARD_MIN_BYTES: usize = 1024;

/// How long the peer is waited for still, until so much has come. What is done meanwhile with what has come, such as
/// passing it on no faster than a limit, is no silence of the peer's.
#[derive(Debug)]
struct Patience {
    max: Duration,
    left: Duration,
    heard_bytes: usize,
}

impl Patience {
    fn new(max: Duration) -> Self {
        Self { max, left: max, heard_bytes: 0 }
    }

    /// Hears that so many bytes have come after they were waited for for so long.
    fn hear(&mut self, bytes: usize, waited: Duration) {
        self.heard_bytes += bytes;
        self.left = self.left.saturating_sub(waited);
        if self.heard_bytes >= HEARD_MIN_BYTES {
            *self = Self::new(self.max);
        }
    }
}

impl JobOutput {
    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// When the connection breaks, brings fewer bytes than announced, or next to nothing for [`SILENCE_MAX`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let unanswered = |cause| ServiceError::unanswered(self.place.clone(), cause, false);
        let began = Instant::now();
        let next = tokio::time::timeout(self.patience.left, self.body.try_next()).await;
        let next = next.map_err(|_| unanswered("it fell silent".to_owned()))?;
        let next = next.map_err(|error| unanswered(innermost(&error)))?;
        self.patience.hear(next.as_ref().map_or(0, Bytes::len), began.elapsed());
        if let (Some(limit), Some(bytes)) = (&self.bandwidth, &next) {
            tokio::time::sleep(limit.until_end(bytes.len())).await;
        }
        Ok(next)
    }
}

impl Glacier {
    /// Opens the output of a finished job: all of it, or a range. Sent once.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotFound`] from about a day after the job's end.
    pub async fn job_output(
        &self,
        vault: &VaultName,
        job: &JobId,
        range: Option<ByteRange>,
    ) -> Result<JobOutput, ServiceError> {
        let header = range
            .map(|range| format!("bytes={}-{}", range.start_byte, range.start_byte + range.length_bytes - 1));
        let request = self.client().await.get_job_output().vault_name(vault.as_str()).job_id(job.as_str());
        let request = request.set_range(header).customize().config_override(retries::with_data());
        let answer = tokio::time::timeout(SILENCE_MAX, request.send()).await;
        let silent = |_| ServiceError::unanswered(self.place(), "it fell silent".into(), false);
        let answer = answer.map_err(silent)?.map_err(|error| self.sorted(&error))?;
        if range.is_some() && answer.status() != 206 {
            return Err(ServiceError::bad_answer("the whole output came where a range was asked for"));
        }
        Ok(JobOutput {
            tree_hash: answer.checksum().and_then(|hash| hash.parse().ok()),
            body: answer.body,
            patience: Patience::new(SILENCE_MAX),
            bandwidth: self.bandwidth.clone(),
            place: self.place(),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_glacier::primitives::SdkBody;
    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// A peer that lets bytes come one by one, each after a pause, and is waited for for three.
    fn one_by_one(bytes: usize, pause: Duration) -> JobOutput {
        let bytes = stream::iter(0..bytes).then(move |_| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        JobOutput {
            tree_hash: None,
            body: ByteStream::new(SdkBody::from_body_1_x(StreamBody::new(bytes))),
            patience: Patience::new(3 * PAUSE),
            bandwidth: None,
            place: "at a test".to_owned(),
        }
    }

    const PAUSE: Duration = Duration::from_millis(5);

    async fn read(mut output: JobOutput) -> Result<usize, ServiceError> {
        let mut bytes = 0;
        while let Some(next) = output.next().await? {
            bytes += next.len();
        }
        Ok(bytes)
    }

    /// Each byte began the wait anew, so that one in 44 s was enough.
    #[tokio::test]
    async fn a_byte_now_and_then_is_silence() {
        let said = read(one_by_one(100, PAUSE)).await.map_err(|error| error.to_string());
        assert_eq!(said, Err("no answer from Glacier at a test: it fell silent".to_owned()));
    }

    #[tokio::test]
    async fn what_is_there_is_read_however_small_its_pieces_are() {
        assert_eq!(read(one_by_one(3 * HEARD_MIN_BYTES, Duration::ZERO)).await, Ok(3 * HEARD_MIN_BYTES));
    }

    #[test]
    fn patience_ends_with_the_time_waited_and_begins_anew_with_enough_bytes() {
        let second = Duration::from_secs;
        let mut patience = Patience::new(second(45));
        for (bytes, waited, left) in [
            (1, second(44), second(1)),
            (HEARD_MIN_BYTES - 2, second(0), second(1)),
            (1, second(0), second(45)),
            (HEARD_MIN_BYTES - 1, second(46), second(0)),
            (HEARD_MIN_BYTES, second(44), second(45)),
        ] {
            patience.hear(bytes, waited);
            assert_eq!(patience.left, left, "{bytes} bytes after {waited:?}");
        }
    }
}
