//! Who may talk when: git-annex asks, the remote answers; meanwhile the remote may ask back, one question at a time.
//!
//! With the extension ASYNC there are several such conversations on one line, told apart by the number of their job;
//! without it there is one. Either way a line from git-annex is the answer to the question that its conversation has
//! asked, else a request.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::oneshot;

use super::protocol::{self, ASYNC, EXTENSIONS, Job, Key, Question, Reply, Request, Statement};
use crate::engine::{Item, ItemProgress, Progress};

/// The line to git-annex. Everything that is written goes through its one lock, a whole line at a time.
pub(super) struct Line {
    state: Mutex<State>,
    /// What git-annex has of the extensions that are used here.
    extensions: OnceLock<Vec<&'static str>>,
}

struct State {
    output: Box<dyn Write + Send>,
    /// Where the answer to the question of a conversation goes.
    questions: HashMap<Job, oneshot::Sender<Vec<u8>>>,
    /// The conversations in which a request waits for its answer.
    open: Vec<Job>,
    has_hung_up: bool,
}

/// What was heard of git-annex.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something that is settled already.
    Nothing,
    /// A request, and in which conversation.
    Request(Job, Request),
}

impl Line {
    /// Speaks first, as the protocol wants.
    pub(super) fn open(output: Box<dyn Write + Send>) -> io::Result<Self> {
        let state = State { output, questions: HashMap::new(), open: Vec::new(), has_hung_up: false };
        let line = Self { state: Mutex::new(state), extensions: OnceLock::new() };
        line.lock().write(None, &Reply::Version.line())?;
        Ok(line)
    }

    /// Takes in a line without its end.
    ///
    /// # Errors
    ///
    /// When git-annex gives up, or says what cannot be understood where nothing can be answered.
    pub(super) fn hear(&self, line: &[u8]) -> io::Result<Heard> {
        let (job, said) = match protocol::job(line) {
            Some((number, said)) if self.has(ASYNC) => (Some(number), said),
            _ => (None, line),
        };
        if let Request::Error(why) = Request::parse(said) {
            return Err(io::Error::other(format!("git-annex says: {why}")));
        }
        if job.is_none() {
            match Request::parse(said) {
                Request::Extensions(names) => return self.settle_extensions(&names).map(|()| Heard::Nothing),
                _ if self.has(ASYNC) => {
                    let why = "a line without the number of its job";
                    let _ = self.lock().write(None, &Reply::Error(why.to_owned()).line());
                    return Err(io::Error::other(why));
                }
                _ => {}
            }
        }
        let mut state = self.lock();
        if let Some(question) = state.questions.remove(&job) {
            // Nobody waits any more if the conversation has been broken off.
            let _ = question.send(said.to_vec());
            return Ok(Heard::Nothing);
        }
        state.open.push(job);
        Ok(Heard::Request(job, Request::parse(said)))
    }

    fn settle_extensions(&self, offered: &[String]) -> io::Result<()> {
        let used: Vec<_> =
            EXTENSIONS.into_iter().filter(|name| offered.iter().any(|other| other == name)).collect();
        // The answer itself has no number yet.
        let mut state = self.lock();
        let _ = self.extensions.set(used.clone());
        state.write(None, &Reply::Extensions(used).line())
    }

    /// Returns whether an extension is used.
    fn has(&self, extension: &str) -> bool {
        self.extensions.get().is_some_and(|names| names.contains(&extension))
    }

    /// Says something that belongs to no request in particular: in the conversation that was begun last; where there is
    /// none, nobody would hear.
    pub(super) fn say(&self, statement: &Statement<'_>) {
        let mut state = self.lock();
        if let Some(job) = state.open.last().copied() {
            let _ = state.write(job, &self.sayable(statement).line());
        }
    }

    /// What is for people becomes a line of the log where git-annex shows them nothing.
    fn sayable<'a>(&self, statement: &Statement<'a>) -> Statement<'a> {
        match statement {
            Statement::Info(said) if !self.has("INFO") => Statement::Debug(said),
            other => other.clone(),
        }
    }

    /// There will be no more answers: whoever waits for one, or asks from now on, is told so.
    pub(super) fn hang_up(&self) {
        let mut state = self.lock();
        state.has_hung_up = true;
        state.questions.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, job: Job, line: &[u8]) -> io::Result<()> {
        let number = job.map(|job| format!("J {job} ")).unwrap_or_default();
        self.output.write_all(&[number.as_bytes(), line, b"\n"].concat())?;
        self.output.flush()
    }
}

/// One conversation with git-annex.
#[derive(Clone)]
pub(super) struct Conversation {
    line: Arc<Line>,
    job: Job,
}

impl Conversation {
    pub(super) fn new(line: Arc<Line>, job: Job) -> Self {
        Self { line, job }
    }

    /// Says something on the way to the answer.
    pub(super) fn send(&self, reply: &Reply) -> io::Result<()> {
        self.line.lock().write(self.job, &reply.line())
    }

    /// Answers the request. Nothing is said in this conversation after that, until the next.
    pub(super) fn finish(&self, reply: &Reply) -> io::Result<()> {
        let mut state = self.line.lock();
        if let Some(place) = state.open.iter().position(|job| *job == self.job) {
            state.open.remove(place);
        }
        state.write(self.job, &reply.line())
    }

    /// Tells git-annex something that it does not answer.
    pub(super) fn tell(&self, statement: &Statement<'_>) -> io::Result<()> {
        self.line.lock().write(self.job, &self.line.sayable(statement).line())
    }

    /// Asks git-annex and returns its answer, which may be empty.
    pub(super) async fn ask(&self, question: Question<'_>) -> io::Result<String> {
        let line = self.answer(&question).await?;
        protocol::value(&line).ok_or_else(|| unexpected(&question))
    }

    /// Asks for a setting of the remote; empty if there is none.
    pub(super) async fn config(&self, name: &str) -> io::Result<String> {
        self.ask(Question::Config(name)).await
    }

    /// Asks for credentials that were kept: user and password.
    pub(super) async fn credentials(&self, name: &str) -> io::Result<Option<(String, String)>> {
        let question = Question::Credentials(name);
        let line = self.answer(&question).await?;
        let (user, password) = protocol::credentials(&line).ok_or_else(|| unexpected(&question))?;
        Ok(Some((user, password)).filter(|(user, password)| !user.is_empty() && !password.is_empty()))
    }

    /// Asks what is kept about a key; empty if there is nothing.
    pub(super) async fn state(&self, key: &Key) -> io::Result<String> {
        self.ask(Question::State(key)).await
    }

    /// Returns whether an extension is used.
    pub(super) fn has(&self, extension: &str) -> bool {
        self.line.has(extension)
    }

    async fn answer(&self, question: &Question<'_>) -> io::Result<Vec<u8>> {
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.line.lock();
            if state.has_hung_up {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // Before it is asked, so that no answer can come too soon.
            state.questions.insert(self.job, sender);
            state.write(self.job, &question.line())?;
        }
        answer.await.map_err(|_| io::ErrorKind::UnexpectedEof.into())
    }
}

/// What was said may hold a secret, so that none of it is repeated.
fn unexpected(question: &Question<'_>) -> io::Error {
    let question = question.line();
    io::Error::other(format!("unexpected answer to {}", String::from_utf8_lossy(&question)))
}

/// How far a transfer has come is for git-annex to show.
impl Progress for Conversation {
    fn begin<'a>(&'a self, _item: &Item<'_>) -> Box<dyn ItemProgress + 'a> {
        Box::new(self.clone())
    }
}

impl ItemProgress for Conversation {
    fn advanced(&self, done: u64) {
        // If git-annex has gone, the reply that follows will notice.
        let _ = self.send(&Reply::Progress(done));
    }
}
