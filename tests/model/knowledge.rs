//! What a machine can know of a vault, by the rules of the documents: docs/cache.md ("What is known, and how old that
//! is") and the table of the original's behaviour at a sync. The model's rule for each answer stands here.

use std::collections::{BTreeMap, BTreeSet};

use super::truth::{Archives, Inventory};

pub const HOUR: f64 = 3600.0;
/// How long an archive that was seen counts as present.
pub const MAX_AGE: f64 = 60.0 * HOUR;
/// How long an upload may be missing from inventories.
pub const LAG: f64 = 72.0 * HOUR;
/// An inventory that lists an archive tells that it existed so long before the inventory was asked for.
pub const UNCHANGED: f64 = 48.0 * HOUR;

/// An archive as a machine knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    /// Its tree hash, where that is known.
    pub hash: Option<String>,
    /// When it was stored, by an inventory.
    pub created: Option<f64>,
    pub made: f64,
    pub seen: Option<f64>,
    pub begun: Option<f64>,
    /// When Glacier last did not bring it, or a branch told of a removal of its key.
    pub doubted: Option<f64>,
    /// When it was there in spite of a doubt.
    pub proved: Option<f64>,
    pub deleted: Option<f64>,
    /// By an upload from here.
    pub is_stored_here: bool,
}

impl Row {
    /// One that someone else has stored, of which nothing else is known yet.
    fn heard_of(name: &str, made: f64) -> Self {
        Self {
            name: name.to_owned(),
            hash: None,
            created: None,
            made,
            seen: None,
            begun: None,
            doubted: None,
            proved: None,
            deleted: None,
            is_stored_here: false,
        }
    }

    pub fn is_live(&self) -> bool {
        self.deleted.is_none()
    }
}

/// The last inventory that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    pub date: f64,
    pub requested: f64,
    pub listed: BTreeSet<String>,
}

impl Taken {
    fn seen(&self) -> f64 {
        self.date.max(self.requested - LAG)
    }
}

/// An upload that was begun and not finished.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    pub name: String,
    /// Whether the service can be asked again what became of it.
    pub is_in_parts: bool,
    /// What may be stored.
    pub storing: Option<Storing>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Storing {
    pub since: f64,
    pub hash: String,
}

impl Open {
    pub fn may_have_stored(&self, name: &str, hash: &str) -> bool {
        self.name == name && self.storing.as_ref().is_some_and(|storing| storing.hash == hash)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    pub rows: BTreeMap<String, Row>,
    pub open: Vec<Open>,
    pub inventory: Option<Taken>,
    /// What an inventory has proved to be gone stays so, whatever a branch tells.
    pub gone: BTreeSet<String>,
    /// The vault was made here: nothing can be in it that is not known.
    pub is_made_here: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    Unknown,
}

impl Knowledge {
    pub fn live(&self) -> impl Iterator<Item = (&String, &Row)> {
        self.rows.iter().filter(|(_, row)| row.is_live())
    }

    /// The live archives of the name, the oldest first.
    pub fn named(&self, name: &str) -> Vec<(&String, &Row)> {
        let mut named: Vec<_> = self.live().filter(|(_, row)| row.name == name).collect();
        let order = |row: &Row| (row.created.unwrap_or(row.made), row.made);
        named.sort_by(|one, other| {
            order(one.1).partial_cmp(&order(other.1)).unwrap().then(one.0.cmp(other.0))
        });
        named
    }

    /// The last time at which the archive is known to have existed: stored, seen, or listed by the last inventory; unless
    /// a deletion was begun, or Glacier did not bring it, since or less than three days before.
    fn known_at(&self, id: &str, row: &Row) -> Option<f64> {
        if row.seen.is_some() && self.is_gone(id, row) {
            return None;
        }
        let listed = self.inventory.as_ref().filter(|taken| taken.listed.contains(id));
        let seen = row.seen.unwrap_or(row.made);
        let known = listed.map_or(seen, |taken| seen.max(taken.requested - UNCHANGED));
        let has_survived = |doubt: Option<f64>| doubt.is_none_or(|doubt| doubt + LAG <= known);
        (has_survived(row.begun) && has_survived(row.doubted)).then_some(known)
    }

    pub fn is_recent(&self, id: &str, row: &Row, now: f64) -> bool {
        self.known_at(id, row).is_some_and(|known| known >= now - MAX_AGE)
    }

    pub fn is_listed(&self, id: &str) -> bool {
        self.inventory.as_ref().is_some_and(|taken| taken.listed.contains(id))
    }

    /// The last inventory would list it, and does not.
    fn is_gone(&self, id: &str, row: &Row) -> bool {
        let Some(taken) = &self.inventory else { return false };
        !taken.listed.contains(id) && (row.seen.is_some() || row.made < taken.seen() - LAG)
    }

    /// Whether an archive of the name exists, as far as is known. Yes: one is known to have existed within sixty hours.
    /// No: each was deleted from here or is missing where it must be listed, or there never was one in a vault of which
    /// all is known; and no upload without an answer may have stored one.
    pub fn answer(&self, name: &str, now: f64) -> Answer {
        let is_open = self.open.iter().any(|open| open.name == name && open.storing.is_some());
        let rows: Vec<_> = self.rows.iter().filter(|(_, row)| row.name == name).collect();
        let live = self.named(name);
        if live.iter().any(|(id, row)| self.is_recent(id, row, now)) {
            return Answer::Yes;
        }
        let is_all_known = self.is_made_here
            || self.inventory.as_ref().is_some_and(|taken| taken.requested >= now - MAX_AGE);
        let is_none = match live[..] {
            [] => !rows.is_empty() || is_all_known,
            _ => live.iter().all(|(id, row)| self.is_gone(id, row)),
        };
        if is_none && !is_open { Answer::No } else { Answer::Unknown }
    }

    /// Takes in an inventory; returns what is told.
    pub fn take_in(&mut self, inventory: &Inventory, now: f64, fix: bool) -> BTreeSet<String> {
        let mut told = BTreeSet::new();
        let date = inventory.date;
        let seen = date.max(inventory.requested - LAG);
        let before = self.rows.clone();
        for (id, listed) in &inventory.rows {
            let new = Row::heard_of(&listed.name, now);
            // Others store here too, then.
            self.is_made_here &= self.rows.contains_key(id);
            let row = self.rows.entry(id.clone()).or_insert(new);
            row.seen = Some(row.seen.map_or(seen, |before| before.max(seen)));
            (row.hash, row.created) = (Some(listed.hash.clone()), Some(listed.created));
            match row.deleted {
                Some(deleted) if deleted < date => {
                    told.insert(format!("{id} still present"));
                    if fix && deleted < date - LAG {
                        (row.deleted, row.begun) = (None, None);
                    }
                }
                Some(_) => drop(told.insert(format!("{id} deletion not yet listed"))),
                None => {}
            }
        }
        for (id, row) in before.iter().filter(|(id, _)| !inventory.rows.contains_key(*id)) {
            if row.deleted.is_some_and(|deleted| deleted < date) {
                self.rows.remove(id);
                self.gone.insert(id.clone());
                told.insert(format!("{id} deletion confirmed"));
            } else if row.seen.is_some() || row.made < seen - LAG {
                told.insert(format!("{id} disappeared{}", if fix { ", fixed" } else { "" }));
                if fix {
                    self.rows.remove(id);
                    self.gone.insert(id.clone());
                }
            } else {
                told.insert(format!("{id} not yet listed"));
            }
        }
        let listed = inventory.rows.keys().cloned().collect();
        self.inventory = Some(Taken { date, requested: inventory.requested, listed });
        self.settle();
        told
    }

    /// Learns what a branch keeps of a key: stored, it counts as known to exist since; removed, it no longer does, unless
    /// it was seen three days later, and while the removal is not acknowledged, it may exist although it was never heard of.
    /// Of an older archive of the key that the branch does not name nobody knows whether it was removed before, and one that it
    /// names as stored is there although an earlier removal of the key put it in doubt.
    pub fn learn(&mut self, name: &str, state: &str, now: f64) {
        let fields: Vec<&str> = state.split(' ').collect();
        let Some(time) = fields.get(1).and_then(|seconds| seconds.parse::<f64>().ok()) else { return };
        match fields[2..] {
            [word @ ("removing" | "removed"), _, ref ids @ ..] => {
                let since = time.min(now);
                for id in ids {
                    let is_removed = word == "removed";
                    if !is_removed || since > now - 2.0 * LAG {
                        self.hear_of(name, id, since);
                    }
                    let Some(row) = self.rows.get_mut(*id).filter(|row| row.is_live()) else { continue };
                    if row.seen.is_some_and(|seen| seen >= since + LAG) {
                        continue;
                    }
                    if word == "removed" {
                        row.deleted = Some(since);
                    } else if row.begun.is_none_or(|begun| begun < since) {
                        row.begun = Some(since);
                    }
                }
                self.doubt_older(name, ids, since);
            }
            [_, _, id] => {
                self.doubt_older(name, &[id], time.min(now));
                if let Some(row) = self.rows.get_mut(id)
                    && row.doubted.is_some_and(|doubted| doubted < time)
                {
                    (row.doubted, row.proved) = (None, Some(time));
                }
                self.hear_of(name, id, time.min(now));
            }
            _ => {}
        }
    }

    fn doubt_older(&mut self, name: &str, named: &[&str], since: f64) {
        for (id, row) in &mut self.rows {
            let (stored, newest) = match row.is_stored_here {
                true => (row.made.min(row.created.unwrap_or(row.made)), since - 1.0),
                false => (row.created.unwrap_or(row.made), since + 0.25 * HOUR),
            };
            let is_settled = row.seen.is_some_and(|seen| seen >= since + LAG)
                || row.proved.is_some_and(|proved| proved >= since);
            let is_meant = row.name == name && row.is_live() && !named.contains(&id.as_str());
            if is_meant && !is_settled && stored <= newest {
                row.doubted = Some(row.doubted.map_or(since, |doubted| doubted.max(since)));
            }
        }
    }

    /// Files an archive of which only a branch tells.
    fn hear_of(&mut self, name: &str, id: &str, made: f64) {
        if self.rows.contains_key(id) || self.gone.contains(id) {
            return;
        }
        self.rows.insert(id.to_owned(), Row::heard_of(name, made));
    }

    /// An upload without an answer has stored an archive like it that was made within a day and was not known before;
    /// it has stored nothing if the inventory is three days younger.
    pub fn settle(&mut self) {
        let Self { rows, open, inventory, .. } = self;
        let seen = inventory.as_ref().map_or(f64::MIN, Taken::seen);
        open.retain(|open| {
            let Some(storing) = &open.storing else { return true };
            let is_of = |row: &Row| {
                let made = row.created.unwrap_or(row.made);
                row.is_live()
                    && row.hash.as_ref() == Some(&storing.hash)
                    && row.name == open.name
                    && (storing.since - 0.25 * HOUR..storing.since + 24.0 * HOUR).contains(&made)
                    && row.made >= storing.since
            };
            let order = |row: &Row| (row.created.unwrap_or(row.made), row.made);
            let is_before = |one: &&mut Row, other: &&mut Row| order(one).partial_cmp(&order(other)).unwrap();
            match rows.values_mut().filter(|row| is_of(row)).min_by(is_before) {
                Some(row) => {
                    row.is_stored_here = true;
                    false
                }
                None => seen < storing.since + LAG,
            }
        });
    }

    /// Takes over the times of a cache, where they are those of the model but for so many seconds.
    pub fn take_times_of(&mut self, cached: &BTreeMap<String, Row>, apart: f64) {
        let take = |time: &mut Option<f64>, cached: Option<f64>, apart: f64| {
            if let (Some(time), Some(cached)) = (time, cached)
                && (*time - cached).abs() <= apart
            {
                *time = cached;
            }
        };
        for (id, row) in &mut self.rows {
            let Some(cached) = cached.get(id) else { continue };
            if (row.made - cached.made).abs() <= apart {
                row.made = cached.made;
            }
            take(&mut row.begun, cached.begun, apart);
            take(&mut row.doubted, cached.doubted, apart);
            take(&mut row.proved, cached.proved, apart);
            take(&mut row.deleted, cached.deleted, apart);
            take(&mut row.seen, cached.seen, 0.01);
        }
    }

    /// The archives that exist and of which the machine can know: those on file, and those that were there two days
    /// before the last inventory was asked for.
    pub fn can_know<'a>(&'a self, archives: &'a Archives) -> impl Iterator<Item = (&'a String, &'a str)> {
        let listed = self.inventory.as_ref().map_or(f64::MIN, |taken| taken.requested - UNCHANGED);
        let there = archives.iter().filter(|(_, archive)| archive.deleted.is_none());
        there
            .filter(move |(id, archive)| self.rows.contains_key(*id) || archive.created < listed)
            .map(|(id, archive)| (id, archive.name.as_str()))
    }
}
