//! What a request asks for: its operation, its vault, its parameters.

use std::collections::HashMap;

use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use crate::error::Refusal;

/// The region when a request's signature names none.
const REGION_FALLBACK: &str = "us-east-1";

/// An operation of the service, by the name that the API reference gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateVault,
    DeleteVault,
    DescribeVault,
    ListVaults,
    UploadArchive,
    DeleteArchive,
    InitiateMultipartUpload,
    UploadMultipartPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    ListMultipartUploads,
    InitiateJob,
    DescribeJob,
    ListJobs,
    GetJobOutput,
}

/// A request to the service, without its body.
#[derive(Debug)]
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
    pub(crate) fn parse(parts: Parts) -> Result<Self, Refusal> {
        let segments: Vec<String> = parts.uri.path().split('/').skip(1).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let unknown = || Refusal::bad_request(format!("No operation {} {}", parts.method, parts.uri.path()));
        let (operation, vault, id) = route(&parts.method, &segments).ok_or_else(unknown)?;
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            operation,
            account: segments.first().copied().unwrap_or_default().to_owned(),
            region: region(&parts.headers),
            vault: vault.to_owned(),
            id: id.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Checks what every request needs. The place where a signature would be verified.
    pub(crate) fn authenticate(&self, account: &str) -> Result<(), Refusal> {
        if self.header("authorization").is_none_or(str::is_empty) {
            return Err(Refusal::not_authenticated());
        }
        if self.header("x-amz-glacier-version").is_none() {
            return Err(Refusal::missing("API version"));
        }
        if self.account != "-" && self.account != account {
            let message = format!("The account {} is not that of the credentials", self.account);
            return Err(Refusal::access_denied(message));
        }
        Ok(())
    }
}

fn route<'a>(method: &Method, segments: &[&'a str]) -> Option<(Operation, &'a str, &'a str)> {
    use Operation as Op;
    let (rest, vault) = match segments {
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
        _ => return None,
    };
    Some((operation, vault, id))
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
