//! What takes its time: a limited bandwidth, and a peer that says nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glacier_emulator::Emulator;
use glacier_engine::engine::{Clock, Engine, Patience, Prefetch};
use glacier_engine::types::{ArchiveRef, Timestamp};
use support::machine::{EmulatorClock, connection, vault_made_here};
use support::{Shell, noise};
use tokio::sync::Notify;

/// No more than so many bytes a second: the time can only be longer than what they take, less the portions that go at once.
#[test]
fn bytes_pass_no_faster_than_the_limit_in_both_directions() {
    const BYTES: usize = 600_000;
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let content = noise(BYTES);
    shell.write("file", &content);
    let least = Duration::from_secs_f64((BYTES - 2 * 65_536) as f64 / 300_000.0);
    for command in [
        &["archive", "upload", "v", "file", "--bwlimit", "300000"][..],
        &["archive", "retrieve", "--wait", "v", "file", "-o", "back", "--bwlimit", "300000"],
    ] {
        let begun = Instant::now();
        shell.glacier(command).is_silent();
        assert!(begun.elapsed() >= least, "{command:?} took {:?}", begun.elapsed());
    }
    assert!(shell.read("back") == content);
}

/// Takes the better part of a minute, so only `scripts/test --long` runs it.
#[test]
fn a_peer_that_takes_connections_and_says_nothing_is_given_up_within_about_a_minute() {
    if std::env::var_os("GLACIER_TEST_LONG").is_none() {
        return;
    }
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("small", "x");
    shell.write("large", noise(3 << 20));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    std::thread::spawn(move || {
        let connections: Vec<_> = silent.incoming().collect();
        drop(connections);
    });
    std::thread::scope(|scope| {
        for command in [
            &["vault", "list"][..],
            &["vault", "sync", "v"],
            &["archive", "upload", "v", "small"],
            &["archive", "upload", "v", "large", "--part-size", "1M"],
        ] {
            let (shell, url) = (&shell, &url);
            scope.spawn(move || {
                let begun = Instant::now();
                let outcome = shell.glacier(&[command, &["--endpoint-url", url]].concat());
                outcome.is_refused(1, &format!("no answer from Glacier at {url}: "));
                assert!(begun.elapsed() < Duration::from_secs(75), "{command:?}: {:?}", begun.elapsed());
            });
        }
    });
}

/// A clock by which no pause ends; it tells that one has begun.
struct Stopped(EmulatorClock, Arc<Notify>);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.1.notify_one();
        Box::pin(std::future::pending())
    }
}

/// What waited for Glacier, for minutes between two tries, kept all others on the machine from the archive.
#[tokio::test]
async fn who_waits_for_a_busy_glacier_keeps_nobody_from_the_archive() {
    let (emulator, _client, here, vault) = vault_made_here().await;
    here.upload(&vault, "n", b"mine").await;
    let name = ArchiveRef::Name("n".to_owned());
    let pausing = Arc::new(Notify::new());
    let clock = Stopped(EmulatorClock(Arc::clone(&emulator)), Arc::clone(&pausing));
    let path = here.home.path().join("db");
    let patient = Engine::open(&connection(&emulator), &path, Arc::new(clock)).await.unwrap();
    emulator.set_fault("throttle@InitiateJob".parse().unwrap());
    let mut waiting = std::pin::pin!(patient.prefetch(&vault, &name, None, Patience::Wait));
    tokio::select! {
        asked = &mut waiting => panic!("{asked:?}"),
        () = pausing.notified() => {}
    }
    emulator.clear_faults();
    let asking = here.engine.prefetch(&vault, &name, None, Patience::ComeBackLater);
    let asked = tokio::time::timeout(Duration::from_secs(10), asking).await.expect("nobody is in the way");
    assert_eq!(asked.unwrap(), Prefetch::Queued);
}
