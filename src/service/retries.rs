//! What is tried again without asking: the SDK's standard rules, less those calls where a second try may do the
//! work twice.

use std::time::Duration;

use aws_sdk_glacier::config::Builder;
use aws_sdk_glacier::config::interceptors::InterceptorContext;
use aws_sdk_glacier::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_glacier::config::timeout::TimeoutConfig;

/// The slowest link that an upload is expected to have, in bytes a second.
const SLOWEST_LINK_BYTES: u64 = 32 * 1024;
/// How long the service may take to answer once it has the data.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(45);
/// The service itself gives a request up after at most 520 s (it answers 408).
const LONGEST_TRY: Duration = Duration::from_secs(600);

/// Settings for a request that carries data: one try may last as long as a slow link needs for it.
pub(super) fn with_data(size_bytes: usize) -> Builder {
    let sending = Duration::from_secs(size_bytes as u64 / SLOWEST_LINK_BYTES);
    patient((sending + ANSWER_TIMEOUT).min(LONGEST_TRY))
}

/// Settings for the request that makes parts an archive, which the service may work on for minutes.
pub(super) fn long_work() -> Builder {
    patient(LONGEST_TRY)
}

fn patient(longest_try: Duration) -> Builder {
    let timeouts =
        TimeoutConfig::builder().read_timeout(longest_try).operation_timeout(longest_try * 4).build();
    aws_sdk_glacier::Config::builder().timeout_config(timeouts)
}

/// Adds the rule for calls that Glacier does again when they come again (API reference, "Upload Archive",
/// "Initiate a Job"): each success would be a second archive or a second, paid job.
pub(super) fn once(builder: Builder) -> Builder {
    builder.retry_classifier(OnlyIfRefused)
}

/// Lets a call be repeated only when the service has refused it; without an answer it may have been done.
#[derive(Debug)]
struct OnlyIfRefused;

impl ClassifyRetry for OnlyIfRefused {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if response.status().is_client_error() => RetryAction::NoActionIndicated,
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "only if refused"
    }
}
