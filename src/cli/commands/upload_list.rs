//! `upload list`: `ID DATE PARTSIZE NAME`, one upload in parts a line; what has no answer is said beside it.

use std::io::Write;

use anyhow::Result;

use super::upload;
use crate::cli::exit::Exit;
use crate::cli::output::info;
use crate::cli::session::Session;
use crate::types::quoted;

pub(super) async fn run(session: &Session, args: upload::List) -> Result<Exit> {
    let vault = session.vault(args.vault)?;
    let open = session.engine.open_uploads(&vault).await?;
    let mut out = std::io::stdout().lock();
    for upload in open.in_parts {
        writeln!(out, "{}\t{}\t{}\t{}", upload.id, upload.created, upload.part_size_bytes, upload.name)?;
    }
    out.flush()?;
    for upload in open.without_answer {
        let Some(storing) = upload.storing else { continue };
        info(format_args!(
            "archive {} of {} bytes, sent on {}, had no answer and may be stored; 'glacier vault sync {}' settles that with an inventory of some days later",
            quoted(&upload.name),
            storing.size_bytes,
            storing.since,
            vault.as_str()
        ));
    }
    Ok(Exit::Done)
}
