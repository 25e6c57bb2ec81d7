//! `vault notifications`: shows who is told when a job of a vault ends, or changes that.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::output::Foreign;
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: vault::Notifications) -> Result<Exit> {
    let vault = session.vault(args.name)?;
    if let Some(topic) = &args.topic {
        session.engine.set_notifications(&vault, topic, &args.event).await?;
        return Ok(Exit::Done);
    }
    if args.delete {
        session.engine.delete_notifications(&vault).await?;
        return Ok(Exit::Done);
    }
    let set = session.engine.notifications(&vault).await?;
    let (topic, events) = set.map_or((None, Vec::new()), |set| (Some(set.topic), set.events));
    let mut out = std::io::stdout().lock();
    if session.form == Form::Json {
        print_record(&mut out, &NotificationsRecord { vault: vault.as_str(), topic, events })?;
    } else if let Some(topic) = topic {
        let foreign = Foreign::of_standard_output();
        writeln!(out, "topic\t{}", foreign.text(&topic))?;
        events.iter().try_for_each(|event| writeln!(out, "event\t{}", foreign.text(event)))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Who is told of what; no topic and no events if nobody is.
#[derive(Serialize)]
struct NotificationsRecord<'a> {
    vault: &'a str,
    topic: Option<String>,
    events: Vec<String>,
}

impl Record for NotificationsRecord<'_> {
    const SCHEMA: &'static str = "notifications/1";
}
