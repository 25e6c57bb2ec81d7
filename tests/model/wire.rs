//! The line between a machine and Glacier, which can break at a certain request: before Glacier has it, or when Glacier
//! has done what it asks and answers.

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
}

#[derive(Default)]
struct State {
    planned: Mutex<Option<Break>>,
    death: Notify,
}

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
    fn next(&self) -> Option<Break> {
        let mut planned = self.planned.lock().unwrap();
        let left = planned.as_mut()?;
        left.request = left.request.saturating_sub(1);
        if left.request > 0 { None } else { planned.take() }
    }
}

/// Carries one connection. A request begins with the first bytes after an answer.
async fn carry(mut client: TcpStream, mut service: TcpStream, state: Arc<State>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut is_asking, mut breaks) = (false, None);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if !std::mem::replace(&mut is_asking, true) {
                    breaks = state.next();
                }
                match breaks {
                    Some(Break { is_done: false, is_deadly, .. }) => return ends(client, is_deadly, &state).await,
                    _ if service.write_all(&asked[..length]).await.is_err() => return,
                    _ => {}
                }
            }
            read = service.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                is_asking = false;
                match breaks {
                    Some(Break { is_deadly, .. }) => return ends(client, is_deadly, &state).await,
                    None if client.write_all(&answered[..length]).await.is_err() => return,
                    None => {}
                }
            }
        }
    }
}

/// Holds the connection until the one who asks has died of it, so that nothing is heard of it before.
async fn ends(mut client: TcpStream, is_deadly: bool, state: &State) {
    if is_deadly {
        state.death.notify_one();
        let mut rest = vec![0; 1 << 16];
        while let Ok(1..) = client.read(&mut rest).await {}
    }
}
