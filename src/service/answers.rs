//! How much of an answer is read: all is kept in memory until it has come, and not everyone who answers is Glacier.

use std::fmt;

use aws_sdk_glacier::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_glacier::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_glacier::error::BoxError;
use aws_sdk_glacier::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use http_body_util::{BodyExt, LengthLimitError, Limited};

const ANSWER_MAX_MIB: usize = 16;
/// More than twice the longest that Glacier gives: a page of 1,000 jobs or uploads, each with a description of 1,024
/// characters, which take six bytes each at most.
const ANSWER_MAX_BYTES: usize = ANSWER_MAX_MIB << 20;

/// Ends what is longer. The output of a job is none of these: whoever reads that keeps none of it.
#[derive(Debug)]
pub(super) struct Bounded;

impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "bounded answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let brings_output = config.load::<Metadata>().is_some_and(|call| call.name() == "GetJobOutput");
        if brings_output && response.status().is_success() {
            return Ok(());
        }
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        let body = Limited::new(body, ANSWER_MAX_BYTES).map_err(in_our_words);
        *response.body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }
}

fn in_our_words(error: BoxError) -> BoxError {
    if error.is::<LengthLimitError>() { TooLong.into() } else { error }
}

#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is longer than {ANSWER_MAX_MIB} MiB")
    }
}

impl std::error::Error for TooLong {}
