//! The operations, a file a group.

mod archives;
mod inventory;
mod jobs;
mod multipart;
mod output;
mod pages;
mod vaults;

use std::time::Duration;

use hyper::Response;
use hyper::body::Incoming;

use crate::clock::Clock;
use crate::error::Refusal;
use crate::request::{Operation, Request};
use crate::response::Body;
use crate::stats::Stats;
use crate::store::Store;

/// Most bytes of a description (API reference, "Upload Archive").
const DESCRIPTION_MAX_BYTES: usize = 1024;

/// All that an operation works with.
#[derive(Debug)]
pub(crate) struct Glacier {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) stats: Stats,
    pub(crate) account: String,
    pub(crate) job_delay: Duration,
}

pub(crate) type Answer = Result<Response<Body>, Refusal>;

impl Glacier {
    /// Carries a request out. Its body has not been read yet.
    pub(crate) async fn answer(&self, request: Request, body: Incoming) -> Answer {
        use Operation as Op;
        if let Err(refusal) = request.authenticate(&self.account) {
            crate::body::drain(body).await;
            return Err(refusal);
        }
        match request.operation {
            Op::UploadArchive => return self.upload_archive(&request, body).await,
            Op::UploadMultipartPart => return self.upload_part(&request, body).await,
            _ => {}
        }
        let body = crate::body::small(body).await?;
        match request.operation {
            Op::CreateVault => self.create_vault(&request),
            Op::DeleteVault => self.delete_vault(&request),
            Op::DescribeVault => self.describe_vault(&request),
            Op::ListVaults => self.list_vaults(&request),
            Op::DeleteArchive => self.delete_archive(&request),
            Op::InitiateMultipartUpload => self.initiate_upload(&request),
            Op::CompleteMultipartUpload => self.complete_upload(&request),
            Op::AbortMultipartUpload => self.abort_upload(&request),
            Op::ListParts => self.list_parts(&request),
            Op::ListMultipartUploads => self.list_uploads(&request),
            Op::InitiateJob => self.initiate_job(&request, &body),
            Op::DescribeJob => self.describe_job(&request),
            Op::ListJobs => self.list_jobs(&request),
            Op::GetJobOutput => self.job_output(&request).await,
            Op::UploadArchive | Op::UploadMultipartPart => Err(Refusal::bad_request("answered before")),
        }
    }

    fn vault_arn(&self, request: &Request, vault: &str) -> String {
        format!("arn:aws:glacier:{}:{}:vaults/{vault}", request.region, self.account)
    }

    fn location(&self, request: &Request, rest: &str) -> String {
        format!("/{}/vaults/{}{rest}", self.account, request.vault)
    }
}

/// Reads and checks the description that comes with an upload.
fn description(request: &Request) -> Result<String, Refusal> {
    let Some(value) = request.headers.get("x-amz-archive-description") else { return Ok(String::new()) };
    let is_valid = value.as_bytes().iter().all(|byte| (0x20..=0x7e).contains(byte));
    if !is_valid || value.len() > DESCRIPTION_MAX_BYTES {
        let text = String::from_utf8_lossy(value.as_bytes());
        return Err(Refusal::invalid(format!("Invalid x-amz-archive-description: {text}")));
    }
    Ok(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
}
