//! `estimate store`: what it costs to keep a vault.

use anyhow::Result;

use super::estimate;
use super::estimate_bill::{Bill, Subject, print};
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::engine::{Of, Selection};
use crate::settings::PriceFile;

pub(super) async fn run(session: &Session, args: estimate::Store) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let file = PriceFile::read()?;
    let prices = file.of(session.engine.region())?;
    let weighed = session.engine.weigh(&vault, &Selection::default(), Of::Archive).await?;
    let estimate = prices.store(&weighed.weights, args.months);
    let months = if args.months == 1 { "1 month".to_owned() } else { format!("{} months", args.months) };
    let bill = Bill { of: "store", name: &months, tier: None, months: Some(args.months), estimate };
    print(session, &file, prices, &Subject::known(&vault, &weighed), &[bill])
}
