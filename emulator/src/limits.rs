//! A slow link: how long an answer takes to begin, and how many bytes a second a connection carries.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::response::Body;

/// What the link is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    pub(crate) latency: Duration,
    pub(crate) bytes_per_second: Option<u64>,
}

impl Link {
    /// How long so many bytes take.
    #[expect(clippy::cast_precision_loss, reason = "a delay need not be exact")]
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        self.bytes_per_second
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / rate as f64))
    }

    /// Lets an answer out at the link's pace.
    pub(crate) fn slowed(self, body: Body) -> Body {
        if self.bytes_per_second.is_none() {
            return body;
        }
        let frames = stream::try_unfold((body, self), async |(mut body, link)| {
            let Some(frame) = body.frame().await.transpose()? else { return Ok(None) };
            tokio::time::sleep(link.time_for(frame.data_ref().map_or(0, Bytes::len))).await;
            Ok::<_, std::io::Error>(Some((frame, (body, link))))
        });
        StreamBody::new(frames).boxed_unsync()
    }
}

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

/// Ends an answer after half of its first piece, by breaking the connection.
pub(crate) fn cut(body: Body) -> Body {
    let frames = stream::try_unfold(Some(body), async |body| {
        let Some(mut body) = body else { return Err(std::io::ErrorKind::ConnectionReset.into()) };
        let data =
            body.frame().await.transpose()?.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        Ok(Some((Frame::data(data.slice(..data.len() / 2)), None)))
    });
    StreamBody::new(frames).boxed_unsync()
}
