//! Waiting for jobs, whoever started them.

use futures_util::StreamExt;

use super::progress::{Progress, Wait, expected};
use super::wait::{ASKED_AT_ONCE, LISTED_FROM, Waiting};
use super::{Engine, EngineError, VaultJob};
use crate::service::{Job, JobStatus};
use crate::types::{JobId, VaultName};

/// A job that was waited for, as it was last seen, and how it ended.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// The job.
    pub job: VaultJob,
    /// Its end.
    pub end: JobEnd,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// Its output can be had.
    Succeeded,
    /// It brings nothing.
    Failed,
    /// The service knows it no more: it ended more than a day before it was looked at again.
    Unknown,
}

impl Engine {
    /// Waits until the jobs of these ids are finished, or all that are pending if none are given; of one vault or of all
    /// of the region. Returns them in the order given, else in the service's.
    ///
    /// # Errors
    ///
    /// [`EngineError::JobNotFound`], before anything is waited for, if there is no such job.
    pub async fn wait_for_jobs(
        &self,
        of: Option<&VaultName>,
        ids: &[JobId],
        progress: &dyn Progress,
    ) -> Result<Vec<Awaited>, EngineError> {
        let mut listed = self.jobs(of).await?;
        if ids.is_empty() {
            listed.retain(|listed| listed.job.status == JobStatus::InProgress);
        } else {
            let find = |id: &JobId| {
                let found = listed.iter().find(|listed| listed.job.id == *id);
                let missing =
                    || EngineError::JobNotFound { id: id.clone(), list: self.command("job list -l") };
                found.cloned().ok_or_else(missing)
            };
            listed = ids.iter().map(find).collect::<Result<_, _>>()?;
        }
        let mut orders: Vec<Order> = listed.into_iter().map(Order::new).collect();
        let mut waiting = Waiting::new();
        while orders.iter().any(Order::is_pending) {
            let looked = self.look_at_jobs(&mut orders).await;
            let now = self.clock.now();
            let pending = orders.iter().filter(|order| order.is_pending());
            let wait = Wait::of(pending.map(|order| (expected(&order.job.job, now), None)), now);
            if wait.jobs > 0 {
                progress.waiting(&wait);
                self.wait_after(looked, &mut waiting).await?;
            }
        }
        progress.waited();
        Ok(orders.into_iter().map(Order::ended).collect())
    }

    /// Asks how the pending jobs stand: each by itself, or many of one vault by one list, of which what is missing is
    /// asked for.
    async fn look_at_jobs(&self, orders: &mut [Order]) -> Result<(), EngineError> {
        let mut vaults: Vec<VaultName> = orders.iter().map(|order| order.job.vault.clone()).collect();
        vaults.sort();
        vaults.dedup();
        for vault in vaults {
            let of_vault = orders.iter_mut().filter(|order| order.is_pending() && order.job.vault == vault);
            let mut pending: Vec<&mut Order> = of_vault.collect();
            if pending.len() >= LISTED_FROM {
                let jobs = self.glacier.list_jobs(&vault).await.map_err(self.about_vault(&vault))?;
                pending.retain_mut(|order| match jobs.iter().find(|job| job.id == order.job.job.id) {
                    Some(job) => {
                        order.take(Some(job.clone()));
                        false
                    }
                    None => true,
                });
            }
            let asking = pending.into_iter().map(|order| self.ask_about(order));
            let mut asking = futures_util::stream::iter(asking).buffer_unordered(ASKED_AT_ONCE);
            while let Some(asked) = asking.next().await {
                asked?;
            }
        }
        Ok(())
    }

    async fn ask_about(&self, order: &mut Order) -> Result<(), EngineError> {
        let job = self.describe_job(&order.job.vault, &order.job.job.id).await?;
        order.take(job);
        Ok(())
    }
}

/// A job that is waited for.
struct Order {
    job: VaultJob,
    is_gone: bool,
}

impl Order {
    fn new(job: VaultJob) -> Self {
        Self { job, is_gone: false }
    }

    fn is_pending(&self) -> bool {
        !self.is_gone && self.job.job.status == JobStatus::InProgress
    }

    fn take(&mut self, job: Option<Job>) {
        match job {
            Some(job) => self.job.job = job,
            None => self.is_gone = true,
        }
    }

    fn ended(self) -> Awaited {
        let end = match self.job.job.status {
            JobStatus::Succeeded => JobEnd::Succeeded,
            JobStatus::Failed => JobEnd::Failed,
            JobStatus::InProgress => JobEnd::Unknown,
        };
        Awaited { job: self.job, end }
    }
}
