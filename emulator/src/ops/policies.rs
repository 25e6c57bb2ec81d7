//! Access policies of vaults, the retrieval policy and the provisioned capacity of the account.

use hyper::StatusCode;
use serde_json::{Value, json};
use time::{Date, Month, OffsetDateTime};

use super::settings::{Kind, done, object};
use super::{Answer, Glacier};
use crate::clock::{date, milliseconds};
use crate::error::Refusal;
use crate::request::Request;
use crate::{ids, response};

/// Largest policy of a vault, in bytes (developer guide, "Vault Access Policies").
const POLICY_MAX_BYTES: usize = 20 * 1024;
/// What is free to retrieve, in bytes a day: a thirtieth of 10 GB (pricing page of the service until 2024).
const FREE_BYTES_A_DAY: u64 = 10_000_000_000 / 30;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// How long a standard retrieval is taken to last.
const RETRIEVAL_HOURS: u64 = 4;
/// Units of provisioned capacity of an account.
const CAPACITY_MAX_UNITS: usize = 2;

impl Glacier {
    pub(super) fn set_access_policy(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let policy = policy(body)?;
        self.set(request, Kind::AccessPolicy, json!({"Policy": policy}))?;
        done()
    }

    pub(super) fn access_policy(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let missing = || Refusal::not_found("No vault access policy is set for this vault.");
        let policy = self.setting(request, Kind::AccessPolicy)?.ok_or_else(missing)?;
        Ok(self.json(&policy))
    }

    pub(super) fn delete_access_policy(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        self.unset(request, Kind::AccessPolicy)?;
        done()
    }

    pub(super) fn retrieval_policy(&self, request: &Request) -> Answer {
        let unset = json!({"Policy": {"Rules": [{"BytesPerHour": null, "Strategy": "None"}]}});
        let policy = self.setting(request, Kind::RetrievalPolicy)?.unwrap_or(unset);
        Ok(self.json(&policy))
    }

    pub(super) fn set_retrieval_policy(&self, request: &Request, body: &[u8]) -> Answer {
        let sent = object(body)?;
        let rules = sent["Policy"]["Rules"].as_array().ok_or_else(|| Refusal::missing("Policy"))?;
        let [rule] = rules.as_slice() else {
            return Err(Refusal::invalid("A data retrieval policy has exactly one rule"));
        };
        let strategy = rule["Strategy"].as_str().ok_or_else(|| Refusal::missing("Strategy"))?;
        let bytes = &rule["BytesPerHour"];
        let is_valid = match strategy {
            "None" | "FreeTier" => bytes.is_null(),
            "BytesPerHour" => bytes.as_i64().is_some_and(|bytes| bytes > 0),
            _ => false,
        };
        if !is_valid {
            return Err(Refusal::invalid(format!("Invalid data retrieval policy: {rule}")));
        }
        let kept = json!({"Policy": {"Rules": [{"BytesPerHour": bytes, "Strategy": strategy}]}});
        self.set(request, Kind::RetrievalPolicy, kept)?;
        done()
    }

    /// Refuses a standard retrieval that the policy does not let through: one that lifts the peak rate above it, where a
    /// job counts with its size over four hours, or the bytes of a day above what is free.
    pub(super) fn check_retrieval_policy(&self, request: &Request, size_bytes: u64) -> Result<(), Refusal> {
        let mut of_account = request.clone();
        of_account.vault.clear();
        let Some(policy) = self.setting(&of_account, Kind::RetrievalPolicy)? else { return Ok(()) };
        let rule = &policy["Policy"]["Rules"][0];
        let now = self.clock.now_milliseconds();
        let (allowed_bytes, asked_bytes) = match rule["Strategy"].as_str() {
            Some("FreeTier") => {
                (FREE_BYTES_A_DAY, self.standard_retrievals("created > ?2", request, now - DAY)? + size_bytes)
            }
            Some("BytesPerHour") => (
                rule["BytesPerHour"].as_u64().unwrap_or(0),
                (self.standard_retrievals("completes > ?2", request, now)? + size_bytes)
                    .div_ceil(RETRIEVAL_HOURS),
            ),
            _ => return Ok(()),
        };
        if asked_bytes > allowed_bytes { Err(Refusal::policy_enforced()) } else { Ok(()) }
    }

    /// Returns the bytes of the standard retrievals for which the condition on a moment holds.
    fn standard_retrievals(&self, condition: &str, request: &Request, moment: i64) -> Result<u64, Refusal> {
        let sql = format!(
            "SELECT coalesce(sum(range_length), 0) FROM job WHERE region = ?1 AND tier = 'Standard' AND {condition}"
        );
        let bytes: i64 = self.store.index().query_row(&sql, (&request.region, moment), |row| row.get(0))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    pub(super) fn list_capacity(&self, request: &Request) -> Answer {
        let units = self.capacity(self.setting(request, Kind::Capacity)?);
        Ok(self.json(&json!({"ProvisionedCapacityList": units})))
    }

    pub(super) fn purchase_capacity(&self, request: &Request) -> Answer {
        let (id, now) = (ids::lock_id(), self.clock.now());
        let unit = json!({
            "CapacityId": id,
            "ExpirationDate": date(milliseconds(a_month_after(now))),
            "StartDate": date(milliseconds(now)),
        });
        self.change(request, Kind::Capacity, |former| {
            let mut units = self.capacity(former);
            if units.len() >= CAPACITY_MAX_UNITS {
                return Err(Refusal::limit_exceeded("Provisioned capacity limit exceeded"));
            }
            units.push(unit);
            Ok(Some(units.into()))
        })?;
        Ok(response::empty(StatusCode::CREATED, &[("x-amz-capacity-id", &id)]))
    }

    /// Units that have not expired; their dates sort as text.
    fn capacity(&self, setting: Option<Value>) -> Vec<Value> {
        let now = date(self.clock.now_milliseconds());
        let Some(Value::Array(mut units)) = setting else { return Vec::new() };
        units.retain(|unit| unit["ExpirationDate"].as_str().is_some_and(|expires| *expires > *now));
        units
    }
}

/// Returns the same day of the next month, or its last day if it has no such day.
fn a_month_after(time: OffsetDateTime) -> OffsetDateTime {
    let month = time.month().next();
    let year = if month == Month::January { time.year() + 1 } else { time.year() };
    let day = time.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).map_or(time, |date| time.replace_date(date))
}

/// Reads a policy: JSON in a string in JSON.
pub(super) fn policy(body: &[u8]) -> Result<String, Refusal> {
    let sent = object(body)?;
    let policy = sent["Policy"].as_str().ok_or_else(|| Refusal::missing("Policy"))?;
    let is_object = serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy.is_object());
    if !is_object || policy.len() > POLICY_MAX_BYTES {
        return Err(Refusal::invalid("Invalid policy"));
    }
    Ok(policy.to_owned())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::a_month_after;

    #[test]
    fn a_unit_of_capacity_lasts_a_month() {
        for (start, end) in [
            (datetime!(2026-03-15 12:30 UTC), datetime!(2026-04-15 12:30 UTC)),
            (datetime!(2026-01-31 12:30 UTC), datetime!(2026-02-28 12:30 UTC)),
            (datetime!(2027-12-31 12:30 UTC), datetime!(2028-01-31 12:30 UTC)),
            (datetime!(2028-01-30 12:30 UTC), datetime!(2028-02-29 12:30 UTC)),
        ] {
            assert_eq!(a_month_after(start), end);
        }
    }
}
