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
        insists: bool,
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
    /// As `git annex copy --to` does: CHECKPRESENT, and STORE after FAILURE.
    Copy {
        who: usize,
        key: u8,
    },
    /// As `git annex copy --fast --to` does: STORE, unless the branch has it there.
    CopyFast {
        who: usize,
        key: u8,
    },
    /// As `git annex fsck --fast --from` and `drop` do.
    Fsck {
        who: usize,
        key: u8,
    },
    /// As `git annex get` does.
    Fetch {
        who: usize,
        key: u8,
    },
    /// As `git annex drop --from` does, of what the branch has there.
    Remove {
        who: usize,
        key: u8,
    },
    /// `git annex sync` of both repositories.
    Merge,
    /// Something goes wrong at a request of the next step: whoever asks dies, or the line breaks for a moment, after which
    /// a request may be refused.
    Trouble {
        request: u8,
        is_done: bool,
        is_deadly: bool,
        is_refused_then: bool,
    },
    /// The next job that is begun will fail.
    FailNextJob,
    /// The process is another, as at each call of `glacier`.
    Restart {
        who: usize,
    },
    /// It has other access keys of the same account from now on.
    RotateKeys {
        who: usize,
    },
    /// The cache is deleted.
    LoseCache {
        who: usize,
    },
    Pass {
        minutes: u16,
    },
}

/// Where the data of an upload comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    File,
    Pipe,
}

use Step::*;

/// The names of what people store, then those of keys of git-annex.
pub const PLAIN_NAMES: u8 = 3;
pub const NAMES: u8 = PLAIN_NAMES + 2;
const CONTENTS: u8 = 3;

/// A history of so many steps. Trouble comes most often with uploads, where it can double or lose something.
pub fn history(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let trouble = prop_oneof![6 => Just(None), 1 => trouble().prop_map(Some)];
    proptest::collection::vec((trouble, step()), steps).prop_map(move |pairs| {
        let steps_of = |(trouble, step): (Option<Step>, Step)| {
            trouble
                .filter(|_| matches!(step, Upload { .. } | Delete { .. } | Copy { .. } | Remove { .. }))
                .into_iter()
                .chain([step])
        };
        pairs.into_iter().flat_map(steps_of).take(steps).collect()
    })
}

fn trouble() -> impl Strategy<Value = Step> {
    let is_deadly = prop_oneof![3 => Just(true), 2 => Just(false)];
    (1u8..5, any::<bool>(), is_deadly, any::<bool>()).prop_map(
        |(request, is_done, is_deadly, is_refused_then)| Trouble {
            request,
            is_done,
            is_deadly,
            is_refused_then,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..2usize;
    // Now and then a person stores or deletes what is a key's.
    let name = prop_oneof![6 => 0..PLAIN_NAMES, 1 => PLAIN_NAMES..NAMES].boxed();
    let named = || (who.clone(), name.clone());
    let content = || prop_oneof![8 => 0..CONTENTS, 1 => Just(super::LARGE)];
    let source = prop_oneof![Just(From::File), Just(From::Pipe)];
    let insists = prop_oneof![9 => Just(false), 1 => Just(true)];
    let keyed = || (who.clone(), PLAIN_NAMES..NAMES);
    let chosen = || (who.clone(), any::<u8>());
    let max_age = prop_oneof![Just(0u16), Just(24), Just(60)];
    let hours = prop_oneof![2 => 1u16..6, 2 => 6u16..40, 1 => 40u16..120];
    // Longer than a list of jobs serves, and too short for a job.
    let minutes = prop_oneof![1 => 2u16..60, 6 => hours.prop_map(|hours| 60 * hours)];
    prop_oneof![
        6 => (named(), content(), source, insists)
            .prop_map(|((who, name), content, source, insists)| Upload { who, name, content, source, insists }),
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
        3 => keyed().prop_map(|(who, key)| Copy { who, key }),
        1 => keyed().prop_map(|(who, key)| CopyFast { who, key }),
        4 => keyed().prop_map(|(who, key)| Fsck { who, key }),
        3 => keyed().prop_map(|(who, key)| Fetch { who, key }),
        2 => keyed().prop_map(|(who, key)| Remove { who, key }),
        2 => Just(Merge),
        3 => trouble(),
        1 => Just(FailNextJob),
        1 => who.clone().prop_map(|who| Restart { who }),
        1 => who.clone().prop_map(|who| RotateKeys { who }),
        1 => who.clone().prop_map(|who| LoseCache { who }),
        7 => minutes.prop_map(|minutes| Pass { minutes }),
    ]
}

impl Step {
    /// Whose step it is, if something can go wrong with it.
    pub fn meets_trouble(&self) -> Option<usize> {
        match *self {
            Upload { who, .. }
            | Retrieve { who, .. }
            | RetrieveById { who, .. }
            | Delete { who, .. }
            | DeleteById { who, .. }
            | Presence { who, .. }
            | Sync { who, .. } => Some(who),
            _ => None,
        }
    }

    /// Whose step it is, if it deletes archives.
    pub fn deletes(&self) -> Option<usize> {
        match *self {
            Delete { who, .. } | DeleteById { who, .. } | Dedupe { who } | Remove { who, .. } => Some(who),
            _ => None,
        }
    }

    /// Whose step it is, if git-annex takes it.
    pub fn is_remote(&self) -> Option<usize> {
        match *self {
            Copy { who, .. }
            | CopyFast { who, .. }
            | Fsck { who, .. }
            | Fetch { who, .. }
            | Remove { who, .. } => Some(who),
            _ => None,
        }
    }
}
