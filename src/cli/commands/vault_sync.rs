//! `vault sync`: the cache agrees with an inventory when this ends with status 0.

use anyhow::Result;

use super::{patience, vault};
use crate::cli::exit::Exit;
use crate::cli::output::{info, say, warning};
use crate::cli::session::Session;
use crate::engine::{Finding, FindingKind, InventoryTaken, Sync};
use crate::types::quoted;

pub(super) async fn run(session: &Session, args: vault::Sync) -> Result<Exit> {
    let name = session.vault(args.name)?;
    let vault = quoted(name.as_str());
    let (patience, progress) = (patience(args.wait), &*session.progress);
    match session.engine.sync(&name, args.max_age, args.fix, patience, tell, progress).await? {
        Sync::Done(taken) => {
            tell_of_unreadable(&taken);
            Ok(Exit::Done)
        }
        Sync::Queued => {
            say(format_args!("queued inventory job for {vault}"));
            Ok(Exit::TryLater)
        }
        Sync::Pending => {
            say(format_args!("job still pending for inventory on {vault}"));
            Ok(Exit::TryLater)
        }
    }
}

/// Says what a sync found.
pub(super) fn tell(Finding { archive, kind }: Finding) {
    let reference = quoted(&archive.reference().to_string());
    match kind {
        FindingKind::Renamed { to, fixed } => warning(format_args!(
            "archive {} appears to have changed name from {} to {}{}",
            quoted(archive.id.as_str()),
            quoted(archive.name.as_deref().unwrap_or_default()),
            quoted(&to),
            if fixed { " (fixed)" } else { "" }
        )),
        FindingKind::StillPresent { fixed } => {
            warning(format_args!("archive {reference} marked deleted but still present"));
            if fixed {
                info(format_args!("archive {reference} is listed again"));
            }
        }
        FindingKind::DeletionNotYetListed => {
            warning(format_args!("archive {reference} deletion not yet in inventory"));
        }
        FindingKind::DeletionConfirmed => {
            info(format_args!("deleted archive {reference} has left inventory; removed from cache"));
        }
        FindingKind::Disappeared { fixed } => warning(format_args!(
            "archive disappeared: {reference}{}",
            if fixed { " (removed from cache)" } else { "" }
        )),
        FindingKind::NotYetListed => {
            warning(format_args!("new archive not yet in inventory: {reference}"));
        }
    }
}

/// Says that an inventory was not as it should be.
pub(super) fn tell_of_unreadable(taken: &InventoryTaken) {
    if taken.unreadable_rows > 0 {
        warning(format_args!(
            "{} rows of the inventory cannot be read and were left out",
            taken.unreadable_rows
        ));
    }
}
