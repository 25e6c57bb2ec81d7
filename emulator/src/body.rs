//! Request bodies: data goes to a file as it comes and is hashed on the way; small ones are read whole.

use std::fs::File;
use std::io::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::error::Refusal;
use crate::store::NewFile;
use crate::treehash::{Hasher, Leaves};

/// Largest body of a control call, in bytes; a policy has at most 20 KB.
const CONTROL_BODY_MAX_BYTES: usize = 256 * 1024;
/// Frames on their way from the network to the disk.
const FRAMES_IN_FLIGHT: usize = 16;

/// What arrived.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) size_bytes: u64,
    pub(crate) linear_hash: String,
    pub(crate) leaves: Leaves,
}

/// Reads a body to its end, into the new file if content is kept; its data last when this returns, if they are to.
pub(crate) async fn receive(mut body: Incoming, new: &NewFile) -> Result<Received, Refusal> {
    let (frames, mut arriving) = mpsc::channel::<Bytes>(FRAMES_IN_FLIGHT);
    let file = new.path().map(File::create_new).transpose()?;
    let lasts = new.lasts;
    let writing = tokio::task::spawn_blocking(move || write(file, lasts, &mut arriving));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("The body ended early: {error}")))?;
        if let Ok(data) = frame.into_data()
            && frames.send(data).await.is_err()
        {
            break;
        }
    }
    drop(frames);
    let received = writing.await.map_err(|error| Refusal::failure(error.to_string()))?;
    // The disk failed; the client is told when it has sent everything, as of any other refusal.
    drain(body).await;
    Ok(received?)
}

fn write(
    mut file: Option<File>,
    lasts: bool,
    arriving: &mut mpsc::Receiver<Bytes>,
) -> std::io::Result<Received> {
    let mut hasher = Hasher::default();
    let mut size_bytes = 0;
    while let Some(data) = arriving.blocking_recv() {
        hasher.update(&data);
        if let Some(file) = &mut file {
            file.write_all(&data)?;
        }
        size_bytes += data.len() as u64;
    }
    if let Some(file) = file.filter(|_| lasts) {
        file.sync_all()?;
    }
    let (linear_hash, leaves) = hasher.finish();
    Ok(Received { size_bytes, linear_hash, leaves })
}

/// Reads and forgets a body, so that a refusal is not lost in a connection that breaks.
pub(crate) async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// Reads and forgets so many bytes of a body.
pub(crate) async fn drain_bytes(body: &mut Incoming, mut length_bytes: u64) {
    while length_bytes > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        length_bytes = length_bytes.saturating_sub(frame.data_ref().map_or(0, Bytes::len) as u64);
    }
}

/// Reads the body of a control call; one that is too long is refused when it has come to its end.
pub(crate) async fn small(mut body: Incoming) -> Result<Bytes, Refusal> {
    let collected = Limited::new(&mut body, CONTROL_BODY_MAX_BYTES).collect().await;
    let collected =
        collected.map_err(|error| Refusal::malformed(format!("The body cannot be read: {error}")));
    if collected.is_err() {
        drain(body).await;
    }
    Ok(collected?.to_bytes())
}
