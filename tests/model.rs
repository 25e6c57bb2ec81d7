//! A model of the whole: a vault, two machines that use it, others who use it too, and time. Random histories of what
//! people do are played on the product and the emulator, and after each step the vault, both caches and the answer are
//! held against the model.
//!
//! - `truth` reads the emulator's own books; `knowledge` says what a machine can know, by the rules of the documents.
//! - `step` is what people do, `world` lets it happen, `people` says what may come of it, `peer` is a machine.
//! - `remote` says it of git-annex's remote, in two repositories that are merged now and then.
//! - `trouble` says it where the outcome is not known beforehand: someone dies in the middle, an answer is lost; `wire` is
//!   the line that breaks.
//! - `play` plays histories and makes one that fails short.
//!
//! `MODEL_STEPS=100000` plays more, `MODEL_SEED=7` others.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "model/knowledge.rs"]
mod knowledge;
#[path = "model/peer.rs"]
mod peer;
#[path = "model/people.rs"]
mod people;
#[path = "model/play.rs"]
mod play;
#[path = "model/remote.rs"]
mod remote;
#[path = "model/step.rs"]
mod step;
mod support;
#[path = "model/trouble.rs"]
mod trouble;
#[path = "model/truth.rs"]
mod truth;
#[path = "model/wire.rs"]
mod wire;
#[path = "model/world.rs"]
mod world;

use std::path::Path;

use play::{explore, play};
use step::From::Pipe;
use step::Step::*;
use tempfile::TempDir;

/// The content that is sent in parts.
const LARGE: u8 = 100;

fn bytes_of(content: u8) -> Vec<u8> {
    let text = format!("content {content} ");
    text.repeat(if content == LARGE { 90_000 } else { 3 }).into_bytes()
}

/// In memory where that can be: a history writes much and means nothing of it to last.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

#[test]
fn whatever_people_do_nothing_is_lost_doubled_or_called_what_it_is_not() {
    let given = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    explore(given("MODEL_SEED").unwrap_or(1), given("MODEL_STEPS").unwrap_or(10_000) as usize);
}

/// The oldest was asked for, which another client had deleted: the service said that there is no such archive, or let the
/// job fail, again and again.
#[test]
fn of_equal_archives_the_one_that_is_still_there_is_brought() {
    let twice = [
        Upload { who: 0, name: 0, content: 0, source: Pipe, insists: false },
        Upload { who: 0, name: 0, content: 0, source: Pipe, insists: false },
        DeleteOutside { which: 0 },
    ];
    let brought = [Retrieve { who: 0, name: 0 }, Pass { minutes: 4 * 60 }, Retrieve { who: 0, name: 0 }];
    play(&[&twice[..], &brought, &brought].concat());
    play(&[&twice[..], &[Pass { minutes: 30 * 60 }], &brought].concat());
}

/// Whose key it was had not been asked, so that the upload of before was not found: the second one stored it again.
#[test]
fn a_new_key_does_not_hide_an_upload_without_an_answer() {
    let upload = Upload { who: 0, name: 0, content: 0, source: Pipe, insists: false };
    let dies = Trouble { request: 1, is_done: true, is_deadly: true, is_refused_then: false };
    play(&[dies, upload, RotateKeys { who: 0 }, upload]);
}

/// The inventory that was taken in for a question listed an archive beside the one that the branch names, and it counted as
/// known to exist until the next question.
#[test]
fn what_an_inventory_lists_beside_what_the_branch_names_is_in_doubt_at_once() {
    play(&[
        CopyFast { who: 1, key: 3 },
        CopyFast { who: 0, key: 3 },
        Pass { minutes: 22 * 60 },
        Pass { minutes: 38 * 60 },
        Copy { who: 1, key: 3 },
        Pass { minutes: 11 * 60 },
        Copy { who: 1, key: 3 },
    ]);
}
