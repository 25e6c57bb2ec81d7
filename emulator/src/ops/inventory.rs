//! Inventories, written when they are asked for (API reference, "Get Job Output"; developer guide, "Vault Inventory").

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::Glacier;
use crate::clock::date_in_inventory;
use crate::error::Refusal;
use crate::request::Request;

/// A row of an inventory; its keys stand in the service's order, which is not alphabetical.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    archive_id: String,
    archive_description: String,
    creation_date: String,
    size: i64,
    #[serde(rename = "SHA256TreeHash")]
    tree_hash: String,
}

impl Glacier {
    /// Writes the vault as it is now, row by row, and returns how many bytes that makes.
    pub(super) fn write_inventory(
        &self,
        request: &Request,
        format: &str,
        path: &Path,
    ) -> Result<u64, Refusal> {
        let now = self.clock.now_milliseconds();
        let index = self.store.index();
        let mut out = BufWriter::new(File::create(path)?);
        if format == "CSV" {
            out.write_all(b"ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n")?;
        } else {
            let arn = self.vault_arn(request, &request.vault);
            let date = date_in_inventory(now);
            write!(out, "{{\"VaultARN\":\"{arn}\",\"InventoryDate\":\"{date}\",\"ArchiveList\":[")?;
        }
        let mut query = index.prepare(
            "SELECT id, description, created, size, tree_hash FROM archive
             WHERE region = ?1 AND vault = ?2 AND deleted IS NULL ORDER BY created, position",
        )?;
        let rows = query.query_map([&request.region, &request.vault], |row| {
            Ok(Row {
                archive_id: row.get(0)?,
                archive_description: row.get(1)?,
                creation_date: date_in_inventory(row.get(2)?),
                size: row.get(3)?,
                tree_hash: row.get(4)?,
            })
        })?;
        for (row, position) in rows.zip(0_u64..) {
            let row = row?;
            if format == "CSV" {
                out.write_all(csv(&row).as_bytes())?;
            } else {
                out.write_all(if position == 0 { b"" } else { b"," })?;
                serde_json::to_writer(&mut out, &row).map_err(std::io::Error::from)?;
            }
        }
        if format != "CSV" {
            out.write_all(b"]}")?;
        }
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let sql = "UPDATE vault SET last_inventory = ?1 WHERE region = ?2 AND name = ?3";
        index.execute(sql, (now, &request.region, &request.vault))?;
        Ok(file.metadata()?.len())
    }
}

/// The description is always quoted; a quote in it gets a backslash, a backslash stays as it is.
fn csv(row: &Row) -> String {
    let description = row.archive_description.replace('"', "\\\"");
    format!("{},\"{description}\",{},{},{}\n", row.archive_id, row.creation_date, row.size, row.tree_hash)
}
