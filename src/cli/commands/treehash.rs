//! `treehash`: `HASH  FILE`, one file a line, as Glacier computes it. Needs neither network nor cache.

use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::file_or_standard::FileOrStandard;
use crate::cli::output::failure;
use crate::cli::records::{Form, Record, print_record};
use crate::treehash::TreeHash;
use crate::types::quoted;

#[derive(Debug, Args)]
pub(in crate::cli) struct Treehash {
    /// Files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<FileOrStandard>,
}

/// One that cannot be read does not stop the others.
pub(super) fn run(form: Form, args: &Treehash) -> Result<Exit> {
    let (mut out, mut exit) = (std::io::stdout().lock(), Exit::Done);
    for file in &args.files {
        match hash_of(file) {
            Ok((name, hash)) if form == Form::Json => {
                print_record(&mut out, &HashRecord { file: &name, tree_hash: hash.to_string() })?;
            }
            Ok((name, hash)) => writeln!(out, "{}", line(&name, hash))?,
            Err(error) => exit = failure(&error),
        }
    }
    out.flush()?;
    Ok(exit)
}

fn hash_of(file: &FileOrStandard) -> Result<(String, TreeHash)> {
    Ok(match file {
        FileOrStandard::Standard => {
            let hash = TreeHash::of_reader(&mut std::io::stdin().lock());
            ("-".to_owned(), hash.context("cannot read standard input")?)
        }
        FileOrStandard::File(path) => {
            let name = path.to_string_lossy().into_owned();
            let hash = File::open(path).and_then(|mut file| TreeHash::of_reader(&mut file));
            let hash = hash.with_context(|| format!("cannot read {}", quoted(&name)))?;
            (name, hash)
        }
    })
}

/// As `sha256sum` has it: a name that a line cannot hold is escaped, and a backslash before the line says so.
fn line(name: &str, hash: TreeHash) -> String {
    if !name.contains(['\\', '\n', '\r']) {
        return format!("{hash}  {name}");
    }
    let name = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    format!("\\{hash}  {name}")
}

/// A file and its tree hash.
#[derive(Serialize)]
struct HashRecord<'a> {
    file: &'a str,
    tree_hash: String,
}

impl Record for HashRecord<'_> {
    const SCHEMA: &'static str = "treehash/1";
}
