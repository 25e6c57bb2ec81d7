//! What a finished job brings, as a stream.

use aws_sdk_glacier::primitives::ByteStream;
use bytes::Bytes;

use super::{Glacier, ServiceError, error::innermost};
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
    region: String,
}

impl JobOutput {
    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// When the connection breaks or brings fewer bytes than announced.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        self.body.try_next().await.map_err(|error| ServiceError::Unanswered {
            region: self.region.clone(),
            cause: innermost(&error),
            never_sent: false,
        })
    }
}

impl Glacier {
    /// Opens the output of a finished job: all of it, or a range.
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
        let request = self.client.get_job_output().vault_name(vault.as_str()).job_id(job.as_str());
        let request = request.set_range(header);
        let answer = request.send().await.map_err(|error| self.sorted(&error))?;
        if range.is_some() && answer.status() != 206 {
            return Err(ServiceError::bad_answer("the whole output came where a range was asked for"));
        }
        Ok(JobOutput {
            tree_hash: answer.checksum().and_then(|hash| hash.parse().ok()),
            body: answer.body,
            region: self.region().to_string(),
        })
    }
}
