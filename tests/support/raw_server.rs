//! Something at the endpoint that is not Glacier: it answers what a test says, byte for byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct RawServer {
    pub url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

/// The first byte of a connection with TLS (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// What is to be sent for a request, whose head begins with `GET /path HTTP/1.1`.
type Answer = dyn Fn(&str) -> Vec<u8> + Send + Sync;

impl RawServer {
    /// Answers by the first line of a request.
    pub fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_by_head(move |head| answer(head.lines().next().unwrap_or_default()))
    }

    /// Answers by all of its head.
    pub fn start_by_head(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&heard), Arc::new(answer));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(connection.unwrap(), &log, &*answer));
            }
        });
        Self { url, heard }
    }

    /// The heads of all requests so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(mut connection: TcpStream, log: &Mutex<Vec<String>>, answer: &Answer) {
    let mut request = Vec::new();
    let mut portion = [0; 4096];
    let head_bytes = loop {
        match connection.read(&mut portion) {
            Ok(0) | Err(_) => return,
            Ok(bytes) => request.extend_from_slice(&portion[..bytes]),
        }
        // Whoever begins to speak TLS is told at once, as by any server, that there is none.
        if request[0] == TLS_HANDSHAKE {
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            return;
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_bytes]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut missing = length.unwrap_or(0_usize).saturating_sub(request.len() - head_bytes);
    while missing > 0 {
        match connection.read(&mut portion) {
            Ok(0) | Err(_) => return,
            Ok(bytes) => missing = missing.saturating_sub(bytes),
        }
    }
    log.lock().unwrap().push(head.clone());
    let _ = connection.write_all(&answer(&head));
}

/// An answer with these headers, each with its line end, and this body.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nx-amzn-requestid: r\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}
