//! Who may talk when: git-annex asks, the remote answers; meanwhile the remote may ask back, one question at a time.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::protocol::{self, Question, Reply, Request};
use crate::engine::Progress;

/// A conversation with git-annex.
pub(super) struct Session {
    input: Box<dyn AsyncBufRead + Send + Unpin>,
    writer: Writer,
    extensions: Vec<String>,
}

/// The only way to standard output: whole lines.
pub(super) struct Writer(Mutex<Box<dyn Write + Send>>);

impl Session {
    pub(super) fn new(
        input: impl AsyncBufRead + Send + Unpin + 'static,
        output: Box<dyn Write + Send>,
    ) -> Self {
        Self { input: Box::new(input), writer: Writer(Mutex::new(output)), extensions: Vec::new() }
    }

    /// Speaks first, as the protocol wants.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.send(&Reply::Version)
    }

    /// Returns the next request, or none when git-annex has no more. Extensions are settled here.
    pub(super) async fn next_request(&mut self) -> io::Result<Option<Request>> {
        loop {
            let Some(line) = self.next_line().await? else { return Ok(None) };
            match Request::parse(&line) {
                Request::Extensions(names) => {
                    self.extensions = names;
                    self.send(&Reply::Extensions)?;
                }
                Request::Error(message) => {
                    return Err(io::Error::other(format!("git-annex says: {message}")));
                }
                request => return Ok(Some(request)),
            }
        }
    }

    pub(super) fn send(&self, reply: &Reply) -> io::Result<()> {
        self.writer.send(reply)
    }

    /// Returns the writer, for progress while a request is handled.
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Asks git-annex and returns its answer, which may be empty.
    pub(super) async fn ask(&mut self, question: Question) -> io::Result<String> {
        self.writer.write(&question.line())?;
        let line = self.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let unexpected =
            || io::Error::other(format!("unexpected answer: {}", String::from_utf8_lossy(&line)));
        protocol::value(&line).ok_or_else(unexpected)
    }

    /// Keeps a setting of the remote for good; only while it is being initialised.
    pub(super) fn keep_config(&self, name: &str, value: &str) -> io::Result<()> {
        self.writer.write(&protocol::set_config(name, value))
    }

    /// Returns whether git-annex has an extension.
    pub(super) fn has(&self, extension: &str) -> bool {
        self.extensions.iter().any(|name| name == extension)
    }

    async fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if self.input.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            line.pop();
        }
        Ok(Some(line))
    }
}

impl Writer {
    fn send(&self, reply: &Reply) -> io::Result<()> {
        self.write(&reply.line())
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(line)?;
        output.flush()
    }
}

/// How far a transfer has come is for git-annex to show.
impl Progress for Writer {
    fn transferred(&self, total_bytes: u64) {
        // If git-annex has gone, the reply that follows will notice.
        let _ = self.send(&Reply::Progress(total_bytes));
    }
}
