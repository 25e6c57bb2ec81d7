//! `upload abort`: what Glacier held of an upload in parts is gone when this ends.

use anyhow::Result;

use super::upload;
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::session::Session;

pub(super) async fn run(session: &Session, args: upload::Abort) -> Result<Exit> {
    if let Some(id) = &args.id {
        session.engine.abort_upload(&args.vault, id).await?;
        return Ok(Exit::Done);
    }
    let in_use = session.engine.abort_uploads(&args.vault).await?;
    for id in &in_use {
        say(format_args!("upload {id} is at work in another process; stop that first"));
    }
    Ok(if in_use.is_empty() { Exit::Done } else { Exit::Failed })
}
