//! What was interrupted goes on, what has changed begins anew, and no archive is stored twice without a word.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::File;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use glacier_emulator::Emulator;
use support::{HOUR, Shell, noise};

const MIB: usize = 1 << 20;
/// Parts that may be on their way at once: 8, and 2 whose data has arrived and whose answer is on its way.
const IN_FLIGHT: u64 = 10;
const UPLOAD: [&str; 6] = ["archive", "upload", "v", "file", "--part-size", "1M"];
const RETRIEVE: [&str; 6] = ["archive", "retrieve", "v", "file", "--multipart-size", "1048576"];

/// A vault, a file of so many MiB, and a link that takes its time.
fn shell(mib: usize, latency_ms: u64) -> Shell {
    let shell = Shell::with(Emulator::builder().latency(Duration::from_millis(latency_ms)));
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", noise(mib * MIB));
    shell
}

fn start(shell: &Shell, arguments: &[&str]) -> Child {
    let mut command = shell.glacier_command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// An upload in parts of which some have arrived.
fn upload_under_way(shell: &Shell) -> Child {
    let mut child = start(shell, &UPLOAD);
    while shell.count("UploadMultipartPart") < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::yield_now();
    }
    child
}

/// Kills the command with a signal that it cannot catch, as soon as so many requests of an operation were served.
fn kill_after(shell: &Shell, arguments: &[&str], operation: &str, requests: u64) {
    let before = shell.count(operation);
    let mut child = start(shell, arguments);
    while shell.count(operation) < before + requests {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The ids of the archives that are in the vault, as an inventory tells.
fn archives(shell: &Shell) -> Vec<String> {
    assert_eq!(shell.glacier(&["vault", "sync", "--wait", "--max-age", "0", "v"]).status, 0);
    let listed = shell.glacier(&["archive", "list", "--force-ids", "v"]).stdout;
    listed.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

/// Asserts that the vault holds one archive, and that it has this content.
#[track_caller]
fn holds_once(shell: &Shell, content: &[u8]) {
    let archives = archives(shell);
    assert_eq!(archives.len(), 1, "{archives:?}");
    shell.glacier(&["archive", "retrieve", "--wait", "v", &archives[0], "-o", "back"]).is_silent();
    assert!(shell.read("back") == content, "another content came back");
    assert_eq!(unfinished(shell), 0);
}

/// How many uploads are on record as not finished.
fn unfinished(shell: &Shell) -> i64 {
    shell.sqlite().query_row("SELECT count(*) FROM upload", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_upload_that_was_killed_goes_on_where_it_stopped() {
    let shell = shell(24, 5);
    kill_after(&shell, &UPLOAD, "UploadMultipartPart", 12);
    let mut again = UPLOAD.to_vec();
    again.push("-v");
    let outcome = shell.glacier(&again);
    assert!(
        outcome.status == 0 && outcome.stderr.contains("going on with the upload of 'file'"),
        "{outcome:?}"
    );
    let sent = shell.count("UploadMultipartPart");
    assert!((24..=24 + IN_FLIGHT).contains(&sent), "{sent} parts were sent");
    assert_eq!(shell.count("InitiateMultipartUpload"), 1);
    holds_once(&shell, &noise(24 * MIB));
}

#[test]
fn a_file_that_has_changed_since_is_uploaded_anew() {
    let shell = shell(16, 5);
    kill_after(&shell, &UPLOAD, "UploadMultipartPart", 10);
    let changed = vec![7; 16 * MIB];
    shell.write("file", &changed);
    shell.glacier(&UPLOAD).is_silent();
    assert_eq!(shell.count("InitiateMultipartUpload"), 2);
    shell.glacier(&["upload", "list", "v"]).is_silent();
    holds_once(&shell, &changed);
}

/// Same size, same time, same inode: only the hashes of the parts tell.
#[test]
fn a_change_that_only_the_content_shows_is_noticed() {
    let shell = shell(16, 5);
    let modified = std::fs::metadata(shell.path("file")).unwrap().modified().unwrap();
    kill_after(&shell, &UPLOAD, "UploadMultipartPart", 12);
    let changed = vec![7; 16 * MIB];
    shell.write("file", &changed);
    File::options().write(true).open(shell.path("file")).unwrap().set_modified(modified).unwrap();
    shell.glacier(&UPLOAD).is_silent();
    assert_eq!(shell.count("InitiateMultipartUpload"), 2);
    holds_once(&shell, &changed);
}

#[test]
fn an_upload_that_glacier_has_dropped_begins_anew_in_silence() {
    let shell = shell(16, 5);
    kill_after(&shell, &UPLOAD, "UploadMultipartPart", 10);
    shell.emulator.advance(60 * HOUR);
    shell.glacier(&UPLOAD).is_silent();
    holds_once(&shell, &noise(16 * MIB));
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_not_stored() {
    let shell = shell(40, 30);
    let child = upload_under_way(&shell);
    File::options().append(true).open(shell.path("file")).unwrap().write_all(b"x").unwrap();
    support::ended(child)
        .is_refused(1, "the file of archive 'file' changed while it was read; nothing was stored");
    assert_eq!(unfinished(&shell), 0);
    shell.glacier(&["upload", "list", "v"]).is_silent();
    assert!(archives(&shell).is_empty());
}

/// A link to a file changes its status but not its content, which is then read once more.
#[test]
fn a_file_that_is_only_linked_to_meanwhile_is_stored() {
    let shell = shell(24, 20);
    let child = upload_under_way(&shell);
    std::fs::hard_link(shell.path("file"), shell.path("link")).unwrap();
    support::ended(child).is_silent();
    holds_once(&shell, &noise(24 * MIB));
}

#[test]
fn two_at_once_store_the_same_file_once() {
    for (mib, part_size) in [(24, "1M"), (1, "16M")] {
        let shell = shell(mib, 50);
        let upload = ["archive", "upload", "v", "file", "--part-size", part_size];
        let mut first = start(&shell, &upload);
        while shell.count("InitiateMultipartUpload") + shell.count("UploadArchive") == 0 {
            assert!(first.try_wait().unwrap().is_none(), "it ended too early");
            std::thread::yield_now();
        }
        let second = shell.glacier(&upload);
        let first = support::ended(first);
        if second.status == 1 {
            second.is_refused(1, "archive 'file' is being stored from the same file by another process");
            first.is_silent();
            holds_once(&shell, &noise(mib * MIB));
        } else {
            // The first had ended before the second looked.
            assert_eq!((first.status, second.status, archives(&shell).len()), (0, 0, 2));
        }
    }
}

#[test]
fn uploads_are_listed_and_given_up() {
    let shell = shell(16, 5);
    for _ in 0..2 {
        kill_after(&shell, &UPLOAD, "UploadMultipartPart", 3);
        std::fs::copy(shell.path("file"), shell.path("copy")).unwrap();
        std::fs::rename(shell.path("copy"), shell.path("file")).unwrap();
    }
    // The first was of a file that is another now, so the second has given it up.
    let listed = shell.glacier(&["upload", "list", "v"]).stdout;
    let fields: Vec<&str> = listed.trim_end().split('\t').collect();
    assert_eq!((fields.len(), fields[2], fields[3]), (4, "1048576", "file"), "{listed}");
    shell.glacier(&["upload", "abort", "v", fields[0]]).is_silent();
    shell.glacier(&["upload", "list", "v"]).is_silent();
    assert_eq!(unfinished(&shell), 0);
    kill_after(&shell, &UPLOAD, "UploadMultipartPart", 3);
    shell.glacier(&["upload", "abort", "v", "--all"]).is_silent();
    shell.glacier(&["upload", "list", "v"]).is_silent();
    shell.glacier(&["upload", "abort", "v"]).is_refused(2, "ID");
    assert!(archives(&shell).is_empty());
}

/// Nobody knows whether it was stored, so it is not stored again unless the user insists or an inventory has told.
#[test]
fn an_upload_without_an_answer_is_settled_by_an_inventory() {
    for was_stored in [true, false] {
        let shell = shell(1, 0);
        shell.fault(if was_stored { "cut-after@UploadArchive#1" } else { "cut-middle@UploadArchive#1" });
        shell.glacier(&UPLOAD[..4]).is_refused(1, "may or may not have been stored in v");
        shell.glacier(&UPLOAD[..4]).is_refused(1, "had no answer and may have stored it in v");
        assert_eq!(shell.count("UploadArchive"), 1);
        let listed = shell.glacier(&["upload", "list", "v"]);
        assert!(listed.stderr.contains("had no answer and may be stored"), "{listed:?}");
        if was_stored {
            let synced = shell.glacier(&["vault", "sync", "--wait", "v"]);
            assert!(synced.stderr.contains("info: an earlier upload of 'file' had stored it"), "{synced:?}");
            holds_once(&shell, &noise(MIB));
            continue;
        }
        shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=other"], b"x").is_silent();
        assert_eq!(shell.glacier(&["vault", "sync", "--wait", "v"]).status, 0);
        shell.glacier(&UPLOAD[..4]).is_refused(1, "had no answer"); // That inventory is too young to tell.
        shell.emulator.advance(80 * HOUR);
        shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=third"], b"x").is_silent();
        let synced = shell.glacier(&["vault", "sync", "--wait", "--max-age", "0", "v"]);
        assert!(synced.stderr.contains("info: an earlier upload of 'file' had not stored it"), "{synced:?}");
        shell.glacier(&UPLOAD[..4]).is_silent();
        assert_eq!(archives(&shell).len(), 3);
    }
}

#[test]
fn who_insists_may_store_a_second_time() {
    let shell = shell(1, 0);
    shell.fault("cut-after@UploadArchive#1");
    assert_eq!(shell.glacier(&UPLOAD[..4]).status, 1);
    shell.glacier(&["archive", "upload", "--allow-duplicate", "v", "file"]).is_silent();
    assert_eq!(archives(&shell).len(), 2);
    assert_eq!(unfinished(&shell), 0);
}

#[test]
fn a_download_that_was_killed_goes_on_where_it_stopped() {
    let shell = shell(24, 5);
    shell.glacier(&UPLOAD).is_silent();
    std::fs::remove_file(shell.path("file")).unwrap();
    assert_eq!(shell.glacier(&RETRIEVE).status, 75);
    kill_after(&shell, &RETRIEVE, "GetJobOutput", 16);
    assert!(!shell.path("file").exists());
    let mut again = RETRIEVE.to_vec();
    again.push("-v");
    let outcome = shell.glacier(&again);
    assert!(outcome.status == 0 && outcome.stderr.contains("going on with archive 'file'"), "{outcome:?}");
    assert!(shell.read("file") == noise(24 * MIB));
    let fetched = shell.count("GetJobOutput");
    assert!((24..=24 + 2 * IN_FLIGHT).contains(&fetched), "{fetched} ranges were fetched");
    support::no_leftovers(&shell.path(""));
}

/// A file with all the room of an archive stayed beside the target, of which nobody knew.
#[test]
fn a_download_of_which_nothing_has_come_leaves_nothing_beside_its_target() {
    let shell = shell(24, 0);
    shell.glacier(&UPLOAD).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=small"], &[7; 1000]).is_silent();
    std::fs::remove_file(shell.path("file")).unwrap();
    let small = ["archive", "retrieve", "v", "small"];
    for retrieve in [&RETRIEVE[..], &small] {
        assert_eq!(shell.glacier(retrieve).status, 75);
        for fault in ["access-denied@GetJobOutput", "wrong-hash@GetJobOutput", "cut-middle@GetJobOutput"] {
            shell.fault(fault);
            assert_eq!(shell.glacier(retrieve).status, 1, "{fault}");
            shell.heal();
            support::no_leftovers(&shell.path(""));
        }
    }
    // What has come is kept, whatever meets the next try.
    shell.fault("access-denied@GetJobOutput#16");
    assert_eq!(shell.glacier(&RETRIEVE).status, 1);
    shell.heal();
    shell.fault("access-denied@GetJobOutput");
    assert_eq!(shell.glacier(&RETRIEVE).status, 1);
    shell.heal();
    let before = shell.count("GetJobOutput");
    shell.glacier(&RETRIEVE).is_silent();
    assert!(shell.read("file") == noise(24 * MIB));
    let fetched = shell.count("GetJobOutput") - before;
    assert!(fetched <= 8 + IN_FLIGHT, "{fetched} ranges were fetched");
    shell.glacier(&small).is_silent();
    support::no_leftovers(&shell.path(""));
}

#[test]
fn a_job_that_fails_is_reported_and_started_anew_once() {
    let shell = shell(1, 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    shell.fault("fail-job@InitiateJob#1");
    let retrieve = ["archive", "retrieve", "--wait", "v", "file"];
    let warning = "glacier: warning: a job for archive 'file' failed at Glacier; started another\n";
    shell.glacier(&retrieve).is("", warning, 0);
    assert_eq!(shell.count("InitiateJob"), 2);
    let shell = self::shell(1, 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    shell.fault("fail-job@InitiateJob");
    let outcome = shell.glacier(&retrieve);
    assert!(
        outcome.status == 1 && outcome.stderr.contains("the job for archive 'file' failed at Glacier;"),
        "{outcome:?}"
    );
    assert_eq!(shell.count("InitiateJob"), 2);
}

#[test]
fn one_that_cannot_be_brought_does_not_hold_up_the_others() {
    let shell = shell(1, 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=gone"], b"x").is_silent();
    shell.sqlite().execute("UPDATE archive SET id = 'no-such-id' WHERE name = 'gone'", []).unwrap();
    std::fs::remove_file(shell.path("file")).unwrap();
    let retrieve = ["archive", "retrieve", "--wait", "v", "gone", "file"];
    let outcome = shell.glacier(&retrieve);
    assert!(
        outcome.status == 1 && outcome.stderr.contains("Glacier has no archive no-such-id"),
        "{outcome:?}"
    );
    assert!(shell.read("file") == noise(MIB));
    // Of several that fail, each is told of.
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=lost"], b"x").is_silent();
    shell.sqlite().execute("UPDATE archive SET id = 'nor-such-id' WHERE name = 'lost'", []).unwrap();
    let outcome = shell.glacier(&["archive", "retrieve", "v", "gone", "lost", "file"]);
    assert_eq!((outcome.status, outcome.stderr.lines().count()), (1, 5), "{outcome:?}");
    assert!(outcome.stderr.contains("no-such-id") && outcome.stderr.contains("nor-such-id"), "{outcome:?}");
}

/// The service's list of jobs may not have a job yet that was just started; it is not started a second time.
#[test]
fn a_job_that_is_not_listed_yet_is_remembered() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=n"], b"x").is_silent();
    let retrieve = ["archive", "retrieve", "v", "n"];
    assert_eq!(shell.glacier(&retrieve).status, 75);
    // A job of another archive is all that the list would show, were it behind.
    shell.sqlite().execute("UPDATE job SET archive = 'other'", []).unwrap();
    let sql = "UPDATE archive SET id = 'other' WHERE name = 'n'";
    shell.sqlite().execute(sql, []).unwrap();
    shell.glacier(&retrieve).is("", "glacier: job still pending for archive 'n'\n", 75);
    assert_eq!(shell.count("InitiateJob"), 1);
}

/// How often, and with how much, processes are killed: a little each day, much with `GLACIER_TEST_LONG=1`.
fn scale() -> (u32, usize, &'static str) {
    if std::env::var_os("GLACIER_TEST_LONG").is_some() { (50, 256, "4M") } else { (8, 32, "1M") }
}

/// How long something takes, for moments in the middle of it.
fn lasts(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// Moments spread over a whole run, not the same at each.
fn moment(number: u32, times: u32, whole: Duration) -> Duration {
    whole.mul_f64((f64::from(number) + 0.5 * f64::from(number % 3)) / f64::from(times))
}

#[test]
fn uploads_that_are_killed_at_any_moment_end_as_one_archive_each() {
    let (times, mib, part_size) = scale();
    let content = noise(mib * MIB);
    let upload = ["archive", "upload", "v", "file", "--part-size", part_size];
    let parts =
        mib as u64 * MIB as u64 / part_size.trim_end_matches('M').parse::<u64>().unwrap() / MIB as u64;
    let vault = || {
        let shell = Shell::with(Emulator::builder());
        shell.glacier(&["vault", "create", "v"]).is_silent();
        shell.write("file", &content);
        shell
    };
    let mut whole = lasts(|| vault().glacier(&upload).is_silent());
    let (mut killed, mut number) = (0, 0);
    while killed < times {
        number += 1;
        assert!(number < 10 * times, "only {killed} were killed in time");
        let shell = vault();
        let mut child = start(&shell, &upload);
        std::thread::sleep(moment(number % times, times, whole));
        child.kill().unwrap();
        if support::ended(child).status == 0 {
            whole = whole.mul_f64(0.8);
        } else {
            killed += 1;
        }
        // Acknowledged before it was killed: then it is not to be sent again.
        if shell.glacier(&["archive", "list", "v"]).stdout.is_empty() {
            shell.glacier(&upload).is_silent();
        }
        let sent = shell.count("UploadMultipartPart");
        assert!(sent <= parts + IN_FLIGHT, "{sent} of {parts} parts were sent, killed at {number}");
        holds_once(&shell, &content);
    }
}

#[test]
fn downloads_that_are_killed_at_any_moment_end_with_the_right_bytes() {
    let (times, mib, _) = scale();
    let content = noise(mib * MIB);
    let shell = shell(mib, 0);
    shell.glacier(&UPLOAD).is_silent();
    std::fs::remove_file(shell.path("file")).unwrap();
    assert_eq!(shell.glacier(&RETRIEVE).status, 75);
    let mut whole = lasts(|| shell.glacier(&RETRIEVE).is_silent());
    let (mut killed, mut number, ranges) = (0, 0, mib as u64);
    while killed < times {
        number += 1;
        assert!(number < 10 * times, "only {killed} were killed in time");
        std::fs::write(shell.path("file"), "to be replaced").unwrap();
        let before = shell.count("GetJobOutput");
        let mut child = start(&shell, &RETRIEVE);
        std::thread::sleep(moment(number % times, times, whole));
        child.kill().unwrap();
        if support::ended(child).status == 0 {
            whole = whole.mul_f64(0.8);
        } else {
            killed += 1;
        }
        let now = shell.read("file");
        assert!(now == b"to be replaced" || now == content, "half a file is there, killed at {number}");
        shell.glacier(&RETRIEVE).is_silent();
        assert!(shell.read("file") == content);
        support::no_leftovers(&shell.path(""));
        let fetched = shell.count("GetJobOutput") - before;
        let is_twice = now == content;
        assert!(
            fetched <= ranges + 2 * IN_FLIGHT || is_twice,
            "{fetched} of {ranges} ranges, killed at {number}"
        );
    }
}

/// An archive of the same name and content that was there before is no proof that the later upload stored anything.
#[test]
fn an_older_copy_does_not_settle_an_upload_without_an_answer() {
    let shell = Shell::with(Emulator::builder().job_delay(4 * HOUR));
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let upload = ["archive", "upload", "v", "--name=n", "-"];
    shell.glacier_with_input(&upload, b"x").is_silent();
    shell.emulator.set_fault("cut-before@UploadArchive#1".parse().unwrap());
    assert_eq!(shell.glacier_with_input(&upload, b"x").status, 1);
    shell.emulator.clear_faults();
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    let synced = shell.glacier(&["vault", "sync", "v"]);
    assert!(!synced.stderr.contains("had stored it"), "{synced:?}");
    assert_eq!(unfinished(&shell), 1, "it is still open");
}
