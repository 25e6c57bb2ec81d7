//! What had no answer stays in doubt, whatever the next request brings; and clocks and inventories that lag behind settle no
//! doubt. Each test is a way in which an archive was called present that was gone, or was stored a second time without a
//! word.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_glacier::Client;
use glacier_emulator::Emulator;
use glacier_engine::engine::{
    Archive, EngineError, Holding, Patience, Prefetch, Presence, RangeSize, Retrieval, RetrieveOptions,
    Source, Target, ToldDeletion, UploadOptions, Wanted,
};
use glacier_engine::types::{ArchiveRef, VaultName};
use support::machine::{Machine, vault_made_here};
use support::raw_server::{RawServer, answer};
use support::{HOUR, Shell, noise};

const MAX_AGE: Duration = Duration::from_secs(60 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

struct World {
    emulator: Arc<Emulator>,
    client: Client,
    here: Machine,
    vault: VaultName,
}

impl World {
    async fn new() -> Self {
        let (emulator, client, here, vault) = vault_made_here().await;
        Self { emulator, client, here, vault }
    }

    async fn presence(&self) -> Presence {
        let name = ArchiveRef::Name("n".to_owned());
        self.here.engine.presence(&self.vault, &name, MAX_AGE).await.unwrap()
    }

    async fn is_unknown(&self) {
        let presence = self.presence().await;
        assert!(matches!(presence, Presence::Unknown(_)), "{presence:?}");
    }

    fn faults(&self, faults: &[&str]) {
        self.emulator.clear_faults();
        for fault in faults {
            self.emulator.set_fault(fault.parse().unwrap());
        }
    }

    async fn others_delete(&self, archive: &Archive) {
        let id = archive.id.as_str();
        self.client.delete_archive().vault_name("v").archive_id(id).send().await.unwrap();
    }

    fn target(&self) -> PathBuf {
        self.here.home.path().join("back")
    }

    async fn retrieves(&self, patience: Patience) -> Result<Vec<Retrieval>, EngineError> {
        let wanted =
            Wanted { reference: ArchiveRef::Name("n".to_owned()), target: Target::File(self.target()) };
        let options = RetrieveOptions { range_size: RangeSize::default(), tier: None, patience };
        self.here.engine.retrieve(&self.vault, vec![wanted], options, &()).await
    }

    fn file(&self) -> PathBuf {
        self.here.home.path().join("file")
    }

    async fn uploads_in_parts(&self) -> Result<Archive, EngineError> {
        let options = UploadOptions { part_size: Some("1M".parse().unwrap()), ..UploadOptions::default() };
        let source = Source::open(&self.file()).unwrap();
        self.here.engine.upload(&self.vault, &"n".parse().unwrap(), source, options, &()).await
    }

    /// Takes in an inventory of this moment.
    async fn sync(&self) {
        let _ = self.here.sync(&self.vault, Duration::ZERO, false).await;
        self.emulator.advance(4 * HOUR);
        self.here.sync(&self.vault, 5 * HOUR, false).await.0.unwrap();
    }
}

/// Its second try was refused, so that the first was forgotten: the archive, deleted, was called present.
#[tokio::test]
async fn a_deletion_without_an_answer_is_in_doubt_although_its_repeat_is_refused() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.faults(&["cut-after@DeleteArchive#1", "access-denied@DeleteArchive"]);
    world.here.delete(&world.vault, &archive).await.unwrap_err();
    assert_eq!(world.emulator.requests()["DeleteArchive"], 2);
    world.is_unknown().await;
}

/// The same by two commands: the first had no answer, the second did not reach Glacier or was refused.
#[tokio::test]
async fn a_deletion_without_an_answer_is_in_doubt_although_the_next_is_refused() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.faults(&["cut-after@DeleteArchive"]);
    world.here.delete(&world.vault, &archive).await.unwrap_err();
    world.faults(&["access-denied@DeleteArchive"]);
    for _ in 0..2 {
        world.here.delete(&world.vault, &archive).await.unwrap_err();
        world.is_unknown().await;
    }
    world.faults(&[]);
    world.here.delete(&world.vault, &archive).await.unwrap();
    assert_eq!(world.presence().await, Presence::Absent);
}

#[tokio::test]
async fn a_deletion_that_was_only_refused_leaves_the_archive_present() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.faults(&["access-denied@DeleteArchive"]);
    world.here.delete(&world.vault, &archive).await.unwrap_err();
    assert_eq!(world.presence().await, Presence::Present);
}

/// An inventory may list for a while what is gone, as it may miss what is stored.
#[tokio::test]
async fn a_deletion_without_an_answer_is_in_doubt_until_an_inventory_of_days_later() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.emulator.advance(DAY);
    world.faults(&["cut-before@DeleteArchive"]);
    world.here.delete(&world.vault, &archive).await.unwrap_err();
    world.faults(&[]);
    world.sync().await;
    world.is_unknown().await;
    world.emulator.advance(6 * DAY);
    world.sync().await;
    assert_eq!(world.presence().await, Presence::Present);
}

/// Clocks differ: the inventory that lists it was dated half an hour after its deletion, by the clock of who deleted it.
#[tokio::test]
async fn what_others_have_deleted_is_gone_although_their_clock_is_behind() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.sync().await;
    assert_eq!(world.presence().await, Presence::Present);
    let behind = world.here.listed(&world.vault).await[0].last_seen_upstream.unwrap() - HOUR / 2;
    let archives = std::slice::from_ref(&archive.id);
    let told = |is_acknowledged| ToldDeletion { archives, since: behind, is_acknowledged };
    world.here.engine.told_deleted(&world.vault, "n", &told(false)).await.unwrap();
    world.is_unknown().await;
    world.here.engine.told_deleted(&world.vault, "n", &told(true)).await.unwrap();
    assert_eq!(world.presence().await, Presence::Absent);
}

#[tokio::test]
async fn what_was_stored_by_a_clock_that_ran_ahead_is_not_present_until_then() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.here.sqlite().execute("UPDATE archive SET created_here = created_here + 365 * 86400", []).unwrap();
    world.others_delete(&archive).await;
    world.emulator.advance(30 * DAY);
    world.is_unknown().await;
}

/// One of two of a name was gone, and its id was told as the one that is stored.
#[tokio::test]
async fn of_two_archives_of_a_name_the_one_that_is_there_is_held() {
    let world = World::new().await;
    let gone = world.here.upload(&world.vault, "n", b"mine").await;
    let elsewhere = Machine::new(&world.emulator).await;
    let there = elsewhere.upload(&world.vault, "n", b"more").await;
    world.others_delete(&gone).await;
    world.emulator.advance(6 * DAY);
    world.sync().await;
    let holding = world.here.engine.holding(&world.vault, "n", Some(4), MAX_AGE).await.unwrap();
    assert!(matches!(&holding, Holding::Stored(archive) if archive.id == there.id), "{holding:?}");
}

/// What Glacier has just said that it does not have was called present for sixty hours.
#[tokio::test]
async fn what_glacier_does_not_have_when_it_is_asked_for_is_not_called_present() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.others_delete(&archive).await;
    assert_eq!(world.presence().await, Presence::Present, "nobody has told");
    for _ in 0..2 {
        let _ = world.retrieves(Patience::ComeBackLater).await;
        world.emulator.advance(4 * HOUR);
    }
    world.is_unknown().await;
}

/// A job that failed for a reason of Glacier's own, or a request that it refused as if there were no such archive, left the
/// archive in doubt for days, although the next job brought it.
#[tokio::test]
async fn a_later_job_that_brings_an_archive_ends_the_doubt() {
    for patience in [Patience::ComeBackLater, Patience::Wait] {
        let world = World::new().await;
        world.here.upload(&world.vault, "n", b"mine").await;
        world.faults(&["fail-job@InitiateJob#1"]);
        world.retrieves(patience).await.unwrap();
        world.emulator.advance(4 * HOUR);
        if patience == Patience::ComeBackLater {
            world.retrieves(patience).await.unwrap();
            world.is_unknown().await;
            world.emulator.advance(4 * HOUR);
            world.retrieves(patience).await.unwrap();
        }
        assert_eq!(std::fs::read(world.target()).unwrap(), b"mine");
        assert_eq!(world.presence().await, Presence::Present);
    }
}

/// What was made ready before Glacier lacked the archive may have been deleted since.
#[tokio::test]
async fn a_job_of_before_ends_no_doubt() {
    let world = World::new().await;
    world.here.upload(&world.vault, "n", b"mine").await;
    let retrieves = || world.retrieves(Patience::ComeBackLater);
    assert_eq!(retrieves().await.unwrap(), [Retrieval::Queued]);
    world.emulator.advance(HOUR);
    // As when a faster job has failed meanwhile, of which only who waited for it knows.
    let now = world.here.engine.now().unix_seconds();
    world.here.sqlite().execute("UPDATE archive SET doubted = ?1", [now]).unwrap();
    world.emulator.advance(3 * HOUR);
    assert_eq!(retrieves().await.unwrap(), [Retrieval::Done]);
    world.is_unknown().await;
    world.emulator.advance(25 * HOUR);
    assert_eq!(retrieves().await.unwrap(), [Retrieval::Queued]);
    world.emulator.advance(4 * HOUR);
    assert_eq!(retrieves().await.unwrap(), [Retrieval::Done]);
    assert_eq!(world.presence().await, Presence::Present);
}

/// A job of between tells nothing of a request that may be carried out yet.
#[tokio::test]
async fn no_job_ends_the_doubt_about_a_deletion_without_an_answer() {
    let world = World::new().await;
    let archive = world.here.upload(&world.vault, "n", b"mine").await;
    world.faults(&["cut-before@DeleteArchive", "fail-job@InitiateJob#1"]);
    world.here.delete(&world.vault, &archive).await.unwrap_err();
    for _ in 0..3 {
        world.emulator.advance(4 * HOUR);
        world.retrieves(Patience::ComeBackLater).await.unwrap();
    }
    assert_eq!(std::fs::read(world.target()).unwrap(), b"mine");
    world.is_unknown().await;
}

/// An upload in parts had no answer, and when it was asked for again Glacier was too full: it was forgotten, and the file
/// stored a second time.
#[tokio::test]
async fn an_upload_without_an_answer_is_in_doubt_although_its_repeat_is_refused() {
    let world = World::new().await;
    std::fs::write(world.file(), noise(2 * 1024 * 1024 + 5)).unwrap();
    world.faults(&["cut-after@CompleteMultipartUpload"]);
    let error = world.uploads_in_parts().await.unwrap_err();
    assert!(matches!(error, EngineError::Unconfirmed { .. }), "{error:?}");
    world.faults(&["limit-exceeded@CompleteMultipartUpload"]);
    let error = world.uploads_in_parts().await.unwrap_err();
    assert!(matches!(error, EngineError::EarlierMayBeStored { .. }), "{error:?}");
    world.faults(&[]);
    let stored = world.uploads_in_parts().await.unwrap();
    assert_eq!(world.here.listed(&world.vault).await.len(), 1);
    assert_eq!(world.presence().await, Presence::Present);
    let again = world.uploads_in_parts().await.unwrap();
    assert_ne!(again.id, stored.id, "what is stored for certain is stored again by whoever wants that");
}

/// The next try was refused before Glacier could tell, and that was all that was said: as if nothing had been stored.
#[tokio::test]
async fn an_upload_without_an_answer_is_called_in_doubt_although_the_next_is_refused() {
    let world = World::new().await;
    std::fs::write(world.file(), noise(2 * 1024 * 1024 + 5)).unwrap();
    world.faults(&["cut-after@CompleteMultipartUpload"]);
    world.uploads_in_parts().await.unwrap_err();
    world.faults(&["access-denied@CompleteMultipartUpload"]);
    let said = world.uploads_in_parts().await.unwrap_err().explained();
    for words in ["may not do glacier:CompleteMultipartUpload", "may or may not have been stored", "in IAM"] {
        assert!(said.contains(words), "{words:?} is missing: {said}");
    }
    world.faults(&[]);
    world.uploads_in_parts().await.unwrap();
    assert_eq!(world.here.listed(&world.vault).await.len(), 1);
}

/// A remote that asks ahead for all files of a repository lives for hours, and knows the jobs by a list: what was asked for
/// without an answer was not in it, and was asked and paid for a second time.
#[tokio::test]
async fn a_job_without_an_answer_is_not_asked_for_a_second_time() {
    for is_list_refused in [false, true] {
        let world = World::new().await;
        world.here.upload(&world.vault, "n", b"mine").await;
        let name = ArchiveRef::Name("n".to_owned());
        world.faults(&["cut-after@InitiateJob#1"]);
        if is_list_refused {
            world.emulator.set_fault("access-denied@ListJobs#2".parse().unwrap());
        }
        let asked = world.here.engine.prefetch(&world.vault, &name, None, Patience::Wait).await;
        assert_eq!(asked.is_ok(), !is_list_refused, "it is found at once if that can be: {asked:?}");
        world.faults(&[]);
        let again = world.here.engine.prefetch(&world.vault, &name, None, Patience::Wait).await.unwrap();
        assert_eq!(again, Prefetch::AskedBefore);
        assert_eq!(world.emulator.requests()["InitiateJob"], 1);
    }
}

/// A code that nobody has heard of was taken for a refusal, and the same data sent once more.
#[test]
fn an_error_of_the_service_that_is_new_leaves_an_upload_in_doubt() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let file = shell.write("file", "hello");
    let server = RawServer::start(|_| {
        let body = br#"{"code":"InternalError","message":"something broke","type":"Server"}"#;
        answer("500 Internal Server Error", "Content-Type: application/json\r\n", body)
    });
    let mut upload = shell.glacier_command(&["archive", "upload", "v"]);
    upload.arg(&file).env("AWS_ENDPOINT_URL_GLACIER", &server.url);
    let said = support::run(&mut upload);
    assert!(said.stderr.contains("may or may not have been stored"), "{said:?}");
    assert_eq!(server.heard().len(), 1);
}
