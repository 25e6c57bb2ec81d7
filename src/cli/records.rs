//! Output for programs: one JSON object a line.
//!
//! Each object names its shape and the shape's version in `schema`, such as `archive/1`. A shape may gain fields; a field
//! that goes away or changes its meaning makes a new version. All fields of a shape are always there: what is not known
//! is null. Sizes are numbers of bytes, dates are text in UTC as RFC 3339 has it, names are text as they are.

use std::io::Write;

use serde::Serialize;

use crate::engine::Archive;
use crate::types::VaultName;

/// Whether people or programs read what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines for people and for scripts of the original.
    Text,
    /// Records, one a line.
    Json,
}

/// What is printed as one object.
pub(super) trait Record: Serialize {
    /// Name and version of its shape.
    const SCHEMA: &'static str;
}

/// What the records of archives that are deleted begin with.
#[derive(Serialize)]
pub(super) struct ArchiveFields<'a> {
    vault: &'a str,
    id: &'a str,
    name: Option<&'a str>,
    size_bytes: Option<u64>,
    tree_hash: Option<String>,
}

impl<'a> ArchiveFields<'a> {
    pub(super) fn new(vault: &'a VaultName, archive: &'a Archive) -> Self {
        Self {
            vault: vault.as_str(),
            id: archive.id.as_str(),
            name: archive.shown_name(),
            size_bytes: archive.size_bytes,
            tree_hash: archive.tree_hash.map(|hash| hash.to_string()),
        }
    }
}

/// Prints one record, and a line end.
pub(super) fn print_record<R: Record>(out: &mut impl Write, record: &R) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Named<'a, R> {
        schema: &'static str,
        #[serde(flatten)]
        record: &'a R,
    }
    serde_json::to_writer(&mut *out, &Named { schema: R::SCHEMA, record })?;
    out.write_all(b"\n")
}
