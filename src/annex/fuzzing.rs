//! What holds for any lines of git-annex, and for anything that is kept of a key.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::protocol::{self, Key, Question, Reply, Request, Statement};
use super::session::{Conversation, Heard, Line};
use super::state::KeyState;

/// The lines are read each on its own, and as one conversation.
pub fn annex_lines(bytes: &[u8]) {
    let lines = || bytes.split(|byte| *byte == b'\n');
    lines().for_each(read_alone);
    converse(lines());
}

/// What is read can be written, and is read from that again; what has a key gets replies of one line that name it.
fn read_alone(line: &[u8]) {
    let request = Request::parse(line);
    if let Some(written) = written(&request) {
        assert_eq!(Request::parse(&written), request);
        let is_text = std::str::from_utf8(line).is_ok();
        if is_text && !matches!(request, Request::Extensions(_) | Request::ClaimUrl) {
            assert_eq!(written.trim_ascii_end(), line.trim_ascii_end());
        }
    }
    if let Some((number, said)) = protocol::job(line) {
        assert!(line.ends_with(said));
        assert_eq!(protocol::job(&joined(&[format!("J {number}").as_bytes(), said])), Some((number, said)));
    }
    if let Some(value) = protocol::value(line) {
        assert_eq!(protocol::value(format!("VALUE {value}").as_bytes()), Some(value));
    }
    if let Some((user, password)) = protocol::credentials(line) {
        let again = format!("CREDS {user} {password}");
        assert_eq!(protocol::credentials(again.as_bytes()), Some((user, password)));
    }
    let why = || String::from_utf8_lossy(line).replace(' ', "\n");
    if let Request::Store { key, .. } | Request::Retrieve { key, .. } | Request::CheckPresent(key) = request {
        answered(&Reply::Stored(key.clone(), Err(why())), "TRANSFER-FAILURE STORE", &key);
        answered(&Reply::Retrieved(key.clone(), Ok(())), "TRANSFER-SUCCESS RETRIEVE", &key);
        answered(&Reply::PresenceUnknown(key.clone(), why()), "CHECKPRESENT-UNKNOWN", &key);
        answered(&Reply::Removed(key.clone(), Err(why())), "REMOVE-FAILURE", &key);
        is_one_line(&Question::State(&key).line());
        is_one_line(&Statement::State(&key, &why()).line());
    }
    is_one_line(&Reply::Error(why()).line());
}

/// Returns the line that makes this request.
fn written(request: &Request) -> Option<Vec<u8>> {
    let about = |word: &str, key: &Key| joined(&[word.as_bytes(), &key.0]);
    Some(match request {
        Request::Extensions(names) => joined(&[b"EXTENSIONS", names.join(" ").as_bytes()]),
        Request::ListConfigs => b"LISTCONFIGS".to_vec(),
        Request::ExportSupported => b"EXPORTSUPPORTED".to_vec(),
        Request::InitRemote => b"INITREMOTE".to_vec(),
        Request::Prepare => b"PREPARE".to_vec(),
        Request::Store { key, file } => joined(&[b"TRANSFER STORE", &key.0, file.as_os_str().as_bytes()]),
        Request::Retrieve { key, file } => {
            joined(&[b"TRANSFER RETRIEVE", &key.0, file.as_os_str().as_bytes()])
        }
        Request::CheckPresent(key) => about("CHECKPRESENT", key),
        Request::Remove(key) => about("REMOVE", key),
        Request::WhereIs(key) => about("WHEREIS", key),
        Request::GetCost => b"GETCOST".to_vec(),
        Request::GetAvailability => b"GETAVAILABILITY".to_vec(),
        Request::GetOrdered => b"GETORDERED".to_vec(),
        Request::GetInfo => b"GETINFO".to_vec(),
        Request::ClaimUrl => b"CLAIMURL http://example.com".to_vec(),
        Request::Error(message) => joined(&[b"ERROR", message.as_bytes()]),
        Request::Unknown => return None,
    })
}

fn joined(fields: &[&[u8]]) -> Vec<u8> {
    fields.join(&b' ')
}

fn answered(reply: &Reply, words: &str, key: &Key) {
    let line = reply.line();
    is_one_line(&line);
    let rest = line.strip_prefix(joined(&[words.as_bytes(), &key.0]).as_slice());
    assert!(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b" ")), "{reply:?}");
}

fn is_one_line(line: &[u8]) {
    assert!(!line.contains(&b'\n'), "{}", String::from_utf8_lossy(line));
}

/// Where the lines of the remote go.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Asking = Pin<Box<dyn Future<Output = io::Result<String>> + Send>>;

/// Each request is answered in its own conversation, by one line; whoever asks back gets the next line of that
/// conversation, or hears that there will be none.
fn converse<'a>(lines: impl Iterator<Item = &'a [u8]>) {
    let said = Said::default();
    let line = Arc::new(Line::open(Box::new(said.clone())).expect("memory takes everything"));
    let mut asking: Vec<Asking> = Vec::new();
    for spoken in lines {
        said.bytes().clear();
        match line.hear(spoken) {
            Err(_) => break,
            Ok(Heard::Nothing) => asking.retain_mut(|asking| !is_answered(asking)),
            Ok(Heard::Request(job, request)) => {
                let number = job.map(|job| format!("J {job} ")).unwrap_or_default();
                let conversation = Conversation::new(Arc::clone(&line), job);
                let expected = match request {
                    Request::CheckPresent(key) => {
                        let asked = joined(&[b"GETSTATE", &key.0]);
                        let mut state = Box::pin(async move { conversation.state(&key).await }) as Asking;
                        assert!(!is_answered(&mut state));
                        asking.push(state);
                        asked
                    }
                    _ => {
                        conversation.finish(&Reply::Unsupported).expect("memory takes everything");
                        b"UNSUPPORTED-REQUEST".to_vec()
                    }
                };
                assert_eq!(*said.bytes(), [number.as_bytes(), &expected, b"\n"].concat());
            }
        }
    }
    line.hang_up();
    assert!(asking.iter_mut().all(is_answered), "someone waits for ever");
}

fn is_answered(asking: &mut Asking) -> bool {
    matches!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
}

/// What is read is written so that it is read again; nothing that was kept of another vault counts.
pub fn key_state(bytes: &[u8]) {
    const PLACE: &str = "1b0f15a6";
    let text = String::from_utf8_lossy(bytes);
    let state = KeyState::read(&text, PLACE);
    if state == KeyState::Newer {
        // Nothing is written in its place.
        return;
    }
    let written = state.text(PLACE);
    assert_eq!(KeyState::read(&written, PLACE), state);
    let key = Key(b"k".to_vec());
    assert_eq!(Statement::State(&key, &written).line(), format!("SETSTATE k {written}").into_bytes());
    if matches!(state, KeyState::Stored(_) | KeyState::Removed(_)) {
        assert_eq!(KeyState::read(&text, "1b0f15a7"), KeyState::Nothing);
    }
}
