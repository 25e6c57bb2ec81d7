//! Calls about the data retrieval policy of the account in the region.

use aws_sdk_glacier::types::{DataRetrievalPolicy, DataRetrievalRule};

use super::{Glacier, ServiceError};

/// Which standard retrievals the service accepts (developer guide, "Data Retrieval Policies").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetrievalPolicy {
    /// All.
    NoLimit,
    /// Those within the free allowance of the day.
    FreeTier,
    /// Those that do not lift the peak rate of what is retrieved above this: from 1 to 2^63 - 1.
    BytesPerHour(u64),
}

impl Glacier {
    /// Returns the policy.
    pub async fn retrieval_policy(&self) -> Result<RetrievalPolicy, ServiceError> {
        let answer = self.client().await.get_data_retrieval_policy().send().await;
        let answer = answer.map_err(|error| self.sorted(&error))?;
        let Some(rule) = answer.policy().and_then(|policy| policy.rules().first()) else {
            return Ok(RetrievalPolicy::NoLimit);
        };
        let bytes = rule.bytes_per_hour().and_then(|bytes| u64::try_from(bytes).ok());
        match (rule.strategy(), bytes) {
            (Some("None"), _) => Ok(RetrievalPolicy::NoLimit),
            (Some("FreeTier"), _) => Ok(RetrievalPolicy::FreeTier),
            (Some("BytesPerHour"), Some(bytes)) => Ok(RetrievalPolicy::BytesPerHour(bytes)),
            _ => Err(ServiceError::bad_answer("a data retrieval policy of no known kind")),
        }
    }

    /// Sets the policy. The service says that this takes effect within minutes.
    pub async fn set_retrieval_policy(&self, policy: RetrievalPolicy) -> Result<(), ServiceError> {
        let (strategy, bytes) = match policy {
            RetrievalPolicy::NoLimit => ("None", None),
            RetrievalPolicy::FreeTier => ("FreeTier", None),
            RetrievalPolicy::BytesPerHour(bytes) => ("BytesPerHour", Some(bytes)),
        };
        let bytes = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let rule = DataRetrievalRule::builder().strategy(strategy).set_bytes_per_hour(bytes).build();
        let policy = DataRetrievalPolicy::builder().rules(rule).build();
        let answer = self.client().await.set_data_retrieval_policy().policy(policy).send().await;
        answer.map(drop).map_err(|error| self.sorted(&error))
    }
}
