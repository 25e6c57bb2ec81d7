//! The prices of a region.

use super::Decimal;
use crate::service::Tier;

/// What Glacier charges in a region, by the list of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// The day, as `2024-07-01`.
    pub date: String,
    /// The currency, as `USD`.
    pub currency: String,
    /// Keeping a GB for a month.
    pub storage_per_gb_month: Decimal,
    /// The same for what is missing of the time that a deleted archive is paid for in any case.
    pub early_deletion_per_gb_month: Decimal,
    /// 1,000 requests that store.
    pub upload_per_1000_requests: Decimal,
    /// A GB on its way out of AWS's network, if that is to be counted.
    pub transfer_out_per_gb: Option<Decimal>,
    /// Retrievals within hours.
    pub standard: Option<TierPrices>,
    /// Retrievals within half a day.
    pub bulk: Option<TierPrices>,
    /// Retrievals within minutes.
    pub expedited: Option<TierPrices>,
}

/// What retrievals of a tier cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierPrices {
    /// A GB of archives.
    pub per_gb: Decimal,
    /// 1,000 archives.
    pub per_1000_requests: Decimal,
    /// What is to be known of these prices.
    pub note: Option<String>,
}

impl Prices {
    /// Returns the prices of the tier, if they are known.
    pub fn tier(&self, tier: Tier) -> Option<&TierPrices> {
        match tier {
            Tier::Standard => self.standard.as_ref(),
            Tier::Bulk => self.bulk.as_ref(),
            Tier::Expedited => self.expedited.as_ref(),
        }
    }
}
