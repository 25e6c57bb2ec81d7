//! The one table from what the SDK reports to what this program distinguishes.

use std::error::Error;
use std::io;

use aws_sdk_glacier::error::{ProvideErrorMetadata, SdkError};

/// Why a call of the service brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The vault, job, upload or archive is not there.
    #[error("Glacier has no such thing: {message}")]
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
    #[error(
        "no AWS credentials found{cause}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    )]
    NoCredentials {
        /// What the provider said that failed, in parentheses; empty if there was none to ask.
        cause: String,
    },
    /// The configuration cannot be used.
    #[error("the AWS configuration cannot be used: {cause}")]
    Configuration {
        /// What is wrong with it.
        cause: String,
    },
    /// The credentials were not accepted, or not for this.
    #[error("Glacier refused these credentials: {message} ({code})")]
    Denied {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// The account is closed to the vault-based service.
    #[error(
        "this AWS account cannot use Glacier vaults: since 2025-12-15 the service takes no new customers; 'glacier-emulator' is a local one to try with"
    )]
    NoLongerSupported,
    /// The request was refused; sending it again changes nothing.
    #[error("Glacier refused the request: {message} ({code})")]
    Refused {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// The service failed or was too busy, also after repeats.
    #[error("Glacier could not serve the request: {message} ({code}); try again later")]
    Unavailable {
        /// The service's code.
        code: String,
        /// The service's own words, on one line.
        message: String,
    },
    /// No answer came; the request may or may not have been carried out.
    #[error("no answer from Glacier in {region}: {cause}")]
    Unanswered {
        /// The region that was spoken to.
        region: String,
        /// What the connection said.
        cause: String,
        /// Whether the request was never sent, so that nothing can have been carried out.
        never_sent: bool,
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
            _ => false,
        }
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
    pub(super) fn from_sdk<E, R>(region: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().unwrap_or("no error code");
                Self::from_code(code, &one_line(answer.err().message().unwrap_or("no message")))
            }
            SdkError::ResponseError(_) => Self::bad_answer(innermost(error)),
            _ if mentions_credentials(error) => Self::no_credentials(error),
            SdkError::ConstructionFailure(_) => Self::Configuration { cause: innermost(error) },
            SdkError::TimeoutError(_) => Self::unanswered(region, "it took too long".into(), false),
            _ => Self::unanswered(region, innermost(error), was_never_sent(error)),
        }
    }

    pub(super) fn unanswered(region: &str, cause: String, never_sent: bool) -> Self {
        Self::Unanswered { region: region.to_owned(), cause, never_sent }
    }

    /// By the service's error code (API reference, "Error Responses"): its HTTP status is no safe guide.
    fn from_code(code: &str, message: &str) -> Self {
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
            code if is_throttling(code) => Self::Unavailable { code: code_text, message: message_text },
            _ => Self::Refused { code: code_text, message: message_text },
        }
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(code, "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "SlowDown")
}

/// Returns the text at the end of the chain of causes: the one that names what happened.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    one_line(&last.to_string())
}

/// The service's texts may span lines; a signature error brings its whole canonical request after the first.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn mentions_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .any(<dyn std::error::Error + 'static>::is::<aws_credential_types::provider::error::CredentialsError>)
}

fn was_never_sent(error: &(dyn Error + 'static)) -> bool {
    chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
        )
    })
}
