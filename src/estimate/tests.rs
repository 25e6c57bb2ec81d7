//! Bills that were reckoned by hand.

use super::*;

const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn prices() -> Prices {
    let tier = |per_gb, per_1000_requests| {
        Some(TierPrices {
            per_gb: decimal(per_gb),
            per_1000_requests: decimal(per_1000_requests),
            note: None,
        })
    };
    Prices {
        date: "2024-07-01".to_owned(),
        currency: "USD".to_owned(),
        storage_per_gb_month: decimal("0.0036"),
        early_deletion_per_gb_month: decimal("0.0036"),
        upload_per_1000_requests: decimal("0.03"),
        transfer_out_per_gb: Some(decimal("0.09")),
        standard: tier("0.01", "0.03"),
        bulk: None,
        expedited: tier("0.03", "10"),
    }
}

fn now() -> Timestamp {
    "2024-07-01T00:00:00Z".parse().expect("a date")
}

fn weight(size_bytes: impl Into<Option<u64>>, age_days: impl Into<Option<u32>>) -> Weight {
    Weight { size_bytes: size_bytes.into(), stored_at: age_days.into().map(|days| now() - DAY * days) }
}

fn amounts(estimate: &Estimate) -> Vec<String> {
    estimate.charges.iter().map(|charge| charge.amount().to_string()).collect()
}

#[test]
fn requests_of_an_upload_are_those_of_its_parts() {
    let requests = |size_bytes| upload_requests(size_bytes, None).expect("fits");
    assert_eq!([1, 16 << 20, (16 << 20) + 1, 160 << 20].map(requests), [1, 1, 2 + 2, 10 + 2]);
    // 1 TiB is 8,192 parts of 128 MiB.
    assert_eq!(requests(1 << 40), 8192 + 2);
    let parts_of_1_mib = Some(PartSize::at_most(1 << 20));
    assert_eq!(upload_requests((3 << 20) + 1, parts_of_1_mib), Ok(4 + 2));
    assert!(upload_requests(11_000 << 20, parts_of_1_mib).is_err());
}

/// 1 TiB: 8,194 requests at 0.03 for 1,000 are 0.24582; each month 1,024 GB and 32 KiB, which is 2^-15 GB, at 0.0036 are
/// 3.6864 and 0.000000109863...
#[test]
fn storing_a_tebibyte() {
    let estimate = prices().upload(&[1 << 40], None).expect("fits");
    assert_eq!(amounts(&estimate), ["0.24582"]);
    let monthly = estimate.monthly.expect("it is kept");
    assert_eq!((monthly.amount().to_string().as_str(), monthly.item), ("3.68640011", Item::Storage));
    assert_eq!((estimate.archives, estimate.size_bytes, estimate.unknown), (1, 1 << 40, 0));
}

/// A million files of 1 KiB: 33 KiB each are 31.471... GB; 0.1133 a month, but 30 for the requests.
#[test]
fn small_files_are_dear_to_store() {
    let estimate = prices().upload(&vec![1024; 1_000_000], None).expect("they fit");
    assert_eq!(amounts(&estimate), ["30"]);
    assert_eq!(estimate.monthly.expect("they are kept").amount().rounded_up(), "0.1133");
}

/// 2,000 archives of 1 GiB: 0.06 for the requests, 20 for the data, 180 for its way out.
#[test]
fn retrieving_by_tier() {
    let weights = vec![weight(GIB, None); 2000];
    let standard = prices().retrieve(&weights, Tier::Standard).expect("has a price");
    assert_eq!(
        (amounts(&standard), standard.total()),
        (vec!["0.06".into(), "20".into(), "180".into()], decimal("200.06"))
    );
    let expedited = prices().retrieve(&weights, Tier::Expedited).expect("has a price");
    assert_eq!(
        (amounts(&expedited), expedited.total()),
        (vec!["20".into(), "60".into(), "180".into()], decimal("260"))
    );
    assert!(expedited.assumptions.iter().any(|said| said.ends_with("larger than that: 2000")));
    assert!(!standard.assumptions.iter().any(|said| said.contains("250 MB")));
    assert_eq!(prices().retrieve(&weights, Tier::Bulk), None);
}

#[test]
fn transfer_out_is_counted_only_where_it_has_a_price() {
    let prices = Prices { transfer_out_per_gb: None, ..prices() };
    let estimate = prices.retrieve(&[weight(GIB, None)], Tier::Standard).expect("has a price");
    assert_eq!(amounts(&estimate), ["0.00003", "0.01"]);
    assert!(estimate.assumptions.iter().any(|said| said == "transfer out of AWS's network is not counted"));
}

#[test]
fn what_is_unknown_is_not_nothing() {
    let weights = [weight(GIB, None), weight(None, None)];
    let estimate = prices().retrieve(&weights, Tier::Standard).expect("has a price");
    assert_eq!((estimate.archives, estimate.size_bytes, estimate.unknown), (2, u128::from(GIB), 1));
    // Both are requests, one has data.
    assert_eq!(amounts(&estimate), ["0.00006", "0.01", "0.09"]);
    let estimate = prices().store(&weights, 1);
    assert_eq!(estimate.unknown, 1);
    let stored = estimate.charges[0].quantity.counted();
    assert_eq!(stored, Decimal::of_fraction(u128::from(GIB + OVERHEAD_BYTES), u128::from(GIB)));
}

/// The example of the pricing page, at this price: 1 GB that is deleted after one month is charged for two more, 0.0072.
/// Here 32 KiB come to it, which at 0.0072 a GB are 0.0000002197...
#[test]
fn deleting_early() {
    let total = |size_bytes, age| prices().delete(&[weight(size_bytes, age)], now()).total().to_string();
    assert_eq!(total(GIB - OVERHEAD_BYTES, 30), "0.0072");
    assert_eq!(total(GIB, 30), "0.00720022");
    assert_eq!(total(GIB - OVERHEAD_BYTES, 0), "0.0108");
    assert_eq!(total(GIB - OVERHEAD_BYTES, 89), "0.00012");
    assert_eq!(total(GIB, 90), "0");
    assert_eq!(total(GIB, 4000), "0");
}

#[test]
fn a_fee_is_unknown_only_where_it_may_be_due() {
    let unknown = |weight| prices().delete(&[weight], now()).unknown;
    assert_eq!(unknown(weight(GIB, None)), 1, "it may be young");
    assert_eq!(unknown(weight(None, 10)), 1, "it is young");
    assert_eq!(unknown(weight(None, 90)), 0, "it is free, however large");
    assert_eq!(unknown(weight(GIB, 10)), 0);
}

/// 3 GiB less what is stored beside three archives: 3 GB at 0.0036 for 12 months are 0.1296.
#[test]
fn keeping_for_a_year() {
    let weights = vec![weight(GIB - OVERHEAD_BYTES, None); 3];
    assert_eq!(prices().store(&weights, 12).total(), decimal("0.1296"));
    assert_eq!(prices().store(&[], 1).total(), Decimal::default());
}

/// A cache may claim anything.
#[test]
fn no_size_overflows() {
    let weights = vec![weight(i64::MAX as u64, 0); 1000];
    let dear = Prices {
        early_deletion_per_gb_month: decimal("999999.999999999"),
        storage_per_gb_month: decimal("999999.999999999"),
        ..prices()
    };
    assert!(dear.delete(&weights, now()).total() > decimal("999999"));
    assert!(dear.store(&weights, u16::MAX).total() > decimal("999999"));
}
