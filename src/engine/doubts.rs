//! Archives that the service did not bring: someone may have deleted them.
//!
//! A job that was asked for after that, by the service's clock, and has brought the archive, is proof that it was there
//! then: the doubt ends. It must have been asked for after the failed one had ended, as what was asked for before may have
//! been made ready before a deletion for which the other failed.
//!
//! No job is proof against a deletion that was begun, from here or by another clone, and had no answer. Nothing bounds how
//! late that takes effect: its process may have been stopped before the request was sent, and go on after the job, or send
//! it once more. It stays in doubt until it is repeated, or an inventory lists the archive that must know.

use super::presence::CLOCKS_APART;
use super::{Engine, EngineError};
use crate::cache::Archive;
use crate::service::Job;
use crate::types::Timestamp;

impl Engine {
    /// Takes in that a job of the archive has failed, which was known at that time by the service's clock. From now on the
    /// archive does not count as known to exist, until a later job brings it, or an inventory lists it that must know.
    pub(super) fn doubt(&self, archive: &Archive, failed: Option<Timestamp>) -> Result<(), EngineError> {
        let failed = failed.unwrap_or_else(|| self.clock.now() + CLOCKS_APART);
        Ok(self.cache.doubt(&archive.id, failed)?)
    }

    /// The same of an archive that the service has just said that it does not have.
    pub(super) fn doubt_now(&self, archive: &Archive) -> Result<(), EngineError> {
        self.doubt(archive, None)
    }

    /// Takes in that a job which was asked for at that time, by the service's clock, has brought the archive. Where that
    /// cannot be noted the doubt stays.
    pub(super) fn end_doubt(&self, archive: &Archive, asked: Timestamp) {
        if let Err(error) = self.cache.end_doubt(&archive.id, asked) {
            tracing::info!("it is not noted that {} was brought: {error}", archive.id);
        }
    }
}

/// Returns when a failed job has told of its archive, by the service's clock: when it ended, and not before all of the
/// service can have known what it failed for.
pub(super) fn failed_at(job: &Job) -> Option<Timestamp> {
    let ended = job.completed_at()?;
    Some(job.created_at().map_or(ended, |asked| ended.max(asked + CLOCKS_APART)))
}
