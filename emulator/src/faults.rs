//! Faults on demand: what goes wrong, on which operation, and at which of its requests.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;

use crate::error::Refusal;
use crate::request::{is_operation, number};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Answered with an error; nothing is done.
    Refuse(StatusCode, &'static str, &'static str),
    /// Answered as the service answers those who may not do it; nothing is done.
    Deny,
    /// The connection ends before the body is read; nothing is done.
    CutBefore,
    /// The connection ends in the middle: of the data going in, or of the data coming out.
    CutMiddle,
    /// All is done, then the connection ends without an answer.
    CutAfter,
    /// A byte of the output is another.
    Corrupt,
    /// The answer has another tree hash.
    WrongHash,
    /// The job that is started will fail.
    FailJob,
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;

/// The names of what can go wrong.
const HARMS: [(&str, Harm); 16] = [
    ("throttle", Harm::Refuse(BAD_REQUEST, "ThrottlingException", "Rate exceeded")),
    ("408", Harm::Refuse(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "Request timed out.")),
    (
        "500",
        Harm::Refuse(StatusCode::INTERNAL_SERVER_ERROR, "ServiceUnavailableException", "Internal failure"),
    ),
    (
        "503",
        Harm::Refuse(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException", "Service unavailable"),
    ),
    (
        "policy-enforced",
        Harm::Refuse(
            BAD_REQUEST,
            "PolicyEnforcedException",
            "InitiateJob request denied by current data retrieval policy.",
        ),
    ),
    (
        "insufficient-capacity",
        Harm::Refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "InsufficientCapacityException",
            "Insufficient capacity for expedited retrievals",
        ),
    ),
    (
        "expired-token",
        Harm::Refuse(
            StatusCode::FORBIDDEN,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
    ),
    ("access-denied", Harm::Deny),
    ("limit-exceeded", Harm::Refuse(BAD_REQUEST, "LimitExceededException", "Limit exceeded")),
    (
        "clock-skew",
        Harm::Refuse(
            StatusCode::FORBIDDEN,
            "InvalidSignatureException",
            "Signature not yet current: 20120601T001000Z is still later than 20120601T000500Z (20120601T000000Z + 5 min.)",
        ),
    ),
    ("cut-before", Harm::CutBefore),
    ("cut-middle", Harm::CutMiddle),
    ("cut-after", Harm::CutAfter),
    ("corrupt", Harm::Corrupt),
    ("wrong-hash", Harm::WrongHash),
    ("fail-job", Harm::FailJob),
];

impl Harm {
    /// Returns the operation that it can happen to, if there is but one.
    fn only_operation(self) -> Option<&'static str> {
        match self {
            Self::Corrupt => Some("GetJobOutput"),
            Self::FailJob => Some("InitiateJob"),
            _ => None,
        }
    }

    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refuse(status, code, message) => {
                Some(Refusal { status, code, message: message.to_owned() })
            }
            _ => None,
        }
    }
}

/// A fault: `WHAT[@OPERATION][#K|%N]`, such as `throttle@UploadMultipartPart#3` (the third), `500%3` (every third
/// request of any operation) or `cut-after@UploadArchive` (each). Counting begins when the fault is set. `corrupt` means
/// `GetJobOutput`, `fail-job` means `InitiateJob`, without its being said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    text: String,
    harm: Harm,
    operation: Option<String>,
    which: Which,
    seen: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Each,
    Only(u64),
    Every(u64),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, which) = match text.find(['#', '%']) {
            None => (text, Which::Each),
            Some(at) => {
                let number = number(&text[at + 1..]).filter(|number| *number > 0);
                let number = number.ok_or("after # or % must stand a number from 1")?;
                (
                    &text[..at],
                    if text[at..].starts_with('#') { Which::Only(number) } else { Which::Every(number) },
                )
            }
        };
        let (name, operation) = match rest.split_once('@') {
            Some((name, operation)) => (name, Some(operation.to_owned())),
            None => (rest, None),
        };
        let harm = HARMS.iter().find(|(known, _)| *known == name).map(|(_, harm)| *harm);
        let harm = harm.ok_or_else(|| {
            let names: Vec<&str> = HARMS.iter().map(|(name, _)| *name).collect();
            format!("{name} is none of {}", names.join(", "))
        })?;
        if let Some(unknown) = operation.as_ref().filter(|operation| !is_operation(operation)) {
            return Err(format!("{unknown} is no operation of Glacier"));
        }
        let operation = match (harm.only_operation(), operation) {
            (Some(only), Some(other)) if other != only => {
                return Err(format!("{name} is for {only} alone, not for {other}"));
            }
            (Some(only), _) => Some(only.to_owned()),
            (None, operation) => operation,
        };
        Ok(Self { text: text.to_owned(), harm, operation, which, seen: 0 })
    }
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().extend(faults);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.lock().iter().map(|fault| fault.text.clone()).collect()
    }

    /// Returns what goes wrong with the next request of this operation. Every fault counts it; the first that is due
    /// has it.
    pub(crate) fn next(&self, operation: &str) -> Option<Harm> {
        let mut due = None;
        for fault in
            self.lock().iter_mut().filter(|fault| fault.operation.as_deref().is_none_or(|o| o == operation))
        {
            fault.seen += 1;
            let is_due = match fault.which {
                Which::Each => true,
                Which::Only(number) => fault.seen == number,
                Which::Every(number) => fault.seen.is_multiple_of(number),
            };
            due = due.or(is_due.then_some(fault.harm));
        }
        due
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_the_requests_that_it_names() {
        let faults = Faults::default();
        let fault = |text: &str| text.parse::<Fault>().expect("a fault");
        faults.add([fault("408@UploadArchive#2"), fault("500%3")]);
        let struck: Vec<bool> = (0..6).map(|_| faults.next("UploadArchive").is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false, true]);
        assert_eq!(faults.next("ListVaults"), None);
        faults.clear();
        assert_eq!(faults.next("UploadArchive"), None);
    }

    #[test]
    fn a_fault_of_one_operation_counts_its_requests_alone() {
        let faults = Faults::default();
        faults.add(["fail-job#1".parse::<Fault>().expect("a fault")]);
        assert_eq!(faults.next("UploadArchive"), None);
        assert_eq!(faults.next("InitiateJob"), Some(Harm::FailJob));
        assert_eq!(faults.next("InitiateJob"), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "",
            "melt",
            "500@Melt",
            "500@",
            "500#0",
            "500#-1",
            "500#+1",
            "500%",
            "500@UploadArchive#x",
            "500#1@UploadArchive",
            "fail-job@UploadArchive",
            "500 ",
        ] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_fault_may_be_anything(text in "[a-z0-9-]{0,12}(@[A-Za-z]{0,12})?([#%].{0,22})?|.*") {
            if let Ok(fault) = text.parse::<Fault>() {
                let faults = Faults::default();
                faults.add([fault]);
                faults.next("UploadArchive");
                assert_eq!(faults.list(), [text]);
            }
        }
    }
}
