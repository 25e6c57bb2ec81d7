//! Asking for archives, waiting for them, bringing them here.
//!
//! All references are looked up before anything is asked of the service, so that a wrong name starts no job. One
//! list of the vault's jobs serves all of them. A job started here needs no record: the service lists it, for this
//! and every other program, until about a day after its end.

use super::download::Output;
use super::wait::Pauses;
use super::{Engine, EngineError, Patience, Progress, RangeSize, Target};
use crate::cache::Archive;
use crate::service::{ArchiveJob, Job, JobStatus, JobTask, ServiceError};
use crate::types::{ArchiveRef, JobId, VaultName};

/// An archive that is wanted, and where.
pub struct Wanted {
    /// The archive as it was referred to.
    pub reference: ArchiveRef,
    /// Where its content goes.
    pub target: Target,
}

/// How far the retrieval of one archive has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retrieval {
    /// The content is at its target.
    Done,
    /// A job was started; its output will be there in some hours.
    Queued,
    /// A job that was started before is not finished.
    Pending,
}

impl Engine {
    /// Brings each archive to its target if a job of it has finished, else starts one, or lets one go on; with
    /// patience, until all are there. Returns how each stands, in the order given.
    pub async fn retrieve(
        &self,
        vault: &VaultName,
        wanted: Vec<Wanted>,
        range_size: RangeSize,
        patience: Patience,
        progress: &dyn Progress,
    ) -> Result<Vec<Retrieval>, EngineError> {
        let scope = self.scope_of(vault).await?;
        let mut found = Vec::new();
        for Wanted { reference, target } in wanted {
            found.push((self.resolve_content(&scope, vault, &reference)?, reference.to_string(), target));
        }
        let jobs = self.glacier.list_jobs(vault).await.map_err(self.about_vault(vault))?;
        let orders = found.into_iter().map(|(equal, name, target)| Order::new(equal, name, target, &jobs));
        let mut orders: Vec<Order> = orders.collect();
        for order in &mut orders {
            self.advance(vault, order, range_size, progress).await?;
        }
        if patience == Patience::Wait {
            self.wait_for_all(vault, &mut orders, range_size, progress).await?;
        }
        Ok(orders.iter().map(Order::retrieval).collect())
    }

    /// Takes the order as far as it goes without waiting.
    async fn advance(
        &self,
        vault: &VaultName,
        order: &mut Order,
        range_size: RangeSize,
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        if let Standing::Ready(job, described) = &order.standing {
            let output = Output {
                vault,
                job,
                name: &order.name,
                size_bytes: described.size_bytes.or(order.archive.size_bytes),
                tree_hash: order.archive.tree_hash.or(described.tree_hash),
                range_size,
            };
            match self.download(&output, &mut order.target, progress).await {
                Ok(()) => order.standing = Standing::Done,
                // It was listed, but has expired since.
                Err(EngineError::Service(ServiceError::NotFound { .. })) => {
                    order.standing = Standing::NotAsked;
                }
                Err(error) => return Err(error),
            }
        }
        if let Standing::NotAsked = order.standing {
            let job = self.glacier.initiate_archive_job(vault, &order.archive.id).await;
            order.standing = Standing::Queued(job.map_err(self.about_vault(vault))?);
        }
        Ok(())
    }

    async fn wait_for_all(
        &self,
        vault: &VaultName,
        orders: &mut [Order],
        range_size: RangeSize,
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        let mut pauses = Pauses::new();
        loop {
            for order in orders.iter_mut() {
                let (Standing::Queued(id) | Standing::Pending(id)) = &order.standing else { continue };
                let job = self.glacier.describe_job(vault, id).await.map_err(self.about_vault(vault))?;
                if order.take(job)? {
                    self.advance(vault, order, range_size, progress).await?;
                }
            }
            if orders.iter().all(|order| order.retrieval() == Retrieval::Done) {
                return Ok(());
            }
            self.clock.sleep(pauses.next()).await;
        }
    }
}

impl Standing {
    /// Looks for a job that brings all of the archive: the newest that has succeeded, else one under way.
    fn of(archive: &Archive, jobs: &[Job]) -> Self {
        let fitting = |status| {
            jobs.iter().filter(move |job| job.status == status).filter_map(|job| match &job.task {
                JobTask::Archive(task) if task.archive == archive.id && task.is_whole => Some((job, task)),
                _ => None,
            })
        };
        if let Some((job, task)) = fitting(JobStatus::Succeeded).max_by_key(|(job, _)| job.completed_at()) {
            return Self::Ready(job.id.clone(), task.clone());
        }
        let pending = fitting(JobStatus::InProgress).next();
        pending.map_or(Self::NotAsked, |(job, _)| Self::Pending(job.id.clone()))
    }
}

/// One archive on its way.
struct Order {
    /// The archive as it was referred to.
    name: String,
    archive: Archive,
    target: Target,
    standing: Standing,
}

enum Standing {
    NotAsked,
    Queued(JobId),
    Pending(JobId),
    Ready(JobId, ArchiveJob),
    Done,
}

impl Order {
    /// Of archives with equal content the one is taken that a job brings already, finished or under way.
    fn new(equal: Vec<Archive>, name: String, target: Target, jobs: &[Job]) -> Self {
        let with_standing = equal.into_iter().map(|archive| (Standing::of(&archive, jobs), archive));
        let (standing, archive) = with_standing
            .min_by_key(|(standing, _)| match standing {
                Standing::Ready(..) => 0,
                Standing::Pending(_) => 1,
                _ => 2,
            })
            .expect("a name that was resolved means at least one archive");
        Self { name, archive, target, standing }
    }

    /// Takes in how its job stands and returns whether it has finished.
    fn take(&mut self, job: Job) -> Result<bool, EngineError> {
        match (job.status, job.task) {
            (JobStatus::InProgress, _) => Ok(false),
            (JobStatus::Succeeded, JobTask::Archive(task)) => {
                self.standing = Standing::Ready(job.id, task);
                Ok(true)
            }
            _ => {
                let what = format!("archive {}", crate::types::quoted(&self.name));
                Err(EngineError::JobFailed { what })
            }
        }
    }

    fn retrieval(&self) -> Retrieval {
        match self.standing {
            Standing::Done => Retrieval::Done,
            Standing::Pending(_) => Retrieval::Pending,
            Standing::NotAsked | Standing::Queued(_) | Standing::Ready(..) => Retrieval::Queued,
        }
    }
}
