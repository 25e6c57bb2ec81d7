//! Inventories, written when they are asked for (API reference, "Initiate a Job", "Get Job Output").

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Glacier;
use crate::clock::date_in_inventory;
use crate::error::Refusal;
use crate::request::{Request, number};

/// What an inventory job was asked for; all five keys always stand in its description.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameters {
    pub(super) end_date: Option<String>,
    pub(super) format: String,
    pub(super) limit: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) start_date: Option<String>,
}

/// An inventory that was written.
pub(super) struct Written {
    pub(super) size_bytes: u64,
    /// Where the next one goes on, if this one was limited.
    pub(super) next_marker: Option<String>,
}

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

impl Parameters {
    /// Reads them out of a job's parameters. A limit may be a number or a string.
    pub(super) fn read(job: &Value) -> Result<Self, Refusal> {
        let format = super::jobs::text(job, "Format")?.unwrap_or("JSON").to_owned();
        if !["JSON", "CSV"].contains(&format.as_str()) {
            return Err(Refusal::invalid(format!("Invalid format: {format}")));
        }
        let given = &job["InventoryRetrievalParameters"];
        if !given.is_null() && !given.is_object() {
            return Err(Refusal::malformed(format!(
                "InventoryRetrievalParameters must be an object: {given}"
            )));
        }
        let text = |name: &str| super::jobs::text(given, name).map(|text| text.map(str::to_owned));
        let limit = match &given["Limit"] {
            Value::Number(limit) => Some(limit.to_string()),
            _ => text("Limit")?,
        };
        if let Some(bad) = limit.as_ref().filter(|limit| number(limit).is_none_or(|limit| limit == 0)) {
            return Err(Refusal::invalid(format!("Invalid limit: {bad}")));
        }
        let parameters = Self {
            end_date: text("EndDate")?,
            format,
            limit,
            marker: text("Marker")?,
            start_date: text("StartDate")?,
        };
        parameters.window()?;
        Ok(parameters)
    }

    /// The first and the last moment, and the row before the first.
    fn window(&self) -> Result<(i64, i64, (i64, i64)), Refusal> {
        let moment = |text: &Option<String>, otherwise: i64| match text {
            None => Ok(otherwise),
            Some(text) => OffsetDateTime::parse(text, &Rfc3339)
                .map(|time| time.unix_timestamp() * 1000)
                .map_err(|_| Refusal::invalid(format!("Invalid date: {text}"))),
        };
        let after = match &self.marker {
            None => (i64::MIN, i64::MIN),
            Some(marker) => marker
                .split_once('.')
                .and_then(|(created, position)| Some((created.parse().ok()?, position.parse().ok()?)))
                .ok_or_else(|| Refusal::invalid(format!("Invalid marker: {marker}")))?,
        };
        Ok((moment(&self.start_date, i64::MIN)?, moment(&self.end_date, i64::MAX)?, after))
    }

    fn limit(&self) -> u64 {
        self.limit.as_deref().and_then(number).unwrap_or(u64::MAX)
    }
}

impl Glacier {
    /// Writes the vault as the last inventory has it, row by row.
    pub(super) fn write_inventory(
        &self,
        request: &Request,
        parameters: &Parameters,
        path: &Path,
    ) -> Result<Written, Refusal> {
        let index = self.store.snapshot()?;
        let not_ready = || {
            let arn = self.vault_arn(request, &request.vault);
            Refusal::not_found(format!(
                "Inventory retrieval jobs for vault {arn} cannot be initiated yet, as Amazon Glacier has not yet generated an initial inventory for this vault."
            ))
        };
        let (start, end, after) = parameters.window()?;
        let moment = self.inventory_moment(&index, request)?.ok_or_else(not_ready)?;
        let is_csv = parameters.format == "CSV";
        let mut out = BufWriter::new(File::create(path)?);
        if is_csv {
            out.write_all(b"ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n")?;
        } else {
            let arn = self.vault_arn(request, &request.vault);
            let date = date_in_inventory(moment);
            write!(out, "{{\"VaultARN\":\"{arn}\",\"InventoryDate\":\"{date}\",\"ArchiveList\":[")?;
        }
        let mut next_marker = None;
        let mut last = (0_i64, 0_i64);
        let mut query = index.prepare(
            "SELECT id, description, created, size, tree_hash, position FROM archive
             WHERE region = ?1 AND vault = ?2 AND created <= ?3 AND (deleted IS NULL OR deleted > ?3)
               AND created >= ?4 AND created < ?5 AND (created, position) > (?6, ?7)
             ORDER BY created, position",
        )?;
        let mut rows =
            query.query((&request.region, &request.vault, moment, start, end, after.0, after.1))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if count == parameters.limit() {
                next_marker = Some(format!("{}.{}", last.0, last.1));
                break;
            }
            last = (row.get(2)?, row.get(5)?);
            let listed = Row {
                archive_id: row.get(0)?,
                archive_description: row.get(1)?,
                creation_date: date_in_inventory(row.get(2)?),
                size: row.get(3)?,
                tree_hash: row.get(4)?,
            };
            write_row(&mut out, &listed, is_csv, count == 0)?;
            count += 1;
        }
        if !is_csv {
            out.write_all(b"]}")?;
        }
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let sql = "UPDATE vault SET last_inventory = ?1 WHERE region = ?2 AND name = ?3";
        self.store.index().execute(sql, (moment, &request.region, &request.vault))?;
        Ok(Written { size_bytes: file.metadata()?.len(), next_marker })
    }
}

/// In CSV the description is always quoted; a quote in it gets a backslash, a backslash stays as it is.
fn write_row(out: &mut impl Write, row: &Row, is_csv: bool, is_first: bool) -> std::io::Result<()> {
    if is_csv {
        let description = row.archive_description.replace('"', "\\\"");
        let Row { archive_id, creation_date, size, tree_hash, .. } = row;
        return writeln!(out, "{archive_id},\"{description}\",{creation_date},{size},{tree_hash}");
    }
    out.write_all(if is_first { b"" } else { b"," })?;
    Ok(serde_json::to_writer(out, row)?)
}
