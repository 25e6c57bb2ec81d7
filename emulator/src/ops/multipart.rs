//! Uploads in parts (API reference, "Multipart Upload Operations").

use hyper::StatusCode;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::archives::check_hashes;
use super::pages::Page;
use super::upload_index::{Part, Upload, unknown};
use super::{Answer, Glacier, description};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::{Request, number};
use crate::{body, ids, response};

/// Smallest and largest part, in bytes (developer guide, "Uploading Large Archives in Parts").
const PART_MIN_BYTES: u64 = 1024 * 1024;
const PART_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Most parts of an upload.
const PARTS_MAX: u64 = 10_000;
/// Items on a page.
const PAGE_MAX: usize = 50;

impl Glacier {
    pub(super) fn initiate_upload(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let text = request.header("x-amz-part-size").ok_or_else(|| Refusal::missing("x-amz-part-size"))?;
        let part_size_bytes = number(text)
            .filter(|size| size.is_power_of_two() && (PART_MIN_BYTES..=PART_MAX_BYTES).contains(size));
        let part_size_bytes = part_size_bytes.ok_or_else(|| Refusal::invalid(format!(
            "Invalid part size: {text}. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes."
        )))?;
        let (id, description) = (ids::upload_id(), description(request)?);
        self.forget_idle_uploads()?;
        let sql = "INSERT INTO upload (id, region, vault, description, part_size, created, touched)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        let part_size = i64::try_from(part_size_bytes).unwrap_or(i64::MAX);
        let values =
            (&id, &request.region, &request.vault, description, part_size, self.clock.now_milliseconds());
        self.store.index().execute(sql, values)?;
        let location = self.location(request, &format!("/multipart-uploads/{id}"));
        let headers = [("location", &*location), ("x-amz-multipart-upload-id", &*id)];
        Ok(response::empty(StatusCode::CREATED, &headers))
    }

    pub(super) async fn upload_part(&self, request: &Request, body: Incoming) -> Answer {
        let checked = self.open_upload(request).and_then(|upload| check_part(request, &upload));
        let (start_byte, length_bytes) = match checked {
            Ok(range) => range,
            Err(refusal) => {
                body::drain(body).await;
                return Err(refusal);
            }
        };
        // A name of its own: a part that was sent before stays until this one is known to be right.
        let file = ids::request_id();
        let new_file = self.store.new_file(self.store.part_path(&file))?;
        let received = body::receive(body, &new_file).await?;
        check_hashes(request, &received)?;
        if received.size_bytes != length_bytes {
            let range = request.header("content-range").unwrap_or_default();
            let length = received.size_bytes;
            let message = format!("Content-Range: {range} is incompatible with Content-Length: {length}");
            return Err(Refusal::invalid(message));
        }
        new_file.sync_name()?;
        let part = Part { start_byte, length_bytes, leaves: received.leaves.clone(), file };
        self.replace_part(&request.id, &part)?;
        new_file.keep();
        let headers = [("x-amz-sha256-tree-hash", &*received.leaves.root())];
        Ok(response::empty(StatusCode::NO_CONTENT, &headers))
    }

    pub(super) fn list_parts(&self, request: &Request) -> Answer {
        let (upload, parts) = self.upload_with_parts(request)?;
        if upload.archive.is_some() {
            return Err(unknown(&request.id));
        }
        let (parts, next) = Page::of(request, PAGE_MAX)?.cut(parts, |part| part.start_byte)?;
        let part = |part: &Part| {
            let last_byte = part.start_byte + part.length_bytes - 1;
            json!({"RangeInBytes": format!("{}-{last_byte}", part.start_byte), "SHA256TreeHash": part.leaves.root()})
        };
        let mut answer = self.upload_json(request, &upload);
        answer["Marker"] = next.into();
        answer["Parts"] = parts.iter().map(part).collect();
        Ok(self.json(&answer))
    }

    pub(super) fn list_uploads(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let uploads = self.open_uploads(request)?;
        let (uploads, next) = Page::of(request, PAGE_MAX)?.cut(uploads, |upload| upload.position)?;
        let uploads: Vec<Value> = uploads.iter().map(|upload| self.upload_json(request, upload)).collect();
        Ok(self.json(&json!({"Marker": next, "UploadsList": uploads})))
    }

    fn upload_json(&self, request: &Request, upload: &Upload) -> Value {
        json!({
            "ArchiveDescription": (!upload.description.is_empty()).then_some(&upload.description),
            "CreationDate": date(upload.created),
            "MultipartUploadId": upload.id,
            "PartSizeInBytes": upload.part_size_bytes,
            "VaultARN": self.vault_arn(request, &request.vault),
        })
    }
}

/// Holds a part against its upload before its data is read, and returns its first byte and its length.
fn check_part(request: &Request, upload: &Upload) -> Result<(u64, u64), Refusal> {
    let text = request.header("content-range").ok_or_else(|| Refusal::missing("Content-Range"))?;
    let invalid = || Refusal::invalid(format!("Invalid Content-Range: {text}"));
    let (first, last) = content_range(text).ok_or_else(invalid)?;
    let length_bytes = (last - first).checked_add(1).ok_or_else(invalid)?;
    let is_aligned = first.is_multiple_of(upload.part_size_bytes) && length_bytes <= upload.part_size_bytes;
    if !is_aligned || first / upload.part_size_bytes >= PARTS_MAX {
        return Err(invalid());
    }
    let sent = request.header("content-length").ok_or_else(|| Refusal::missing("Content-Length"))?;
    if number(sent) != Some(length_bytes) {
        let message = format!("Content-Range: {text} is incompatible with Content-Length: {sent}");
        return Err(Refusal::invalid(message));
    }
    if request.header("x-amz-sha256-tree-hash").is_none() {
        return Err(Refusal::missing("x-amz-sha256-tree-hash"));
    }
    Ok((first, length_bytes))
}

/// Reads `bytes FIRST-LAST/*`; in place of the asterisk may stand a number, which says nothing. On Python 3 boto 2 escapes
/// the space.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let range = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes%20"))?;
    let (range, total) = range.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let is_total = total == "*" || number(total).is_some();
    Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last && is_total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::content_range;

    #[test]
    fn a_range_is_two_numbers_and_a_total() {
        assert_eq!(content_range("bytes 0-4194303/*"), Some((0, 4_194_303)));
        assert_eq!(content_range("bytes 0-4194303/8388608"), Some((0, 4_194_303)));
        assert_eq!(content_range("bytes%200-4194303/*"), Some((0, 4_194_303)));
        for bad in [
            "",
            "bytes",
            "bytes 0-1",
            "bytes 5-4/*",
            "bytes=0-1/*",
            "bytes +0-1/*",
            "bytes 0-1/x",
            "bytes -1/*",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
        assert_eq!(content_range("bytes 0-18446744073709551616/*"), None, "more than there can be");
    }

    proptest! {
        #[test]
        fn a_range_may_be_anything(text in "(bytes )?[-+0-9a-z/* ]{0,50}|.*") {
            if let Some((first, last)) = content_range(&text) {
                prop_assert!(first <= last);
            }
        }
    }
}
