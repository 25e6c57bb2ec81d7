//! One line of a bill.

use super::Decimal;

/// What amounts of data are priced by, in bytes.
const GB_BYTES: u128 = 1 << 30;
/// What storage is priced by: a month of 30 days, so that the 90 days of early deletion are three.
pub(super) const MONTH_SECONDS: u128 = 30 * 24 * 60 * 60;
/// What requests are priced by.
const REQUESTS: u128 = 1000;

/// What is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Requests that store archives.
    UploadRequests,
    /// Keeping archives.
    Storage,
    /// Jobs that bring archives.
    RetrievalRequests,
    /// The data that those bring.
    Retrieval,
    /// The same data on its way out of AWS's network.
    TransferOut,
    /// What is missing of the time that an archive is paid for in any case.
    EarlyDeletion,
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// So many requests.
    Requests(u64),
    /// So many bytes.
    Bytes(u128),
    /// So many bytes for a second each.
    ByteSeconds(u128),
}

/// A line of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// What for.
    pub item: Item,
    /// How much of it.
    pub quantity: Quantity,
    /// The price of 1,000 requests, of a GB, or of a GB for a month.
    pub price: Decimal,
}

impl Charge {
    /// Returns the money, rounded up to a billionth.
    pub fn amount(&self) -> Decimal {
        let (numerator, denominator) = self.quantity.fraction();
        self.price.times_fraction(numerator, denominator)
    }
}

impl Quantity {
    /// Returns the requests, or the GB or GB-months, rounded up to a billionth.
    pub fn counted(self) -> Decimal {
        match self {
            Self::Requests(requests) => Decimal::of_fraction(u128::from(requests), 1),
            Self::Bytes(_) | Self::ByteSeconds(_) => {
                let (numerator, denominator) = self.fraction();
                Decimal::of_fraction(numerator, denominator)
            }
        }
    }

    /// Of what a price is paid for.
    fn fraction(self) -> (u128, u128) {
        match self {
            Self::Requests(requests) => (u128::from(requests), REQUESTS),
            Self::Bytes(bytes) => (bytes, GB_BYTES),
            Self::ByteSeconds(byte_seconds) => (byte_seconds, GB_BYTES * MONTH_SECONDS),
        }
    }
}
