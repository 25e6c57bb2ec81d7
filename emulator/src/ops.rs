//! The operations, a file a group.

mod archives;
mod completion;
mod inventory;
mod inventory_clock;
mod job_index;
mod jobs;
mod lock;
mod multipart;
mod notifications;
mod output;
mod pages;
mod policies;
mod settings;
mod tags;
mod upload_index;
mod vaults;

#[cfg(test)]
mod edge;

pub(crate) use vaults::is_vault_name;

use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::delays::JobDelays;
use crate::error::Refusal;
use crate::faults::{Faults, Harm};
use crate::link::Link;
use crate::request::{Operation, Request};
use crate::response::{self, Body};
use crate::signature::{self, Keys};
use crate::stats::Stats;
use crate::store::Store;

/// The version of the interface.
const VERSION: &str = "2012-06-01";
/// Most bytes of a description, of an archive or a job (API reference, "Upload Archive", "Initiate a Job").
const DESCRIPTION_MAX_BYTES: usize = 1024;

/// All that an operation works with.
#[derive(Debug)]
pub(crate) struct Glacier {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
    pub(crate) account: String,
    pub(crate) keys: Vec<Keys>,
    pub(crate) job_delays: JobDelays,
    pub(crate) job_lifetime: Duration,
    pub(crate) inventory_lag: Duration,
    pub(crate) link: Link,
    pub(crate) is_closed_to_customers: bool,
    pub(crate) takes_unsigned: bool,
    pub(crate) omits_nulls: bool,
}

pub(crate) type Answer = Result<Response<Body>, Refusal>;

impl Glacier {
    /// Carries a request out. Its body has not been read yet.
    pub(crate) async fn answer(
        &self,
        parts: &Parts,
        request: Request,
        body: Incoming,
        harm: Option<Harm>,
    ) -> Answer {
        match request.operation {
            Operation::UploadArchive | Operation::UploadMultipartPart => {
                if let Err(refusal) = self.admit(parts, &request, request.header("x-amz-content-sha256")) {
                    crate::body::drain(body).await;
                    return Err(refusal);
                }
                if request.operation == Operation::UploadArchive {
                    self.upload_archive(&request, body).await
                } else {
                    self.upload_part(&request, body).await
                }
            }
            Operation::GetJobOutput => {
                let body = crate::body::small(body).await?;
                self.admit(parts, &request, Some(&signature::hex(&body)))?;
                self.job_output(&request).await
            }
            _ => {
                let body = crate::body::small(body).await?;
                self.admit(parts, &request, Some(&signature::hex(&body)))?;
                // The index and files block; other connections must not wait for a large inventory or archive.
                tokio::task::block_in_place(|| self.control(&request, &body, harm == Some(Harm::FailJob)))
            }
        }
    }

    /// Checks what every request needs, before anything is looked at that it asks for.
    fn admit(&self, parts: &Parts, request: &Request, payload_hash: Option<&str>) -> Result<(), Refusal> {
        let is_signed = request.header("authorization").is_some_and(|header| !header.is_empty());
        if !is_signed && !self.takes_unsigned {
            return Err(Refusal::not_authenticated());
        }
        let version = request.version()?;
        let payload_hash = payload_hash.ok_or_else(|| Refusal::missing("x-amz-content-sha256"))?;
        if !self.takes_unsigned {
            signature::verify(parts, payload_hash, &self.keys, OffsetDateTime::now_utc())?;
        }
        if version != VERSION {
            return Err(Refusal::invalid(format!("Invalid API version: {version}")));
        }
        request.check_account(&self.account)?;
        if self.is_closed_to_customers { Err(Refusal::no_longer_supported()) } else { Ok(()) }
    }

    /// Lets time pass; nothing changes if that is too much.
    pub(crate) fn advance(&self, duration: Duration) -> Result<(), Refusal> {
        let index = self.store.index();
        let ahead = self.clock.ahead_after(duration);
        let ahead =
            ahead.ok_or_else(|| Refusal::invalid("the clock can be pushed by a thousand years in all"))?;
        Store::keep_clock(&index, ahead)?;
        self.clock.set_ahead(ahead);
        Ok(())
    }

    /// An answer in JSON.
    fn json(&self, value: &serde_json::Value) -> Response<Body> {
        if !self.omits_nulls {
            return response::json(StatusCode::OK, value);
        }
        let mut value = value.clone();
        remove_nulls(&mut value);
        response::json(StatusCode::OK, &value)
    }

    /// Everything that neither takes nor gives an archive's data.
    fn control(&self, request: &Request, body: &[u8], job_fails: bool) -> Answer {
        use Operation as Op;
        match request.operation {
            Op::CreateVault => self.create_vault(request),
            Op::DeleteVault => self.delete_vault(request),
            Op::DescribeVault => self.describe_vault(request),
            Op::ListVaults => self.list_vaults(request),
            Op::DeleteArchive => self.delete_archive(request),
            Op::InitiateMultipartUpload => self.initiate_upload(request),
            Op::CompleteMultipartUpload => self.complete_upload(request),
            Op::AbortMultipartUpload => self.abort_upload(request),
            Op::ListParts => self.list_parts(request),
            Op::ListMultipartUploads => self.list_uploads(request),
            Op::InitiateJob => self.initiate_job(request, body, job_fails),
            Op::DescribeJob => self.describe_job(request),
            Op::ListJobs => self.list_jobs(request),
            Op::SetVaultNotifications => self.set_notifications(request, body),
            Op::GetVaultNotifications => self.notifications_of(request),
            Op::DeleteVaultNotifications => self.delete_notifications(request),
            Op::SetVaultAccessPolicy => self.set_access_policy(request, body),
            Op::GetVaultAccessPolicy => self.access_policy(request),
            Op::DeleteVaultAccessPolicy => self.delete_access_policy(request),
            Op::InitiateVaultLock => self.initiate_lock(request, body),
            Op::CompleteVaultLock => self.complete_lock(request),
            Op::AbortVaultLock => self.abort_lock(request),
            Op::GetVaultLock => self.vault_lock(request),
            Op::AddTagsToVault => self.add_tags(request, body),
            Op::RemoveTagsFromVault => self.remove_tags(request, body),
            Op::ListTagsForVault => self.list_tags(request),
            Op::GetDataRetrievalPolicy => self.retrieval_policy(request),
            Op::SetDataRetrievalPolicy => self.set_retrieval_policy(request, body),
            Op::ListProvisionedCapacity => self.list_capacity(request),
            Op::PurchaseProvisionedCapacity => self.purchase_capacity(request),
            Op::UploadArchive | Op::UploadMultipartPart | Op::GetJobOutput => {
                Err(Refusal::bad_request("An operation with data"))
            }
        }
    }

    /// What the service says to those who may not do what they ask for (IAM User Guide, "Troubleshoot access denied
    /// error messages").
    pub(crate) fn denial(&self, request: &Request) -> Refusal {
        let (operation, account) = (request.operation, &self.account);
        let resource = self.vault_arn(request, &request.vault);
        Refusal::access_denied(format!(
            "User: arn:aws:iam::{account}:user/somebody is not authorized to perform: glacier:{operation:?} on resource: {resource} because no identity-based policy allows the glacier:{operation:?} action"
        ))
    }

    fn vault_arn(&self, request: &Request, vault: &str) -> String {
        let region = request.region.as_str();
        // China and the government of the United States are partitions of their own (IAM User Guide, "Amazon Resource Names").
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:glacier:{region}:{}:vaults/{vault}", self.account)
    }

    fn location(&self, request: &Request, rest: &str) -> String {
        format!("/{}/vaults/{}{rest}", self.account, request.vault)
    }
}

fn remove_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Reads and checks the description that comes with an upload. As of every header, blanks at its ends are lost.
fn description(request: &Request) -> Result<String, Refusal> {
    let Some(value) = request.headers.get("x-amz-archive-description") else { return Ok(String::new()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    if !printable(&text) {
        return Err(Refusal::invalid(format!("Invalid x-amz-archive-description: {text}")));
    }
    Ok(text.trim().to_owned())
}

fn printable(description: &str) -> bool {
    description.len() <= DESCRIPTION_MAX_BYTES
        && description.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}
