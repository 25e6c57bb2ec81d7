//! Asking for archives, waiting for them, bringing them here.
//!
//! All references are looked up before anything is asked of the service, so that a wrong name starts no job. One
//! list of the vault's jobs serves all of them.
//!
//! # Order of writes
//!
//! The service first, then a row that remembers the job. A job whose row was lost is in the service's list, for this
//! and every other program, until about a day after its end; the row is for the moments in which it is not there yet.

mod here;
mod order;
mod plan;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;

use super::download::Output;
use super::progress::{Rising, Wait};
use super::wait::{ASKED_AT_ONCE, LISTED_FROM, Waiting};
use super::{
    Engine, EngineError, Item, ItemKind, ItemProgress, Notice, Patience, Progress, RangeSize, Target, several,
};
use crate::cache::{Archive, Scope};
use crate::service::{ServiceError, Tier};
use crate::types::{ArchiveRef, JobId, VaultName, total_bytes};
use order::{Order, Standing};
pub use plan::{Planned, Step};

/// An archive that is wanted, and where.
pub struct Wanted {
    /// The archive as it was referred to.
    pub reference: ArchiveRef,
    /// Where its content goes.
    pub target: Target,
}

/// How archives are to be brought here.
#[derive(Debug, Clone, Copy)]
pub struct RetrieveOptions {
    /// How much one request fetches.
    pub range_size: RangeSize,
    /// How fast a job that is started is to be.
    pub tier: Option<Tier>,
    /// What to do about a job that is not finished.
    pub patience: Patience,
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

/// What came of one of the archives that were wanted.
#[derive(Debug, Clone, Copy)]
pub struct Retrieved<'a> {
    /// Which it is, counted from 0.
    pub index: usize,
    /// The archive.
    pub archive: &'a Archive,
    /// The job that brings it, or has brought it, or was to, as far as one is known.
    pub job: Option<&'a JobId>,
    /// How far it has come, or why it cannot be brought.
    pub outcome: Result<Retrieval, &'a EngineError>,
}

/// Hears of each archive, once.
type Tell<'a> = &'a mut (dyn FnMut(Retrieved<'_>) + Send);

impl Engine {
    /// Brings each archive to its target if a job of it has finished, else starts one, or lets one go on; with
    /// patience, until all are there. Returns how each stands, in the order given.
    ///
    /// # Errors
    ///
    /// The first that occurred, when all others are as far as they go: those that could be brought are at their targets.
    /// A download that was interrupted goes on at the next call.
    pub async fn retrieve(
        &self,
        vault: &VaultName,
        wanted: Vec<Wanted>,
        options: RetrieveOptions,
        progress: &dyn Progress,
    ) -> Result<Vec<Retrieval>, EngineError> {
        self.retrieve_and_tell(vault, wanted, options, progress, &mut |_| {}).await
    }

    /// The same, and tells of each archive once: at once of what has come and of what cannot be brought, at the end of
    /// what is not here yet. Nothing is told of those that were not tried, since what had failed before would have met
    /// them too.
    pub async fn retrieve_and_tell(
        &self,
        vault: &VaultName,
        wanted: Vec<Wanted>,
        options: RetrieveOptions,
        progress: &dyn Progress,
        tell: &mut (dyn FnMut(Retrieved<'_>) + Send),
    ) -> Result<Vec<Retrieval>, EngineError> {
        let scope = self.scope_for_finding(vault).await?;
        let mut orders = self.orders(&scope, vault, wanted).await?;
        announce(&orders, options.patience, progress);
        let work = Work {
            engine: self,
            scope,
            vault,
            options,
            progress,
            failures: Mutex::default(),
            tell: Mutex::new(tell),
            is_useless_to_start: AtomicBool::new(false),
            is_useless_to_download: AtomicBool::new(false),
        };
        work.advance_all(&mut orders).await;
        let waited = match options.patience {
            Patience::Wait => work.wait_for_all(&mut orders).await,
            Patience::ComeBackLater => Ok(()),
        };
        for order in orders.iter().filter(|order| !order.is_settled()) {
            work.tell(order, Ok(order.retrieval()));
        }
        waited?;
        work.outcome()?;
        Ok(orders.iter().map(Order::retrieval).collect())
    }

    /// Looks up all that is wanted, and the vault's jobs.
    async fn orders(
        &self,
        scope: &Scope,
        vault: &VaultName,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Order>, EngineError> {
        let mut found = Vec::new();
        for Wanted { reference, target } in wanted {
            found.push((self.resolve_content(scope, vault, &reference)?, reference, target));
        }
        let list = self.job_list(vault).await?;
        let orders = found.into_iter().enumerate();
        Ok(orders
            .map(|(index, (equal, name, target))| Order::new(index, &name, equal, target, &list))
            .collect())
    }

    /// Finds out how it stands with an order where the list of jobs does not tell for certain.
    async fn look_up(&self, vault: &VaultName, order: &mut Order) -> Result<(), EngineError> {
        // A job that was started here may be missing from the service's list, or not be in it yet.
        if let Standing::NotAsked | Standing::Failed(_) = order.standing
            && let Some(job) = self.remembered_job(vault, &order.archive.id).await?
        {
            order.take(Some(job), self.clock.now());
        }
        if let Standing::Unsure(id) = &order.standing {
            let job = self.describe_job(vault, id).await?;
            order.take(job, self.clock.now());
        }
        Ok(())
    }
}

/// Tells of what is going to come, as far as it is there already or will be waited for.
fn announce(orders: &[Order], patience: Patience, progress: &dyn Progress) {
    let comes = |order: &&Order| patience == Patience::Wait || matches!(order.standing, Standing::Ready(..));
    let sizes: Vec<u64> =
        orders.iter().filter(comes).map(|order| order.archive.size_bytes.unwrap_or(0)).collect();
    progress.planned(sizes.len(), total_bytes(sizes));
}

/// What is the same for all orders of a call.
struct Work<'a> {
    engine: &'a Engine,
    scope: Scope,
    vault: &'a VaultName,
    options: RetrieveOptions,
    progress: &'a dyn Progress,
    failures: Mutex<Vec<EngineError>>,
    tell: Mutex<Tell<'a>>,
    /// Whether what one request was refused for would meet every other.
    is_useless_to_start: AtomicBool,
    is_useless_to_download: AtomicBool,
}

impl Work<'_> {
    /// Takes all orders as far as they go without waiting, several at once. Those that are not begun take no memory.
    async fn advance_all(&self, orders: &mut [Order]) {
        let advancing = orders.iter_mut().map(|order| self.advance_or_give_up(order).boxed());
        let Ok(()) = several::at_once(advancing, ASKED_AT_ONCE, Ok::<_, Infallible>).await;
    }

    /// One that fails is no reason to break off the others.
    async fn advance_or_give_up(&self, order: &mut Order) {
        if order.is_settled() {
            return;
        }
        match self.advance(order).await {
            Ok(()) if matches!(order.standing, Standing::Done(_)) => self.tell(order, Ok(Retrieval::Done)),
            Ok(()) => {}
            Err(error) => {
                order.standing = Standing::GivenUp(order.known_job().cloned());
                self.tell(order, Err(&error));
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(error);
            }
        }
    }

    fn tell(&self, order: &Order, outcome: Result<Retrieval, &EngineError>) {
        let (index, archive, job) = (order.index, &order.archive, order.known_job());
        let mut tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        tell(Retrieved { index, archive, job, outcome });
    }

    /// Returns the first error, if there was any, and tells of the others.
    fn outcome(&self) -> Result<(), EngineError> {
        let failures = std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner));
        let mut failures = failures.into_iter();
        let first = failures.next();
        for other in failures {
            self.engine.transfers.notice(&Notice::AlsoFailed { why: other.explained() });
        }
        first.map_or(Ok(()), Err)
    }

    /// Of an archive that someone else has deleted, another of equal content is as good.
    async fn advance(&self, order: &mut Order) -> Result<(), EngineError> {
        loop {
            match self.advance_one(order).await {
                Err(EngineError::Service(ServiceError::NotFound { .. })) if order.turn_to_another() => {}
                advanced => return advanced,
            }
        }
    }

    async fn advance_one(&self, order: &mut Order) -> Result<(), EngineError> {
        self.engine.look_up(self.vault, order).await?;
        self.download_if_ready(order).await?;
        if order.wants_job() {
            unless_useless(&self.is_useless_to_start, order, async |order| self.start(order).await).await?;
        }
        // Another process may have started it, and it has finished.
        self.download_if_ready(order).await
    }

    async fn download_if_ready(&self, order: &mut Order) -> Result<(), EngineError> {
        if let Standing::Ready(..) = &order.standing {
            unless_useless(&self.is_useless_to_download, order, async |order| self.download(order).await)
                .await?;
        }
        Ok(())
    }

    async fn download(&self, order: &mut Order) -> Result<(), EngineError> {
        let Standing::Ready(job, described, asked) = &order.standing else { return Ok(()) };
        let output = Output {
            vault: self.vault,
            job,
            name: &order.name,
            identity: order.archive.id.as_str(),
            size_bytes: described.size_bytes.or(order.archive.size_bytes),
            tree_hash: order.archive.tree_hash.or(described.tree_hash),
            range_size: self.options.range_size,
        };
        let item =
            self.progress.begin(&Item { kind: ItemKind::Retrieval(&order.name), total: output.size_bytes });
        let progress = Rising::new(&*item);
        match self.engine.download(&output, &mut order.target, &progress).await {
            Ok(()) => {
                progress.finished();
                if let Some(asked) = asked {
                    self.engine.end_doubt(&order.archive, *asked);
                }
                order.standing = Standing::Done(job.clone());
            }
            // It was listed, but has expired since.
            Err(EngineError::Service(ServiceError::NotFound { .. })) => order.standing = Standing::Expired,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Starts a job. One that takes the place of a failed or expired one is worth a word, and while waiting it is
    /// started only once: what fails again fails for a reason.
    async fn start(&self, order: &mut Order) -> Result<(), EngineError> {
        let _lock = self.engine.lock_job(&order.archive.id).await?;
        // Another process may have started one since this one looked.
        self.engine.look_up(self.vault, order).await?;
        if !order.wants_job() {
            return Ok(());
        }
        let name = order.name.clone();
        let notice = match order.standing {
            Standing::Failed(_) => Some(Notice::JobFailed { name }),
            Standing::Expired => Some(Notice::OutputExpired { name }),
            _ => None,
        };
        // As jobs for what was deleted lately do.
        if let Standing::Failed(ended) = order.standing {
            self.engine.doubt(&order.archive, ended)?;
        }
        if notice.is_some() && !order.may_start_anew() {
            let what = format!("archive {}", crate::types::quoted(&order.name));
            return Err(EngineError::JobFailed { what });
        }
        let (engine, archive) = (self.engine, &order.archive.id);
        let _noting = engine.stop.noting().await;
        let started = engine.glacier.initiate_archive_job(self.vault, archive, self.options.tier).await;
        let id = match started {
            Ok(id) => id,
            // It may have been started all the same; another would cost a second time.
            Err(error) if error.is_outcome_unknown() => {
                engine.find_started(self.vault, archive).await?.ok_or(EngineError::Service(error))?
            }
            Err(error) => {
                if error.is_missing_in_vault() {
                    engine.doubt_now(&order.archive)?;
                }
                return Err(engine.about_vault(self.vault)(error));
            }
        };
        engine.cache.remember_job(&self.scope, self.vault, archive, &id, engine.clock.now())?;
        if let Some(notice) = notice {
            engine.transfers.notice(&notice);
        }
        order.standing = Standing::Queued(id);
        Ok(())
    }

    /// Ends when each order is done or given up.
    async fn wait_for_all(&self, orders: &mut [Order]) -> Result<(), EngineError> {
        let mut waiting = Waiting::new();
        loop {
            let looked = self.look(orders).await;
            if !orders.iter().any(|order| order.job().is_some()) {
                self.progress.waited();
            }
            self.advance_all(orders).await;
            if orders.iter().all(Order::is_settled) {
                return Ok(());
            }
            self.tell_of_waiting(orders);
            self.engine.wait_after(looked, &mut waiting).await?;
        }
    }

    fn tell_of_waiting(&self, orders: &[Order]) {
        let now = self.engine.clock.now();
        let pending = orders.iter().filter(|order| order.job().is_some());
        let jobs = pending.map(|order| (order.expected(now), Some(order.name.as_str())));
        self.progress.waiting(&Wait::of(jobs, now));
    }

    /// Asks how the jobs stand: each by itself, or many by one list, of which what is missing is asked for.
    async fn look(&self, orders: &mut [Order]) -> Result<(), EngineError> {
        let mut waiting: Vec<&mut Order> = orders.iter_mut().filter(|order| order.job().is_some()).collect();
        if waiting.len() >= LISTED_FROM {
            let jobs = self.engine.glacier.list_jobs(self.vault).await;
            let jobs = jobs.map_err(self.engine.about_vault(self.vault))?;
            waiting.retain_mut(|order| match jobs.iter().find(|job| Some(&job.id) == order.job()) {
                Some(job) => {
                    order.take(Some(job.clone()), self.engine.clock.now());
                    false
                }
                None => true,
            });
        }
        let asking = waiting.into_iter().map(|order| self.ask(order).boxed());
        several::at_once(asking, ASKED_AT_ONCE, |asked| asked).await
    }

    async fn ask(&self, order: &mut Order) -> Result<(), EngineError> {
        let Some(id) = order.job() else { return Ok(()) };
        let job = self.engine.describe_job(self.vault, id).await?;
        order.take(job, self.engine.clock.now());
        Ok(())
    }
}

/// Lets a request be made, unless an earlier one has failed for a reason that this one would meet too.
async fn unless_useless(
    is_useless: &AtomicBool,
    order: &mut Order,
    request: impl AsyncFnOnce(&mut Order) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    if is_useless.load(Ordering::Relaxed) {
        order.standing = Standing::NotTried;
        return Ok(());
    }
    let made = request(order).await;
    is_useless.fetch_or(made.as_ref().is_err_and(EngineError::concerns_all), Ordering::Relaxed);
    made
}
