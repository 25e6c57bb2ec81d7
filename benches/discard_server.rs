//! A Glacier that stores nothing, for benchmarks: it takes every upload and forgets it, and gives every archive back
//! as one MiB of noise again and again. Prints its URL on the first line and serves until it is killed.
//!
//! `discard_server --noise FILE` writes that MiB to a file and ends. `discard_server --link MILLISECONDS BYTES` lets so
//! much time pass before each request is looked at, and a connection carry so many bytes a second in each direction.
#![allow(clippy::unwrap_used, missing_docs)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use glacier_engine::treehash::TreeHash;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::Instant;

type Body = UnsyncBoxBody<Bytes, Infallible>;

const MIB: u64 = 1 << 20;
const DATE: &str = "2026-01-01T00:00:00.000Z";

/// What archives are made of, and the sizes of those that were stored.
struct Glacier {
    noise: Bytes,
    sizes: Mutex<Vec<u64>>,
    latency: Duration,
    bytes_per_second: Option<f64>,
}

/// One direction of a connection. Its bytes have passed at a point in time that does not depend on when a timer fires.
#[derive(Clone)]
struct Link {
    busy_until: Instant,
    bytes_per_second: Option<f64>,
}

impl Link {
    async fn carry(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        self.busy_until += Duration::from_secs_f64(bytes as f64 / rate);
        tokio::time::sleep_until(self.busy_until).await;
    }
}

#[tokio::main]
async fn main() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = vec![0; MIB as usize];
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (latency, bytes_per_second) = match arguments.as_slice() {
        ["--noise", path] => return std::fs::write(path, noise).unwrap(),
        ["--link", latency, rate] => {
            (Duration::from_millis(latency.parse().unwrap()), Some(rate.parse().unwrap()))
        }
        _ => (Duration::ZERO, None),
    };
    let glacier =
        Arc::new(Glacier { noise: noise.into(), sizes: Mutex::default(), latency, bytes_per_second });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let glacier = Arc::clone(&glacier);
        let service = hyper::service::service_fn(move |request| {
            let glacier = Arc::clone(&glacier);
            async move { Ok::<_, Infallible>(answer(&glacier, request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(glacier: &Glacier, request: Request<Incoming>) -> Response<Body> {
    tokio::time::sleep(glacier.latency).await;
    let link = || Link { busy_until: Instant::now(), bytes_per_second: glacier.bytes_per_second };
    let (parts, mut body) = request.into_parts();
    let (mut received_bytes, mut incoming) = (0, link());
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        received_bytes += bytes as u64;
        incoming.carry(bytes).await;
    }
    let path: Vec<&str> = parts.uri.path().split('/').skip(3).collect();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let stored = |size_bytes: u64| {
        glacier.sizes.lock().unwrap().push(size_bytes);
        let location = format!("/111122223333/vaults/v/archives/size-{size_bytes}");
        let builder = Response::builder().status(StatusCode::CREATED).header("Location", location);
        builder.header("x-amz-archive-id", format!("size-{size_bytes}")).body(nothing()).unwrap()
    };
    match (&parts.method, &path[1..]) {
        (&Method::POST, ["archives"]) => stored(received_bytes),
        (&Method::POST, ["multipart-uploads"]) => {
            let builder = Response::builder().status(StatusCode::CREATED);
            builder.header("x-amz-multipart-upload-id", "upload").body(nothing()).unwrap()
        }
        (&Method::PUT, ["multipart-uploads", _]) => {
            Response::builder().status(StatusCode::NO_CONTENT).body(nothing()).unwrap()
        }
        (&Method::POST, ["multipart-uploads", _]) => stored(header("x-amz-archive-size").parse().unwrap()),
        (&Method::GET, ["jobs"]) => json(&jobs(glacier)),
        (&Method::GET, ["jobs", job, "output"]) => {
            let size_bytes: u64 = job.strip_prefix("size-").unwrap().parse().unwrap();
            output(glacier, size_bytes, header("range"), link())
        }
        (&Method::GET, []) => json(
            r#"{"VaultARN":"arn:aws:glacier:us-east-1:111122223333:vaults/v","VaultName":"v","CreationDate":"2026-01-01T00:00:00.000Z","NumberOfArchives":0,"SizeInBytes":0}"#,
        ),
        _ => Response::builder().status(StatusCode::NOT_FOUND).body(nothing()).unwrap(),
    }
}

/// A job has finished for whatever was stored.
fn jobs(glacier: &Glacier) -> String {
    let job = |size_bytes: &u64| {
        let hash = tree_hash(glacier, *size_bytes);
        format!(
            r#"{{"Action":"ArchiveRetrieval","ArchiveId":"size-{size_bytes}","ArchiveSHA256TreeHash":"{hash}","ArchiveSizeInBytes":{size_bytes},"Completed":true,"CompletionDate":"{DATE}","CreationDate":"{DATE}","JobId":"size-{size_bytes}","RetrievalByteRange":"0-{}","StatusCode":"Succeeded","Tier":"Standard"}}"#,
            size_bytes - 1
        )
    };
    let jobs: Vec<String> = glacier.sizes.lock().unwrap().iter().map(job).collect();
    format!(r#"{{"JobList":[{}],"Marker":null}}"#, jobs.join(","))
}

fn output(glacier: &Glacier, size_bytes: u64, range: &str, link: Link) -> Response<Body> {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let first: u64 = first.parse().unwrap();
    let length = last.parse::<u64>().unwrap().min(size_bytes - 1) + 1 - first;
    assert_eq!(first % MIB, 0);
    let noise = glacier.noise.clone();
    let portion = if link.bytes_per_second.is_some() { 64 * 1024 } else { MIB };
    let frames = stream::unfold((0, link), move |(sent, mut link)| {
        let noise = noise.clone();
        async move {
            let bytes = usize::try_from((length - sent).min(portion)).unwrap();
            if bytes == 0 {
                return None;
            }
            link.carry(bytes).await;
            let at = usize::try_from(sent % MIB).unwrap();
            let frame = Frame::data(noise.slice(at..at + bytes));
            Some((Ok::<_, Infallible>(frame), (sent + bytes as u64, link)))
        }
    });
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header("Content-Length", length)
        .header("Content-Range", format!("bytes {first}-{}/{size_bytes}", first + length - 1))
        .header("x-amz-sha256-tree-hash", tree_hash(glacier, length).to_string())
        .body(StreamBody::new(frames).boxed_unsync())
        .unwrap()
}

/// All leaves are alike, but for the last one.
fn tree_hash(glacier: &Glacier, length: u64) -> TreeHash {
    static LEAF: std::sync::OnceLock<TreeHash> = std::sync::OnceLock::new();
    let leaf = *LEAF.get_or_init(|| TreeHash::of(&glacier.noise));
    let rest = usize::try_from(length % MIB).unwrap();
    let last = (rest > 0).then(|| TreeHash::of(&glacier.noise[..rest]));
    TreeHash::combine((0..length / MIB).map(|_| leaf).chain(last))
}

fn json(text: &str) -> Response<Body> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync();
    Response::builder().header("Content-Type", "application/json").body(body).unwrap()
}

fn nothing() -> Body {
    Full::default().boxed_unsync()
}
