//! What a request asks for: its operation, its vault, its parameters.

use std::collections::HashMap;

use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use crate::error::Refusal;

/// The region when a request's signature names none.
const REGION_FALLBACK: &str = "us-east-1";

macro_rules! operations {
    ($($name:ident)*) => {
        /// An operation of the service, by the name that the API reference gives it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Operation {
            $($name,)*
        }

        /// Returns whether an operation has this name.
        pub(crate) fn is_operation(name: &str) -> bool {
            [$(stringify!($name)),*].contains(&name)
        }
    };
}

operations! {
    CreateVault
    DeleteVault
    DescribeVault
    ListVaults
    UploadArchive
    DeleteArchive
    InitiateMultipartUpload
    UploadMultipartPart
    CompleteMultipartUpload
    AbortMultipartUpload
    ListParts
    ListMultipartUploads
    InitiateJob
    DescribeJob
    ListJobs
    GetJobOutput
    SetVaultNotifications
    GetVaultNotifications
    DeleteVaultNotifications
    SetVaultAccessPolicy
    GetVaultAccessPolicy
    DeleteVaultAccessPolicy
    InitiateVaultLock
    CompleteVaultLock
    AbortVaultLock
    GetVaultLock
    AddTagsToVault
    RemoveTagsFromVault
    ListTagsForVault
    GetDataRetrievalPolicy
    SetDataRetrievalPolicy
    ListProvisionedCapacity
    PurchaseProvisionedCapacity
}

/// A request to the service, without its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Empty where the operation has no vault.
    pub(crate) vault: String,
    /// The id of the archive, job or upload; empty where the operation has none.
    pub(crate) id: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// Finds out what is asked for. The target may be a path or a whole URL, as a proxy would get it.
    pub(crate) fn parse(parts: &Parts) -> Result<Self, Refusal> {
        let segments: Vec<String> = parts.uri.path().split('/').skip(1).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let unknown = || Refusal::bad_request(format!("No operation {} {}", parts.method, parts.uri.path()));
        let (operation, vault, id) = route(&parts.method, &segments, &query_of(parts)).ok_or_else(unknown)?;
        let query: HashMap<String, String> = query_of(parts);
        Ok(Self {
            operation,
            account: segments.first().copied().unwrap_or_default().to_owned(),
            region: region(&parts.headers),
            vault: vault.to_owned(),
            id: id.to_owned(),
            query,
            headers: parts.headers.clone(),
        })
    }

    /// A request of the emulator to itself.
    pub(crate) fn internal(operation: Operation, region: String, vault: String, id: String) -> Self {
        let (query, headers) = (HashMap::new(), HeaderMap::new());
        Self { operation, account: "-".to_owned(), region, vault, id, query, headers }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the version of the interface that is asked for.
    pub(crate) fn version(&self) -> Result<&str, Refusal> {
        self.header("x-amz-glacier-version").ok_or_else(|| Refusal::missing("API version"))
    }

    pub(crate) fn check_account(&self, account: &str) -> Result<(), Refusal> {
        if self.account == "-" || self.account == account {
            return Ok(());
        }
        Err(Refusal::access_denied(format!("The account {} is not that of the credentials", self.account)))
    }
}

/// Reads a number as the service takes it: digits, without a sign.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn query_of(parts: &Parts) -> HashMap<String, String> {
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn route<'a>(
    method: &Method,
    segments: &[&'a str],
    query: &HashMap<String, String>,
) -> Option<(Operation, &'a str, &'a str)> {
    use Operation as Op;
    let (rest, vault) = match segments {
        [_, "policies", "data-retrieval"] => {
            return of_account(method, Op::GetDataRetrievalPolicy, Op::SetDataRetrievalPolicy, &Method::PUT);
        }
        [_, "provisioned-capacity"] => {
            return of_account(
                method,
                Op::ListProvisionedCapacity,
                Op::PurchaseProvisionedCapacity,
                &Method::POST,
            );
        }
        [_, "vaults"] => return (method == Method::GET).then_some((Op::ListVaults, "", "")),
        [_, "vaults", vault, rest @ ..] => (rest, *vault),
        _ => return None,
    };
    let (operation, id) = match (method.as_str(), rest) {
        ("PUT", []) => (Op::CreateVault, ""),
        ("DELETE", []) => (Op::DeleteVault, ""),
        ("GET", []) => (Op::DescribeVault, ""),
        ("POST", ["archives"]) => (Op::UploadArchive, ""),
        ("DELETE", ["archives", id]) => (Op::DeleteArchive, *id),
        ("POST", ["multipart-uploads"]) => (Op::InitiateMultipartUpload, ""),
        ("GET", ["multipart-uploads"]) => (Op::ListMultipartUploads, ""),
        ("PUT", ["multipart-uploads", id]) => (Op::UploadMultipartPart, *id),
        ("POST", ["multipart-uploads", id]) => (Op::CompleteMultipartUpload, *id),
        ("DELETE", ["multipart-uploads", id]) => (Op::AbortMultipartUpload, *id),
        ("GET", ["multipart-uploads", id]) => (Op::ListParts, *id),
        ("POST", ["jobs"]) => (Op::InitiateJob, ""),
        ("GET", ["jobs"]) => (Op::ListJobs, ""),
        ("GET", ["jobs", id]) => (Op::DescribeJob, *id),
        ("GET", ["jobs", id, "output"]) => (Op::GetJobOutput, *id),
        ("PUT", ["notification-configuration"]) => (Op::SetVaultNotifications, ""),
        ("GET", ["notification-configuration"]) => (Op::GetVaultNotifications, ""),
        ("DELETE", ["notification-configuration"]) => (Op::DeleteVaultNotifications, ""),
        ("PUT", ["access-policy"]) => (Op::SetVaultAccessPolicy, ""),
        ("GET", ["access-policy"]) => (Op::GetVaultAccessPolicy, ""),
        ("DELETE", ["access-policy"]) => (Op::DeleteVaultAccessPolicy, ""),
        ("POST", ["lock-policy"]) => (Op::InitiateVaultLock, ""),
        ("POST", ["lock-policy", id]) => (Op::CompleteVaultLock, *id),
        ("DELETE", ["lock-policy"]) => (Op::AbortVaultLock, ""),
        ("GET", ["lock-policy"]) => (Op::GetVaultLock, ""),
        ("GET", ["tags"]) => (Op::ListTagsForVault, ""),
        ("POST", ["tags"]) => match query.get("operation").map(String::as_str) {
            Some("add") => (Op::AddTagsToVault, ""),
            Some("remove") => (Op::RemoveTagsFromVault, ""),
            _ => return None,
        },
        _ => return None,
    };
    Some((operation, vault, id))
}

fn of_account<'a>(
    method: &Method,
    get: Operation,
    other: Operation,
    other_method: &Method,
) -> Option<(Operation, &'a str, &'a str)> {
    let operation =
        if *method == Method::GET { Some(get) } else { (method == other_method).then_some(other) };
    operation.map(|operation| (operation, "", ""))
}

/// The scope of a signature's key is `KEY/DATE/REGION/glacier/aws4_request`.
fn region(headers: &HeaderMap) -> String {
    let authorization =
        headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = authorization.split_once("Credential=").map(|(_, scope)| scope);
    let region = scope.and_then(|scope| scope.split('/').nth(2)).filter(|region| !region.is_empty());
    region.unwrap_or(REGION_FALLBACK).to_owned()
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
