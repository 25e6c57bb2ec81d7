//! Vault locks (developer guide, "Vault Lock"): none, in progress for a day, locked for ever.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::policies::policy;
use super::settings::{Kind, done};
use super::{Answer, Glacier};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::Request;
use crate::{ids, response};

/// How long a lock may be tried before it must be completed, in milliseconds.
const IN_PROGRESS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lock {
    id: String,
    policy: String,
    created: i64,
    is_locked: bool,
}

impl Glacier {
    pub(super) fn initiate_lock(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let policy = policy(body)?;
        if self.lock(request)?.is_some() {
            return Err(Refusal::access_denied("The vault lock is in progress or locked"));
        }
        let lock =
            Lock { id: ids::lock_id(), policy, created: self.clock.now_milliseconds(), is_locked: false };
        self.keep(request, &lock)?;
        Ok(response::empty(StatusCode::CREATED, &[("x-amz-lock-id", &lock.id)]))
    }

    pub(super) fn complete_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let mut lock = self.lock(request)?.ok_or_else(no_lock)?;
        match (lock.id == request.id, lock.is_locked) {
            (true, true) => done(),
            (true, false) => {
                lock.is_locked = true;
                self.keep(request, &lock)?;
                done()
            }
            (false, true) => Err(Refusal::access_denied("The vault lock is locked")),
            (false, false) => Err(Refusal::invalid(format!("Invalid lock ID: {}", request.id))),
        }
    }

    pub(super) fn abort_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        if self.lock(request)?.is_some_and(|lock| lock.is_locked) {
            return Err(Refusal::access_denied("The vault lock is locked"));
        }
        self.unset(request, Kind::Lock)?;
        done()
    }

    pub(super) fn vault_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let lock = self.lock(request)?.ok_or_else(no_lock)?;
        let answer = json!({
            "CreationDate": date(lock.created),
            "ExpirationDate": (!lock.is_locked).then(|| date(lock.created + IN_PROGRESS)),
            "Policy": lock.policy,
            "State": if lock.is_locked { "Locked" } else { "InProgress" },
        });
        Ok(self.json(&answer))
    }

    /// One that was not completed in time is no more.
    fn lock(&self, request: &Request) -> Result<Option<Lock>, Refusal> {
        let Some(value) = self.setting(request, Kind::Lock)? else { return Ok(None) };
        let lock: Lock =
            serde_json::from_value(value).map_err(|error| Refusal::failure(error.to_string()))?;
        let is_over = !lock.is_locked && lock.created + IN_PROGRESS <= self.clock.now_milliseconds();
        Ok((!is_over).then_some(lock))
    }

    fn keep(&self, request: &Request, lock: &Lock) -> Result<(), Refusal> {
        let value = serde_json::to_value(lock).map_err(|error| Refusal::failure(error.to_string()))?;
        self.set(request, Kind::Lock, &value)
    }
}

fn no_lock() -> Refusal {
    Refusal::not_found("No vault lock policy is set for this vault.")
}
