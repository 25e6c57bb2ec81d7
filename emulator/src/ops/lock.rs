//! Vault locks (developer guide, "Vault Lock"): none, in progress for a day, locked for ever.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
        let lock =
            Lock { id: ids::lock_id(), policy, created: self.clock.now_milliseconds(), is_locked: false };
        self.change(request, Kind::Lock, |former| match self.lock(former)? {
            Some(_) => Err(Refusal::access_denied("The vault lock is in progress or locked")),
            None => lock.setting(),
        })?;
        Ok(response::empty(StatusCode::CREATED, &[("x-amz-lock-id", &lock.id)]))
    }

    pub(super) fn complete_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        self.change(request, Kind::Lock, |former| {
            let lock = self.lock(former)?.ok_or_else(no_lock)?;
            match (lock.id == request.id, lock.is_locked) {
                (true, _) => Lock { is_locked: true, ..lock }.setting(),
                (false, true) => Err(Refusal::access_denied("The vault lock is locked")),
                (false, false) => Err(Refusal::invalid(format!("Invalid lock ID: {}", request.id))),
            }
        })?;
        done()
    }

    pub(super) fn abort_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        self.change(request, Kind::Lock, |former| {
            let is_locked = self.lock(former)?.is_some_and(|lock| lock.is_locked);
            if is_locked { Err(Refusal::access_denied("The vault lock is locked")) } else { Ok(None) }
        })?;
        done()
    }

    pub(super) fn vault_lock(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let lock = self.lock(self.setting(request, Kind::Lock)?)?.ok_or_else(no_lock)?;
        let answer = json!({
            "CreationDate": date(lock.created),
            "ExpirationDate": (!lock.is_locked).then(|| date(lock.created + IN_PROGRESS)),
            "Policy": lock.policy,
            "State": if lock.is_locked { "Locked" } else { "InProgress" },
        });
        Ok(self.json(&answer))
    }

    /// One that was not completed in time is no more.
    fn lock(&self, setting: Option<Value>) -> Result<Option<Lock>, Refusal> {
        let Some(value) = setting else { return Ok(None) };
        let lock: Lock =
            serde_json::from_value(value).map_err(|error| Refusal::failure(error.to_string()))?;
        let is_over = !lock.is_locked && lock.created + IN_PROGRESS <= self.clock.now_milliseconds();
        Ok((!is_over).then_some(lock))
    }
}

impl Lock {
    fn setting(&self) -> Result<Option<Value>, Refusal> {
        serde_json::to_value(self).map(Some).map_err(|error| Refusal::failure(error.to_string()))
    }
}

fn no_lock() -> Refusal {
    Refusal::not_found("No vault lock policy is set for this vault.")
}
