//! The price file: the owner's, else the one that is built in.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::file::{FileError, table, text};
use super::{NoHome, PRICE_FILE, SettingsError, directory};
use crate::estimate::{Decimal, NoDecimal, Prices, TierPrices};
use crate::types::{Region, quoted};

const BUILT_IN: &str = include_str!("prices.toml");
/// What the table of a region may hold.
const KEYS: &str = "date, currency, storage_per_gb_month, early_deletion_per_gb_month, upload_per_1000_requests, \
                    transfer_out_per_gb, standard, bulk, expedited";
/// What the table of a tier may hold.
const TIER_KEYS: &str = "per_gb, per_1000_requests, note";

/// Prices by region.
#[derive(Debug, Clone)]
pub struct PriceFile {
    /// Where the owner's file is, or would be.
    path: PathBuf,
    is_built_in: bool,
    text: String,
    regions: HashMap<Region, Prices>,
}

/// A region, or a tier in it, has no prices.
#[derive(Debug, thiserror::Error)]
#[error("there are no prices of {table} {}; {}", self.place(), self.remedy())]
pub struct NoPrices {
    table: String,
    path: PathBuf,
    is_built_in: bool,
}

/// At which byte what is wrong.
type Mistake = (usize, String);

impl PriceFile {
    /// Reads `${XDG_CONFIG_HOME:-$HOME/.config}/glacier-cli/prices.toml`; where there is none, or an empty one, the list
    /// that is built in is meant: a shell makes the file before this prints the list into it.
    ///
    /// # Errors
    ///
    /// When something in it is not as it must be; says on which line.
    pub fn read() -> Result<Self, SettingsError> {
        let path = directory("XDG_CONFIG_HOME", ".config").ok_or(NoHome)?.join(PRICE_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => Ok(Self::built_in(path)),
            Ok(text) => match regions(&text) {
                Ok(regions) => Ok(Self { path, is_built_in: false, text, regions }),
                Err((at, what)) => Err(FileError::at(&path, &text, at, what).into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::built_in(path)),
            Err(source) => Err(FileError::Unreadable { path, source }.into()),
        }
    }

    fn built_in(path: PathBuf) -> Self {
        let regions = regions(BUILT_IN).expect("a test reads it");
        Self { path, is_built_in: true, text: BUILT_IN.to_owned(), regions }
    }

    /// Returns the text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the owner's file, if that is in use.
    pub fn path(&self) -> Option<&PathBuf> {
        Some(&self.path).filter(|_| !self.is_built_in)
    }

    /// Returns the prices of the region.
    ///
    /// # Errors
    ///
    /// When there are none; says how to add them.
    pub fn of(&self, region: &Region) -> Result<&Prices, NoPrices> {
        self.regions.get(region).ok_or_else(|| self.lacks(region.to_string()))
    }

    /// Returns the error that says how to add the prices of a tier.
    pub fn lacks_tier(&self, region: &Region, tier: &str) -> NoPrices {
        self.lacks(format!("{region}.{tier}"))
    }

    fn lacks(&self, table: String) -> NoPrices {
        NoPrices { table, path: self.path.clone(), is_built_in: self.is_built_in }
    }
}

impl NoPrices {
    fn shown_path(&self) -> String {
        quoted(&self.path.to_string_lossy())
    }

    fn place(&self) -> String {
        if self.is_built_in { "built in".to_owned() } else { format!("in {}", self.shown_path()) }
    }

    fn remedy(&self) -> String {
        let (table, path) = (&self.table, self.shown_path());
        if self.is_built_in {
            format!("run 'glacier estimate prices' with its output to {path} and add a table [{table}] there")
        } else {
            format!("add a table [{table}] there")
        }
    }
}

fn regions(text: &str) -> Result<HashMap<Region, Prices>, Mistake> {
    let mut regions = HashMap::new();
    for (name, value) in &table(text)? {
        let at = name.span();
        let wrong = |what: String| (at.start, what);
        let region: Region =
            name.get_ref().parse().map_err(|error| wrong(format!("{error}; each table is a region's")))?;
        let DeValue::Table(keys) = value.get_ref() else {
            return Err(wrong(format!("{} must be a region's table", quoted(name.get_ref()))));
        };
        regions.insert(region, prices(&Table { name: name.get_ref().to_string(), at, keys })?);
    }
    Ok(regions)
}

fn prices(table: &Table<'_>) -> Result<Prices, Mistake> {
    table.refuse_other_than(KEYS)?;
    Ok(Prices {
        date: table.required("date", day)?,
        currency: table.required("currency", currency)?,
        storage_per_gb_month: table.required("storage_per_gb_month", decimal)?,
        early_deletion_per_gb_month: table.required("early_deletion_per_gb_month", decimal)?,
        upload_per_1000_requests: table.required("upload_per_1000_requests", decimal)?,
        transfer_out_per_gb: table.optional("transfer_out_per_gb", decimal)?,
        standard: tier(table, "standard")?,
        bulk: tier(table, "bulk")?,
        expedited: tier(table, "expedited")?,
    })
}

fn tier(region: &Table<'_>, name: &str) -> Result<Option<TierPrices>, Mistake> {
    let Some((key, value)) = region.keys.get_key_value(name) else { return Ok(None) };
    let DeValue::Table(keys) = value.get_ref() else {
        return Err((key.span().start, format!("'{name}' must be a table")));
    };
    let table = Table { name: format!("{}.{name}", region.name), at: key.span(), keys };
    table.refuse_other_than(TIER_KEYS)?;
    Ok(Some(TierPrices {
        per_gb: table.required("per_gb", decimal)?,
        per_1000_requests: table.required("per_1000_requests", decimal)?,
        note: table.optional("note", |key, value| text(key, value).map(str::to_owned))?,
    }))
}

/// A table of the file.
struct Table<'a> {
    name: String,
    /// Where its name stands.
    at: Range<usize>,
    keys: &'a DeTable<'a>,
}

impl Table<'_> {
    fn refuse_other_than(&self, known: &str) -> Result<(), Mistake> {
        let is_known = |key: &DeString<'_>| known.split(", ").any(|name| name == key);
        match self.keys.keys().find(|key| !is_known(key.get_ref())) {
            Some(key) => Err((
                key.span().start,
                format!("{} is not known in [{}]; there are {known}", quoted(key.get_ref()), self.name),
            )),
            None => Ok(()),
        }
    }

    fn required<T>(
        &self,
        key: &str,
        of: impl FnOnce(&str, &DeValue<'_>) -> Result<T, String>,
    ) -> Result<T, Mistake> {
        let missing = || (self.at.start, format!("[{}] has no '{key}'", self.name));
        self.optional(key, of)?.ok_or_else(missing)
    }

    fn optional<T>(
        &self,
        key: &str,
        of: impl FnOnce(&str, &DeValue<'_>) -> Result<T, String>,
    ) -> Result<Option<T>, Mistake> {
        let Some((name, value)) = self.keys.get_key_value(key) else { return Ok(None) };
        of(key, value.get_ref()).map(Some).map_err(|what| (Spanned::span(name).start, what))
    }
}

/// Numbers are taken as they are written, not as floats.
fn decimal(key: &str, value: &DeValue<'_>) -> Result<Decimal, String> {
    let parsed = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse(),
        DeValue::Float(float) => float.as_str().parse(),
        _ => Err(NoDecimal),
    };
    parsed.map_err(|error| format!("'{key}': {error}"))
}

fn day(key: &str, value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::Datetime(toml::value::Datetime { date: Some(date), time: None, offset: None }) => {
            Ok(date.to_string())
        }
        _ => Err(format!("'{key}' must be a day, such as 2024-07-01, without quotes")),
    }
}

fn currency(key: &str, value: &DeValue<'_>) -> Result<String, String> {
    let name = text(key, value)?;
    if name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(name.to_owned())
    } else {
        Err(format!("'{key}' must be three capital letters, such as \"USD\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str = "[eu-west-1]\ndate = 2030-01-02\ncurrency = 'EUR'\nstorage_per_gb_month = 1\n\
                          early_deletion_per_gb_month = 0.5\nupload_per_1000_requests = 0.000_1\n";

    #[test]
    fn the_list_that_is_built_in_is_as_it_must_be() {
        let file = PriceFile::built_in(PathBuf::new());
        let prices = file.of(&"us-east-1".parse().expect("a region")).expect("has prices");
        assert_eq!((prices.date.as_str(), prices.currency.as_str()), ("2024-07-01", "USD"));
        assert_eq!(prices.storage_per_gb_month.to_string(), "0.0036");
        assert_eq!(prices.transfer_out_per_gb.map(|price| price.to_string()).as_deref(), Some("0.09"));
        let of_tier = |tier: &Option<TierPrices>| {
            tier.as_ref().map(|tier| (tier.per_gb.to_string(), tier.per_1000_requests.to_string()))
        };
        assert_eq!(of_tier(&prices.standard), Some(("0.01".into(), "0.03".into())));
        assert_eq!(of_tier(&prices.expedited), Some(("0.03".into(), "10".into())));
        assert!(prices.bulk.as_ref().is_some_and(|bulk| bulk.note.is_some()));
    }

    #[test]
    fn prices_are_taken_as_they_are_written() {
        let regions = regions(REGION).expect("a good file");
        let prices = regions.values().next().expect("a region");
        assert_eq!(prices.upload_per_1000_requests.to_string(), "0.0001");
        assert_eq!(prices.storage_per_gb_month.to_string(), "1");
        assert_eq!((&prices.standard, prices.transfer_out_per_gb), (&None, None));
    }

    #[test]
    fn a_mistake_is_named_where_it_stands() {
        for (text, line, said) in [
            ("\n['europe!']\n", 2, "'europe!' is not"),
            ("us-east-1 = 3", 1, "'us-east-1' must be a region's table"),
            ("\n\n[us-east-1]\ndate = 2024-07-01\n", 3, "[us-east-1] has no 'currency'"),
            ("[us-east-1]\ndate = '2024-07-01'\n", 2, "'date' must be a day"),
            ("[us-east-1]\ndate = 2024-07-01T00:00:00Z\n", 2, "'date' must be a day"),
            ("[us-east-1]\ndate = 2024-13-01\n", 2, ""),
            ("[us-east-1]\ndate = 2024-07-01\ncurrency = '$'\n", 3, "'currency' must be three"),
            ("[us-east-1]\n\nstorage = 1\n", 3, "'storage' is not known in [us-east-1]"),
            ("[us-east-1]\nstorage_per_gb_month = 1", 1, "has no 'date'"),
        ] {
            is_refused(text, line, said);
        }
        for (added, said) in [
            ("transfer_out_per_gb = '0.09'", "'transfer_out_per_gb': it must be a number"),
            ("transfer_out_per_gb = -0.09", "'transfer_out_per_gb': it must be a number"),
            ("transfer_out_per_gb = 1e-3", "'transfer_out_per_gb': it must be a number"),
            ("transfer_out_per_gb = nan", "'transfer_out_per_gb': it must be a number"),
            ("transfer_out_per_gb = 0x10", "'transfer_out_per_gb': it must be a number"),
            ("transfer_out_per_gb = 0.0000000001", "'transfer_out_per_gb': it must be a number"),
            ("standard = 1", "'standard' must be a table"),
            ("[eu-west-1.standard]", "[eu-west-1.standard] has no 'per_gb'"),
            ("standard.note = ''", "[eu-west-1.standard] has no 'per_gb'"),
            ("[eu-west-1]", ""),
        ] {
            is_refused(&format!("{REGION}{added}"), 7, said);
        }
    }

    fn is_refused(text: &str, line: usize, said: &str) {
        let (at, what) = regions(text).expect_err(text);
        assert_eq!(1 + text[..at].matches('\n').count(), line, "{text}: {what}");
        assert!(what.contains(said) && !what.contains('\n'), "{text}: {what}");
    }
}
