//! What of each request goes to the log: which operation, how it ended, how long that took, and the id that the service
//! has given it, which Amazon asks for when something is to be looked into.

use std::time::Instant;

use aws_sdk_glacier::config::http::HttpResponse;
use aws_sdk_glacier::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_glacier::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_glacier::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_glacier::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use tracing::{debug, info};

use super::error::innermost;
use crate::types::without_user;

/// Writes each request to the log, and each that the SDK sends again. What is signed, and with what, is none of it.
#[derive(Debug)]
pub(super) struct Log;

/// When a try began.
#[derive(Debug)]
struct Began(Instant);

/// What is asked for: method and path. What stands before the path in a URL may hold a password.
#[derive(Debug)]
struct Target(String);

/// How the try before this one ended.
#[derive(Debug)]
struct Ended(String);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

impl Storable for Target {
    type Storer = StoreReplace<Self>;
}

impl Storable for Ended {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Log {
    fn name(&self) -> &'static str {
        "log of requests"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let attempt = config.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts);
        if let Some(Ended(how)) = config.load::<Ended>() {
            info!("{}: {how}; sent again, try {attempt}", operation(config));
        }
        config.interceptor_state().store_put(Began(Instant::now()));
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (method, uri) = (context.request().method(), without_user(context.request().uri()));
        let begin = uri.find("://").map_or(0, |at| at + 3);
        let path = uri[begin..].find('/').map_or("", |at| &uri[begin + at..]);
        let target = Target(format!(", {method} {path}"));
        config.interceptor_state().store_put(target);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let how = ending(context);
        let seconds = config.load::<Began>().map_or(0.0, |Began(when)| when.elapsed().as_secs_f64());
        let target = config.load::<Target>().map_or("", |Target(target)| target);
        debug!("{}: {how}, {seconds:.3} s{target}", operation(config));
        config.interceptor_state().store_put(Ended(how));
        Ok(())
    }
}

/// Writes to the log which request an error is about.
pub(super) fn log_failure<E>(error: &SdkError<E, HttpResponse>)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    // Such as `aws_sdk_glacier::operation::list_vaults::ListVaultsError`.
    let name = std::any::type_name::<E>().rsplit("::").next().unwrap_or_default().trim_end_matches("Error");
    if let Some(response) = error.raw_response() {
        let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
        info!("{name}: {}{code}", answer(response));
    }
}

fn operation(config: &ConfigBag) -> &str {
    config.load::<Metadata>().map_or("a request", Metadata::name)
}

/// How a try ended.
fn ending(context: &FinalizerInterceptorContextRef<'_>) -> String {
    if let Some(response) = context.response() {
        return answer(response);
    }
    match context.output_or_error() {
        Some(Err(error)) => match error.as_connector_error() {
            Some(cause) => format!("no answer, {}", innermost(cause)),
            None if error.is_timeout_error() => "no answer, it took too long".to_owned(),
            None => "not sent".to_owned(),
        },
        _ => "given up".to_owned(),
    }
}

fn answer(response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    match response.request_id() {
        Some(id) => format!("HTTP status {status}, request id {id}"),
        None => format!("HTTP status {status}, no request id"),
    }
}
