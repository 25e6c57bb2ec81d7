//! `estimate prices`: the price file in use, to be read, or to be edited.

use std::io::Write;

use anyhow::Result;

use crate::cli::exit::Exit;
use crate::settings::PriceFile;

pub(super) fn run() -> Result<Exit> {
    let file = PriceFile::read()?;
    let mut out = std::io::stdout().lock();
    out.write_all(file.text().as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}
