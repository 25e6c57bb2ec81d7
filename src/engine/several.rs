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
    at_once: usize,
    work: impl Fn(&'a Item) -> Working,
    mut tell: impl FnMut(&'a Item, Result<Done, EngineError>),
) where
    Item: Sync,
    Done: Send + 'a,
    Working: Future<Output = Result<Done, EngineError>> + Send,
{
    let is_useless = &AtomicBool::new(false);
    let mut rest = items.iter();
    let mut working = FuturesUnordered::new();
    loop {
        let free = at_once.saturating_sub(working.len());
        working.extend(rest.by_ref().take(free).map(|item| {
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
        }));
        match working.next().await {
            Some(Some((item, done))) => tell(item, done),
            Some(None) => {}
            None => return,
        }
    }
}
