//! What people do.

use proptest::prelude::*;

/// A step of a history. Numbers that are too large for what there is are taken round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// `glacier archive upload`.
    Upload {
        who: usize,
        name: u8,
        content: u8,
        source: From,
    },
    /// `glacier archive retrieve NAME`.
    Retrieve {
        who: usize,
        name: u8,
    },
    /// `glacier archive retrieve id:ID`, of one that is known.
    RetrieveById {
        who: usize,
        which: u8,
    },
    /// `glacier archive delete NAME`.
    Delete {
        who: usize,
        name: u8,
    },
    /// `glacier archive delete id:ID`, of one that is known.
    DeleteById {
        who: usize,
        which: u8,
    },
    /// `glacier archive dedupe`.
    Dedupe {
        who: usize,
    },
    /// `glacier archive checkpresent`.
    CheckPresent {
        who: usize,
        name: u8,
    },
    /// The same question with three answers, as git-annex's remote asks it.
    Presence {
        who: usize,
        name: u8,
    },
    /// `glacier vault sync`, with `--max-age` and `--fix`.
    Sync {
        who: usize,
        max_age_hours: u16,
        fix: bool,
    },
    /// `glacier archive list`.
    List {
        who: usize,
    },
    /// Another program stores an archive.
    StoreOutside {
        name: u8,
        content: u8,
    },
    /// Another program deletes one.
    DeleteOutside {
        which: u8,
    },
    Pass {
        hours: u16,
    },
}

/// Where the data of an upload comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    File,
    Pipe,
}

use Step::*;

pub const NAMES: u8 = 3;
const CONTENTS: u8 = 3;

pub fn step() -> impl Strategy<Value = Step> {
    let (who, name) = (0..2usize, 0..NAMES);
    let named = || (who.clone(), name.clone());
    let content = || prop_oneof![8 => 0..CONTENTS, 1 => Just(super::LARGE)];
    let source = prop_oneof![Just(From::File), Just(From::Pipe)];
    let chosen = || (who.clone(), any::<u8>());
    let max_age = prop_oneof![Just(0u16), Just(24), Just(60)];
    prop_oneof![
        6 => (named(), content(), source)
            .prop_map(|((who, name), content, source)| Upload { who, name, content, source }),
        5 => named().prop_map(|(who, name)| Retrieve { who, name }),
        3 => chosen().prop_map(|(who, which)| RetrieveById { who, which }),
        2 => named().prop_map(|(who, name)| Delete { who, name }),
        2 => chosen().prop_map(|(who, which)| DeleteById { who, which }),
        1 => who.clone().prop_map(|who| Dedupe { who }),
        2 => named().prop_map(|(who, name)| CheckPresent { who, name }),
        5 => named().prop_map(|(who, name)| Presence { who, name }),
        5 => (who.clone(), max_age, any::<bool>())
            .prop_map(|(who, max_age_hours, fix)| Sync { who, max_age_hours, fix }),
        1 => who.clone().prop_map(|who| List { who }),
        2 => (name.clone(), content()).prop_map(|(name, content)| StoreOutside { name, content }),
        2 => any::<u8>().prop_map(|which| DeleteOutside { which }),
        6 => prop_oneof![2 => 1u16..6, 2 => 6u16..40, 1 => 40u16..120].prop_map(|hours| Pass { hours }),
    ]
}
