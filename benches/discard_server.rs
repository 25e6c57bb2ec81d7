//! A Glacier that stores nothing, for benchmarks: it takes every upload and forgets it, and gives every archive back
//! as one MiB of noise again and again. Prints its URL on the first line and serves until it is killed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use glacier_engine::treehash::TreeHash;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type Body = UnsyncBoxBody<Bytes, Infallible>;

const MIB: u64 = 1 << 20;
const DATE: &str = "2026-01-01T00:00:00.000Z";

/// What archives are made of, and the sizes of those that were stored.
struct Glacier {
    noise: Bytes,
    sizes: Mutex<Vec<u64>>,
}

#[tokio::main]
async fn main() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = vec![0; MIB as usize];
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, path] = arguments.as_slice() {
        assert_eq!(flag, "--noise");
        return std::fs::write(path, noise).unwrap();
    }
    let glacier = Arc::new(Glacier { noise: noise.into(), sizes: Mutex::default() });
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
    let (parts, mut body) = request.into_parts();
    let mut received_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        received_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
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
            output(glacier, size_bytes, header("range"))
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

fn output(glacier: &Glacier, size_bytes: u64, range: &str) -> Response<Body> {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let first: u64 = first.parse().unwrap();
    let length = last.parse::<u64>().unwrap().min(size_bytes - 1) + 1 - first;
    assert_eq!(first % MIB, 0);
    let noise = glacier.noise.clone();
    let frames = stream::iter((0..length.div_ceil(MIB)).map(move |index| {
        let bytes = usize::try_from((length - index * MIB).min(MIB)).unwrap();
        Ok::<_, Infallible>(Frame::data(noise.slice(..bytes)))
    }));
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
