//! Topics of Amazon SNS, which can be told of jobs that end.

use std::fmt;
use std::str::FromStr;

use super::{InvalidValue, quoted};

/// The ARN of a topic: `arn:aws:sns:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicArn(String);

impl TopicArn {
    /// Returns the ARN as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicArn {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fields: Vec<&str> = text.split(':').collect();
        let is_arn = matches!(fields[..], ["arn", partition, "sns", region, account, name]
            if partition.starts_with("aws") && !region.is_empty() && !name.is_empty()
                && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_arn || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidValue(format!(
                "{} is not the ARN of an SNS topic, such as arn:aws:sns:us-east-1:111122223333:ready",
                quoted(text)
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
