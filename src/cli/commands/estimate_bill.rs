//! How an estimate is shown: what it is about and by which prices, the charges as a table, what was assumed.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, info};
use crate::cli::records::{Form, Record, print_record};
use crate::cli::session::Session;
use crate::engine::Weighed;
use crate::estimate::{Charge, Estimate, Item, Prices, Quantity};
use crate::settings::PriceFile;
use crate::types::{Timestamp, VaultName, quoted};

/// One estimate of a command.
pub(super) struct Bill<'a> {
    /// The command.
    pub(super) of: &'static str,
    /// What stands above its charges.
    pub(super) name: &'a str,
    pub(super) tier: Option<&'static str>,
    pub(super) months: Option<u16>,
    pub(super) estimate: Estimate,
}

/// Which archives it is about.
pub(super) struct Subject<'a> {
    vault: &'a VaultName,
    /// What the cache knows, where it was asked.
    weighed: Option<&'a Weighed>,
    /// Files that are stored already.
    skipped: u64,
}

impl<'a> Subject<'a> {
    pub(super) fn known(vault: &'a VaultName, weighed: &'a Weighed) -> Self {
        Self { vault, weighed: Some(weighed), skipped: 0 }
    }

    pub(super) fn of_files(vault: &'a VaultName, skipped: u64) -> Self {
        Self { vault, weighed: None, skipped }
    }
}

pub(super) fn print(
    session: &Session,
    file: &PriceFile,
    prices: &Prices,
    subject: &Subject<'_>,
    bills: &[Bill<'_>],
) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    if session.form == Form::Json {
        for bill in bills {
            print_record(&mut out, &EstimateRecord::new(session, file, prices, subject, bill))?;
        }
    } else if let [first, ..] = bills {
        print_head(&mut out, session, file, prices, subject, &first.estimate)?;
        print_tables(&mut out, &prices.currency, bills)?;
        print_assumptions(&mut out, bills)?;
    }
    out.flush()?;
    if subject.weighed.is_some_and(|weighed| !weighed.is_known) {
        info(format_args!(
            "what vault {} holds is not known here; run '{}'",
            quoted(subject.vault.as_str()),
            session.engine.sync_command(subject.vault)
        ));
    }
    Ok(Exit::Done)
}

fn print_head(
    out: &mut impl Write,
    session: &Session,
    file: &PriceFile,
    prices: &Prices,
    subject: &Subject<'_>,
    estimate: &Estimate,
) -> std::io::Result<()> {
    let list = match file.path() {
        Some(path) => Foreign::of_standard_output().text(&path.to_string_lossy()).into_owned(),
        None => "built in; 'glacier estimate prices' prints it".to_owned(),
    };
    writeln!(out, "prices    {} of {} ({list})", session.engine.region(), prices.date)?;
    let knowledge = match subject.weighed {
        None => String::new(),
        Some(Weighed { inventory: Some(date), .. }) => format!(", as of the inventory of {date}"),
        Some(_) => ", as far as archives were stored from here".to_owned(),
    };
    writeln!(out, "vault     {}{knowledge}", subject.vault)?;
    writeln!(out, "archives  {}", estimate.archives)?;
    writeln!(out, "bytes     {}", estimate.size_bytes)?;
    for (name, count, why) in [
        ("unknown", estimate.unknown, "size or date not known here: these cost more than is counted"),
        ("left out", subject.weighed.map_or(0, |weighed| weighed.may_be_gone), "may be gone"),
        ("left out", subject.skipped, "stored already"),
    ] {
        if count > 0 {
            writeln!(out, "{name:<8}  {count} ({why})")?;
        }
    }
    Ok(())
}

/// A line of the table; amounts stand at its right edge.
type Row = [String; 4];

fn print_tables(out: &mut impl Write, currency: &str, bills: &[Bill<'_>]) -> std::io::Result<()> {
    let rows: Vec<Row> = bills.iter().flat_map(|bill| table(currency, bill)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [first, second, third, last] = [0, 1, 2, 3].map(width);
    for [name, quantity, price, amount] in &rows {
        let line = format!("{name:<first$}  {quantity:<second$}  {price:<third$}  {amount:>last$}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn table(currency: &str, bill: &Bill<'_>) -> Vec<Row> {
    let charges = bill.estimate.charges.iter();
    let empty = || [const { String::new() }; 4];
    let head = [bill.name.to_owned(), "quantity".to_owned(), "price".to_owned(), currency.to_owned()];
    let total = ["total".to_owned(), String::new(), String::new(), bill.estimate.total().rounded_up()];
    let monthly = bill.estimate.monthly.as_ref().map(|charge| row("then each month", charge));
    let charges = charges.map(|charge| row(&spaced(charge.item), charge));
    [empty(), head].into_iter().chain(charges).chain([total]).chain(monthly).collect()
}

fn row(name: &str, charge: &Charge) -> Row {
    let (unit, per) = units(charge.quantity);
    let quantity = match charge.quantity {
        Quantity::Requests(requests) => requests.to_string(),
        quantity => format!("{} {unit}", quantity.counted().rounded_up()),
    };
    [name.to_owned(), quantity, format!("{} per {per}", charge.price), charge.amount().rounded_up()]
}

/// Of the tiers, most assume the same.
fn print_assumptions(out: &mut impl Write, bills: &[Bill<'_>]) -> std::io::Result<()> {
    let mut said: Vec<&String> = Vec::new();
    for sentence in bills.iter().flat_map(|bill| &bill.estimate.assumptions) {
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    writeln!(out, "\nassumed:")?;
    said.iter().try_for_each(|sentence| writeln!(out, "- {sentence}"))
}

/// What the quantity is counted in, and what its price is of.
fn units(quantity: Quantity) -> (&'static str, &'static str) {
    match quantity {
        Quantity::Requests(_) => ("request", "1000 requests"),
        Quantity::Bytes(_) => ("GB", "GB"),
        Quantity::ByteSeconds(_) => ("GB-months", "GB-month"),
    }
}

fn item(item: Item) -> &'static str {
    match item {
        Item::UploadRequests => "upload-requests",
        Item::Storage => "storage",
        Item::RetrievalRequests => "retrieval-requests",
        Item::Retrieval => "retrieval",
        Item::TransferOut => "transfer-out",
        Item::EarlyDeletion => "early-deletion",
    }
}

fn spaced(of: Item) -> String {
    item(of).replace('-', " ")
}

/// An estimate. Quantities, prices and amounts are decimals as text, so that nothing is lost on the way.
#[derive(Serialize)]
struct EstimateRecord<'a> {
    /// `upload`, `retrieve`, `store` or `delete`.
    of: &'static str,
    vault: &'a str,
    tier: Option<&'static str>,
    months: Option<u16>,
    inventory_date: Option<String>,
    region: &'a str,
    prices_date: &'a str,
    /// None for the list that is built in.
    prices_file: Option<String>,
    currency: &'a str,
    archives: u64,
    size_bytes: u128,
    /// Archives that cost more than is counted: their size or date is not known.
    archives_unknown: u64,
    /// Archives that are not counted, because they may be gone or are stored already.
    archives_left_out: u64,
    charges: Vec<ChargeRecord>,
    total: String,
    /// What is charged each month from then on.
    monthly: Option<ChargeRecord>,
    assumptions: &'a [String],
}

#[derive(Serialize)]
struct ChargeRecord {
    what: &'static str,
    quantity: String,
    unit: &'static str,
    price: String,
    price_per: &'static str,
    amount: String,
}

impl Record for EstimateRecord<'_> {
    const SCHEMA: &'static str = "estimate/1";
}

impl<'a> EstimateRecord<'a> {
    fn new(
        session: &'a Session,
        file: &PriceFile,
        prices: &'a Prices,
        subject: &Subject<'a>,
        bill: &'a Bill<'_>,
    ) -> Self {
        let (estimate, weighed) = (&bill.estimate, subject.weighed);
        Self {
            of: bill.of,
            vault: subject.vault.as_str(),
            tier: bill.tier,
            months: bill.months,
            inventory_date: weighed.and_then(|weighed| weighed.inventory).map(Timestamp::rfc3339),
            region: session.engine.region().as_str(),
            prices_date: &prices.date,
            prices_file: file.path().map(|path| path.to_string_lossy().into_owned()),
            currency: &prices.currency,
            archives: estimate.archives,
            size_bytes: estimate.size_bytes,
            archives_unknown: estimate.unknown,
            archives_left_out: subject.skipped + weighed.map_or(0, |weighed| weighed.may_be_gone),
            charges: estimate.charges.iter().map(ChargeRecord::from).collect(),
            total: estimate.total().to_string(),
            monthly: estimate.monthly.as_ref().map(ChargeRecord::from),
            assumptions: &estimate.assumptions,
        }
    }
}

impl From<&Charge> for ChargeRecord {
    fn from(charge: &Charge) -> Self {
        let (unit, price_per) = units(charge.quantity);
        Self {
            what: item(charge.item),
            quantity: charge.quantity.counted().to_string(),
            unit,
            price: charge.price.to_string(),
            price_per,
            amount: charge.amount().to_string(),
        }
    }
}
