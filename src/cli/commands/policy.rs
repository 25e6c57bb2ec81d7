//! `policy get` and `policy set`: how much Glacier lets the account retrieve.

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::RetrievalPolicy;
use crate::types::bytes;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Set {
    /// Accept what keeps the peak rate of standard retrievals at or below so many bytes an hour.
    BytesPerHour {
        /// The limit, such as 500M or 10G.
        #[arg(value_name = "BYTES", value_parser = limit)]
        limit: u64,
    },
    /// Accept what is free: Glacier's own daily share of a free monthly allowance, if the account has one.
    FreeTier,
    /// Accept everything, at any price.
    None,
}

pub(super) async fn get(session: &Session) -> Result<Exit> {
    let policy = session.engine.retrieval_policy().await?;
    let mut out = std::io::stdout().lock();
    let (strategy, bytes_per_hour) = match policy {
        RetrievalPolicy::NoLimit => ("none", None),
        RetrievalPolicy::FreeTier => ("free-tier", None),
        RetrievalPolicy::BytesPerHour(bytes) => ("bytes-per-hour", Some(bytes)),
    };
    if session.form == Form::Json {
        let region = session.engine.region().as_str();
        print_record(&mut out, &PolicyRecord { region, strategy, bytes_per_hour })?;
    } else {
        let limit = bytes_per_hour.map(|bytes| format!(" {bytes}")).unwrap_or_default();
        writeln!(out, "{strategy}{limit}")?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

pub(super) async fn set(session: &Session, policy: Set) -> Result<Exit> {
    let policy = match policy {
        Set::BytesPerHour { limit } => RetrievalPolicy::BytesPerHour(limit),
        Set::FreeTier => RetrievalPolicy::FreeTier,
        Set::None => RetrievalPolicy::NoLimit,
    };
    session.engine.set_retrieval_policy(policy).await?;
    Ok(Exit::Done)
}

/// The policy of the account in a region.
#[derive(Serialize)]
struct PolicyRecord<'a> {
    region: &'a str,
    /// As `policy set` calls it.
    strategy: &'static str,
    bytes_per_hour: Option<u64>,
}

impl Record for PolicyRecord<'_> {
    const SCHEMA: &'static str = "retrieval-policy/1";
}

fn limit(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Ok(0) => Err("it must be 1 or more".to_owned()),
        Ok(limit) if i64::try_from(limit).is_err() => Err(format!("it must be at most {}", i64::MAX)),
        limit => limit.map_err(|error| error.to_string()),
    }
}
