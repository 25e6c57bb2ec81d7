//! `vault sync`: the cache agrees with an inventory when this ends with status 0.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::{patience, vault};
use crate::cli::exit::Exit;
use crate::cli::output::{info, say, warning};
use crate::cli::progress::beside;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::{Finding, FindingKind, InventoryTaken, Patience, Sync};
use crate::types::{VaultName, quoted};

pub(super) async fn run(session: &Session, args: vault::Sync) -> Result<Exit> {
    let vault = session.vault(args.name)?;
    let patience = patience(args.wait);
    if session.form == Form::Json {
        return print_records(session, &vault, args.max_age, args.fix, patience).await;
    }
    let shown = quoted(vault.as_str());
    match session.engine.sync(&vault, args.max_age, args.fix, patience, tell, &*session.progress).await? {
        Sync::Done(taken) => {
            tell_of_unreadable(&taken);
            Ok(Exit::Done)
        }
        Sync::Queued => {
            say(format_args!("queued inventory job for {shown}"));
            Ok(Exit::TryLater)
        }
        Sync::Pending => {
            say(format_args!("job still pending for inventory on {shown}"));
            Ok(Exit::TryLater)
        }
    }
}

/// A record for each finding, then one for the vault.
async fn print_records(
    session: &Session,
    vault: &VaultName,
    max_age: Duration,
    fix: bool,
    patience: Patience,
) -> Result<Exit> {
    let findings = Arc::new(AtomicU64::new(0));
    let (count, of_vault) = (Arc::clone(&findings), vault.clone());
    let print = move |finding: Finding| {
        count.fetch_add(1, Ordering::Relaxed);
        // Whoever does not read this does not get the last record either, which fails then.
        let record = FindingRecord::of(&of_vault, &finding);
        let _ = beside(|| print_record(&mut std::io::stdout(), &record));
    };
    let (status, taken) =
        match session.engine.sync(vault, max_age, fix, patience, print, &*session.progress).await? {
            Sync::Done(taken) => ("done", Some(taken)),
            Sync::Queued => ("queued", None),
            Sync::Pending => ("pending", None),
        };
    let archives = match &taken {
        Some(_) => session.engine.summary(vault).await?.knowledge.inventory.map(|taken| taken.rows),
        None => None,
    };
    let record = SyncRecord {
        vault: vault.as_str(),
        status,
        inventory_date: taken.as_ref().map(|taken| taken.date.rfc3339()),
        archives,
        findings: taken.as_ref().map(|_| findings.load(Ordering::Relaxed)),
        unreadable_rows: taken.as_ref().map(|taken| taken.unreadable_rows),
    };
    print_record(&mut std::io::stdout(), &record)?;
    Ok(if taken.is_some() { Exit::Done } else { Exit::TryLater })
}

/// How far a sync has come.
#[derive(Serialize)]
struct SyncRecord<'a> {
    vault: &'a str,
    /// `done`, `queued` or `pending`.
    status: &'static str,
    inventory_date: Option<String>,
    /// How many archives the inventory lists.
    archives: Option<u64>,
    /// How many records of findings came before.
    findings: Option<u64>,
    /// How many rows of the inventory were left out, since they made no sense.
    unreadable_rows: Option<u64>,
}

impl Record for SyncRecord<'_> {
    const SCHEMA: &'static str = "sync/1";
}

/// Something that a sync found about an archive.
#[derive(Serialize)]
struct FindingRecord<'a> {
    vault: &'a str,
    id: &'a str,
    name: Option<&'a str>,
    /// `renamed`, `content-changed`, `still-present`, `deletion-not-yet-listed`, `deletion-confirmed`, `disappeared` or
    /// `not-yet-listed`.
    finding: &'static str,
    /// The name in the inventory, of one that is another there.
    new_name: Option<&'a str>,
    /// The size and tree hash in the inventory, of one that has others there.
    new_size_bytes: Option<u64>,
    new_tree_hash: Option<&'a str>,
    /// Whether the cache has taken over what the inventory says.
    is_fixed: bool,
}

impl Record for FindingRecord<'_> {
    const SCHEMA: &'static str = "finding/1";
}

impl<'a> FindingRecord<'a> {
    fn of(vault: &'a VaultName, Finding { archive, kind }: &'a Finding) -> Self {
        let (finding, is_fixed) = match kind {
            FindingKind::Renamed { fixed, .. } => ("renamed", *fixed),
            FindingKind::ContentChanged { fixed, .. } => ("content-changed", *fixed),
            FindingKind::StillPresent { fixed } => ("still-present", *fixed),
            FindingKind::DeletionNotYetListed => ("deletion-not-yet-listed", false),
            FindingKind::DeletionConfirmed => ("deletion-confirmed", true),
            FindingKind::Disappeared { fixed } => ("disappeared", *fixed),
            FindingKind::NotYetListed => ("not-yet-listed", false),
        };
        let new_name = match kind {
            FindingKind::Renamed { to, .. } => Some(to.as_str()),
            _ => None,
        };
        let (new_size_bytes, new_tree_hash) = match kind {
            FindingKind::ContentChanged { size_bytes, tree_hash, .. } => (*size_bytes, tree_hash.as_deref()),
            _ => (None, None),
        };
        let (vault, id, name) = (vault.as_str(), archive.id.as_str(), archive.shown_name());
        Self { vault, id, name, finding, new_name, new_size_bytes, new_tree_hash, is_fixed }
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
        FindingKind::ContentChanged { size_bytes, tree_hash, fixed } => {
            let known = content(archive.size_bytes, archive.tree_hash.map(|hash| hash.to_string()));
            warning(format_args!(
                "archive {reference} is known with {known}, but the inventory has {}{}",
                content(size_bytes, tree_hash),
                if fixed { " (fixed)" } else { "" }
            ));
        }
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

fn content(size_bytes: Option<u64>, tree_hash: Option<String>) -> String {
    let size = size_bytes.map_or("no size".to_owned(), |size| format!("{size} bytes"));
    let hash = tree_hash.map_or("no tree hash".to_owned(), |hash| format!("tree hash {hash}"));
    format!("{size} and {hash}")
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
