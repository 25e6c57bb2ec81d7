//! The git-annex branch of a repository, as far as the remote has to do with it.

use std::collections::{BTreeMap, BTreeSet};

use super::session::States;

/// The archives that a branch names.
#[derive(Debug, Default)]
pub struct Told {
    pub stored: BTreeSet<String>,
    pub removed: BTreeSet<String>,
}

/// The git-annex branch of a repository: the state of each key and whether it is in the remote, each with when it was
/// written.
#[derive(Debug, Clone, Default)]
pub struct Branch {
    states: BTreeMap<String, (u64, String)>,
    places: BTreeMap<String, (u64, bool)>,
    writes: u64,
}

impl Branch {
    pub fn places(&mut self, key: &str, is_there: bool) {
        self.writes += 1;
        self.places.insert(key.to_owned(), (self.writes, is_there));
    }

    pub fn has(&self, key: &str) -> bool {
        self.places.get(key).is_some_and(|(_, is_there)| *is_there)
    }

    /// The last writer wins.
    pub fn merge(&mut self, other: &Self) {
        for (key, value) in &other.states {
            let newest = self.states.get(key).filter(|ours| ours.0 >= value.0).unwrap_or(value).clone();
            self.states.insert(key.clone(), newest);
        }
        for (key, value) in &other.places {
            let newest = *self.places.get(key).filter(|ours| ours.0 >= value.0).unwrap_or(value);
            self.places.insert(key.clone(), newest);
        }
        self.writes = self.writes.max(other.writes);
    }

    pub fn state(&self, key: &str) -> String {
        self.states.get(key).map(|(_, state)| state.clone()).unwrap_or_default()
    }

    /// The archives that are named as stored and as removed in the state of a key.
    pub fn tells(&self, key: &str) -> Told {
        let (state, mut known) = (self.state(key), Told::default());
        match state.split(' ').collect::<Vec<_>>()[..] {
            ["1", _, "removed", _, ref ids @ ..] => known.removed.extend(ids.iter().map(ToString::to_string)),
            ["1", _, size, _, id] if size.parse::<u64>().is_ok() => drop(known.stored.insert(id.to_owned())),
            _ => {}
        }
        known
    }

    /// The same of all keys.
    pub fn tells_of_all(&self) -> Told {
        let mut all = Told::default();
        for told in self.states.keys().map(|key| self.tells(key)) {
            all.stored.extend(told.stored);
            all.removed.extend(told.removed);
        }
        all
    }
}

impl States for Branch {
    fn get(&self, key: &str) -> String {
        self.state(key)
    }

    fn set(&mut self, key: &str, value: &str) {
        self.writes += 1;
        self.states.insert(key.to_owned(), (self.writes, value.to_owned()));
    }
}
