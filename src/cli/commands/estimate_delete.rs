//! `estimate delete`: what is charged for archives that are deleted before they are 90 days old.

use anyhow::Result;

use super::estimate;
use super::estimate_bill::{Bill, Subject, print};
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::engine::Of;
use crate::settings::PriceFile;

pub(super) async fn run(session: &Session, args: estimate::Delete) -> Result<Exit> {
    let file = PriceFile::read()?;
    let prices = file.of(session.engine.region())?;
    let weighed = session.engine.weigh(&args.vault, &args.selection(), Of::Archive).await?;
    let estimate = prices.delete(&weighed.weights, session.engine.now());
    let bill = Bill { of: "delete", name: "delete now", tier: None, months: None, estimate };
    print(session, &file, prices, &Subject::known(&args.vault, &weighed), &[bill])
}
