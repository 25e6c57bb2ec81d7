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

    pub(crate) fn incomplete_signature(header: &str) -> Self {
        let message = format!("Authorization header is incomplete: {header}");
        Self::new(StatusCode::BAD_REQUEST, "IncompleteSignatureException", message)
    }

    pub(crate) fn unknown_key() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::BAD_REQUEST, "UnrecognizedClientException", message)
    }

    pub(crate) fn invalid_signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
    }

    pub(crate) fn wrong_signature(canonical_request: &str) -> Self {
        Self::invalid_signature(format!(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
             Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this \
             request should have been\n'{canonical_request}'\n"
        ))
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "LimitExceededException", message)
    }

    pub(crate) fn policy_enforced() -> Self {
        let message = "InitiateJob request denied by current data retrieval policy.";
        Self::new(StatusCode::BAD_REQUEST, "PolicyEnforcedException", message)
    }

    pub(crate) fn no_longer_supported() -> Self {
        let message = "This API is no longer supported for new accounts. Please use Amazon S3 Glacier storage classes instead.";
        Self::new(StatusCode::BAD_REQUEST, "NoLongerSupportedException", message)
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
