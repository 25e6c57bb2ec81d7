//! A damaged cache is set aside, never deleted, and a new one is begun; what was in it comes back from an inventory.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::PathBuf;

use support::{HOUR, Shell};

/// A vault with many archives, all known from an inventory, so that the file has pages to be damaged.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in ["--name=a", "--name=b"] {
        shell.glacier_with_input(&["archive", "upload", "v", name, "-"], b"x").is_silent();
    }
    shell
        .sqlite()
        .execute_batch(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3000)
             INSERT INTO archive (id, name, vault, key, created_here, account, region)
             SELECT 'id-' || n, 'name-' || n, 'v', '', 0, '111122223333', 'us-east-1' FROM number;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    shell
}

fn set_aside(shell: &Shell, number: u32) -> PathBuf {
    shell.cache_path().with_file_name(format!("db.damaged-{number}"))
}

fn hint(shell: &Shell, number: u32) -> String {
    let aside = set_aside(shell, number);
    format!(
        "glacier: warning: the cache was damaged; it is now '{}', and a new one was begun: run 'glacier vault sync VAULT' for each vault\n",
        aside.display()
    )
}

const NOT_SYNCED: &str =
    "glacier: info: what vault 'v' holds is not known here; run 'glacier vault sync v'\n";

#[test]
fn what_is_no_database_is_kept_under_another_name() {
    let shell = shell();
    for (number, content) in [
        (1, b"no database at all, but long enough to be read as one".repeat(100)),
        (2, {
            let mut cut = std::fs::read(shell.cache_path()).unwrap();
            cut.truncate(cut.len() / 2);
            cut
        }),
    ] {
        std::fs::write(shell.cache_path(), &content).unwrap();
        let said = hint(&shell, number) + NOT_SYNCED;
        shell.glacier(&["archive", "list", "v"]).is("", &said, 0);
        assert!(std::fs::read(set_aside(&shell, number)).unwrap() == content);
    }
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is("a\nb\n", "", 0);
}

/// To look through all of a large file at every start would take seconds, so such damage is met in the middle of a
/// command; the next one mends it.
#[test]
fn damage_deep_in_the_file_fails_one_command_and_is_then_set_aside() {
    let shell = shell();
    let mut content = std::fs::read(shell.cache_path()).unwrap();
    let (page, pages) = (4096, content.len() / 4096);
    content[page * (pages / 2)..].fill(0xa5);
    std::fs::write(shell.cache_path(), &content).unwrap();
    let first = shell.glacier(&["archive", "list", "v"]);
    assert_eq!(first.status, 1);
    assert!(
        first.stderr.contains("is damaged") && first.stderr.contains("run the same command again"),
        "{first:?}"
    );
    assert!(std::fs::read(shell.cache_path()).unwrap() == content, "nothing was changed");
    shell.glacier(&["archive", "list", "v"]).is("", &(hint(&shell, 1) + NOT_SYNCED), 0);
    assert!(std::fs::read(set_aside(&shell, 1)).unwrap() == content);
    shell.glacier(&["archive", "list", "v"]).is("", NOT_SYNCED, 0);
}

/// Of several that meet the damage at once only one may move the file; the others would move the new one away.
#[test]
fn many_processes_set_one_damaged_file_aside_once() {
    let shell = shell();
    std::fs::write(shell.cache_path(), b"no database".repeat(1000)).unwrap();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let name = format!("--name={number}");
            let shell = &shell;
            scope.spawn(move || {
                let done = shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], b"x");
                assert_eq!(done.status, 0, "{done:?}");
            });
        }
    });
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout.lines().count(), 16);
    assert!(set_aside(&shell, 1).exists() && !set_aside(&shell, 2).exists());
}

#[test]
fn an_empty_file_is_a_new_cache() {
    let shell = Shell::new();
    std::fs::create_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    std::fs::write(shell.cache_path(), "").unwrap();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is_silent();
}
