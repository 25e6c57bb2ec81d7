//! `estimate upload`: what it costs to store files, and to keep them.

use anyhow::{Result, bail};

use super::archive_upload::{Plan, plan};
use super::estimate;
use super::estimate_bill::{Bill, Subject, print};
use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::output::failure;
use crate::cli::session::Session;
use crate::engine::{EngineError, FileToStore, StoreOptions, Stored, UploadOptions};
use crate::settings::PriceFile;
use crate::types::quoted;

pub(super) async fn run(session: &Session, args: estimate::Upload) -> Result<Exit> {
    if args.files.iter().any(|file| matches!(file, FileOrStandard::Standard)) {
        bail!("how much standard input has is not known before it is read; name files");
    }
    let file = PriceFile::read()?;
    let prices = file.of(session.engine.region())?;
    let Plan { files, mut exit } = plan(&args.files, &args.recursive, None)?;
    let upload = UploadOptions { part_size: args.part_size, ..UploadOptions::default() };
    let options = StoreOptions { upload, skip_existing: args.skip_existing, dry_run: true };
    let (mut sizes_bytes, mut skipped) = (Vec::new(), 0);
    let tell = |file: &FileToStore, stored: Result<Stored, EngineError>| {
        let path = quoted(&file.path.to_string_lossy());
        match stored {
            Ok(Stored::WouldBe(Some(size_bytes))) => sizes_bytes.push(size_bytes),
            Ok(Stored::WouldBe(None)) => {
                exit = failure(&anyhow::anyhow!("the size of {path} is not known: it is no regular file"));
            }
            Ok(Stored::Before(_) | Stored::Now(_)) => skipped += 1,
            Err(error) => exit = failure(&anyhow::Error::from(error)),
        }
    };
    session.engine.upload_all(&args.vault, &files, options, &(), tell).await?;
    let estimate = prices.upload(&sizes_bytes, args.part_size)?;
    let bill = Bill { of: "upload", name: "upload", tier: None, months: None, estimate };
    print(session, &file, prices, &Subject::of_files(&args.vault, skipped), &[bill])?;
    Ok(exit)
}
