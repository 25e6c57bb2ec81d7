//! Why a request could not be served.

use std::io;

use crate::engine::EngineError;
use crate::types::{InvalidValue, quoted};

/// Why a request could not be served.
#[derive(Debug)]
pub(super) enum Failure {
    /// git-annex cannot be spoken to: there is nobody to tell.
    Gone(io::Error),
    /// For this reason, which git-annex shows.
    Said(String),
}

impl Failure {
    pub(super) fn said(why: impl Into<String>) -> Self {
        Self::Said(why.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            // The command line has an option for it, which git-annex has not.
            EngineError::EarlierMayBeStored { vault, sync, name, since } => Self::Said(format!(
                "an upload of archive {} on {since} had no answer and may have stored it in {vault}; an inventory of some days later tells, which '{sync}' takes in",
                quoted(&name)
            )),
            error => Self::Said(error.explained()),
        }
    }
}

impl From<InvalidValue> for Failure {
    fn from(error: InvalidValue) -> Self {
        Self::Said(error.to_string())
    }
}

/// Separates what can be answered from what cannot.
pub(super) fn answerable<T>(result: Result<T, Failure>) -> io::Result<Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Said(why)) => Ok(Err(why)),
        Err(Failure::Gone(error)) => Err(error),
    }
}
