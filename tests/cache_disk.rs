//! Disks, directories and files that are not as they should be: a clear word that names the place, nothing wrong stored,
//! and what can be read is read.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use glacier_emulator::Emulator;
use support::{HOUR, Outcome, Shell, noise, run, run_with_input};

fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"x").is_silent();
    shell
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A user whom permissions bind: root runs the command as nobody, from a copy that nobody can reach.
struct Bound {
    shell: Shell,
    program: PathBuf,
}

impl Bound {
    fn new(shell: Shell) -> Self {
        let mut program = PathBuf::from(env!("CARGO_BIN_EXE_glacier"));
        if is_root() {
            let copy = shell.home().join("glacier");
            // By a process of its own: one that another test starts meanwhile would hold a copy made here open for
            // writing, and nothing that is can be run.
            let copied = Command::new("cp").arg(&program).arg(&copy).status().unwrap();
            assert!(copied.success());
            program = copy;
            give_to_nobody(shell.home());
        }
        Self { shell, program }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shell.command(self.program.to_str().unwrap());
        command.args(arguments);
        if is_root() {
            command.uid(65_534).gid(65_534);
        }
        command
    }

    fn glacier(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }
}

fn give_to_nobody(path: &Path) {
    std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give_to_nobody(&entry.unwrap().path()));
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// `chmod` as it is done to a file and its directory.
#[test]
fn a_cache_that_cannot_be_written_is_read_with_a_warning() {
    let bound = Bound::new(shell());
    let (db, directory) = (bound.shell.cache_path(), bound.shell.cache_path().parent().unwrap().to_owned());
    for (file_mode, directory_mode) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)] {
        mode(&db, file_mode);
        mode(&directory, directory_mode);
        let listed = bound.glacier(&["archive", "list", "v"]);
        assert_eq!((listed.stdout.as_str(), listed.status), ("a\n", 0), "{listed:?}");
        let warning =
            format!("glacier: warning: the cache {} cannot be written: Permission denied", db.display());
        assert!(listed.stderr.starts_with(&warning), "{listed:?}");
        assert_eq!(listed.stderr.lines().count(), 1, "{listed:?}");
        assert!(!listed.stderr.contains("os error"), "{listed:?}");
        // Nothing is sent that could not be noted.
        let before = bound.shell.writes();
        let uploaded = run_with_input(&mut bound.command(&["archive", "upload", "v", "--name=b", "-"]), b"y");
        assert_eq!((uploaded.stdout.as_str(), uploaded.status), ("", 1), "{uploaded:?}");
        assert!(uploaded.stderr.contains("cannot be written: Permission denied"), "{uploaded:?}");
        let deleted = bound.glacier(&["archive", "delete", "v", "a"]);
        assert_eq!(deleted.status, 1, "{deleted:?}");
        assert_eq!(bound.shell.writes(), before);
        mode(&directory, 0o755);
        mode(&db, 0o644);
    }
    bound.glacier(&["archive", "delete", "v", "a"]).is_silent();
}

/// SQLite made its log with the permissions that the file had, and never wrote again.
#[test]
fn a_cache_that_was_read_while_it_could_not_be_written_can_be_written_afterwards() {
    let bound = Bound::new(shell());
    let db = bound.shell.cache_path();
    let logs = ["db-wal", "db-shm"].map(|name| db.with_file_name(name));
    let upload = |name: &str| {
        let name = format!("--name={name}");
        run_with_input(&mut bound.command(&["archive", "upload", "v", &name, "-"]), b"y")
    };
    mode(&db, 0o400);
    assert_eq!(bound.glacier(&["archive", "list", "v"]).stdout, "a\n");
    logs.iter().for_each(|log| assert!(!log.exists(), "{} was made", log.display()));
    mode(&db, 0o600);
    upload("b").is_silent();
    // As an earlier release has left them, or another program.
    let leave = |owner_is_another: bool| {
        fs::write(&logs[0], "").unwrap();
        fs::write(&logs[1], [0; 32 * 1024]).unwrap();
        for log in &logs {
            mode(log, if owner_is_another { 0o444 } else { 0o400 });
            if is_root() && !owner_is_another {
                give_to_nobody(log);
            }
        }
    };
    leave(false);
    bound.glacier(&["archive", "list", "v"]).is("a\nb\n", "", 0);
    leave(false);
    upload("c").is_silent();
    bound.glacier(&["archive", "list", "v"]).is("a\nb\nc\n", "", 0);
    if is_root() {
        leave(true);
        let why = format!("cannot be written: nor can {}, which", logs[0].display());
        let listed = bound.glacier(&["archive", "list", "v"]);
        assert_eq!((listed.stdout.as_str(), listed.status), ("a\nb\nc\n", 0), "{listed:?}");
        assert!(
            listed.stderr.starts_with("glacier: warning: ") && listed.stderr.contains(&why),
            "{listed:?}"
        );
        let (before, refused) = (bound.shell.writes(), upload("d"));
        assert!(refused.status == 1 && refused.stderr.contains(&why), "{refused:?}");
        assert_eq!(bound.shell.writes(), before);
    }
}

#[test]
fn a_cache_that_cannot_be_read_or_made_is_named_with_the_reason() {
    let bound = Bound::new(shell());
    let (db, directory) = (bound.shell.cache_path(), bound.shell.cache_path().parent().unwrap().to_owned());
    let list = ["archive", "list", "v"];
    mode(&db, 0o000);
    bound
        .glacier(&list)
        .is_refused(1, &format!("the cache {} cannot be read: Permission denied", db.display()));
    mode(&db, 0o644);
    mode(&directory, 0o000);
    bound
        .glacier(&list)
        .is_refused(1, &format!("the cache {} cannot be read: Permission denied", db.display()));
    mode(&directory, 0o755);
    fs::remove_dir_all(&directory).unwrap();
    mode(directory.parent().unwrap(), 0o555);
    let refused = bound.glacier(&list);
    refused.is_refused(1, &format!("cannot make the directory of the cache, {}: Perm", directory.display()));
    assert!(refused.stderr.contains("set XDG_CACHE_HOME"), "{refused:?}");
    mode(directory.parent().unwrap(), 0o755);
}

const MANY_ROWS: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3000)
    INSERT INTO archive (id, name, vault, key, created_here, account, region)
    SELECT 'id-' || n, 'name-' || n, 'v', '', 0, '111122223333', 'us-east-1' FROM number";

/// Leaves the cache as a kill in the middle of a change does, in the mode in which SQLite writes first what was there:
/// names that never counted in the file, and beside it the journal that would take them back.
fn killed_in_the_middle_of(sql: &str, shell: &Shell) {
    let (db, journal) = (shell.cache_path(), shell.cache_path().with_file_name("db-journal"));
    let mut writer = shell.sqlite();
    writer
        .execute_batch(&format!("PRAGMA journal_mode = delete; PRAGMA cache_size = 1; {MANY_ROWS}"))
        .unwrap();
    let change = writer.transaction().unwrap();
    change
        .execute_batch(&format!("UPDATE archive SET name = 'never-' || name, deleted_here = 5; {sql}"))
        .unwrap();
    let left = [&db, &journal].map(|file| (file, fs::read(file).unwrap()));
    change.rollback().unwrap();
    drop(writer);
    left.iter().for_each(|(file, content)| fs::write(file, content).unwrap());
    assert!(left[1].1.len() > 4096, "much was changed");
}

/// Whoever only reads cannot take back what was begun, and looked for the version no further.
#[test]
fn a_change_that_a_kill_has_cut_short_is_taken_back_by_the_next_command() {
    let shell = shell();
    killed_in_the_middle_of(
        "PRAGMA user_version = 2; DROP TABLE gone; ALTER TABLE archive DROP COLUMN doubted;",
        &shell,
    );
    let listed = shell.glacier(&["archive", "list", "v"]);
    assert_eq!((listed.status, listed.stderr.as_str()), (0, ""), "{listed:?}");
    assert_eq!(listed.stdout.lines().count(), 3001);
    assert!(!listed.stdout.contains("never-"), "{listed:?}");
    shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y").is_silent();
}

#[test]
fn a_file_of_a_newer_release_that_a_kill_has_met_is_refused_all_the_same() {
    let shell = shell();
    shell.sqlite().execute_batch("PRAGMA user_version = 99").unwrap();
    killed_in_the_middle_of("", &shell);
    shell.glacier(&["archive", "list", "v"]).is_refused(1, "was made by a newer release (schema 99");
    let (version, names): (i64, i64) = {
        let db = shell.sqlite();
        let count = "SELECT count(*) FROM archive WHERE name LIKE 'never-%'";
        let version = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        (version, db.query_row(count, [], |row| row.get(0)).unwrap())
    };
    assert_eq!((version, names), (99, 0));
}

/// Names that never counted were listed.
#[test]
fn a_change_that_was_cut_short_and_cannot_be_taken_back_is_not_read() {
    let bound = Bound::new(shell());
    killed_in_the_middle_of("", &bound.shell);
    let (db, directory) = (bound.shell.cache_path(), bound.shell.cache_path().parent().unwrap().to_owned());
    mode(&db.with_file_name("db-journal"), 0o644);
    for (file_mode, directory_mode) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)] {
        mode(&db, file_mode);
        mode(&directory, directory_mode);
        bound
            .glacier(&["archive", "list", "v"])
            .is_refused(1, &format!("the cache {} cannot be written: Permission denied", db.display()));
    }
    mode(&directory, 0o755);
    mode(&db, 0o644);
    give_to_nobody(bound.shell.home());
    let listed = bound.glacier(&["archive", "list", "v"]);
    assert_eq!((listed.status, listed.stdout.lines().count()), (0, 3001), "{listed:?}");
}

/// `vault create` made the vault and then failed, as that could not be noted; so did every list of vaults from then on.
#[test]
fn vaults_are_made_and_listed_though_the_cache_cannot_be_written() {
    let bound = Bound::new(shell());
    mode(&bound.shell.cache_path(), 0o444);
    mode(bound.shell.cache_path().parent().unwrap(), 0o555);
    let done = |arguments: &[&str], stdout: &str| {
        let outcome = bound.glacier(arguments);
        assert_eq!((outcome.stdout.as_str(), outcome.status), (stdout, 0), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    };
    done(&["vault", "create", "w"], "");
    done(&["vault", "list"], "v\nw\n");
    // Not deleted, as the cache would go on to tell of it.
    assert_eq!(bound.glacier(&["vault", "delete", "w"]).status, 1);
    done(&["vault", "list"], "v\nw\n");
}

/// It was asked for at Glacier, and then the command failed as the job could not be noted.
#[test]
fn what_can_be_read_can_be_retrieved_though_the_cache_cannot_be_written() {
    let bound = Bound::new(shell());
    mode(&bound.shell.cache_path(), 0o444);
    mode(bound.shell.cache_path().parent().unwrap(), 0o555);
    for said in ["queued retrieval job for archive 'a'", "job still pending for archive 'a'"] {
        let asked = bound.glacier(&["archive", "retrieve", "v", "a"]);
        assert_eq!((asked.status, asked.stdout.as_str()), (75, ""), "{asked:?}");
        assert!(asked.stderr.contains(said), "{asked:?}");
    }
    bound.shell.emulator.advance(4 * HOUR);
    assert_eq!(bound.glacier(&["archive", "retrieve", "v", "a"]).status, 0);
    assert_eq!(bound.shell.read("a"), b"x");
    assert_eq!(bound.shell.count("InitiateJob"), 1);
}

/// That the archive is in doubt then could not be noted, and nothing was asked for in its place.
#[test]
fn what_failed_is_asked_for_again_though_the_cache_cannot_be_written() {
    let bound = Bound::new(shell());
    mode(&bound.shell.cache_path(), 0o444);
    mode(bound.shell.cache_path().parent().unwrap(), 0o555);
    bound.shell.fault("fail-job@InitiateJob#1");
    for _ in 0..2 {
        let asked = bound.glacier(&["archive", "retrieve", "v", "a"]);
        assert_eq!(asked.status, 75, "{asked:?}");
        bound.shell.emulator.advance(4 * HOUR);
    }
    assert_eq!(bound.glacier(&["archive", "retrieve", "v", "a"]).status, 0);
}

/// A pipe would be waited for without end.
#[test]
fn what_is_no_file_is_not_opened() {
    let shell = Shell::new();
    let db = shell.cache_path();
    fs::create_dir_all(&db).unwrap();
    let list = ["archive", "list", "v"];
    shell.glacier(&list).is_refused(1, &format!("the cache {} is a directory, not a file", db.display()));
    fs::remove_dir(&db).unwrap();
    assert!(Command::new("mkfifo").arg(&db).status().unwrap().success());
    shell
        .glacier(&list)
        .is_refused(1, &format!("the cache {} is a pipe, not a file; move it away", db.display()));
    assert!(fs::metadata(&db).unwrap().file_type().is_fifo(), "left as it was");
}

/// One row that makes no sense is left out or half known; the others are there.
#[test]
fn an_odd_row_does_not_stop_the_others() {
    let shell = shell();
    shell
        .sqlite()
        .execute_batch(
            "INSERT INTO archive (id, name, vault, key, account, region, created_here, last_seen_upstream, deleted_here,
                 size_bytes, tree_hash, created_upstream, deletion_begun, file_name)
             SELECT column1, column2, 'v', '', '111122223333', 'us-east-1', column3, column4, NULL,
                 column5, column6, column7, NULL, NULL FROM (VALUES
                 ('', 'no id', 1, NULL, 1, NULL, NULL),
                 (x'00ff', 'an id of bytes', 1, NULL, 1, NULL, NULL),
                 (char(27) || '[2J', 'an id for a terminal', 1, NULL, 1, NULL, NULL),
                 (hex(zeroblob(35000)), 'an id for no URL', 1, NULL, 1, NULL, NULL),
                 ('t1', 'text for a time', 'yesterday', 'soon', 'large', 'hash', x'01'),
                 ('t2', x'6e616d65', 9e999, -9e999, -5, 7, 1e300),
                 ('t3', 5, -9e15, 9223372036854775807, 9223372036854775807, '', '2012'),
                 ('t4', cast(x'66ff6f' AS TEXT), 1, NULL, 1, NULL, NULL));
             UPDATE caller SET last_used = 'never';
             UPDATE vault SET empty_since = 'x', inventory_date = 'y', inventory_serial = 'z', inventory_rows = x'00';
             INSERT INTO upload (key, region, vault, name, begun, part_size_bytes, storing_since, archive_bytes, tree_hash)
                 SELECT key, 'us-east-1', 'v', x'00', 'x', 'y', 'z', -1, 5 FROM caller;
             INSERT INTO job VALUES (x'00', 'us-east-1', 'v', 'a', 'then');
             INSERT INTO job SELECT hex(zeroblob(35000)), 'us-east-1', 'v', id, 1 FROM archive WHERE name = 'a';
             INSERT INTO upload (id, account, key, region, vault, name, begun, part_size_bytes)
                 SELECT hex(zeroblob(35000)), '111122223333', key, 'us-east-1', 'v', 'b', 1, 1048576 FROM caller;",
        )
        .unwrap();
    let expected = "5\na\nf\u{fffd}o\ntext for a time\nid:t2\t\n";
    shell.glacier(&["archive", "list", "v"]).is(expected, "", 0);
    assert_eq!(shell.glacier(&["archive", "list", "-l", "v"]).stdout.lines().count(), 5);
    shell.glacier(&["vault", "list", "-l"]);
    shell.glacier(&["upload", "list", "v"]).is_silent();
    shell.glacier(&["archive", "checkpresent", "v", "a"]).is("a\n", "", 0);
    shell.glacier(&["archive", "delete", "v", "an id for no URL"]).is_refused(1, "not found");
    shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y").is_silent();
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "a"]).status, 75);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    let synced = shell.glacier(&["vault", "sync", "--fix", "v"]);
    assert_eq!(synced.status, 0, "{synced:?}");
    assert_eq!(shell.glacier(&["vault", "sync", "--fix", "v"]).status, 0);
    let listed = shell.glacier(&["archive", "list", "v"]);
    assert!(listed.stdout.contains("a\nb\n"), "{listed:?}");
}

#[test]
fn a_wrong_deletion_mark_is_taken_back_by_a_sync_with_fix_once_no_lag_explains_it() {
    let shell = shell();
    let mark = |hours_ago: i64| {
        let now = "(SELECT max(created_here) FROM archive)";
        let sql = format!("UPDATE archive SET deleted_here = {now} - {hours_ago} * 3600, deletion_begun = 5");
        shell.sqlite().execute(&sql, []).unwrap();
    };
    let sync = |arguments: &[&str]| {
        let sync = [&["vault", "sync", "v", "--max-age=0"], arguments].concat();
        assert_eq!(shell.glacier(&sync).status, 75);
        shell.emulator.advance(4 * HOUR);
        shell.glacier(&[&["vault", "sync", "v"], arguments].concat())
    };
    let warning = "glacier: warning: archive 'a' marked deleted but still present\n";
    mark(71);
    sync(&["--fix"]).is("", warning, 0);
    shell.glacier(&["archive", "list", "v"]).is_silent();
    mark(100);
    sync(&[]).is("", warning, 0);
    shell.glacier(&["archive", "list", "v"]).is_silent();
    sync(&["--fix"]).is("", &format!("{warning}glacier: info: archive 'a' is listed again\n"), 0);
    shell.glacier(&["archive", "list", "v"]).is("a\n", "", 0);
    shell.glacier(&["archive", "retrieve", "v", "a"]).is(
        "",
        "glacier: queued retrieval job for archive 'a'\n",
        75,
    );
}

/// Whoever listened for signals held the cache open to the last, so that one command in eight ended before its log was
/// back in the file: a copy of the file alone was a list too short.
#[test]
fn a_command_that_has_ended_leaves_all_it_noted_in_the_file_itself() {
    let shell = shell();
    for count in 0..24 {
        let name = format!("--name={count}");
        shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], b"x").is_silent();
        let log = shell.cache_path().with_file_name("db-wal");
        assert!(!log.exists(), "after {count} commands that had closed it");
    }
}

/// A file system of its own, full but for so many bytes. Only root can make one; see [`can_mount`].
struct Disk(PathBuf);

impl Disk {
    fn new(at: &Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        assert!(is_done(Command::new("mount").args(mounting(at, size))), "cannot mount");
        Self(at.to_owned())
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mounting(at: &Path, size: &str) -> [OsString; 6] {
    let size = format!("size={size}");
    ["-t".into(), "tmpfs".into(), "-o".into(), size.into(), "none".into(), at.into()]
}

fn is_done(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}

/// Returns whether disks can be made here. Else the test of this name has been run where whoever runs it is root, in a
/// namespace of its own; where there is no such thing either, that is said past the harness, which would keep it back.
fn can_mount(test: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let mounting = mounting(directory.path(), "64k");
    if is_done(Command::new("mount").args(&mounting)) {
        drop(Disk(directory.path().to_owned()));
        return true;
    }
    let as_root = |program: &Path| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]).arg(program);
        command
    };
    if is_done(as_root(Path::new("mount")).args(&mounting)) {
        let again = as_root(&std::env::current_exe().unwrap()).args(["--exact", test]).output().unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        assert!(String::from_utf8_lossy(&again.stdout).contains("1 passed"), "{again:?}");
    } else {
        let said = format!("\n{test} HAS TESTED NOTHING: no file system can be mounted; run it as root\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    false
}

#[test]
fn a_full_disk_keeps_the_cache_readable_and_stores_nothing_that_cannot_be_noted() {
    if !can_mount("a_full_disk_keeps_the_cache_readable_and_stores_nothing_that_cannot_be_noted") {
        return;
    }
    let shell = Shell::new();
    let directory = shell.cache_path().parent().unwrap().to_owned();
    let disk = Disk::new(&directory, "2m");
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"x").is_silent();
    disk.fill();
    let listed = shell.glacier(&["archive", "list", "v"]);
    assert_eq!((listed.stdout.as_str(), listed.status), ("a\n", 0), "{listed:?}");
    assert!(listed.stderr.contains("cannot be written: No space left on device"), "{listed:?}");
    let before = shell.writes();
    let uploaded = shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y");
    assert_eq!(uploaded.status, 1, "{uploaded:?}");
    assert!(uploaded.stderr.contains("No space left on device"), "{uploaded:?}");
    assert!(!uploaded.stderr.contains("database"), "{uploaded:?}");
    assert_eq!(shell.writes(), before);
    fs::remove_file(directory.join("filler")).unwrap();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y").is_silent();
    shell.glacier(&["archive", "list", "v"]).is("a\nb\n", "", 0);
    drop(disk);
}

const RETRIEVE_THERE: [&str; 8] =
    ["archive", "retrieve", "--wait", "v", "file", "-o", "full/target", "--multipart-size=1048576"];

/// An archive of 4 MiB, and a disk of 6 at the directory that is called full.
fn an_archive_and_a_small_disk() -> (Shell, Disk, Vec<u8>) {
    let shell = Shell::with(Emulator::builder());
    let disk = Disk::new(&shell.path("full"), "6m");
    let content = noise(4 << 20);
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", &content);
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    (shell, disk, content)
}

#[test]
fn a_download_to_a_full_disk_leaves_the_old_file_and_nothing_else() {
    if !can_mount("a_download_to_a_full_disk_leaves_the_old_file_and_nothing_else") {
        return;
    }
    let (shell, disk, content) = an_archive_and_a_small_disk();
    let directory = shell.path("full");
    fs::write(directory.join("target"), "as it was").unwrap();
    fs::write(directory.join("other"), noise(3 << 20)).unwrap();
    shell.glacier(&RETRIEVE_THERE).is_refused(1, "cannot write 'full/target': No space left on device");
    assert_eq!(fs::read(directory.join("target")).unwrap(), b"as it was");
    support::no_leftovers(&directory);
    assert_eq!(shell.count("GetJobOutput"), 0, "what does not fit is not fetched");
    fs::remove_file(directory.join("other")).unwrap();
    shell.glacier(&RETRIEVE_THERE).is_silent();
    assert!(fs::read(directory.join("target")).unwrap() == content);
    support::no_leftovers(&directory);
    // The inventory's spool.
    let mut sync = shell.glacier_command(&["vault", "sync", "--wait", "v"]);
    disk.fill();
    let synced = run(sync.env("TMPDIR", &directory));
    synced.is_refused(1, &format!("cannot write '{}': No space left on device", directory.display()));
    drop(disk);
    // /dev/full is a device, which is written to as it is.
    let device = ["archive", "retrieve", "--wait", "v", "file", "-o", "/dev/full"];
    shell.glacier(&device).is_refused(1, "No space left on device");
}

#[test]
fn a_download_that_has_begun_has_room_however_full_the_disk_becomes() {
    if !can_mount("a_download_that_has_begun_has_room_however_full_the_disk_becomes") {
        return;
    }
    let (shell, disk, content) = an_archive_and_a_small_disk();
    let directory = shell.path("full");
    shell.fault("access-denied@GetJobOutput#3");
    // One after the other, so that something has come by then.
    assert_eq!(shell.glacier(&[&RETRIEVE_THERE[..], &["--jobs=1"]].concat()).status, 1);
    disk.fill();
    let resumed = shell.glacier(&RETRIEVE_THERE);
    assert_eq!(resumed.status, 0, "{resumed:?}");
    assert!(fs::read(directory.join("target")).unwrap() == content);
}

#[test]
fn a_directory_that_vanishes_during_a_download_is_named() {
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", noise(3 << 20));
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    fs::create_dir(shell.path("gone")).unwrap();
    let retrieve = ["archive", "retrieve", "--wait", "v", "file", "-o", "gone/back", "--bwlimit=2M"];
    let mut command = shell.glacier_command(&retrieve);
    let child =
        command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    while fs::read_dir(shell.path("gone")).unwrap().count() == 0 {
        std::thread::yield_now();
    }
    fs::remove_dir_all(shell.path("gone")).unwrap();
    support::ended(child).is_refused(1, "cannot write 'gone/back': No such file or directory");
    assert!(!shell.path("gone").exists());
}

/// Rust opens the null device in the place of a closed standard output: all would seem well.
#[test]
fn data_for_a_closed_standard_output_is_warned_of() {
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"x").is_silent();
    let retrieve = |redirection: &str| {
        let mut command = shell.command("/bin/sh");
        let program = env!("CARGO_BIN_EXE_glacier");
        command.args(["-c", &format!("{program} archive retrieve --wait v a -o- {redirection}")]);
        run(&mut command)
    };
    let warning =
        "glacier: warning: standard output is closed or the null device: what is retrieved goes nowhere\n";
    retrieve(">&-").is("", warning, 0);
    retrieve(">/dev/null").is_silent();
    retrieve("").is("x", "", 0);
}

/// Names of archives are nobody else's business; what is brought here is as private as the umask says.
#[test]
fn what_is_made_is_for_its_owner_alone_and_downloads_follow_the_umask() {
    let shell = Shell::with(Emulator::builder());
    let umask = |mask: &str, arguments: &str| {
        let mut command = shell.command("/bin/sh");
        let program = env!("CARGO_BIN_EXE_glacier");
        command.args(["-c", &format!("umask {mask}; exec {program} {arguments}")]);
        run(&mut command).is_silent();
    };
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    umask("000", "vault create v");
    shell.write("file", noise(2 << 20));
    umask("000", "archive upload v file --part-size=1M");
    let reader = shell.sqlite();
    let _: i64 = reader.query_row("SELECT count(*) FROM archive", [], |row| row.get(0)).unwrap();
    let db = shell.cache_path();
    assert_eq!(permissions(db.parent().unwrap()), 0o700);
    assert_eq!(permissions(&db.with_extension("uploads")), 0o700);
    let beside: Vec<_> =
        fs::read_dir(db.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(beside.iter().any(|path| path.ends_with("db-wal")), "{beside:?}");
    for file in beside.iter().filter(|path| path.is_file()) {
        assert_eq!(permissions(file), 0o600, "{}", file.display());
    }
    for (mask, mode) in [("000", 0o666), ("022", 0o644), ("077", 0o600)] {
        let _ = fs::remove_file(shell.path("back"));
        umask(mask, "archive retrieve --wait v file -o back");
        assert_eq!(permissions(&shell.path("back")), mode);
    }
    // What stood there keeps its own.
    mode(&shell.path("back"), 0o640);
    umask("000", "archive retrieve --wait v file -o back");
    assert_eq!(permissions(&shell.path("back")), 0o640);
    // A directory and a file that are there already are left as they are.
    mode(db.parent().unwrap(), 0o755);
    mode(&db, 0o644);
    umask("000", "archive list v | cat >/dev/null");
    assert_eq!((permissions(db.parent().unwrap()), permissions(&db)), (0o755, 0o644));
}

/// All files and directories below.
fn below(directory: &Path) -> Vec<PathBuf> {
    let there = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    there
        .flat_map(|path| if path.is_dir() { [below(&path), vec![path]].concat() } else { vec![path] })
        .collect()
}

/// Damage deep in the file leaves a mark for the next command, which sets the file aside under a lock.
#[test]
fn locks_and_marks_beside_the_cache_are_for_its_owner_alone_too() {
    let shell = Shell::with(Emulator::builder());
    let status_of = |arguments: &str| {
        let mut command = shell.command("/bin/sh");
        let program = env!("CARGO_BIN_EXE_glacier");
        run(command.args(["-c", &format!("umask 000; exec {program} {arguments}")])).status
    };
    let directory = shell.cache_path().parent().unwrap().to_owned();
    let are_private = |names: &[&str]| {
        let all = below(&directory);
        for name in names {
            assert!(all.iter().any(|path| path.starts_with(directory.join(name))), "{name} in {all:?}");
        }
        for path in all {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            let is = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(is, expected, "{}", path.display());
        }
    };
    shell.write("file", noise(2 << 20));
    shell.fault("access-denied@UploadMultipartPart#2");
    for (arguments, status) in [
        ("vault create v", 0),
        ("archive upload v file --part-size=1M", 1),
        ("archive upload v file --part-size=1M --name=whole", 0),
        ("archive retrieve --wait v whole", 0),
    ] {
        assert_eq!(status_of(arguments), status, "{arguments}");
    }
    are_private(&["db", "db.uploads/1", "db.jobs"]);
    assert_eq!(below(&directory.join("db.jobs")).len(), 1, "the lock of a job");
    shell.sqlite().execute_batch(&format!("{MANY_ROWS}; PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
    let mut content = fs::read(shell.cache_path()).unwrap();
    let half = content.len() / 2;
    content[half..].fill(0xa5);
    fs::write(shell.cache_path(), content).unwrap();
    assert_eq!(status_of("archive list v"), 1);
    are_private(&["db-damaged"]);
    assert_eq!(status_of("archive list v"), 0);
    are_private(&["db-lock", "db.damaged-1"]);
}

/// The whole of a secret could be read for hours, and for good after a kill.
#[test]
fn a_download_is_never_more_open_than_the_file_that_it_replaces() {
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", noise(3 << 20));
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for (of_file, of_part) in [(0o600, 0o600), (0o640, 0o640), (0o400, 0o600)] {
        let directory = shell.path(&format!("{of_file:o}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("secret"), "old").unwrap();
        mode(&directory.join("secret"), of_file);
        let retrieve = format!("archive retrieve --wait v file -o {}", directory.join("secret").display());
        let retrieving = |limit: &str| {
            let mut command = shell.command("/bin/sh");
            let program = env!("CARGO_BIN_EXE_glacier");
            command.args(["-c", &format!("umask 000; exec {program} {retrieve} {limit}")]);
            command
        };
        let mut child = retrieving("--bwlimit=1M").spawn().unwrap();
        let part = loop {
            let mut files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
            if let Some(part) = files.find(|path| path.extension().is_some_and(|end| end == "part")) {
                break part;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(permissions(&part), of_part, "{of_file:o}");
        run(&mut retrieving("")).is_silent();
        assert_eq!(permissions(&directory.join("secret")), of_file);
        assert!(fs::read(directory.join("secret")).unwrap() == noise(3 << 20));
    }
}
