//! Requests are served one after the other within a job, and those of different jobs at once.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::protocol::{Job, Request};
use super::remote::Remote;
use super::session::{Conversation, Heard, Line};
use crate::engine::Clock;
use crate::settings::Settings;

/// How long requests that are being served may go on when git-annex has hung up.
const GRACE_AFTER_HANGUP: Duration = Duration::from_secs(10);
/// How long an answer that is on its way is waited for, which decides whether an archive is known to be stored or deleted.
/// Everything else ends at once.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// The longest line that is taken: a key and a path, with much to spare.
const LINE_MAX_BYTES: u64 = 1024 * 1024;

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// git-annex had no more to ask, and everything was answered.
    Served,
    /// git-annex has hung up while something was being done that took too long.
    BrokenOff,
    /// By this signal.
    Stopped(u8),
}

/// Answers requests from `input` on `output` until the input ends, or until `stop`, which names a signal.
///
/// # Errors
///
/// When git-annex cannot be heard or spoken to, says what makes no sense, or says that it has met an error.
pub async fn serve(
    settings: Settings,
    clock: Arc<dyn Clock>,
    input: impl AsyncBufRead + Send + Unpin + 'static,
    output: Box<dyn Write + Send>,
    stop: impl Future<Output = u8>,
) -> io::Result<End> {
    let line = Arc::new(Line::open(output)?);
    let remote = Arc::new(Remote::new(settings, clock, Arc::clone(&line)));
    let mut serving =
        Serving { line, remote: Arc::clone(&remote), queues: HashMap::new(), jobs: JoinSet::new() };
    let mut lines = read(input);
    tokio::pin!(stop);
    let ended = tokio::select! {
        ended = serving.serve_all(&mut lines) => ended,
        signal = &mut stop => Ok(End::Stopped(signal)),
    };
    if !matches!(ended, Ok(End::Served)) {
        let _ = tokio::time::timeout(GRACE, remote.settle()).await;
    }
    ended
}

/// What is being served.
struct Serving {
    line: Arc<Line>,
    remote: Arc<Remote>,
    queues: HashMap<Job, mpsc::UnboundedSender<Request>>,
    jobs: JoinSet<io::Result<()>>,
}

impl Serving {
    /// Serves until git-annex has no more to ask, and what it has asked is answered or has taken too long.
    async fn serve_all(&mut self, lines: &mut mpsc::Receiver<io::Result<Vec<u8>>>) -> io::Result<End> {
        loop {
            tokio::select! {
                read = lines.recv() => match read {
                    Some(read) => self.take(&read?)?,
                    None => break,
                },
                Some(ended) = self.jobs.join_next() => joined(ended)?,
            }
        }
        self.line.hang_up();
        self.queues.clear();
        let ended = async {
            while let Some(ended) = self.jobs.join_next().await {
                joined(ended)?;
            }
            Ok(End::Served)
        };
        tokio::time::timeout(GRACE_AFTER_HANGUP, ended).await.unwrap_or(Ok(End::BrokenOff))
    }

    fn take(&mut self, said: &[u8]) -> io::Result<()> {
        let Heard::Request(job, request) = self.line.hear(said)? else { return Ok(()) };
        let queue = self.queues.entry(job).or_insert_with(|| {
            let (queue, requests) = mpsc::unbounded_channel();
            let conversation = Conversation::new(Arc::clone(&self.line), job);
            self.jobs.spawn(serve_job(Arc::clone(&self.remote), conversation, requests));
            queue
        });
        // A job that has ended has failed to speak to git-annex, which is noticed where it is joined.
        let _ = queue.send(request);
        Ok(())
    }
}

async fn serve_job(
    remote: Arc<Remote>,
    conversation: Conversation,
    mut requests: mpsc::UnboundedReceiver<Request>,
) -> io::Result<()> {
    while let Some(request) = requests.recv().await {
        let reply = remote.answer(&conversation, request).await?;
        conversation.finish(&reply)?;
    }
    Ok(())
}

fn joined(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Result<()> {
    ended.unwrap_or_else(|error| Err(io::Error::other(error.to_string())))
}

/// Reads lines without their ends.
fn read(mut input: impl AsyncBufRead + Send + Unpin + 'static) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    use tokio::io::AsyncReadExt;
    let (sender, lines) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let mut line = Vec::new();
            let read = (&mut input).take(LINE_MAX_BYTES).read_until(b'\n', &mut line).await;
            let said = match read {
                Ok(0) => return,
                Ok(_) if line.last() == Some(&b'\n') => {
                    line.pop();
                    Ok(line)
                }
                // git-annex died in the middle of a line: half a request is none.
                Ok(read) if (read as u64) < LINE_MAX_BYTES => return,
                Ok(_) => Err(io::Error::other("a line without end")),
                Err(error) => Err(error),
            };
            if sender.send(said).await.is_err() {
                return;
            }
        }
    });
    lines
}
