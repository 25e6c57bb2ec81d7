//! What a retrieval would do, found out without doing it.

use futures_util::{FutureExt, StreamExt, TryStreamExt};

use super::Wanted;
use super::order::{Order, Standing};
use crate::cache::Archive;
use crate::engine::wait::ASKED_AT_ONCE;
use crate::engine::{Engine, EngineError};
use crate::types::{JobId, VaultName};

/// What a retrieval would do about one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The archive.
    pub archive: Archive,
    /// The job that brings it, if there is one.
    pub job: Option<JobId>,
    /// What would be done.
    pub step: Step,
}

/// The next that is to be done about an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A job has made it ready: it would be brought.
    Bring,
    /// A job is under way: it would be waited for.
    Await,
    /// No job brings it: one would be started.
    Start,
}

impl Engine {
    /// Returns what [`Engine::retrieve`] would do, in the order given. Starts no job and fetches nothing.
    ///
    /// # Errors
    ///
    /// When a reference means no archive or several, or Glacier does not tell how the jobs stand.
    pub async fn plan_retrieval(
        &self,
        vault: &VaultName,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Planned>, EngineError> {
        let scope = self.scope_for_finding(vault).await?;
        let orders = self.orders(&scope, vault, wanted).await?;
        let looking = orders.into_iter().map(|mut order| {
            async move { self.look_up(vault, &mut order).await.map(|()| Planned::from(order)) }.boxed()
        });
        let looking: Vec<_> = looking.collect();
        futures_util::stream::iter(looking).buffered(ASKED_AT_ONCE).try_collect().await
    }
}

impl From<Order> for Planned {
    fn from(order: Order) -> Self {
        let step = match order.standing {
            Standing::Ready(..) => Step::Bring,
            Standing::Queued(_) | Standing::Pending(_) | Standing::Unsure(_) => Step::Await,
            _ => Step::Start,
        };
        Self { job: order.known_job().cloned(), archive: order.archive, step }
    }
}
