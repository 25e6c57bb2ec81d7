//! What takes its time: a limited bandwidth, and a peer that says nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use glacier_emulator::Emulator;
use support::{Shell, noise};

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
                outcome.is_refused(1, &format!("no answer from Glacier at {url}: it fell silent"));
                assert!(begun.elapsed() < Duration::from_secs(75), "{command:?}: {:?}", begun.elapsed());
            });
        }
    });
}
