//! What a vault or an account is set to, kept as JSON: one value a kind.

use hyper::StatusCode;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::Request;
use crate::response;

/// A kind of setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Notifications,
    AccessPolicy,
    Lock,
    Tags,
    RetrievalPolicy,
    Capacity,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Notifications => "notifications",
            Self::AccessPolicy => "access-policy",
            Self::Lock => "lock",
            Self::Tags => "tags",
            Self::RetrievalPolicy => "retrieval-policy",
            Self::Capacity => "capacity",
        }
    }
}

impl Glacier {
    /// Returns the setting of the request's vault; settings of the account belong to no vault.
    pub(super) fn setting(&self, request: &Request, kind: Kind) -> Result<Option<Value>, Refusal> {
        setting_in(&self.store.index(), request, kind)
    }

    pub(super) fn set(&self, request: &Request, kind: Kind, value: Value) -> Result<(), Refusal> {
        self.change(request, kind, |_| Ok(Some(value)))
    }

    pub(super) fn unset(&self, request: &Request, kind: Kind) -> Result<(), Refusal> {
        self.change(request, kind, |_| Ok(None))
    }

    /// Makes of a setting what `change` makes of it, none being no setting. Nobody else changes it meanwhile, nor is its
    /// vault deleted.
    pub(super) fn change(
        &self,
        request: &Request,
        kind: Kind,
        change: impl FnOnce(Option<Value>) -> Result<Option<Value>, Refusal>,
    ) -> Result<(), Refusal> {
        let index = self.store.index();
        if !request.vault.is_empty() {
            self.require_vault_in(&index, request)?;
        }
        let (region, vault, kind_name) = (&request.region, &request.vault, kind.name());
        match change(setting_in(&index, request, kind)?)? {
            Some(value) => {
                let sql =
                    "INSERT OR REPLACE INTO setting (region, vault, kind, value) VALUES (?1, ?2, ?3, ?4)";
                index.execute(sql, (region, vault, kind_name, value.to_string()))?;
            }
            None => {
                let sql = "DELETE FROM setting WHERE region = ?1 AND vault = ?2 AND kind = ?3";
                index.execute(sql, (region, vault, kind_name))?;
            }
        }
        Ok(())
    }
}

/// The same as [`Glacier::setting`] for one who has the index already.
pub(super) fn setting_in(
    index: &Connection,
    request: &Request,
    kind: Kind,
) -> Result<Option<Value>, Refusal> {
    let sql = "SELECT value FROM setting WHERE region = ?1 AND vault = ?2 AND kind = ?3";
    let values = (&request.region, &request.vault, kind.name());
    let text: Option<String> = index.query_row(sql, values, |row| row.get(0)).optional()?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| Refusal::failure(error.to_string()))
}

pub(super) fn done() -> Answer {
    Ok(response::empty(StatusCode::NO_CONTENT, &[]))
}

/// Reads the JSON object that a control call sends.
pub(super) fn object(body: &[u8]) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| Refusal::malformed(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(Refusal::malformed("The body must be a JSON object")) }
}
