//! `estimate retrieve`: what it costs to bring archives back, by tier.

use anyhow::{Result, bail};

use super::estimate;
use super::estimate_bill::{Bill, Subject, print};
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::engine::{Of, Tier};
use crate::settings::PriceFile;

pub(super) async fn run(session: &Session, args: estimate::Retrieve) -> Result<Exit> {
    let file = PriceFile::read()?;
    let region = session.engine.region();
    let prices = file.of(region)?;
    if let Some(tier) = args.tier.map(Tier::from).filter(|tier| prices.tier(*tier).is_none()) {
        bail!(file.lacks_tier(region, name(tier)));
    }
    let weighed = session.engine.weigh(&args.vault, &args.selection(), Of::Content).await?;
    let tiers = args.tiers();
    let bills: Vec<Bill<'_>> = tiers
        .into_iter()
        .filter_map(|tier| {
            let estimate = prices.retrieve(&weighed.weights, tier)?;
            Some(Bill { of: "retrieve", name: name(tier), tier: Some(name(tier)), months: None, estimate })
        })
        .collect();
    if bills.is_empty() {
        bail!(file.lacks_tier(region, name(Tier::Standard)));
    }
    print(session, &file, prices, &Subject::known(&args.vault, &weighed), &bills)
}

fn name(tier: Tier) -> &'static str {
    match tier {
        Tier::Standard => "standard",
        Tier::Bulk => "bulk",
        Tier::Expedited => "expedited",
    }
}
