//! The one table from what the SDK reports to what this program distinguishes.

use std::error::Error;
use std::io;
use std::str::FromStr;

use aws_sdk_glacier::config::http::HttpResponse;
use aws_sdk_glacier::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::HttpError;

use super::sentences;
use crate::types::{InvalidValue, escaped, plain_reason, quoted, shortened_to};

/// Why a call of the service brought no result. [`ServiceError::hint`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The vault, job, upload or archive is not there.
    #[error("{}", sentences::missing(.message))]
    NotFound {
        /// The service's own words.
        message: String,
    },
    /// The vault exists, but no inventory of it has been generated yet.
    #[error(
        "Glacier has not made a first inventory of this vault yet, which takes about a day after the first upload"
    )]
    InventoryNotReady,
    /// No credentials were found to sign with.
    #[error("no AWS credentials found{cause}")]
    NoCredentials {
        /// What the provider said that failed, in parentheses; empty if there was none to ask.
        cause: String,
    },
    /// A profile was named that AWS's files do not have.
    #[error("there is no profile {} in AWS's files, ~/.aws/config and ~/.aws/credentials", quoted(.name))]
    NoProfile {
        /// Its name.
        name: String,
    },
    /// The configuration cannot be used.
    #[error("the AWS configuration cannot be used: {cause}")]
    Configuration {
        /// What is wrong with it.
        cause: String,
    },
    /// The credentials were not accepted, or not for this.
    #[error("{}", sentences::denied(.code, .message))]
    Denied {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// The account is closed to the vault-based service.
    #[error(
        "this AWS account cannot use Glacier vaults: since 2025-12-15 the service takes no new customers (NoLongerSupportedException)"
    )]
    NoLongerSupported,
    /// The request was refused; sending it again changes nothing.
    #[error("{}", sentences::refused(.code, .message))]
    Refused {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// The service failed or was too busy, also after repeats.
    #[error("{}", sentences::unavailable(.code, .message))]
    Unavailable {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// No answer came; the request may or may not have been carried out.
    #[error("{} {place}: {cause}", if *.never_sent { "cannot reach Glacier" } else { "no answer from Glacier" })]
    Unanswered {
        /// Where the service was looked for: `at` its URL.
        place: String,
        /// What the connection said.
        cause: String,
        /// Whether the request was never sent, so that nothing can have been carried out.
        never_sent: bool,
    },
    /// An error came that is none of Glacier's: someone else answers, such as a proxy.
    #[error("what answers {place} is not Glacier: HTTP status {status}")]
    NotGlacier {
        /// Where the service was looked for: `at` its URL.
        place: String,
        /// The status of the answer.
        status: u16,
    },
    /// The answer was not what the service promises.
    #[error("Glacier's answer cannot be used: {cause}")]
    BadAnswer {
        /// What is wrong with it.
        cause: String,
    },
}

/// Whether sending a request again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It would go the same way.
    Useless,
    /// It may go better after a pause.
    MayHelp,
    /// The data came too slowly; fewer at once may help.
    MayHelpWithFewerAtOnce,
}

impl ServiceError {
    /// Returns whether sending the same request again may help.
    pub fn repeat(&self) -> Repeat {
        match self {
            Self::Unavailable { code, .. } if code == "RequestTimeoutException" => {
                Repeat::MayHelpWithFewerAtOnce
            }
            Self::Unavailable { .. } | Self::Unanswered { .. } => Repeat::MayHelp,
            Self::NotGlacier { status: 500.., .. } => Repeat::MayHelp,
            // The data was changed on its way, or was so long on its way that its signature grew old.
            Self::Refused { message, .. } if message.starts_with("Checksum mismatch") => Repeat::MayHelp,
            Self::Denied { message, .. } if message.starts_with("Signature expired") => Repeat::MayHelp,
            _ => Repeat::Useless,
        }
    }

    /// Returns whether the request may have been carried out although it looks failed.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unanswered { never_sent, .. } => !never_sent,
            Self::Unavailable { code, .. } => !is_throttling(code) && code != "RequestTimeoutException",
            Self::BadAnswer { .. } => true,
            // A gateway that gives up on Glacier has passed the request on; one that refuses it has not.
            Self::NotGlacier { status, .. } => !(400..500).contains(status) || *status == 408,
            _ => false,
        }
    }

    /// Returns whether it is an archive, job or upload that the service does not have, in a vault that it has.
    pub fn is_missing_in_vault(&self) -> bool {
        matches!(self, Self::NotFound { message } if !message.starts_with("Vault not found"))
    }

    /// Returns what to do about it, in words that can follow the error: a command to run, a setting to check.
    pub fn hint(&self) -> Option<String> {
        sentences::hint(self)
    }

    /// That no provider had any needs no explanation; that one failed does.
    pub(super) fn no_credentials(error: &(dyn Error + 'static)) -> Self {
        let said = innermost(error);
        let cause = if said.starts_with("no credentials") { String::new() } else { format!(" ({said})") };
        Self::NoCredentials { cause }
    }

    pub(super) fn bad_answer(cause: impl Into<String>) -> Self {
        Self::BadAnswer { cause: cause.into() }
    }

    /// Sorts an error of the SDK.
    pub(super) fn from_sdk<E>(place: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => match answer.err().code() {
                Some(code) => {
                    let message = one_line(answer.err().message().unwrap_or("no message"));
                    Self::from_code(&one_line(code), &message, answer.raw().status().as_u16())
                }
                None => Self::NotGlacier { place, status: answer.raw().status().as_u16() },
            },
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                Self::bad_answer(format!(
                    "{}; is it Glacier that answers {place} (HTTP status {status})?",
                    innermost(error)
                ))
            }
            _ if mentions_credentials(error) => Self::no_credentials(error),
            SdkError::ConstructionFailure(_) => Self::Configuration { cause: innermost(error) },
            _ if has_no_url(error) => {
                let cause = "the URL of the service must begin with https:// or http:// and name a host";
                Self::Configuration { cause: cause.to_owned() }
            }
            SdkError::TimeoutError(_) => Self::unanswered(place, "it took too long".into(), false),
            _ => Self::unanswered(place, innermost(error), was_never_sent(error)),
        }
    }

    pub(super) fn unanswered(place: String, cause: String, never_sent: bool) -> Self {
        Self::Unanswered { place, cause, never_sent }
    }

    /// By the service's error code (API reference, "Error Responses"): its HTTP status is no safe guide where the code is
    /// known. Of a code that is not, the status tells at least whether the service means that it has failed itself: then
    /// it may have done what was asked.
    fn from_code(code: &str, message: &str, status: u16) -> Self {
        let (code_text, message_text) = (code.to_owned(), message.to_owned());
        match code {
            "ResourceNotFoundException" if message.contains("not yet generated an initial inventory") => {
                Self::InventoryNotReady
            }
            "ResourceNotFoundException" => Self::NotFound { message: message_text },
            "NoLongerSupportedException" => Self::NoLongerSupported,
            "AccessDeniedException"
            | "AccessDenied"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Self::Denied { code: code_text, message: message_text },
            "ServiceUnavailableException"
            | "ServiceUnavailable"
            | "InternalFailure"
            | "RequestTimeoutException"
            | "InsufficientCapacityException" => Self::Unavailable { code: code_text, message: message_text },
            code if is_throttling(code) || status >= 500 => {
                Self::Unavailable { code: code_text, message: message_text }
            }
            _ => Self::Refused { code: code_text, message: message_text },
        }
    }
}

pub(super) fn is_throttling(code: &str) -> bool {
    matches!(code, "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "SlowDown")
}

/// Reads a value, such as an id, that an answer names.
pub(super) fn answered<T: FromStr<Err = InvalidValue>>(text: &str) -> Result<T, ServiceError> {
    text.parse().map_err(|error: InvalidValue| ServiceError::bad_answer(error.to_string()))
}

/// Returns the text at the end of the chain of causes: the one that names what happened.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    one_line(&plain_reason(&root(error).to_string()))
}

/// The same of an error whose text goes on in further lines.
pub(super) fn innermost_of_several_lines(error: &(dyn Error + 'static)) -> String {
    let said = root(error).to_string();
    one_line(&plain_reason(&said.split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The service's texts may span lines; a signature error brings its whole canonical request after the first. Nor need
/// it be the service that answers: what a terminal would act upon ends here, and what is longer than any of Glacier's.
fn one_line(text: &str) -> String {
    const SHOWN_MAX_CHARS: usize = 1000;
    let line = text.lines().next().unwrap_or_default().trim();
    escaped(&shortened_to(SHOWN_MAX_CHARS, line)).into_owned()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn mentions_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .any(<dyn std::error::Error + 'static>::is::<aws_credential_types::provider::error::CredentialsError>)
}

/// Returns whether the URL that is configured was refused before anything was done.
fn has_no_url(error: &(dyn Error + 'static)) -> bool {
    let of_endpoint = |cause: &(dyn Error + 'static)| cause.to_string().starts_with("endpoint ");
    chain(error).any(|cause| cause.is::<HttpError>() && of_endpoint(cause))
}

fn was_never_sent(error: &(dyn Error + 'static)) -> bool {
    // As hyper calls it when there was no connection to send anything by: a host without an address, a peer without TLS.
    let has_no_connection = chain(error).any(|cause| {
        let said = cause.to_string();
        said == "dns error" || said == "client error (Connect)"
    });
    has_no_connection
        || chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
            matches!(
                cause.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        })
}
