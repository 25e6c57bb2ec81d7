//! The special remote where what it knows is not the whole truth: other clones, other programs, other accounts, other
//! prefixes. Each test is a way in which a copy was forgotten, called present or paid for without need.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use glacier_emulator::Emulator;
use glacier_engine::engine::{Source, UploadOptions};
use support::HOUR;
use support::clones::{KEY, States, World, plays};
use support::machine::{Machine, connection};
use support::session::Session;

/// A forgotten region made an empty vault, and by it every copy counted as lost.
#[tokio::test]
async fn another_way_to_the_same_archives_makes_no_vault() {
    let world = World::new().await;
    for (vault, answer) in [
        ("", "INITREMOTE-FAILURE give the vault of the remote that this one is the same as, with vault="),
        ("photos", "INITREMOTE-FAILURE vault 'photos' not found in region us-east-1"),
        ("v", "INITREMOTE-SUCCESS"),
    ] {
        let mut remote = world.remote().await;
        remote.vault = vault.to_owned();
        let mut config = States::from([("config sameas-name".to_owned(), "old".to_owned())]);
        plays(&mut remote, &mut config, &[("INITREMOTE", answer)]).await;
    }
    assert_eq!(world.count("CreateVault"), 1);
}

/// `enableremote` with the keys of another account made the vault there, and the same cache then told of both.
#[tokio::test]
async fn a_remote_is_not_made_anew_in_another_account() {
    let world = World::new().await;
    let mut remote = world.remote().await;
    let mut config = States::from([("config vault".to_owned(), "v".to_owned())]);
    plays(&mut remote, &mut config, &[("INITREMOTE", "INITREMOTE-SUCCESS")]).await;
    assert_eq!(config["config account"], "111122223333");
    let others = Arc::new(Emulator::builder().account("444455556666").start().await.unwrap());
    let there = Machine::new(&others).await;
    let mut remote = Session::prepared(&others, &there).await;
    plays(&mut remote, &mut config, &[("INITREMOTE", "INITREMOTE-FAILURE vault 'v' not found")]).await;
    there.engine.create_vault(&world.vault).await.unwrap();
    let answer =
        "INITREMOTE-FAILURE the keys are of AWS account 444455556666, the remote is in account 111122223333";
    plays(&mut remote, &mut config, &[("INITREMOTE", answer)]).await;
    assert_eq!(others.requests()["CreateVault"], 1);
}

/// Another clone had removed the key and stored it again. Each `get` asked for the old archive once more.
#[tokio::test]
async fn what_the_repository_knows_is_asked_for_before_what_the_cache_knows() {
    let mut world = World::new().await;
    let (mut remote, store) = world.with_key_stored().await;
    let (mut other, _there) = world.other_remote().await;
    let remove = format!("REMOVE {KEY}");
    plays(&mut other, &mut world.states, &[(&remove, "REMOVE-SUCCESS"), (&store, "TRANSFER-SUCCESS")]).await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    let queued = format!("TRANSFER-FAILURE RETRIEVE {KEY} queued");
    plays(&mut remote, &mut world.states, &[(&retrieve, &queued)]).await;
    world.emulator.advance(4 * HOUR);
    plays(&mut remote, &mut world.states, &[(&retrieve, "TRANSFER-SUCCESS")]).await;
    assert_eq!(world.count("InitiateJob"), 1);
}

/// An empty file took the place of an archive in the key's state, which was lost to all clones.
#[tokio::test]
async fn an_empty_file_does_not_take_the_place_of_an_archive() {
    let mut world = World::new().await;
    let (mut remote, _) = world.with_key_stored().await;
    let kept = world.states.clone();
    let empty = format!("TRANSFER STORE {KEY} {}", world.file(""));
    let (mut other, _there) = world.other_remote().await;
    for remote in [&mut remote, &mut other] {
        plays(remote, &mut world.states, &[(&empty, "TRANSFER-FAILURE")]).await;
    }
    assert_eq!(world.states, kept);
}

/// A loss of power had cut the object to nothing; the key was called present everywhere from then on, so that another clone
/// dropped the only good copy.
#[tokio::test]
async fn a_file_that_was_cut_to_nothing_is_no_content() {
    let mut world = World::new().await;
    let mut remote = world.remote().await;
    let empty = world.file("");
    for key in [KEY, "SHA256E-s5-S2-C1--aa.txt", "GPGHMACSHA1--0123456789abcdef"] {
        let store = format!("TRANSFER STORE {key} {empty}");
        plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-FAILURE")]).await;
        assert_eq!(world.states.get(key), None);
        // As an earlier version kept it.
        world.states.insert(key.to_owned(), "1 1795000000 empty".to_owned());
        let check = format!("CHECKPRESENT {key}");
        plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-FAILURE")]).await;
    }
    let store = format!("TRANSFER STORE {KEY} {}", world.file("hello"));
    plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
    assert_eq!(world.count("UploadArchive"), 1);
}

/// The copy was completed without another STORE, as CHECKPRESENT found it, and no clone without this cache could get it. Once
/// others can have heard of it by an inventory nothing is told, as that would take the place of their removal.
#[tokio::test]
async fn what_has_no_record_is_told_to_other_clones_while_nobody_can_have_heard_of_it() {
    let mut world = World::new().await;
    let (mut remote, _) = world.with_key_stored().await;
    let check = format!("CHECKPRESENT {KEY}");
    let told = world.states.remove(KEY);
    world.emulator.advance(HOUR / 2);
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    assert_eq!(world.states.remove(KEY), told);
    world.emulator.advance(HOUR);
    plays(&mut remote, &mut world.states, &[(&check, "CHECKPRESENT-SUCCESS")]).await;
    assert_eq!(world.states.get(KEY), None);
    let (mut other, there) = world.other_remote().await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    plays(&mut other, &mut world.states, &[(&check, "CHECKPRESENT-UNKNOWN")]).await;
    there.sync(&world.vault, HOUR, false).await.0.unwrap();
    world.emulator.advance(4 * HOUR);
    there.sync(&world.vault, 5 * HOUR, false).await.0.unwrap();
    plays(&mut other, &mut world.states, &[(&retrieve, &format!("TRANSFER-FAILURE RETRIEVE {KEY} queued"))])
        .await;
}

/// The key was called removed, and the archive left.
#[tokio::test]
async fn what_was_stored_with_another_prefix_is_found_by_its_id() {
    let mut world = World::new().await;
    world.states.insert("config fileprefix".to_owned(), "old-".to_owned());
    let mut remote = Session::prepared_with(&world.emulator, &world.here, &mut world.states).await;
    let store = format!("TRANSFER STORE {KEY} {}", world.file("hello"));
    plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
    world.states.insert("config fileprefix".to_owned(), "new-".to_owned());
    let mut remote = Session::prepared_with(&world.emulator, &world.here, &mut world.states).await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    let age = |hours| {
        let sql = format!("UPDATE archive SET created_here = created_here - {hours} * 3600");
        world.here.sqlite().execute(&sql, []).unwrap();
    };
    // Neither is what is not known stored a second time.
    age(100);
    plays(
        &mut remote,
        &mut world.states,
        &[(&format!("CHECKPRESENT {KEY}"), "CHECKPRESENT-UNKNOWN"), (&store, "TRANSFER-FAILURE")],
    )
    .await;
    age(-100);
    plays(
        &mut remote,
        &mut world.states,
        &[
            (&format!("CHECKPRESENT {KEY}"), "CHECKPRESENT-SUCCESS"),
            (&store, "TRANSFER-SUCCESS"),
            (&retrieve, &format!("TRANSFER-FAILURE RETRIEVE {KEY} queued")),
            (&format!("REMOVE {KEY}"), "REMOVE-SUCCESS"),
            (&format!("CHECKPRESENT {KEY}"), "CHECKPRESENT-FAILURE"),
        ],
    )
    .await;
    assert_eq!((world.count("UploadArchive"), world.count("DeleteArchive")), (1, 1));
}

/// In a vault that others have made too the key was unknown for ever, and could not be removed a second time. What may be
/// left of it is not called gone.
#[tokio::test]
async fn what_was_removed_by_its_id_is_gone_whatever_its_prefix() {
    for is_stored_twice in [false, true] {
        let mut world = World::new().await;
        world.states.insert("config fileprefix".to_owned(), "old-".to_owned());
        let mut remote = Session::prepared_with(&world.emulator, &world.here, &mut world.states).await;
        let store = format!("TRANSFER STORE {KEY} {}", world.file("hello"));
        plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
        if is_stored_twice {
            world.here.upload(&world.vault, &format!("old-{KEY}"), b"hello").await;
        }
        world.emulator.advance(48 * HOUR);
        let there = Machine::new(&world.emulator).await;
        let _ = there.sync(&world.vault, Duration::ZERO, false).await;
        world.emulator.advance(4 * HOUR);
        there.sync(&world.vault, 5 * HOUR, false).await.0.unwrap();
        world.emulator.advance(72 * HOUR);
        world.states.insert("config fileprefix".to_owned(), "new-".to_owned());
        let mut remote = Session::prepared_with(&world.emulator, &there, &mut world.states).await;
        let (remove, present) = (format!("REMOVE {KEY}"), format!("CHECKPRESENT {KEY}"));
        let then = match is_stored_twice {
            false => [(&*remove, "REMOVE-SUCCESS"), (&*present, "CHECKPRESENT-FAILURE")],
            true => [(&*remove, "REMOVE-FAILURE"), (&*present, "CHECKPRESENT-UNKNOWN")],
        };
        plays(&mut remote, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
        plays(&mut remote, &mut world.states, &then).await;
        assert_eq!(world.count("DeleteArchive"), 1);
        if !is_stored_twice {
            // What is stored again is there, by its new name.
            let again = [
                (&*store, "TRANSFER-SUCCESS"),
                (&*present, "CHECKPRESENT-SUCCESS"),
                (&*remove, "REMOVE-SUCCESS"),
            ];
            plays(&mut remote, &mut world.states, &again).await;
            plays(&mut remote, &mut world.states, &then).await;
        }
    }
}

/// What is kept of a key does not grow with all that it ever was.
#[tokio::test]
async fn a_removal_names_only_what_someone_may_still_call_present() {
    let mut world = World::new().await;
    let (mut remote, store) = world.with_key_stored().await;
    let remove = format!("REMOVE {KEY}");
    let ids = |world: &World| world.states[KEY].split(' ').skip(4).count();
    for named in 1..=3 {
        plays(&mut remote, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
        assert_eq!(ids(&world), named);
        plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
    }
    world.emulator.advance(61 * HOUR);
    plays(&mut remote, &mut world.states, &[(&remove, "REMOVE-SUCCESS")]).await;
    assert_eq!(ids(&world), 1);
}

/// The state named an archive that was deleted. Both are named, and the one that is left is brought.
#[tokio::test]
async fn a_removal_that_ends_halfway_leaves_the_name_of_what_is_left() {
    let mut world = World::new().await;
    let (mut remote, _) = world.with_key_stored().await;
    let second = world.here.upload(&world.vault, KEY, b"hello").await;
    world.emulator.set_fault("access-denied@DeleteArchive#2".parse().unwrap());
    plays(&mut remote, &mut world.states, &[(&format!("REMOVE {KEY}"), "REMOVE-FAILURE")]).await;
    assert!(world.states[KEY].contains(" removing ") && world.states[KEY].contains(second.id.as_str()));
    let (mut other, _there) = world.other_remote().await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    for _ in 0..2 {
        if remote_brings(&mut other, &mut world.states, &retrieve).await {
            return;
        }
        world.emulator.advance(4 * HOUR);
    }
    plays(&mut other, &mut world.states, &[(&retrieve, "TRANSFER-SUCCESS")]).await;
}

/// Returns whether it has brought it; else it has asked for it.
async fn remote_brings(remote: &mut Session, states: &mut States, retrieve: &str) -> bool {
    let said = remote.asks(retrieve, states).await;
    assert!(said.starts_with("TRANSFER-SUCCESS") || said.contains(" queued retrieval job"), "{said}");
    said.starts_with("TRANSFER-SUCCESS")
}

#[tokio::test]
async fn what_a_newer_version_has_kept_is_neither_absent_nor_overwritten() {
    let mut world = World::new().await;
    let mut remote = world.remote().await;
    let kept = "2 1795000000 something new";
    world.states.insert(KEY.to_owned(), kept.to_owned());
    let (file, empty) = (world.file("hello"), world.file(""));
    // It may tell of the removal of what is on file here.
    world.here.upload(&world.vault, "K", b"hello").await;
    world.states.insert("K".to_owned(), kept.to_owned());
    plays(&mut remote, &mut world.states, &[("CHECKPRESENT K", "CHECKPRESENT-UNKNOWN")]).await;
    plays(
        &mut remote,
        &mut world.states,
        &[
            (&format!("CHECKPRESENT {KEY}"), "CHECKPRESENT-UNKNOWN"),
            (&format!("TRANSFER STORE {KEY} {file}"), "TRANSFER-FAILURE"),
            (&format!("TRANSFER STORE {KEY} {empty}"), "TRANSFER-FAILURE"),
            (&format!("REMOVE {KEY}"), "REMOVE-FAILURE"),
        ],
    )
    .await;
    assert_eq!((world.states[KEY].as_str(), world.count("UploadArchive")), (kept, 1));
}

/// What is encrypted twice differs, so that two of a name could not be retrieved by any command.
#[tokio::test]
async fn of_archives_of_a_key_that_differ_one_is_brought() {
    let mut world = World::new().await;
    const ENCRYPTED: &str = "GPGHMACSHA1--dd";
    world.here.upload(&world.vault, ENCRYPTED, b"one").await;
    world.here.upload(&world.vault, ENCRYPTED, b"the other").await;
    let mut remote = world.remote().await;
    let retrieve = format!("TRANSFER RETRIEVE {ENCRYPTED} {}", world.target());
    let queued = format!("TRANSFER-FAILURE RETRIEVE {ENCRYPTED} queued");
    let store = format!("TRANSFER STORE {ENCRYPTED} {}", world.file("of another size"));
    plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS"), (&retrieve, &queued)]).await;
    world.emulator.advance(4 * HOUR);
    plays(&mut remote, &mut world.states, &[(&retrieve, "TRANSFER-SUCCESS")]).await;
    assert_eq!((world.count("InitiateJob"), world.count("UploadArchive")), (1, 2));
}

/// Nothing can be stored under the key of an empty file, so that it need not wait for an inventory.
#[tokio::test]
async fn the_key_of_an_empty_file_is_absent_where_nothing_is_kept_of_it() {
    let mut world = World::new().await;
    let (mut other, _there) = world.other_remote().await;
    let states = &mut world.states;
    plays(&mut other, states, &[("CHECKPRESENT SHA256E-s0--e3", "CHECKPRESENT-FAILURE")]).await;
    plays(&mut other, states, &[("CHECKPRESENT SHA256E-s1--e3", "CHECKPRESENT-UNKNOWN")]).await;
}

/// WHEREIS is answered without the network, so also where there is none.
#[tokio::test]
async fn where_a_key_is_does_not_need_the_service() {
    let mut world = World::new().await;
    let _ = world.with_key_stored().await;
    let (mut other, _there) = world.other_remote().await;
    let before = world.emulator.requests();
    let answer = format!("WHEREIS-SUCCESS id:{}", world.told(KEY));
    plays(&mut other, &mut world.states, &[(&format!("WHEREIS {KEY}"), &answer)]).await;
    assert_eq!(world.emulator.requests(), before);
}

/// Each of the threads of `git annex fsck -J8` asked for an inventory of its own.
#[tokio::test]
async fn all_who_ask_at_once_share_one_inventory() {
    let world = World::new().await;
    for number in 0..8 {
        world.here.upload(&world.vault, &format!("n{number}"), b"hello").await;
    }
    world.emulator.advance(61 * HOUR);
    let ask = async || {
        let asking = (0..8).map(|number| {
            let name = glacier_engine::types::ArchiveRef::Name(format!("n{number}"));
            let (engine, vault) = (&world.here.engine, &world.vault);
            async move { engine.presence(vault, &name, Duration::from_secs(60 * 3600)).await.unwrap() }
        });
        futures_util::future::join_all(asking).await
    };
    use glacier_engine::engine::Presence;
    assert!(ask().await.iter().all(|presence| matches!(presence, Presence::Unknown(_))));
    assert_eq!(world.count("InitiateJob"), 1);
    world.emulator.advance(4 * HOUR);
    assert!(ask().await.iter().all(|presence| *presence == Presence::Present));
    assert_eq!((world.count("InitiateJob"), world.count("GetJobOutput")), (1, 1));
}

/// What is said to run means the vault of the remote, whatever the configuration of the machine says.
#[tokio::test]
async fn what_is_said_to_run_names_region_and_endpoint() {
    let world = World::new().await;
    let (mut other, _there) = world.other_remote().await;
    let said = other.asks(&format!("CHECKPRESENT {KEY}"), &mut States::new()).await;
    let url = connection(&world.emulator).endpoint_url.unwrap();
    let command = format!("run: glacier vault sync v --region us-east-1 --endpoint-url {url}");
    assert!(said.ends_with(&command), "{said}");
}

/// The same of what cannot be stored, is not ready, or is not there.
#[tokio::test]
async fn what_errors_say_to_run_names_region_and_endpoint() {
    let mut world = World::new().await;
    let url = connection(&world.emulator).endpoint_url.unwrap();
    let says = |said: &str, command: &str| {
        let command = format!("'glacier {command} --region us-east-1 --endpoint-url {url}'");
        assert!(said.contains(&command), "{command} is missing: {said}");
    };
    let (mut remote, store) = world.with_key_stored().await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    let queued = format!("TRANSFER-FAILURE RETRIEVE {KEY} queued");
    plays(&mut remote, &mut world.states, &[(&retrieve, &queued)]).await;
    says(&remote.asks(&retrieve, &mut world.states).await, "job list");
    world.emulator.set_fault("cut-after@UploadArchive".parse().unwrap());
    let store_other = format!("TRANSFER STORE SHA256E-s5--bb {}", world.file("other"));
    says(&remote.asks(&store_other, &mut world.states).await, "vault sync v");
    world.emulator.clear_faults();
    let mut astray = Session::prepared_for(&world.emulator, &world.here, "none").await;
    says(&astray.asks(&store, &mut States::new()).await, "vault list");
    let engine = &world.here.engine;
    let other = Source::open(std::path::Path::new(&world.file("other"))).unwrap();
    let name = "SHA256E-s5--bb".parse().unwrap();
    let error = engine.upload(&world.vault, &name, other, UploadOptions::default(), &()).await.unwrap_err();
    says(&error.explained(), "vault sync v");
    let error = engine.wait_for_jobs(None, &["none".parse().unwrap()], &()).await.unwrap_err();
    says(&error.explained(), "job list -l");
    let error = engine.uploads_to_abort(&world.vault, Some(&"none".parse().unwrap())).await;
    says(&error.err().unwrap().explained(), "upload list v");
}

/// What one clone has removed and Glacier denies to have is not asked for by its id either.
#[tokio::test]
async fn an_archive_that_was_deleted_elsewhere_is_not_found_by_its_id() {
    let mut world = World::new().await;
    let (mut remote, _) = world.with_key_stored().await;
    world.delete(&world.told(KEY)).await;
    let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", world.target());
    for _ in 0..2 {
        plays(&mut remote, &mut world.states, &[(&retrieve, "TRANSFER-FAILURE")]).await;
        world.emulator.advance(4 * HOUR);
    }
    plays(&mut remote, &mut world.states, &[(&format!("CHECKPRESENT {KEY}"), "CHECKPRESENT-UNKNOWN")]).await;
}

/// While Glacier was too busy for a later chunk, `git annex get` of the first waited for hours; an error of a later one was
/// all that was said of it. Those that were not asked for are by the next `get`, not after the first has come.
#[tokio::test]
async fn a_later_chunk_neither_holds_up_nor_fails_the_one_that_is_asked_for() {
    for (fault, requests) in [("throttle", 2..=10), ("access-denied", 2..=2)] {
        let mut world = World::new().await;
        let mut remote = world.remote().await;
        let chunk = |number| format!("SHA256E-s15-S5-C{number}--aa");
        for number in 1..=3 {
            let store = format!("TRANSFER STORE {} {}", chunk(number), world.file("hello"));
            plays(&mut remote, &mut world.states, &[(&store, "TRANSFER-SUCCESS")]).await;
        }
        for request in requests {
            world.emulator.set_fault(format!("{fault}@InitiateJob#{request}").parse().unwrap());
        }
        let first = chunk(1);
        let retrieve = format!("TRANSFER RETRIEVE {first} {}", world.target());
        let queued = format!("TRANSFER-FAILURE RETRIEVE {first} queued");
        plays(&mut remote, &mut world.states, &[(&retrieve, &queued)]).await;
        let tries = world.count("InitiateJob") - 1;
        assert!(tries <= 3, "the SDK alone repeats what was refused: {tries}");
        world.emulator.clear_faults();
        let pending = format!("TRANSFER-FAILURE RETRIEVE {first} job still pending");
        plays(&mut remote, &mut world.states, &[(&retrieve, &pending)]).await;
        assert_eq!(world.count("InitiateJob") - 1 - tries, 2);
        plays(&mut remote, &mut world.states, &[(&retrieve, &pending)]).await;
        world.emulator.advance(4 * HOUR);
        for number in 1..=3 {
            let retrieve = format!("TRANSFER RETRIEVE {} {}", chunk(number), world.target());
            plays(&mut remote, &mut world.states, &[(&retrieve, "TRANSFER-SUCCESS")]).await;
        }
        assert_eq!(world.count("InitiateJob") - 1 - tries, 2, "nothing is asked for twice");
    }
}
