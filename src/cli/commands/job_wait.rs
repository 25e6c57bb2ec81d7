//! `job wait`: the jobs are finished when this ends.

use std::io::Write;

use anyhow::Result;

use super::job::{self, JobRecord};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::records::{Form, print_record};
use crate::cli::session::Session;
use crate::engine::{Awaited, JobEnd};

pub(super) async fn run(session: &Session, args: job::Wait) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let mut exit = Exit::Done;
    let awaited = session.engine.wait_for_jobs(args.vault.as_ref(), &args.ids, &*session.progress).await?;
    for Awaited { job, end } in awaited {
        if session.form == Form::Json {
            print_record(&mut out, &JobRecord::of(&job, end != JobEnd::Unknown))?;
        }
        let (id, vault) = (&job.job.id, &job.vault);
        match end {
            JobEnd::Succeeded => continue,
            JobEnd::Failed => say(format_args!("job {id} in vault {vault} failed at Glacier")),
            JobEnd::Unknown => say(format_args!(
                "job {id} in vault {vault} ended and is known no more; whether it succeeded is unknown"
            )),
        }
        exit = Exit::Failed;
    }
    out.flush()?;
    Ok(exit)
}
