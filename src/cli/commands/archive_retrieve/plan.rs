//! `archive retrieve --dry-run`: `STEP<TAB>BYTES<TAB>FILE<TAB>NAME`, and what there is of each step.

use std::io::Write;

use anyhow::Result;

use super::{RetrievalRecord, targets};
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, say};
use crate::cli::records::{Form, print_record};
use crate::cli::session::Session;
use crate::engine::{Archive, Planned, Step, Tier, Wanted};
use crate::types::{VaultName, total_bytes};

pub(super) async fn print(
    session: &Session,
    vault: &VaultName,
    wanted: Vec<Wanted>,
    tier: Option<Tier>,
) -> Result<Exit> {
    let paths: Vec<Option<String>> = wanted.iter().map(targets::shown_path).collect();
    let planned = session.engine.plan_retrieval(vault, wanted).await?;
    let mut out = std::io::stdout().lock();
    for (Planned { archive, job, step }, path) in planned.iter().zip(&paths) {
        if session.form == Form::Json {
            let status = match step {
                Step::Bring => "would-be-done",
                Step::Await => "pending",
                Step::Start => "would-be-queued",
            };
            let record = RetrievalRecord::new(vault, archive, status, path.as_deref(), job.as_ref());
            print_record(&mut out, &record)?;
            continue;
        }
        let step = match step {
            Step::Bring => "ready",
            Step::Await => "pending",
            Step::Start => "start",
        };
        print_line(&mut out, step, archive, path.as_deref())?;
    }
    out.flush()?;
    if session.form == Form::Text {
        let (ready, pending) = (summary(&planned, Step::Bring), summary(&planned, Step::Await));
        let tier = tier.unwrap_or(Tier::Standard).as_str().to_lowercase();
        let start = summary(&planned, Step::Start);
        say(format_args!("ready: {ready}; pending: {pending}; {tier} jobs to start: {start}"));
    }
    Ok(Exit::Done)
}

pub(super) fn print_line(
    out: &mut impl Write,
    step: &str,
    archive: &Archive,
    path: Option<&str>,
) -> std::io::Result<()> {
    let foreign = Foreign::of_standard_output();
    let size = archive.size_bytes.map_or_else(|| "-".to_owned(), |size| size.to_string());
    let name = archive.shown_name().map_or_else(|| format!("id:{}", archive.id), str::to_owned);
    writeln!(out, "{step}\t{size}\t{}\t{}", foreign.text(path.unwrap_or("-")), foreign.text(&name))
}

fn summary(planned: &[Planned], step: Step) -> String {
    let of_step = || planned.iter().filter(|planned| planned.step == step);
    let known = total_bytes(of_step().filter_map(|planned| planned.archive.size_bytes));
    let unknown = of_step().filter(|planned| planned.archive.size_bytes.is_none()).count();
    let unknown = if unknown == 0 { String::new() } else { format!(", {unknown} of unknown size") };
    format!("{} ({known} bytes{unknown})", of_step().count())
}
