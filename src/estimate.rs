//! What Glacier will charge, by prices that somebody has written down.
//!
//! Only arithmetic: what is known of archives and the present come in as values. Nothing is a float: prices are decimals
//! and amounts are rounded up to a billionth. What depends on something unknown is counted apart, not as nothing.

mod assumptions;
mod charge;
mod decimal;
mod prices;

use std::time::Duration;

pub use charge::{Charge, Item, Quantity};
pub use decimal::{Decimal, NoDecimal};
pub use prices::{Prices, TierPrices};

use crate::service::Tier;
use crate::types::{InvalidValue, PartSize, Timestamp};

/// How long an archive is paid for in any case (pricing page, "Early deletion").
pub const PAID_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// What is stored beside the data of each archive and charged with it (developer guide, "Vault inventory": sizes of
/// vaults count it), in bytes.
pub const OVERHEAD_BYTES: u64 = 32 * 1024;
/// The size up to which archives are for expedited retrieval (developer guide, "Archive Retrieval Options").
const EXPEDITED_MAX_BYTES: u64 = 250_000_000;

/// An archive as far as its costs depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Its size, if that is known.
    pub size_bytes: Option<u64>,
    /// When it was stored, if that is known.
    pub stored_at: Option<Timestamp>,
}

/// What something would cost, and how that was reckoned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// How many archives it is about.
    pub archives: u64,
    /// The size of those whose size is known, without what is stored beside them.
    pub size_bytes: u128,
    /// How many archives cost more than is counted here, because their size or age is not known.
    pub unknown: u64,
    /// What is charged.
    pub charges: Vec<Charge>,
    /// What is charged each month from then on.
    pub monthly: Option<Charge>,
    /// What was taken for granted, in sentences.
    pub assumptions: Vec<String>,
}

impl Estimate {
    /// Returns the sum of the charges, without those of later months.
    pub fn total(&self) -> Decimal {
        self.charges.iter().map(Charge::amount).sum()
    }

    fn of(weights: &[Weight]) -> Self {
        Self {
            archives: weights.len() as u64,
            size_bytes: weights.iter().filter_map(|weight| weight.size_bytes).map(u128::from).sum(),
            unknown: weights.iter().filter(|weight| weight.size_bytes.is_none()).count() as u64,
            charges: Vec::new(),
            monthly: None,
            assumptions: Vec::new(),
        }
    }

    /// The bytes that are stored for the archives of known size.
    fn stored_bytes(&self) -> u128 {
        self.size_bytes + u128::from(self.archives - self.unknown) * u128::from(OVERHEAD_BYTES)
    }
}

/// Returns how many requests store an archive of the size, in parts of the given size or of the one that is chosen for it.
///
/// # Errors
///
/// When 10,000 parts do not hold it.
pub fn upload_requests(size_bytes: u64, part_size: Option<PartSize>) -> Result<u64, InvalidValue> {
    let part_size = match part_size {
        Some(part_size) => part_size.holding(size_bytes)?,
        None => PartSize::for_archive(size_bytes)?,
    };
    let parts = size_bytes.div_ceil(part_size.bytes()).max(1);
    // An upload in parts is begun and completed as well.
    Ok(if parts == 1 { 1 } else { parts + 2 })
}

impl Prices {
    /// Returns what storing files of these sizes costs, and keeping them each month.
    ///
    /// # Errors
    ///
    /// When one is too large for an archive, or for parts of the given size.
    pub fn upload(&self, sizes_bytes: &[u64], part_size: Option<PartSize>) -> Result<Estimate, InvalidValue> {
        let requests = sizes_bytes.iter().map(|size_bytes| upload_requests(*size_bytes, part_size));
        let requests: u64 = requests.sum::<Result<_, _>>()?;
        let weights: Vec<Weight> = sizes_bytes
            .iter()
            .map(|size_bytes| Weight { size_bytes: Some(*size_bytes), stored_at: None })
            .collect();
        let estimate = Estimate::of(&weights);
        let quantity = Quantity::Requests(requests);
        let requests = Charge { item: Item::UploadRequests, quantity, price: self.upload_per_1000_requests };
        let storage = self.storage(estimate.stored_bytes(), 1);
        let assumptions = assumptions::of_upload(part_size);
        Ok(Estimate { charges: vec![requests], monthly: Some(storage), assumptions, ..estimate })
    }

    /// Returns what keeping the archives for so many months costs.
    pub fn store(&self, weights: &[Weight], months: u16) -> Estimate {
        let estimate = Estimate::of(weights);
        let storage = self.storage(estimate.stored_bytes(), months);
        Estimate { charges: vec![storage], assumptions: assumptions::of_storage(), ..estimate }
    }

    /// Returns what retrieving the archives costs, or nothing if the prices do not have the tier.
    pub fn retrieve(&self, weights: &[Weight], tier: Tier) -> Option<Estimate> {
        let of_tier = self.tier(tier)?;
        let estimate = Estimate::of(weights);
        let (requests, bytes) = (Quantity::Requests(estimate.archives), Quantity::Bytes(estimate.size_bytes));
        let charge = |item, quantity, price| Charge { item, quantity, price };
        let mut charges = vec![
            charge(Item::RetrievalRequests, requests, of_tier.per_1000_requests),
            charge(Item::Retrieval, bytes, of_tier.per_gb),
        ];
        charges.extend(self.transfer_out_per_gb.map(|price| charge(Item::TransferOut, bytes, price)));
        let is_large = |weight: &&Weight| weight.size_bytes.is_some_and(|size| size > EXPEDITED_MAX_BYTES);
        let too_large = match tier {
            Tier::Expedited => weights.iter().filter(is_large).count(),
            Tier::Standard | Tier::Bulk => 0,
        };
        let has_transfer = self.transfer_out_per_gb.is_some();
        let assumptions = assumptions::of_retrieval(has_transfer, too_large, of_tier.note.as_deref());
        Some(Estimate { charges, assumptions, ..estimate })
    }

    /// Returns what deleting the archives now costs: each is paid for until it has been stored for [`PAID_FOR`].
    pub fn delete(&self, weights: &[Weight], now: Timestamp) -> Estimate {
        let mut estimate = Estimate::of(weights);
        let (mut early, mut byte_seconds) = (0, 0);
        estimate.unknown = 0;
        for weight in weights {
            let missing = weight.stored_at.map(|stored| PAID_FOR.saturating_sub(now.since(stored)));
            match (missing, weight.size_bytes) {
                (Some(Duration::ZERO), _) => {}
                (Some(missing), Some(size_bytes)) => {
                    early += 1;
                    let seconds = u128::from(missing.as_secs() + u64::from(missing.subsec_nanos() > 0));
                    byte_seconds += (u128::from(size_bytes) + u128::from(OVERHEAD_BYTES)) * seconds;
                }
                _ => estimate.unknown += 1,
            }
        }
        let (quantity, price) = (Quantity::ByteSeconds(byte_seconds), self.early_deletion_per_gb_month);
        let charges = vec![Charge { item: Item::EarlyDeletion, quantity, price }];
        Estimate { charges, assumptions: assumptions::of_deletion(early), ..estimate }
    }

    fn storage(&self, stored_bytes: u128, months: u16) -> Charge {
        let quantity = Quantity::ByteSeconds(stored_bytes * charge::MONTH_SECONDS * u128::from(months));
        Charge { item: Item::Storage, quantity, price: self.storage_per_gb_month }
    }
}

#[cfg(test)]
mod tests;
