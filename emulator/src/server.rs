//! HTTP: connections in, requests to the operations, answers out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clock::http_date;
use crate::error::Refusal;
use crate::ops::{Answer, Glacier};
use crate::request::Request;
use crate::response::{self, Body, header};
use crate::{body, ids};

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
    let service = service_fn(move |request| {
        let glacier = Arc::clone(&glacier);
        async move { Ok::<_, Infallible>(respond(&glacier, request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new());
    // A client that breaks off is its own affair.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(glacier: &Glacier, request: HttpRequest<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = match parts.uri.path() {
        "/_emulator/stats" | "/_emulator/advance" => control(glacier, &parts),
        _ => match Request::parse(parts) {
            Ok(request) => {
                glacier.stats.count(&format!("{:?}", request.operation));
                glacier.answer(request, body).await
            }
            Err(refusal) => {
                body::drain(body).await;
                Err(refusal)
            }
        },
    };
    let mut response = answer.unwrap_or_else(|refusal| response::json(refusal.status, &refusal.body()));
    header(&mut response, "x-amzn-requestid", &ids::request_id());
    // Clients correct their clocks by this, so it is the real time, however far the vaults' was pushed.
    header(&mut response, "date", &http_date(time::OffsetDateTime::now_utc()));
    response
}

/// What is not Glacier's but the emulator's own.
fn control(glacier: &Glacier, parts: &hyper::http::request::Parts) -> Answer {
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/_emulator/stats") => {
            Ok(response::json(StatusCode::OK, &serde_json::json!({"requests": glacier.stats.counts()})))
        }
        (&Method::POST, "/_emulator/advance") => {
            let query = parts.uri.query().unwrap_or_default();
            let seconds = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "seconds");
            let duration = seconds
                .and_then(|(_, value)| value.parse().ok())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .ok_or_else(|| Refusal::invalid("advance wants ?seconds=N"))?;
            glacier.clock.advance(duration);
            Ok(response::empty(StatusCode::NO_CONTENT, &[]))
        }
        (method, path) => Err(Refusal::bad_request(format!("No operation {method} {path}"))),
    }
}
