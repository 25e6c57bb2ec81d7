//! A line to the emulator that can hold answers back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

pub struct Proxy {
    pub url: String,
    line: Arc<Line>,
}

struct Line {
    upstream: String,
    /// The beginning of the requests of which no answer gets through.
    held: Mutex<Option<&'static str>>,
    released: Condvar,
}

impl Proxy {
    /// Lets no answer through to requests that begin so, such as `POST /-/vaults/v/archives`, until it is told to.
    pub fn holding(upstream: &str, requests: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let line = Arc::new(Line { upstream, held: Mutex::new(Some(requests)), released: Condvar::new() });
        let serving = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                serving.carry(client.unwrap());
            }
        });
        Self { url, line }
    }

    /// Holds answers again, to requests that come from now on.
    pub fn hold(&self, requests: &'static str) {
        *self.line.held.lock().unwrap() = Some(requests);
    }

    pub fn release(&self) {
        *self.line.held.lock().unwrap() = None;
        self.line.released.notify_all();
    }
}

impl Line {
    fn carry(self: &Arc<Self>, client: TcpStream) {
        let server = TcpStream::connect(&self.upstream).unwrap();
        let is_held = Arc::new(Mutex::new(false));
        let (line, held) = (Arc::clone(self), Arc::clone(&is_held));
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            pass(from, to, |data| {
                let requests = line.held.lock().unwrap();
                *held.lock().unwrap() |= requests.is_some_and(|begin| data.starts_with(begin.as_bytes()));
            });
        });
        let line = Arc::clone(self);
        std::thread::spawn(move || {
            pass(server, client, |_| {
                let mut requests = line.held.lock().unwrap();
                while *is_held.lock().unwrap() && requests.is_some() {
                    requests = line.released.wait(requests).unwrap();
                }
            });
        });
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, hear: impl Fn(&[u8])) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        hear(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
