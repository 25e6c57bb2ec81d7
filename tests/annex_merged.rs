//! What a clone makes of what others have kept of a key and it has merged. Each test is a way in which a last copy was let
//! go, or an archive doubled or left behind.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use glacier_emulator::Emulator;
use support::HOUR;
use support::clones::{KEY, States, World, plays};
use support::machine::Machine;
use support::session::Session;

/// The branch keeps of a key only what came last: here the removal of the second archive, by a clone that had never heard of
/// the first. Who had heard of the first went on calling it present.
#[tokio::test]
async fn an_archive_whose_removal_is_told_of_no_more_is_not_called_present() {
    let mut world = World::new().await;
    let (mut first, store) = world.with_key_stored().await;
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    let (mut other, there) = world.other_remote().await;
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    world.emulator.advance(HOUR);
    plays(&mut first, &mut world.states, &[(&remove, "REMOVE-SUCCESS"), (&store, "TRANSFER-SUCCESS")]).await;
    world.emulator.advance(HOUR);
    let (mut third, _elsewhere) = world.other_remote().await;
    plays(&mut third, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    assert_eq!((world.count("UploadArchive"), world.count("DeleteArchive")), (2, 2));
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-UNKNOWN"), (&store, "TRANSFER-FAILURE")])
        .await;
    world.emulator.advance(80 * HOUR);
    world.here.upload(&world.vault, "another", b"lets an inventory be made").await;
    let _ = there.sync(&world.vault, Duration::ZERO, false).await;
    world.emulator.advance(4 * HOUR);
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-FAILURE")]).await;
}

/// The same of an archive that was stored from here: that the branch names another one tells that it may be gone.
#[tokio::test]
async fn an_own_archive_that_the_branch_names_no_more_is_not_called_present() {
    let mut world = World::new().await;
    let (mut remote, store) = world.with_key_stored().await;
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    let (mut other, _there) = world.other_remote().await;
    world.emulator.advance(HOUR);
    plays(&mut other, &mut world.states, &[(&remove, "REMOVE-SUCCESS"), (&store, "TRANSFER-SUCCESS")]).await;
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    world
        .here
        .engine
        .delete(&world.vault, &format!("id:{}", world.told(KEY)).parse().unwrap())
        .await
        .unwrap();
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-UNKNOWN")]).await;
}

/// The same word of the branch raised a doubt anew that a job, or the branch itself, had ended.
#[tokio::test]
async fn a_doubt_that_has_ended_is_not_raised_by_the_same_word() {
    let mut world = World::new().await;
    let (mut remote, _) = world.with_key_stored().await;
    let (check, retrieve) =
        (format!("CHECKPRESENT {KEY}"), format!("TRANSFER RETRIEVE {KEY} {}", world.target()));
    let stored = world.states[KEY].clone();
    let [version, time, _, place, id] = stored.split(' ').collect::<Vec<_>>()[..] else { panic!("{stored}") };
    world.emulator.advance(HOUR);
    let later = time.parse::<u64>().unwrap() + 1800;
    world.states.insert(KEY.to_owned(), format!("{version} {later} removed {place} another"));
    plays(
        &mut remote,
        &mut world.states,
        &[(&check, "CHECKPRESENT-UNKNOWN"), (&retrieve, "TRANSFER-FAILURE")],
    )
    .await;
    world.emulator.advance(4 * HOUR);
    let then = [
        (&*retrieve, "TRANSFER-SUCCESS"),
        (&*check, "CHECKPRESENT-SUCCESS"),
        (&*check, "CHECKPRESENT-SUCCESS"),
    ];
    plays(&mut remote, &mut world.states, &then).await;
    // A clone that is told of the removal first, and then that it is stored again as that archive.
    let (mut other, _there) = world.other_remote().await;
    world.states.insert(KEY.to_owned(), stored.clone());
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    world.states.insert(KEY.to_owned(), format!("{version} {later} removed {place} another"));
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-UNKNOWN")]).await;
    world.states.insert(KEY.to_owned(), format!("{version} {} 5 {place} {id}", later + 60));
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
}

/// Whoever dies between the upload and its record leaves the one of the removal before, and other clones could neither
/// bring nor remove the archive.
#[tokio::test]
async fn what_was_stored_after_a_removal_is_told_to_other_clones_once_it_is_found() {
    let mut world = World::new().await;
    let (mut remote, store) = world.with_key_stored().await;
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    plays(&mut remote, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    let removed = world.states[KEY].clone();
    world.emulator.advance(HOUR);
    plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
    world.states.insert(KEY.to_owned(), removed.clone());
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    assert_ne!(world.states[KEY], removed);
    let (mut other, _there) = world.other_remote().await;
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS"), (&remove, "REMOVE-SUCCESS")])
        .await;
    assert_eq!(world.count("DeleteArchive"), 2);
}

/// What an earlier version has acknowledged comes back, and is no proof that the key is empty.
#[tokio::test]
async fn an_empty_file_of_a_key_that_does_not_tell_its_size_comes_back_and_is_not_called_present() {
    let mut world = World::new().await;
    let mut remote = world.remote().await;
    let key = "URL--http&c%%example.com%y";
    world.states.insert(key.to_owned(), "1 1795000000 empty".to_owned());
    let (check, retrieve) =
        (format!("CHECKPRESENT {key}"), format!("TRANSFER RETRIEVE {key} {}", world.target()));
    plays(
        &mut remote,
        &mut world.states,
        &[(&check, "CHECKPRESENT-UNKNOWN"), (&retrieve, "TRANSFER-SUCCESS")],
    )
    .await;
    assert_eq!(std::fs::read(world.target()).unwrap(), b"");
}

/// A removal that Glacier refused wrote again what the branch had kept before, which took the place of a removal by a clone
/// that was not merged yet; all who merged then let their copies go.
#[tokio::test]
async fn a_removal_that_was_refused_does_not_take_the_place_of_one_that_was_not() {
    let mut world = World::new().await;
    let (mut first, _) = world.with_key_stored().await;
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    let (mut second, _there) = world.other_remote().await;
    let mut not_merged = world.states.clone();
    world.emulator.advance(HOUR);
    plays(&mut second, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    world.emulator.set_fault("access-denied@DeleteArchive".parse().unwrap());
    let (mut third, _elsewhere) = world.other_remote().await;
    world.emulator.advance(HOUR);
    plays(&mut third, &mut not_merged, &[(&remove, "REMOVE-FAILURE")]).await;
    // What was kept last wins.
    for remote in [&mut first, &mut third] {
        plays(remote, &mut not_merged, &[(&check, "CHECKPRESENT-UNKNOWN")]).await;
    }
    world.emulator.clear_faults();
    plays(&mut first, &mut not_merged, &[(&remove, "REMOVE-SUCCESS"), (&check, "CHECKPRESENT-FAILURE")])
        .await;
}

/// A removal did not name what others had removed shortly before, although it was merged; who had stored that was left
/// without an answer for days.
#[tokio::test]
async fn what_several_clones_store_and_remove_in_turn_is_never_unknown() {
    let mut world = World::new().await;
    let (mut first, store) = world.with_key_stored().await;
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    let (mut second, _there) = world.other_remote().await;
    let (mut third, _elsewhere) = world.other_remote().await;
    world.emulator.advance(HOUR);
    plays(&mut second, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    world.emulator.advance(HOUR);
    let then = [(&*check, "CHECKPRESENT-FAILURE"), (&*store, "TRANSFER-SUCCESS")];
    plays(&mut third, &mut world.states, &then).await;
    world.emulator.advance(HOUR);
    plays(&mut third, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    for remote in [&mut first, &mut second, &mut third] {
        plays(remote, &mut world.states, &[(&check, "CHECKPRESENT-FAILURE")]).await;
    }
    plays(&mut first, &mut world.states, &[(&store, "TRANSFER-SUCCESS"), (&check, "CHECKPRESENT-SUCCESS")])
        .await;
}

/// Another clone's deletion had no answer and was not carried out. Who had never heard of the archive called it absent,
/// stored a second one, and called the key removed while the first was left.
#[tokio::test]
async fn what_another_clone_may_not_have_deleted_may_be_there() {
    let mut world = World::new().await;
    let (mut other, _there) = world.other_remote().await;
    let store = format!("TRANSFER STORE {KEY} {}", world.file("hello"));
    let (check, remove) = (format!("CHECKPRESENT {KEY}"), format!("REMOVE {KEY}"));
    plays(&mut other, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
    world.emulator.set_fault("cut-before@DeleteArchive".parse().unwrap());
    plays(&mut other, &mut world.states, &[(&remove, "REMOVE-FAILURE")]).await;
    world.emulator.clear_faults();
    let deleted = world.count("DeleteArchive");
    let mut remote = world.remote().await;
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-UNKNOWN"), (&store, "TRANSFER-FAILURE")])
        .await;
    assert_eq!(world.count("UploadArchive"), 1);
    plays(&mut remote, &mut world.states, &[(&remove, "REMOVE-SUCCESS"), (&check, "CHECKPRESENT-FAILURE")])
        .await;
    assert_eq!(world.count("DeleteArchive"), deleted + 1);
}

/// What git-annex's built-in remote has stored of a file when it is killed is an archive of the key's name, and another
/// clone moved its only copy away on the word that the key is there.
#[tokio::test]
async fn an_archive_of_another_size_is_not_the_key() {
    let mut world = World::new().await;
    world.here.upload(&world.vault, KEY, b"hel").await;
    let mut remote = world.remote().await;
    let (check, store) =
        (format!("CHECKPRESENT {KEY}"), format!("TRANSFER STORE {KEY} {}", world.file("hello")));
    let said = remote.asks(&check, &mut world.states).await;
    let cut = format!("CHECKPRESENT-UNKNOWN {KEY} archive '{KEY}' has 3 bytes, and the key 5, so it is not");
    assert!(said.starts_with(&cut), "{said}");
    assert!(said.contains("'glacier archive delete v id:"), "{said}");
    plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-FAILURE")]).await;
    assert_eq!(world.states, States::new());
    // One that is right is there beside it.
    world.here.upload(&world.vault, KEY, b"hello").await;
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
}

/// A loss of power leaves such files, and another clone then moved its good copy away.
#[tokio::test]
async fn a_file_that_is_not_of_the_size_of_its_key_is_not_stored() {
    let mut world = World::new().await;
    let mut remote = world.remote().await;
    for (key, content, answer) in [
        (KEY, "hel", "TRANSFER-FAILURE STORE SHA256E-s5--aa.txt the file of SHA256E-s5--aa.txt has 3 bytes"),
        ("SHA256E-s12-S5-C3--aa", "hello", "TRANSFER-FAILURE"),
        ("SHA256E-s12-S5-C2--aa", "hello", "TRANSFER-SUCCESS"),
        ("SHA256E-s12-S5-C3--aa", "he", "TRANSFER-SUCCESS"),
        ("GPGHMACSHA1--aa", "any size", "TRANSFER-SUCCESS"),
        ("URL--http&c%%example.com%x", "any size", "TRANSFER-SUCCESS"),
        ("URL--http&c%%example.com%y", "", "TRANSFER-FAILURE"),
        ("URL-s0--http&c%%example.com%y", "", "TRANSFER-SUCCESS"),
    ] {
        let store = format!("TRANSFER STORE {key} {}", world.file(content));
        plays(&mut remote, &mut world.states, &[(&store, answer)]).await;
    }
    assert_eq!(world.count("UploadArchive"), 4);
}

/// Only `enableremote` looked at whose the keys are: with those of another account, which has a vault of that name, keys
/// were stored there, and called absent or removed that were not.
#[tokio::test]
async fn with_keys_of_another_account_nothing_is_done() {
    let mut world = World::new().await;
    world.states.insert("config account".to_owned(), "111122223333".to_owned());
    let others = Arc::new(Emulator::builder().account("444455556666").start().await.unwrap());
    let there = Machine::new(&others).await;
    there.engine.create_vault(&world.vault).await.unwrap();
    let mut remote = Session::prepared_with(&others, &there, &mut world.states).await;
    for (request, answer) in [
        (format!("TRANSFER STORE {KEY} {}", world.file("hello")), format!("TRANSFER-FAILURE STORE {KEY}")),
        (format!("CHECKPRESENT {KEY}"), format!("CHECKPRESENT-UNKNOWN {KEY}")),
        (format!("REMOVE {KEY}"), format!("REMOVE-FAILURE {KEY}")),
        (format!("TRANSFER RETRIEVE {KEY} {}", world.target()), format!("TRANSFER-FAILURE RETRIEVE {KEY}")),
    ] {
        let answer =
            format!("{answer} the keys are of AWS account 444455556666, the remote is in account 1111");
        plays(&mut remote, &mut world.states, &[(&request, &answer)]).await;
    }
    assert_eq!(others.requests().get("UploadArchive"), None);
    let mut remote = Session::prepared_with(&world.emulator, &world.here, &mut world.states).await;
    let check = format!("CHECKPRESENT {KEY}");
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-FAILURE")]).await;
}

/// It made a vault whose name was a hyphen and the repository's uuid.
#[tokio::test]
async fn a_remote_without_a_name_is_not_made() {
    let world = World::new().await;
    let mut remote = world.remote().await;
    remote.vault = String::new();
    let answer = "INITREMOTE-FAILURE the remote has no name; give its vault with vault=";
    plays(&mut remote, &mut States::new(), &[("INITREMOTE", answer)]).await;
    assert_eq!(world.count("CreateVault"), 1);
}
