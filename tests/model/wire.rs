//! The line between a machine and Glacier, which can break at a certain request: before Glacier has it, or when Glacier
//! has done what it asks and answers. The request that follows may then be refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What happens at which request.
#[derive(Debug, Clone, Copy)]
pub struct Break {
    /// From now on; the first is 1.
    pub request: u8,
    /// Whether Glacier carries it out.
    pub is_done: bool,
    /// Whether whoever asks dies of it; else the connection ends, and no other.
    pub is_deadly: bool,
    /// Whether the next request is refused, if there is one.
    pub is_refused_then: bool,
}

/// What becomes of a request.
enum Fate {
    Breaks(Break),
    IsRefused,
}

#[derive(Default)]
struct State {
    planned: Mutex<Option<Break>>,
    refuses_next: AtomicBool,
    death: Notify,
}

const REFUSAL: &str = r#"{"code":"AccessDeniedException","message":"not now","type":"Client"}"#;

pub struct Wire {
    pub url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Wire {
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let there = url.strip_prefix("http://").unwrap().to_owned();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let service = TcpStream::connect(&there).await.unwrap();
                client.set_nodelay(true).unwrap();
                service.set_nodelay(true).unwrap();
                tokio::spawn(carry(client, service, Arc::clone(&shared)));
            }
        });
        Self { url: here, state, task }
    }

    pub fn plan(&self, planned: Break) {
        *self.state.planned.lock().unwrap() = Some(planned);
    }

    pub fn mend(&self) {
        *self.state.planned.lock().unwrap() = None;
        self.state.refuses_next.store(false, Ordering::Relaxed);
    }

    /// Is ready when whoever asks is to die.
    pub fn death(&self) -> impl Future<Output = ()> + use<> {
        let state = Arc::clone(&self.state);
        async move { state.death.notified().await }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// Counts a request; returns what happens at it.
    fn next(&self) -> Option<Fate> {
        if self.refuses_next.swap(false, Ordering::Relaxed) {
            return Some(Fate::IsRefused);
        }
        let mut planned = self.planned.lock().unwrap();
        let left = planned.as_mut()?;
        left.request = left.request.saturating_sub(1);
        if left.request > 0 {
            return None;
        }
        self.refuses_next.store(left.is_refused_then, Ordering::Relaxed);
        planned.take().map(Fate::Breaks)
    }
}

/// Carries one connection. A request begins with the first bytes after an answer.
async fn carry(mut client: TcpStream, mut service: TcpStream, state: Arc<State>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut is_asking, mut fate) = (false, None);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if !std::mem::replace(&mut is_asking, true) {
                    fate = state.next();
                }
                match fate {
                    Some(Fate::Breaks(Break { is_done: false, is_deadly, .. })) => {
                        return ends(client, is_deadly, &state).await;
                    }
                    Some(Fate::IsRefused) => return refuse(client).await,
                    _ if service.write_all(&asked[..length]).await.is_err() => return,
                    _ => {}
                }
            }
            read = service.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                is_asking = false;
                match fate {
                    Some(Fate::Breaks(Break { is_deadly, .. })) => return ends(client, is_deadly, &state).await,
                    Some(Fate::IsRefused) => return,
                    None if client.write_all(&answered[..length]).await.is_err() => return,
                    None => {}
                }
            }
        }
    }
}

/// Says no, and listens until the other has heard it.
async fn refuse(mut client: TcpStream) {
    let length = REFUSAL.len();
    let head = "HTTP/1.1 403 Forbidden\r\nx-amzn-requestid: r\r\nContent-Type: application/json\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {length}\r\n\r\n{REFUSAL}");
    let _ = client.write_all(answer.as_bytes()).await;
    let mut rest = vec![0; 1 << 16];
    while let Ok(1..) = client.read(&mut rest).await {}
}

/// Holds the connection until the one who asks has died of it, so that nothing is heard of it before.
async fn ends(mut client: TcpStream, is_deadly: bool, state: &State) {
    if is_deadly {
        state.death.notify_one();
        let mut rest = vec![0; 1 << 16];
        while let Ok(1..) = client.read(&mut rest).await {}
    }
}
