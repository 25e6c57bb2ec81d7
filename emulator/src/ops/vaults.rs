//! Vaults (API reference, "Vault Operations").

use hyper::StatusCode;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::pages::Page;
use super::upload_index::forget_parts;
use super::{Answer, Glacier};
use crate::clock::date;
use crate::error::Refusal;
use crate::request::Request;
use crate::response;
use crate::store::Store;

/// Vaults of an account in a region (developer guide, "Creating a Vault").
const VAULTS_MAX: i64 = 1000;
/// Vaults on a page; a higher limit is taken as this.
const PAGE_MAX: usize = 10;
/// What the service adds to each archive's size, in bytes.
const OVERHEAD_BYTES: i64 = 32_768;

impl Glacier {
    pub(super) fn create_vault(&self, request: &Request) -> Answer {
        let name = &request.vault;
        if !is_vault_name(name) {
            return Err(Refusal::invalid(format!("Invalid vault name: {name}")));
        }
        let index = self.store.index();
        let sql = "SELECT count(*) FROM vault WHERE region = ?1 AND name <> ?2";
        let others: i64 = index.query_row(sql, [&request.region, name], |row| row.get(0))?;
        if others >= VAULTS_MAX {
            return Err(Refusal::limit_exceeded(format!("Vault limit of {VAULTS_MAX} exceeded")));
        }
        let sql = "INSERT OR IGNORE INTO vault (region, name, created) VALUES (?1, ?2, ?3)";
        index.execute(sql, (&request.region, name, self.clock.now_milliseconds()))?;
        Ok(response::empty(StatusCode::CREATED, &[("location", &self.location(request, ""))]))
    }

    /// Of a vault that is gone, or never was, the answer is the same.
    pub(super) fn delete_vault(&self, request: &Request) -> Answer {
        self.deliver()?;
        let mut index = self.store.index();
        let moment = self.inventory_moment(&index, request)?;
        // Before the first inventory, what was ever written counts.
        let holds = Census::of(&index, request, &request.vault, moment.unwrap_or(i64::MAX))?.archives > 0;
        if holds || !self.is_unchanged_since_inventory(&index, request)? {
            let arn = self.vault_arn(request, &request.vault);
            return Err(Refusal::invalid(format!("Vault not empty or recently written to: {arn}")));
        }
        let transaction = index.transaction()?;
        let mut parts = Vec::new();
        for upload in ids_of(&transaction, "upload", request)? {
            parts.extend(forget_parts(&transaction, &upload)?);
        }
        let (archives, jobs) =
            (ids_of(&transaction, "archive", request)?, ids_of(&transaction, "job", request)?);
        for (table, column) in [
            ("vault", "name"),
            ("archive", "vault"),
            ("upload", "vault"),
            ("job", "vault"),
            ("setting", "vault"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE region = ?1 AND {column} = ?2");
            transaction.execute(&sql, [&request.region, &request.vault])?;
        }
        transaction.commit()?;
        Store::remove_files(&parts, |file| self.store.part_path(file));
        Store::remove_files(&archives, |id| self.store.archive_path(id));
        Store::remove_files(&jobs, |id| self.store.job_path(id));
        Ok(response::empty(StatusCode::NO_CONTENT, &[]))
    }

    pub(super) fn describe_vault(&self, request: &Request) -> Answer {
        let index = self.store.index();
        self.require_vault_in(&index, request)?;
        Ok(self.json(&self.vault_json(&index, request, &request.vault)?))
    }

    pub(super) fn list_vaults(&self, request: &Request) -> Answer {
        let index = self.store.index();
        let mut query = index.prepare("SELECT name FROM vault WHERE region = ?1 ORDER BY name")?;
        let names: Vec<String> =
            query.query_map([&request.region], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let page = Page::of(request, PAGE_MAX)?;
        page.check_marker(&self.vault_arn(request, ""))?;
        let (names, next) = page.cut(names, |name| self.vault_arn(request, name))?;
        let vaults = names.iter().map(|name| self.vault_json(&index, request, name));
        let vaults: Vec<Value> = vaults.collect::<Result<_, _>>()?;
        Ok(self.json(&json!({"Marker": next, "VaultList": vaults})))
    }

    /// Refuses unless the vault exists, in the service's words.
    pub(super) fn require_vault(&self, request: &Request) -> Result<(), Refusal> {
        self.require_vault_in(&self.store.index(), request)
    }

    /// The same for one who has the index already.
    pub(super) fn require_vault_in(&self, index: &Connection, request: &Request) -> Result<(), Refusal> {
        let name = &request.vault;
        let sql = "SELECT 1 FROM vault WHERE region = ?1 AND name = ?2";
        let found: Option<i64> =
            index.query_row(sql, [&request.region, name], |row| row.get(0)).optional()?;
        found.map(drop).ok_or_else(|| {
            // What cannot be a name makes no ARN.
            let arn = if is_vault_name(name) { self.vault_arn(request, name) } else { name.clone() };
            Refusal::not_found(format!("Vault not found for ARN: {arn}"))
        })
    }

    fn vault_json(&self, index: &Connection, request: &Request, name: &str) -> Result<Value, Refusal> {
        let sql = "SELECT created, last_inventory FROM vault WHERE region = ?1 AND name = ?2";
        let (created, last_inventory): (i64, Option<i64>) =
            index.query_row(sql, [request.region.as_str(), name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let of_vault = Request { vault: name.to_owned(), ..request.clone() };
        let moment = self.inventory_moment(index, &of_vault)?;
        let census = match moment {
            Some(moment) => Census::of(index, request, name, moment)?,
            None => Census::default(),
        };
        let last_inventory = if self.inventory_lag.is_zero() { last_inventory } else { moment };
        let (archives, size_bytes) = (census.archives, census.size_bytes);
        Ok(json!({
            "CreationDate": date(created),
            "LastInventoryDate": last_inventory.map(date),
            "NumberOfArchives": archives,
            "SizeInBytes": size_bytes + archives * OVERHEAD_BYTES,
            "VaultARN": self.vault_arn(request, name),
            "VaultName": name,
        }))
    }
}

/// Whether a vault can be called so: 1 to 255 of `A-Z a-z 0-9 _ - .` (API reference, "Create Vault").
pub(crate) fn is_vault_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// Returns the ids that the vault has in a table.
fn ids_of(index: &Connection, table: &str, request: &Request) -> rusqlite::Result<Vec<String>> {
    let mut query = index.prepare(&format!("SELECT id FROM {table} WHERE region = ?1 AND vault = ?2"))?;
    query.query_map([&request.region, &request.vault], |row| row.get(0))?.collect()
}

/// What a vault held at a moment.
#[derive(Debug, Default)]
struct Census {
    archives: i64,
    size_bytes: i64,
}

impl Census {
    fn of(index: &Connection, request: &Request, vault: &str, moment: i64) -> rusqlite::Result<Self> {
        let sql = "SELECT count(*), coalesce(sum(size), 0) FROM archive
                   WHERE region = ?1 AND vault = ?2 AND created <= ?3 AND (deleted IS NULL OR deleted > ?3)";
        index.query_row(sql, (&request.region, vault, moment), |row| {
            Ok(Self { archives: row.get(0)?, size_bytes: row.get(1)? })
        })
    }
}
