//! Sixteen processes at one cache: none is turned away, none loses a row.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::{HOUR, Shell};

const PROCESSES: usize = 16;
const ROUNDS: usize = 4;

#[test]
fn sixteen_processes_read_and_write_at_once() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=first", "-"], b"x").is_silent();
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let shell = &shell;
            scope.spawn(move || (0..ROUNDS).for_each(|round| work(shell, process, round)));
        }
    });
    let listed = shell.glacier(&["archive", "list", "v"]).stdout;
    assert_eq!(listed.lines().count(), 1 + PROCESSES * ROUNDS);
    let sound: String = shell.sqlite().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

/// Each had started one of its own before any had noted it.
#[test]
fn processes_that_want_one_archive_at_once_pay_for_one_job() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in ["a", "b", "c"] {
        shell.glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], b"x").is_silent();
    }
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(shell.glacier(&["archive", "retrieve", "v", name]).status, 75));
            }
        });
        assert_eq!(shell.count("InitiateJob"), number);
    }
}

/// What is stored stays; a second one is stored and deleted; the vault is listed, synced, asked about.
fn work(shell: &Shell, process: usize, round: usize) {
    let (kept, passing) = (format!("{process}-{round}"), format!("{process}-{round}-passing"));
    for name in [&kept, &passing] {
        shell.glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], b"x").is_silent();
    }
    match process % 4 {
        0 => assert_eq!(shell.glacier(&["archive", "list", "v"]).status, 0),
        1 => {
            let synced = shell.glacier(&["vault", "sync", "v"]);
            assert_eq!(synced.status, 0, "{synced:?}");
            assert!(!synced.stderr.contains("cache"), "{synced:?}");
        }
        _ => shell.glacier(&["archive", "checkpresent", "v", &kept]).is(&format!("{kept}\n"), "", 0),
    }
    shell.glacier(&["archive", "delete", "v", &passing]).is_silent();
}
