//! `policy get` and `policy set`: how much Glacier lets the account retrieve.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::some_bytes;
use crate::cli::exit::Exit;
use crate::cli::output::info;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::RetrievalPolicy;

#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    /// Only print the policy that would be set, and say which is in force.
    #[arg(long, global = true)]
    pub(in crate::cli) dry_run: bool,
    #[command(subcommand)]
    policy: Policy,
}

#[derive(Debug, Subcommand)]
enum Policy {
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
    print(session, session.engine.retrieval_policy().await?)
}

pub(super) async fn set(session: &Session, Set { dry_run, policy }: Set) -> Result<Exit> {
    let policy = match policy {
        Policy::BytesPerHour { limit } => RetrievalPolicy::BytesPerHour(limit),
        Policy::FreeTier => RetrievalPolicy::FreeTier,
        Policy::None => RetrievalPolicy::NoLimit,
    };
    if dry_run {
        let now = session.engine.retrieval_policy().await?;
        info(format_args!("the policy in force is {}", in_words(now)));
        return print(session, policy);
    }
    session.engine.set_retrieval_policy(policy).await?;
    Ok(Exit::Done)
}

fn print(session: &Session, policy: RetrievalPolicy) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    if session.form == Form::Json {
        let (strategy, bytes_per_hour) = parts(policy);
        let region = session.engine.region().as_str();
        print_record(&mut out, &PolicyRecord { region, strategy, bytes_per_hour })?;
    } else {
        writeln!(out, "{}", in_words(policy))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn parts(policy: RetrievalPolicy) -> (&'static str, Option<u64>) {
    match policy {
        RetrievalPolicy::NoLimit => ("none", None),
        RetrievalPolicy::FreeTier => ("free-tier", None),
        RetrievalPolicy::BytesPerHour(bytes) => ("bytes-per-hour", Some(bytes)),
    }
}

fn in_words(policy: RetrievalPolicy) -> String {
    match parts(policy) {
        (strategy, Some(bytes)) => format!("{strategy} {bytes}"),
        (strategy, None) => strategy.to_owned(),
    }
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
    match some_bytes(text) {
        Ok(limit) if i64::try_from(limit).is_err() => Err(format!("it must be at most {}", i64::MAX)),
        limit => limit,
    }
}
