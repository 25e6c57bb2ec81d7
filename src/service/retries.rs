//! Who repeats what. Calls that carry data are repeated by the engine, which knows what else is in flight; all others
//! by the SDK's standard rules, less those where a second try may do the work twice.

use std::time::Duration;

use aws_sdk_glacier::config::interceptors::InterceptorContext;
use aws_sdk_glacier::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_glacier::config::timeout::TimeoutConfig;
use aws_sdk_glacier::config::{Builder, StalledStreamProtectionConfig};

/// The service itself gives a request up after at most 520 s (it answers 408).
const LONGEST_TRY: Duration = Duration::from_secs(600);

/// Settings for a request that carries data. Only a clock that is wrong is the SDK's to deal with. How long it may
/// take depends on the link, so silence is watched for instead, by whoever sends or reads.
pub(super) fn with_data() -> Builder {
    let timeouts = TimeoutConfig::builder().disable_read_timeout().disable_operation_timeout().build();
    aws_sdk_glacier::Config::builder()
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_classifier(OnlyIfClockIsWrong)
}

/// Settings for the request that makes parts an archive, which the service may work on for minutes.
pub(super) fn long_work() -> Builder {
    let timeouts =
        TimeoutConfig::builder().read_timeout(LONGEST_TRY).operation_timeout(LONGEST_TRY * 2).build();
    aws_sdk_glacier::Config::builder().timeout_config(timeouts).retry_classifier(OnlyIfClockIsWrong)
}

/// Settings for the other calls of a transfer.
pub(super) fn left_to_the_engine() -> Builder {
    aws_sdk_glacier::Config::builder().retry_classifier(OnlyIfClockIsWrong)
}

/// Adds the rule for calls that Glacier does again when they come again (API reference, "Initiate a Job"): each
/// success would be a second, paid job.
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

/// Leaves the SDK its rule for signatures that are refused (403) because of a wrong clock, and no other.
#[derive(Debug)]
struct OnlyIfClockIsWrong;

impl ClassifyRetry for OnlyIfClockIsWrong {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if response.status().as_u16() == 403 => RetryAction::NoActionIndicated,
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "only if the clock is wrong"
    }
}
