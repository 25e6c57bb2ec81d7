//! HTTP: connections in, requests to the operations, answers out.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clock::http_date;
use crate::error::Refusal;
use crate::faults::{Fault, Harm};
use crate::link::Paced;
use crate::ops::{Answer, Glacier};
use crate::request::{Operation, Request, number};
use crate::response::{self, Body, header};
use crate::{body, damage, ids};

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose")]
struct Cut;

/// Serves until `stop` changes; requests under way are cut off then.
pub(crate) async fn serve(listener: TcpListener, glacier: Arc<Glacier>, mut stop: watch::Receiver<()>) {
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&glacier)))),
                // Out of descriptors: what is open must end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn connection(stream: TcpStream, glacier: Arc<Glacier>) {
    let _ = stream.set_nodelay(true);
    let stream = Paced::new(stream, glacier.link);
    let service = service_fn(move |request| {
        let glacier = Arc::clone(&glacier);
        async move { respond(&glacier, request).await }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    // Who has said all and closes his side still wants the answer; and what was begun is not dropped halfway.
    server.timer(TokioTimer::new()).half_close(true);
    // A client that breaks off is its own affair.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(glacier: &Glacier, request: HttpRequest<Incoming>) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    if parts.uri.path().starts_with("/_emulator/") {
        return Ok(finished(control(glacier, &parts, body).await));
    }
    // A timer that is due at once still takes a millisecond.
    if !glacier.link.latency.is_zero() {
        tokio::time::sleep(glacier.link.latency).await;
    }
    let answer = match Request::parse(&parts) {
        Ok(request) => {
            let operation = format!("{:?}", request.operation);
            glacier.stats.count(&operation);
            let harm = glacier.faults.next(&operation);
            harmed(glacier, &parts, request, body, harm).await?
        }
        Err(refusal) => {
            body::drain(body).await;
            Err(refusal)
        }
    };
    Ok(finished(answer))
}

/// Carries a request out, with what is to go wrong.
async fn harmed(
    glacier: &Glacier,
    parts: &Parts,
    request: Request,
    mut body: Incoming,
    harm: Option<Harm>,
) -> Result<Answer, Cut> {
    let refusal = match harm {
        Some(Harm::Deny) => Some(glacier.denial(&request)),
        harm => harm.and_then(Harm::refusal),
    };
    if let Some(refusal) = refusal {
        body::drain(body).await;
        return Ok(Err(refusal));
    }
    let has_output = request.operation == Operation::GetJobOutput;
    match harm {
        Some(Harm::CutBefore) => return Err(Cut),
        Some(Harm::CutMiddle) if !has_output => {
            let announced = request.header("content-length").and_then(number).unwrap_or(0);
            body::drain_bytes(&mut body, announced / 2).await;
            return Err(Cut);
        }
        _ => {}
    }
    let answer = glacier.answer(parts, request, body, harm).await;
    Ok(match harm {
        Some(Harm::CutAfter) => return Err(Cut),
        Some(Harm::CutMiddle) => answer.map(|response| {
            let length = response.headers().get("content-length").and_then(|length| length.to_str().ok());
            let length_bytes = length.and_then(number).unwrap_or(0);
            response.map(|body| damage::cut(body, length_bytes / 2))
        }),
        Some(Harm::Corrupt) if has_output => answer.map(|response| response.map(damage::corrupted)),
        Some(Harm::WrongHash) => answer.map(with_wrong_hash),
        _ => answer,
    })
}

fn with_wrong_hash(mut response: Response<Body>) -> Response<Body> {
    const TREE_HASH: &str = "x-amz-sha256-tree-hash";
    if response.headers().contains_key(TREE_HASH) {
        header(&mut response, TREE_HASH, &"0".repeat(64));
    }
    response
}

/// Adds what every answer has.
fn finished(answer: Answer) -> Response<Body> {
    let mut response = answer.unwrap_or_else(|refusal| response::json(refusal.status, &refusal.body()));
    header(&mut response, "x-amzn-requestid", &ids::request_id());
    // Clients correct their clocks by this, so it is the real time, however far the vaults' was pushed.
    header(&mut response, "date", &http_date(time::OffsetDateTime::now_utc()));
    response
}

/// What is not Glacier's but the emulator's own.
async fn control(glacier: &Glacier, parts: &Parts, body: Incoming) -> Answer {
    let body = body::small(body).await?;
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/_emulator/stats") => {
            Ok(response::json(StatusCode::OK, &serde_json::json!({"requests": glacier.stats.counts()})))
        }
        (&Method::GET, "/_emulator/notifications") => glacier.messages(),
        (&Method::POST, "/_emulator/advance") => {
            glacier.advance(seconds(parts)?)?;
            Ok(response::empty(StatusCode::NO_CONTENT, &[]))
        }
        (&Method::GET, "/_emulator/faults") => {
            Ok(response::json(StatusCode::OK, &serde_json::json!({"faults": glacier.faults.list()})))
        }
        (&Method::POST, "/_emulator/faults") => {
            let text = String::from_utf8_lossy(&body);
            let faults = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::parse);
            let faults: Vec<Fault> = faults.collect::<Result<_, String>>().map_err(Refusal::invalid)?;
            glacier.faults.add(faults);
            Ok(response::empty(StatusCode::NO_CONTENT, &[]))
        }
        (&Method::DELETE, "/_emulator/faults") => {
            glacier.faults.clear();
            Ok(response::empty(StatusCode::NO_CONTENT, &[]))
        }
        (method, path) => Err(Refusal::bad_request(format!("No operation {method} {path}"))),
    }
}

fn seconds(parts: &Parts) -> Result<Duration, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let seconds = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "seconds");
    seconds
        .and_then(|(_, value)| value.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| Refusal::invalid("advance wants ?seconds=N"))
}
