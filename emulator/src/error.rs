//! Refusals, in the service's own words (API reference, "Error Responses").

use hyper::StatusCode;

/// A refusal: what the client gets instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    pub(crate) fn missing(what: &str) -> Self {
        let message = format!("Required parameter missing: {what}");
        Self::new(StatusCode::BAD_REQUEST, "MissingParameterValueException", message)
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    pub(crate) fn not_authenticated() -> Self {
        let message = "Request is missing Authentication Token";
        Self::new(StatusCode::BAD_REQUEST, "MissingAuthenticationTokenException", message)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "LimitExceededException", message)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SerializationException", message)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The service's own failure is a 500, not a 503.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceUnavailableException", message)
    }

    pub(crate) fn body(&self) -> serde_json::Value {
        let kind = if self.status.is_server_error() { "Server" } else { "Client" };
        serde_json::json!({"code": self.code, "message": self.message, "type": kind})
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::failure(format!("The index cannot be used: {error}"))
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::failure(format!("The data directory cannot be used: {error}"))
    }
}
