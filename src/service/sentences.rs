//! What the service's error codes mean to a person, and what to do about each (API reference, "Error Responses").

use super::ServiceError;
use super::error::is_throttling;

const AGAIN_LATER: &str = "run the same command again later";

/// What is not there. The service's words end with its id.
pub(super) fn missing(message: &str) -> String {
    match message.rsplit_once(": ") {
        Some(("The archive ID was not found", id)) => {
            format!("Glacier has no archive {id}, or has it no more")
        }
        Some(("The job ID was not found", id)) => format!("Glacier has no job {id}, or has forgotten it"),
        Some(("The upload ID was not found", id)) => {
            format!("Glacier has no upload {id}, or has forgotten it")
        }
        _ => format!("Glacier has no such thing: {message}"),
    }
}

/// Who is not let in, or not to this.
pub(super) fn denied(code: &str, message: &str) -> String {
    match code {
        "ExpiredTokenException" | "ExpiredToken" => {
            format!("the session of these AWS credentials has expired ({code})")
        }
        "AccessDeniedException" | "AccessDenied" => match Denial::of(message) {
            Some(Denial { who, action, resource, why }) => {
                format!("{who} may not do {action} on {resource}{why} ({code})")
            }
            None => format!("access denied: {message} ({code})"),
        },
        "InvalidClientTokenId" | "UnrecognizedClientException" => {
            format!("Glacier refused these credentials: it does not know the access key ({code})")
        }
        _ if is_about_time(message) => {
            format!("the clock of this machine differs from Glacier's: {message} ({code})")
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            format!(
                "Glacier refused these credentials: the secret key is not that of the access key ({code})"
            )
        }
        _ => format!("Glacier refused these credentials: {message} ({code})"),
    }
}

/// What is not done, however often it is asked for.
pub(super) fn refused(code: &str, message: &str) -> String {
    match code {
        "PolicyEnforcedException" => {
            format!("the account's data retrieval policy does not allow this retrieval now ({code})")
        }
        "LimitExceededException" => format!("a limit of the AWS account is reached: {message} ({code})"),
        _ if is_about_rest(message) => {
            format!(
                "the vault holds archives, or was written to since Glacier's last inventory of it ({code})"
            )
        }
        _ => format!("Glacier refused the request: {message} ({code})"),
    }
}

/// What may be done another time.
pub(super) fn unavailable(code: &str, message: &str) -> String {
    match code {
        "InsufficientCapacityException" => {
            format!("Glacier has no capacity for expedited retrievals now ({code})")
        }
        "RequestTimeoutException" => format!("the data came too slowly for Glacier: {message} ({code})"),
        _ if is_throttling(code) => format!("Glacier is asked for too much at once: {message} ({code})"),
        _ => format!("Glacier could not serve the request: {message} ({code})"),
    }
}

/// What to do about an error.
pub(super) fn hint(error: &ServiceError) -> Option<String> {
    use ServiceError as E;
    let hint = match error {
        E::NotFound { message } => of_missing(message)?,
        E::InventoryNotReady => "run the same command again tomorrow",
        E::NoCredentials { .. } => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run 'aws configure'"
        }
        E::NoProfile { .. } => "'aws configure list-profiles' lists those that there are",
        E::Denied { code, message } => of_denied(code, message),
        E::NoLongerSupported => {
            "to try this program without one that holds vaults, run 'glacier-emulator -- bash' (docs/first-steps.md)"
        }
        E::Refused { code, .. } if code == "PolicyEnforcedException" => {
            "see the policy with 'glacier policy get', change it with 'glacier policy set', retrieve with '--tier bulk' (git-annex: tier=Bulk), to which it does not apply, or run the same command again later"
        }
        E::Refused { code, .. } if code == "LimitExceededException" => {
            "delete what is not needed, or ask AWS for more in the console of Service Quotas"
        }
        E::Refused { message, .. } if is_about_rest(message) => {
            "delete its archives, then run the same command again in a day or two"
        }
        E::Unavailable { code, .. } => match code.as_str() {
            "InsufficientCapacityException" => "run the same command again later, or with '--tier standard'",
            "RequestTimeoutException" => {
                "run the same command again with fewer parts at once, such as '--jobs 2'"
            }
            _ => AGAIN_LATER,
        },
        E::Unanswered { never_sent: false, .. } => "run the same command again",
        E::Unanswered { .. } => {
            "check the network, the region and the URL of the service, then run the same command again"
        }
        E::NotGlacier { status: 500.., .. } => AGAIN_LATER,
        E::NotGlacier { .. } => {
            "check --endpoint-url, AWS_ENDPOINT_URL_GLACIER, AWS_ENDPOINT_URL and the proxy"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_missing(message: &str) -> Option<&'static str> {
    match message.split_once(" ID was not found: ")?.0 {
        "The archive" => Some("'glacier vault sync VAULT' brings the cache in line with the vault"),
        "The job" => Some("run the same command again to start another"),
        "The upload" => Some("'glacier upload list VAULT' shows those that there are"),
        _ => None,
    }
}

fn of_denied(code: &str, message: &str) -> &'static str {
    match code {
        "ExpiredTokenException" | "ExpiredToken" => {
            "get new ones, such as with 'aws sso login', then run the same command again"
        }
        "AccessDeniedException" | "AccessDenied" if message.contains("explicit deny in a resource") => {
            "'aws glacier get-vault-access-policy' and 'get-vault-lock' show what the vault itself denies"
        }
        "AccessDeniedException" | "AccessDenied" => {
            "allow that in IAM, or use other credentials with AWS_PROFILE"
        }
        _ if is_about_time(message) => {
            "set the clock, such as with 'timedatectl set-ntp true', then run the same command again"
        }
        _ => {
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or see what is used with 'aws configure list'"
        }
    }
}

/// A request is good for five minutes, by Glacier's clock.
fn is_about_time(message: &str) -> bool {
    message.starts_with("Signature expired") || message.starts_with("Signature not yet current")
}

fn is_about_rest(message: &str) -> bool {
    message.starts_with("Vault not empty")
}

/// What the service tells of a denial (IAM User Guide, "Troubleshoot access denied error messages").
struct Denial<'a> {
    who: &'a str,
    action: &'a str,
    resource: &'a str,
    /// With its separator; empty if the service does not say.
    why: String,
}

impl<'a> Denial<'a> {
    /// Reads `User: ARN is not authorized to perform: ACTION on resource: ARN because ...`.
    fn of(message: &'a str) -> Option<Self> {
        let (who, rest) = message.split_once(" is not authorized to perform: ")?;
        let (action, rest) = rest.split_once(" on resource: ")?;
        let (resource, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let who = who.strip_prefix("User: ").unwrap_or(who);
        let reason = rest.strip_prefix("because ").unwrap_or(rest);
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Some(Self { who, action, resource: resource.trim_matches('"'), why })
    }
}

#[cfg(test)]
mod tests {
    use super::denied;

    /// Forms that the service has besides the one that the emulator sends.
    #[test]
    fn a_denial_names_who_what_and_why() {
        let deny = |message| denied("AccessDeniedException", message);
        let message = "User: arn:aws:iam::1:user/u is not authorized to perform: glacier:DeleteArchive on resource: arn:aws:glacier:us-east-1:1:vaults/v with an explicit deny in a resource-based policy";
        assert_eq!(
            deny(message),
            "arn:aws:iam::1:user/u may not do glacier:DeleteArchive on arn:aws:glacier:us-east-1:1:vaults/v: with an explicit deny in a resource-based policy (AccessDeniedException)"
        );
        assert_eq!(deny("No."), "access denied: No. (AccessDeniedException)");
    }
}
