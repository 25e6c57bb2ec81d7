//! Signatures, version 4 (developer guide, "Signing Requests"): the canonical request is made again from what arrived,
//! then compared.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use hyper::HeaderMap;
use hyper::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::error::Refusal;

/// How far a request's date may be from now.
const WINDOW: Duration = Duration::minutes(5);
/// What stays as it is in a canonical query (RFC 3986, unreserved characters).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// In a path slashes stay too.
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// The hash of an upload's body, which is the payload hash of its signature too.
const CONTENT_HASH: &str = "x-amz-content-sha256";

/// A pair of keys that requests may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// The header of a signed request.
struct Authorization<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Checks that the request was signed with one of the keys, for this service, about `now`, over a body with this hash.
pub(crate) fn verify(
    parts: &Parts,
    payload_hash: &str,
    keys: &[Keys],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let header = text(&parts.headers, "authorization").filter(|header| !header.is_empty());
    let header = header.ok_or_else(Refusal::not_authenticated)?;
    let authorization = Authorization::parse(header).ok_or_else(|| Refusal::incomplete_signature(header))?;
    let known = keys.iter().find(|keys| keys.access_key_id == authorization.access_key_id);
    let secret = &known.ok_or_else(Refusal::unknown_key)?.secret_access_key;
    let (date_name, date_text, date) = date(&parts.headers)?;
    check_window(date, now)?;
    authorization.check_scope(date_text)?;
    authorization.check_signed(&parts.headers, date_name)?;

    let signing_key = generate_signing_key(secret, date.into(), authorization.region, authorization.service);
    // Clients of AWS encode a path once or twice; for the names and ids of Glacier both come to the same.
    let mut canonical_request = String::new();
    for path in [parts.uri.path().to_owned(), utf8_percent_encode(parts.uri.path(), PATH).to_string()] {
        canonical_request = canonical(parts, &path, &authorization.signed_headers, payload_hash);
        let to_sign = authorization.string_to_sign(date_text, &canonical_request);
        if calculate_signature(&signing_key, to_sign.as_bytes()) == authorization.signature {
            return Ok(());
        }
    }
    Err(Refusal::wrong_signature(&canonical_request))
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            fields.split(',').map(str::trim).find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = scope[..] else { return None };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        Some(Self { access_key_id, day, region, service, signed_headers, signature: field("Signature")? })
    }

    fn check_scope(&self, date_text: &str) -> Result<(), Refusal> {
        if self.service == "glacier" && date_text.split_once('T').is_some_and(|(day, _)| day == self.day) {
            return Ok(());
        }
        let message = "Credential should be scoped to the date and to service 'glacier'.";
        Err(Refusal::invalid_signature(message))
    }

    /// A content hash need not be sent but with data; where it is, it is signed.
    fn check_signed(&self, headers: &HeaderMap, date_name: &str) -> Result<(), Refusal> {
        let content_hash = headers.contains_key(CONTENT_HASH).then_some(CONTENT_HASH);
        let mut wanted = ["host", "x-amz-glacier-version", date_name].into_iter().chain(content_hash);
        match wanted.find(|name| !self.signed_headers.contains(name)) {
            None => Ok(()),
            Some(missing) => Err(Refusal::invalid_signature(format!("'{missing}' must be signed."))),
        }
    }

    fn string_to_sign(&self, date_text: &str, canonical_request: &str) -> String {
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let hash = hex(canonical_request.as_bytes());
        format!("AWS4-HMAC-SHA256\n{date_text}\n{scope}\n{hash}")
    }
}

/// `x-amz-date` comes before `date`, which may serve only in the same form. Returns which it is.
fn date(headers: &HeaderMap) -> Result<(&'static str, &str, OffsetDateTime), Refusal> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let given =
        ["x-amz-date", "date"].into_iter().find_map(|name| Some((name, headers.get(name)?.to_str().ok()?)));
    let parsed = given.and_then(|(name, text)| {
        Some((name, text, PrimitiveDateTime::parse(text, &format).ok()?.assume_utc()))
    });
    parsed.ok_or_else(|| Refusal::incomplete_signature("no date of the form 20120525T002453Z"))
}

fn check_window(date: OffsetDateTime, now: OffsetDateTime) -> Result<(), Refusal> {
    if date < now - WINDOW {
        let (date, oldest, now) = (basic(date), basic(now - WINDOW), basic(now));
        return Err(Refusal::invalid_signature(format!(
            "Signature expired: {date} is now earlier than {oldest} ({now} - 5 min.)"
        )));
    }
    if date > now + WINDOW {
        let (date, newest, now) = (basic(date), basic(now + WINDOW), basic(now));
        return Err(Refusal::invalid_signature(format!(
            "Signature not yet current: {date} is still later than {newest} ({now} + 5 min.)"
        )));
    }
    Ok(())
}

fn basic(time: OffsetDateTime) -> String {
    time.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default()
}

fn canonical(parts: &Parts, path: &str, signed_headers: &[&str], payload_hash: &str) -> String {
    let headers = signed_headers.iter().map(|name| {
        // What is not ASCII never has the right signature: neither has it with the service.
        let values =
            parts.headers.get_all(*name).iter().map(|value| collapsed(value.to_str().unwrap_or("?")));
        format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
    });
    let headers: String = headers.collect();
    let query = canonical_query(parts.uri.query().unwrap_or_default());
    let names = signed_headers.join(";");
    format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload_hash}", parts.method)
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, QUERY).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.sort();
    pairs.join("&")
}

/// Values are trimmed, and runs of spaces count as one.
fn collapsed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the SHA-256 of some bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    crate::treehash::hex(&Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn keys() -> Vec<Keys> {
        vec![Keys { access_key_id: "AKIAIOSFODNN7EXAMPLE".into(), secret_access_key: SECRET.into() }]
    }

    fn at(text: &str) -> OffsetDateTime {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        PrimitiveDateTime::parse(text, &format).expect("a date").assume_utc()
    }

    struct Vector {
        method: &'static str,
        target: &'static str,
        date: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static [u8],
        canonical_hash: &'static str,
        signature: &'static str,
    }

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    const VECTORS: [Vector; 3] = [
        Vector {
            method: "PUT",
            target: "/-/vaults/examplevault",
            date: "20120525T002453Z",
            headers: &[],
            body: b"",
            canonical_hash: "5f1da1a2d0feb614dd03d71e87928b8e449ac87614479332aced3a701f916743",
            signature: "3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a",
        },
        Vector {
            method: "POST",
            target: "http://glacier.us-east-1.amazonaws.com/-/vaults/examplevault/archives",
            date: "20260102T030405Z",
            headers: &[
                ("x-amz-archive-description", "my  two spaces"),
                ("x-amz-content-sha256", HELLO),
                ("x-amz-sha256-tree-hash", HELLO),
            ],
            body: b"hello",
            canonical_hash: "ce5f512ffea9d69864dab10ce14d6698a4d8b6a042e5f624638e44f74eacb04b",
            signature: "b3011d26770d056951635e2c4a5ae002e328f54a91961e785cd53abcfcb9b288",
        },
        Vector {
            method: "GET",
            target: "/-/vaults/examplevault/jobs?completed=true&limit=10&marker=a%2Fb%3Dc",
            date: "20260102T030405Z",
            headers: &[],
            body: b"",
            canonical_hash: "ae7d70531c9820787a3fbbbd384321f463a7e334febf5362eb9bb09f60262bce",
            signature: "1076b7aee4c27d88829af7857f1945a67d25cf937d2b84aeee216c8f4f915052",
        },
    ];

    impl Vector {
        fn signed_headers(&self) -> Vec<&str> {
            let mut names = vec!["host", "x-amz-date", "x-amz-glacier-version"];
            names.extend(self.headers.iter().map(|(name, _)| *name));
            names.sort_unstable();
            names
        }

        fn parts(&self) -> Parts {
            let mut request = Request::builder().method(self.method).uri(self.target);
            request =
                request.header("host", "glacier.us-east-1.amazonaws.com").header("x-amz-date", self.date);
            request = request.header("x-amz-glacier-version", "2012-06-01");
            for (name, value) in self.headers {
                request = request.header(*name, *value);
            }
            let (scope, names) = (&self.date[..8], self.signed_headers().join(";"));
            let signature = self.signature;
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{scope}/us-east-1/glacier/aws4_request,\
                 SignedHeaders={names},Signature={signature}"
            );
            request.header("authorization", authorization).body(()).expect("a request").into_parts().0
        }

        fn verified(&self, parts: &Parts, now: &str) -> Result<(), Refusal> {
            verify(parts, &hex(self.body), &keys(), at(now))
        }
    }

    #[test]
    fn canonical_requests_and_signatures_are_those_of_other_implementations() {
        for vector in &VECTORS {
            let parts = vector.parts();
            let canonical = canonical(&parts, parts.uri.path(), &vector.signed_headers(), &hex(vector.body));
            assert_eq!(hex(canonical.as_bytes()), vector.canonical_hash, "{canonical}");
            assert_eq!(vector.verified(&parts, vector.date), Ok(()), "{}", vector.target);
        }
    }

    #[test]
    fn whatever_is_changed_on_the_way_is_noticed() {
        let vector = &VECTORS[1];
        let mut parts = vector.parts();
        parts.headers.insert("x-amz-archive-description", "other".parse().expect("a value"));
        assert_eq!(
            vector.verified(&parts, vector.date).map_err(|refusal| refusal.code),
            Err("InvalidSignatureException")
        );
        let parts = vector.parts();
        let other_body = verify(&parts, &hex(b"tampered"), &keys(), at(vector.date));
        assert_eq!(other_body.map_err(|refusal| refusal.code), Err("InvalidSignatureException"));
        let other_key = verify(&parts, HELLO, &[], at(vector.date));
        assert_eq!(other_key.map_err(|refusal| refusal.code), Err("UnrecognizedClientException"));
    }

    #[test]
    fn a_request_is_good_for_five_minutes() {
        let vector = &VECTORS[2];
        let parts = vector.parts();
        assert_eq!(vector.verified(&parts, "20260102T030905Z"), Ok(()));
        let late = vector.verified(&parts, "20260102T030906Z").expect_err("too late").message;
        let expected = "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030906Z - 5 min.)";
        assert_eq!(late, expected);
        let early = vector.verified(&parts, "20260102T025904Z").expect_err("too early").message;
        assert!(
            early.starts_with(
                "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z"
            )
        );
    }
}
