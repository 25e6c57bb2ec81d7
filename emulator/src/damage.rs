//! Damage done on purpose to the data of an answer.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::response::Body;

/// Flips a bit of the first byte of an answer.
pub(crate) fn corrupted(body: Body) -> Body {
    let frames = stream::try_unfold((body, true), async |(mut body, is_first)| {
        let Some(frame) = body.frame().await.transpose()? else { return Ok(None) };
        let frame = match frame.into_data() {
            Ok(data) if is_first => {
                let mut data = data.to_vec();
                data.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                Frame::data(Bytes::from(data))
            }
            Ok(data) => Frame::data(data),
            Err(frame) => frame,
        };
        Ok::<_, std::io::Error>(Some((frame, (body, false))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Breaks the connection after the first `length_bytes` of an answer.
pub(crate) fn cut(body: Body, length_bytes: u64) -> Body {
    let frames = stream::try_unfold((body, length_bytes), async |(mut body, left_bytes)| {
        if left_bytes == 0 {
            // What is written goes out only when the body has nothing more to give for the moment.
            tokio::task::yield_now().await;
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        let data =
            body.frame().await.transpose()?.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        let data = data.slice(..usize::try_from(left_bytes).unwrap_or(usize::MAX).min(data.len()));
        let left_bytes = if data.is_empty() { 0 } else { left_bytes - data.len() as u64 };
        Ok(Some((Frame::data(data), (body, left_bytes))))
    });
    StreamBody::new(frames).boxed_unsync()
}
