//! Whatever arrives, there is an answer, and it is never that the emulator itself failed.

use hyper::Method;
use hyper::http::request::Parts;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const WORDS: &[&str] = &[
    "-",
    "111122223333",
    "vaults",
    "v",
    "archives",
    "jobs",
    "output",
    "multipart-uploads",
    "tags",
    "lock-policy",
    "access-policy",
    "notification-configuration",
    "policies",
    "data-retrieval",
    "provisioned-capacity",
    "_emulator",
    "..",
    "%00",
    "%2e%2e",
    "%2F",
    "",
];
const NAMES: &[&str] = &[
    "authorization",
    "date",
    "host",
    "range",
    "content-range",
    "content-length",
    "x-amz-date",
    "x-amz-glacier-version",
    "x-amz-archive-description",
    "x-amz-part-size",
    "x-amz-archive-size",
    "x-amz-sha256-tree-hash",
    "x-amz-content-sha256",
];
const BODIES: &[&str] = &[
    r#"{"Type":"inventory-retrieval","InventoryRetrievalParameters":{"Limit":1,"Marker":"1.2"}}"#,
    r#"{"Type":"archive-retrieval","ArchiveId":"x","RetrievalByteRange":"0-1"}"#,
    r#"{"Policy":{"Rules":[{"Strategy":"BytesPerHour","BytesPerHour":18446744073709551615}]}}"#,
    r#"{"Policy":"{}"}"#,
    r#"{"Tags":{"a":"b"}}"#,
    r#"{"TagKeys":[1,null,"a"]}"#,
    r#"{"SNSTopic":"t","Events":["ArchiveRetrievalCompleted"]}"#,
    "{}",
    "[]",
    "null",
    "",
];

fn glacier() -> (Glacier, TempDir) {
    let directory = TempDir::new().expect("a directory");
    let glacier = Glacier {
        store: Store::open(directory.path(), crate::store::Keeps::AllForGood).expect("a store"),
        clock: Clock::default(),
        stats: Stats::default(),
        faults: Faults::default(),
        account: "111122223333".into(),
        keys: vec![Keys { access_key_id: "key".into(), secret_access_key: "secret".into() }],
        job_delays: JobDelays::all(Duration::ZERO),
        job_lifetime: Duration::from_secs(1),
        inventory_lag: Duration::ZERO,
        link: Link::default(),
        is_closed_to_customers: false,
        takes_unsigned: true,
        omits_nulls: true,
    };
    (glacier, directory)
}

fn one_of(words: &'static [&'static str], or: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => proptest::sample::select(words).prop_map(str::to_owned), 1 => or]
}

/// The head of a request, more or less like one for Glacier.
fn head() -> impl Strategy<Value = Option<Parts>> {
    let method = proptest::sample::select(&["GET", "PUT", "POST", "DELETE", "PATCH"][..]);
    let path = proptest::collection::vec(one_of(WORDS, "[!-~]{0,9}"), 0..4);
    let place = proptest::sample::select(&["/-/vaults/v/", "/-/", "/", "http://host/-/vaults/v/"][..]);
    let query = one_of(&["", "?operation=add", "?operation=remove", "?limit=5&marker=1"], "\\?[!-~]{0,30}");
    let value = one_of(
        &[
            "2012-06-01",
            "bytes 0-1/*",
            "1048576",
            "20260102T030405Z",
            "x",
            "AWS4-HMAC-SHA256 Credential=key/20260102/us-east-1/glacier/aws4_request,SignedHeaders=host;date;x-amz-date;x-amz-glacier-version,Signature=x",
        ],
        "[ -~]{0,40}",
    );
    let headers = proptest::collection::vec((one_of(NAMES, "[a-z-]{1,12}"), value), 0..6);
    (method, place, path, query, headers).prop_map(|(method, place, path, query, headers)| {
        let request =
            hyper::Request::builder().method(method).uri(format!("{place}{}{query}", path.join("/")));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        Some(request.body(()).ok()?.into_parts().0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn any_sequence_of_requests_is_answered(
        requests in proptest::collection::vec((head(), one_of(BODIES, ".{0,60}")), 100),
    ) {
        let (glacier, _directory) = glacier();
        let create = hyper::Request::builder().method(Method::PUT).uri("/-/vaults/v").body(()).expect("a request");
        let create = Request::parse(&create.into_parts().0).expect("an operation");
        prop_assert!(glacier.control(&create, b"", false).is_ok());
        for (parts, body) in requests {
            let Some(parts) = parts else { continue };
            let now = OffsetDateTime::now_utc();
            prop_assert!(signature::verify(&parts, "hash", &glacier.keys, now).is_err());
            let Ok(request) = Request::parse(&parts) else { continue };
            let admitted = glacier.admit(&parts, &request, Some("hash"));
            prop_assert!(admitted.is_ok() || request.version() != Ok(VERSION) || request.account != "-");
            if let Err(refusal) = glacier.control(&request, body.as_bytes(), false) {
                prop_assert!(refusal.status.is_client_error(), "{parts:?} {body}: {refusal:?}");
            }
        }
        prop_assert!(glacier.messages().is_ok());
    }
}
