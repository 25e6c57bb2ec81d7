//! Doing the same with several archives.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::EngineError;

/// Works on the items, some at once, and tells of each when it is done. One that fails does not stop the others,
/// unless all would fail so: then what has begun comes to its end, and nothing is told of the rest, which is as it was.
/// What is not begun takes no memory.
pub(super) async fn each<'a, Item, Done, Working>(
    items: &'a [Item],
    limit: usize,
    work: impl Fn(&'a Item) -> Working,
    mut tell: impl FnMut(&'a Item, Result<Done, EngineError>),
) where
    Item: Sync,
    Done: Send + 'a,
    Working: Future<Output = Result<Done, EngineError>> + Send,
{
    let is_useless = &AtomicBool::new(false);
    let working = items.iter().map(|item| {
        let working = work(item);
        async move {
            if is_useless.load(Ordering::Relaxed) {
                return None;
            }
            let done = working.await;
            is_useless.fetch_or(done.as_ref().is_err_and(EngineError::concerns_all), Ordering::Relaxed);
            Some((item, done))
        }
        .boxed()
    });
    let tell = |done| {
        if let Some((item, done)) = done {
            tell(item, done);
        }
        Ok::<_, std::convert::Infallible>(())
    };
    let Ok(()) = at_once(working, limit, tell).await;
}

/// Lets as many of the futures run at once, and hands on what each returns, until that is refused. What is not begun takes
/// no memory.
pub(super) async fn at_once<Working: Future + Unpin, Refusal>(
    mut rest: impl Iterator<Item = Working>,
    limit: usize,
    mut hand_on: impl FnMut(Working::Output) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut working = FuturesUnordered::new();
    loop {
        working.extend(rest.by_ref().take(limit.saturating_sub(working.len())));
        match working.next().await {
            Some(done) => hand_on(done)?,
            None => return Ok(()),
        }
    }
}
