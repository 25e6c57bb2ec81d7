//! One archive on its way.

use super::Retrieval;
use crate::cache::Archive;
use crate::engine::Target;
use crate::engine::doubts::failed_at;
use crate::engine::jobs::JobList;
use crate::engine::progress::expected;
use crate::service::{ArchiveJob, Job, JobStatus, JobTask};
use crate::types::{ArchiveRef, JobId, Timestamp};

/// One archive on its way.
pub(super) struct Order {
    /// Which of the archives that are wanted it is.
    pub(super) index: usize,
    /// The archive as it was referred to.
    pub(super) name: String,
    pub(super) archive: Archive,
    pub(super) target: Target,
    pub(super) standing: Standing,
    /// Others of equal content, for when this one is gone; the best last.
    others: Vec<(Standing, Archive)>,
    /// When its job was asked for and when it is ready at the latest, as far as the service was asked.
    expected: Option<(Timestamp, Timestamp)>,
    has_started_anew: bool,
}

pub(super) enum Standing {
    /// No job of it is known.
    NotAsked,
    /// A job of it is known from a list that may be out of date.
    Unsure(JobId),
    /// A job was started by this call.
    Queued(JobId),
    /// A job from before is under way.
    Pending(JobId),
    /// A job has brought it that was asked for at that time.
    Ready(JobId, ArchiveJob, Option<Timestamp>),
    /// Its job has brought nothing, which was so at that time.
    Failed(Option<Timestamp>),
    /// What its job had brought is no longer there.
    Expired,
    /// It is where it belongs; that job has brought it.
    Done(JobId),
    /// It cannot be brought, for a reason that was kept; a job of it may be known.
    GivenUp(Option<JobId>),
    /// It was left as it is, since another has failed for a reason that this one would meet too.
    NotTried,
}

impl Standing {
    /// Looks for a job that brings all of the archive: the newest that has succeeded, else one under way; a failed one
    /// only counts for a word.
    fn of(archive: &Archive, list: &JobList) -> Self {
        let ours = list.of(&archive.id);
        let succeeded = ours.iter().filter(|(job, _)| job.status == JobStatus::Succeeded);
        if let Some((job, task)) = succeeded.max_by_key(|(job, _)| job.completed_at()) {
            Self::Ready(job.id.clone(), task.clone(), job.created_at().ok())
        } else if let Some((job, _)) = ours.iter().find(|(job, _)| job.status == JobStatus::InProgress) {
            let id = job.id.clone();
            if list.is_fresh { Self::Pending(id) } else { Self::Unsure(id) }
        } else if !ours.is_empty() {
            Self::Failed(ours.iter().filter_map(|(job, _)| failed_at(job)).max())
        } else {
            Self::NotAsked
        }
    }
}

impl Order {
    /// Of archives with equal content, at least one, that is taken which a job brings already, finished or under way;
    /// last one whose job has failed, as it may be deleted.
    pub(super) fn new(
        index: usize,
        reference: &ArchiveRef,
        equal: Vec<Archive>,
        target: Target,
        list: &JobList,
    ) -> Self {
        let with_standing = equal.into_iter().map(|archive| (Standing::of(&archive, list), archive));
        let mut others: Vec<_> = with_standing.collect();
        others.sort_by_key(|(standing, _)| match standing {
            Standing::Ready(..) => 0,
            Standing::Pending(_) | Standing::Unsure(_) => 1,
            Standing::Failed(_) => 3,
            _ => 2,
        });
        others.reverse();
        let (standing, archive) = others.pop().expect("a name that was resolved means at least one archive");
        Self {
            index,
            name: reference.to_string(),
            archive,
            target,
            standing,
            others,
            expected: None,
            has_started_anew: false,
        }
    }

    /// Turns to another archive of equal content. Returns whether there was one.
    pub(super) fn turn_to_another(&mut self) -> bool {
        let Some((standing, archive)) = self.others.pop() else { return false };
        (self.standing, self.archive) = (standing, archive);
        true
    }

    /// Returns the job that is waited for.
    pub(super) fn job(&self) -> Option<&JobId> {
        match &self.standing {
            Standing::Queued(id) | Standing::Pending(id) => Some(id),
            _ => None,
        }
    }

    /// Returns the job that brings it, or has brought it, or was to, as far as one is known.
    pub(super) fn known_job(&self) -> Option<&JobId> {
        match &self.standing {
            Standing::Unsure(id)
            | Standing::Queued(id)
            | Standing::Pending(id)
            | Standing::Ready(id, ..)
            | Standing::Done(id) => Some(id),
            Standing::GivenUp(id) => id.as_ref(),
            Standing::NotAsked | Standing::Failed(_) | Standing::Expired | Standing::NotTried => None,
        }
    }

    /// Takes in how its job stands; none if the service knows it no more.
    pub(super) fn take(&mut self, job: Option<Job>, now: Timestamp) {
        self.expected = job.as_ref().map(|job| expected(job, now));
        let asked = job.as_ref().and_then(|job| job.created_at().ok());
        self.standing = match job {
            None => Standing::Expired,
            Some(Job { id, status: JobStatus::Succeeded, task: JobTask::Archive(task), .. }) => {
                Standing::Ready(id, task, asked)
            }
            Some(Job { id, status: JobStatus::InProgress, .. }) => match self.standing {
                Standing::Queued(_) => Standing::Queued(id),
                _ => Standing::Pending(id),
            },
            Some(job) => Standing::Failed(failed_at(&job)),
        };
    }

    /// Returns when its job was asked for and when it is ready at the latest; one that was just started was not looked
    /// at yet.
    pub(super) fn expected(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        self.expected.unwrap_or((now, now))
    }

    /// Returns whether a job may be started in the place of one that brought nothing: once.
    pub(super) fn may_start_anew(&mut self) -> bool {
        !std::mem::replace(&mut self.has_started_anew, true)
    }

    /// Returns whether a job is to be started.
    pub(super) fn wants_job(&self) -> bool {
        matches!(self.standing, Standing::NotAsked | Standing::Failed(_) | Standing::Expired)
    }

    /// Returns whether there is nothing left to do.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.standing, Standing::Done(_) | Standing::GivenUp(_) | Standing::NotTried)
    }

    pub(super) fn retrieval(&self) -> Retrieval {
        match self.standing {
            Standing::Done(_) => Retrieval::Done,
            Standing::Pending(_) | Standing::Unsure(_) => Retrieval::Pending,
            _ => Retrieval::Queued,
        }
    }
}
