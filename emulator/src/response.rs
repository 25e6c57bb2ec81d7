//! Answers: JSON, empty ones, and streams from files.

use std::io::SeekFrom;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How much of a file is in memory at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// An answer with a JSON body: compact, keys in alphabetical order.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    *response.status_mut() = status;
    header(&mut response, "content-type", "application/json");
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode, headers: &[(&'static str, &str)]) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        header(&mut response, "content-length", "0");
    }
    for (name, value) in headers {
        header(&mut response, name, value);
    }
    response
}

/// Sets a header, unless the value is none that a header can have.
pub(crate) fn header<B>(response: &mut Response<B>, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
}

pub(crate) fn full(data: impl Into<Bytes>) -> Body {
    Full::new(data.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The bytes of a file from `start_byte`, `length_bytes` of them, read as the client takes them.
pub(crate) async fn of_file(path: &Path, start_byte: u64, length_bytes: u64) -> std::io::Result<Body> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(SeekFrom::Start(start_byte)).await?;
    let pieces = stream::try_unfold(file.take(length_bytes), async |mut file| {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let count = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece).await?;
        Ok::<_, std::io::Error>((count > 0).then(|| (Frame::data(Bytes::from(piece)), file)))
    });
    Ok(BodyExt::boxed_unsync(StreamBody::new(pieces)))
}
