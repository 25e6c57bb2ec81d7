//! kill -9 in the middle of a sync: the cache has the old truth or the new one, and the next sync ends with the right rows.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Stdio;
use std::time::Instant;

use support::Shell;

const ARCHIVES: i64 = 1_500;
const KILLS: u32 = 50;

#[test]
fn fifty_kills_leave_the_old_rows_or_the_new() {
    let data = tempfile::TempDir::new().unwrap();
    glacier_emulator::seed(data.path(), "us-east-1", "v", ARCHIVES.unsigned_abs()).unwrap();
    let shell = Shell::with(glacier_emulator::Emulator::builder().data_dir(data.path()));
    let sync = || {
        let mut command = shell.glacier_command(&["vault", "sync", "--max-age=240", "v"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert_eq!(sync().status().unwrap().code(), Some(75));
    let begun = Instant::now();
    assert!(sync().status().unwrap().success());
    let mut whole = begun.elapsed();
    let count = || -> i64 {
        let db = shell.sqlite();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        db.query_row("SELECT count(*) FROM archive WHERE last_seen_upstream IS NOT NULL", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    let (mut kills, mut tries) = (0, 0);
    while kills < KILLS {
        tries += 1;
        assert!(tries < 10 * KILLS, "only {kills} kills came before the end");
        // Every other time the cache is lost beforehand, so that all rows are new.
        if tries % 2 == 0 {
            std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
        } else {
            shell
                .sqlite()
                .execute("UPDATE archive SET last_seen_upstream = NULL, listed_in = NULL", [])
                .unwrap();
        }
        let mut child = sync().spawn().unwrap();
        // The moment of a kill is no wait for anything: it is spread over the time that a whole sync takes.
        std::thread::sleep(whole * (tries * 37 % 100) / 100);
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            whole = whole * 9 / 10;
        } else {
            kills += 1;
        }
        if shell.cache_path().exists()
            && shell.sqlite().prepare("SELECT last_seen_upstream FROM archive").is_ok()
        {
            let seen = count();
            assert!(seen == 0 || seen == ARCHIVES, "{seen} rows after kill {kills}");
        }
        assert!(sync().status().unwrap().success());
        assert_eq!(count(), ARCHIVES, "after kill {kills}");
    }
}
