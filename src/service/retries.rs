//! What is tried again without asking: the SDK's standard rules, less those calls where a second try may do the
//! work twice.

use aws_sdk_glacier::config::Builder;
use aws_sdk_glacier::config::interceptors::InterceptorContext;
use aws_sdk_glacier::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_glacier::config::timeout::TimeoutConfig;

use super::connection::UPLOAD_TIMEOUT;

/// Settings for requests that carry data: one try may last as long as the service itself would wait.
pub(super) fn with_data() -> Builder {
    let timeouts =
        TimeoutConfig::builder().read_timeout(UPLOAD_TIMEOUT).operation_timeout(UPLOAD_TIMEOUT * 4).build();
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
