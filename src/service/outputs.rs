//! What a finished job brings, as a stream.

use std::sync::Arc;

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
    bandwidth: Option<Arc<Bandwidth>>,
    place: String,
}

impl JobOutput {
    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// When the connection breaks, brings fewer bytes than announced, or nothing for [`SILENCE_MAX`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let unanswered = |cause| ServiceError::unanswered(self.place.clone(), cause, false);
        let next = tokio::time::timeout(SILENCE_MAX, self.body.try_next()).await;
        let next = next.map_err(|_| unanswered("it fell silent".to_owned()))?;
        let next = next.map_err(|error| unanswered(innermost(&error)))?;
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
            bandwidth: self.bandwidth.clone(),
            place: self.place(),
        })
    }
}
