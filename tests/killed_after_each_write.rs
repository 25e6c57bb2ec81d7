//! A process that ends, as by `kill -9`, right after each of its writes to the cache in turn: the same command, run again,
//! comes to the right end, with one archive and nothing forgotten. Each flow says how many writes it has.
//! `cargo test --test killed_after_each_write -- --nocapture` prints how many were killed.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glacier_emulator::Emulator;
use support::original::{old_cache, rows};
use support::{HOUR, Outcome, Shell, noise, run};
use tempfile::TempDir;

/// Read by debug builds alone.
const END_AFTER_WRITES: &str = "GLACIER_TEST_END_AFTER_WRITES";
/// By SIGABRT, as a shell has it.
const KILLED: i32 = 134;
static KILLS: AtomicU32 = AtomicU32::new(0);

/// A vault, whose books are open, and someone with a file.
struct Place {
    shell: Shell,
    data: TempDir,
    content: Vec<u8>,
}

impl Place {
    fn new(size: usize) -> Self {
        let data = TempDir::new().unwrap();
        let shell = Shell::with(Emulator::builder().data_dir(data.path()));
        shell.glacier(&["vault", "create", "v"]).is_silent();
        let content = noise(size);
        shell.write("file", &content);
        Self { shell, data, content }
    }

    fn with_archive() -> Self {
        let place = Self::new(1000);
        place.shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
        place
    }

    /// With one file stored under each of these names.
    fn with_archives(names: &[&str]) -> Self {
        let place = Self::new(1000);
        for name in names {
            place.shell.glacier(&["archive", "upload", "v", "file", "--name", name]).is_silent();
        }
        place
    }

    fn archives(&self) -> u32 {
        self.stored("%")
    }

    /// How many archives there are of a name.
    fn stored(&self, name: &str) -> u32 {
        let books = rusqlite::Connection::open(self.data.path().join("index.sqlite")).unwrap();
        let sql = "SELECT count(*) FROM archive
                   WHERE deleted IS NULL AND description LIKE ?1 AND description <> 'witness'";
        books.query_row(sql, [name], |row| row.get(0)).unwrap()
    }

    /// Someone deletes an archive, of which their own cache tells.
    fn others_delete(&self, name: &str) {
        let home = TempDir::new().unwrap();
        let cache = home.path().join(".cache/glacier-cli");
        std::fs::create_dir_all(&cache).unwrap();
        std::fs::copy(self.shell.cache_path(), cache.join("db")).unwrap();
        let mut elsewhere = self.shell.glacier_command(&["archive", "delete", "v", name]);
        assert_eq!(run(elsewhere.env("HOME", home.path())).status, 0);
        assert_eq!(self.stored(name), 0);
    }

    fn dies(&self, arguments: &[&str], writes: u32) -> Outcome {
        run(self.shell.glacier_command(arguments).env(END_AFTER_WRITES, writes.to_string()))
    }

    /// Some days go by, and an inventory tells.
    fn settle(&self) {
        self.shell.emulator.advance(4 * 24 * HOUR);
        let witness = ["archive", "upload", "v", "-", "--name=witness"];
        self.shell.glacier_with_input(&witness, b"x").is_silent();
        let synced = self.shell.glacier(&["vault", "sync", "--wait", "--max-age=0", "v"]);
        assert_eq!(synced.status, 0, "{synced:?}");
    }
}

/// Lets the command end after each of its writes in turn, of which there are so many, each time in a place of its own;
/// `comes_right` is what follows.
fn after_each_write(
    name: &str,
    kills: u32,
    arguments: &[&str],
    make: impl Fn() -> Place,
    comes_right: impl Fn(&Place, u32),
) {
    for writes in 1.. {
        let place = make();
        let outcome = place.dies(arguments, writes);
        if outcome.status != KILLED {
            assert_eq!(writes - 1, kills, "{name}: it was killed so often, then {outcome:?}");
            break;
        }
        comes_right(&place, writes);
        tell(name, writes);
    }
}

fn tell(name: &str, writes: u32) {
    let kills = KILLS.fetch_add(1, Ordering::Relaxed) + 1;
    println!("{name}: killed after write {writes}; kills survived: {kills}");
}

/// What was stored is stored once, and is listed.
fn is_stored_once(place: &Place, upload: &[&str], writes: u32) {
    let mut again = place.shell.glacier(upload);
    if again.status == 1 {
        again.is_refused(1, "had no answer and may have stored it in v");
        place.settle();
        again = place.shell.glacier(upload);
    }
    assert_eq!(again.status, 0, "after write {writes}: {again:?}");
    assert_eq!(place.archives(), 1, "after write {writes}");
    let listed = place.shell.glacier(&["archive", "list", "v"]).stdout;
    assert_eq!(listed.lines().filter(|line| *line == "file").count(), 1, "after write {writes}: {listed}");
    place.shell.glacier(&["archive", "checkpresent", "v", "file"]).is("file\n", "", 0);
    place.shell.glacier(&["archive", "retrieve", "--wait", "v", "file", "-o", "back"]).is_silent();
    assert!(place.shell.read("back") == place.content, "after write {writes}: other bytes came back");
    place.shell.glacier(&["upload", "list", "v"]).is_silent();
    let unfinished: u32 =
        place.shell.sqlite().query_row("SELECT count(*) FROM upload", [], |row| row.get(0)).unwrap();
    assert_eq!(unfinished, 0, "after write {writes}");
}

#[test]
fn an_upload_by_one_request() {
    let upload = ["archive", "upload", "v", "file", "--skip-existing"];
    after_each_write(
        "upload",
        2,
        &upload,
        || Place::new(1000),
        |place, writes| {
            is_stored_once(place, &upload, writes);
        },
    );
}

#[test]
fn an_upload_in_parts() {
    let upload = ["archive", "upload", "v", "file", "--skip-existing", "--part-size=1M"];
    after_each_write(
        "upload in parts",
        4,
        &upload,
        || Place::new((2 << 20) + 5),
        |place, writes| {
            is_stored_once(place, &upload, writes);
        },
    );
}

/// Nobody can go on with what came from a pipe; it is given up, and the next try stores it.
#[test]
fn an_upload_in_parts_from_a_pipe() {
    let upload = ["archive", "upload", "v", "-", "--name=file", "--part-size=1M"];
    for writes in 1.. {
        let place = Place::new((2 << 20) + 5);
        let mut command = place.shell.glacier_command(&upload);
        command.env(END_AFTER_WRITES, writes.to_string());
        if support::run_with_input(&mut command, &place.content).status != KILLED {
            assert_eq!(writes - 1, 4);
            break;
        }
        if place.shell.glacier(&["archive", "list", "v"]).stdout.is_empty() {
            let again = place.shell.glacier_with_input(&upload, &place.content);
            assert_eq!(again.status, 0, "after write {writes}: {again:?}");
        }
        assert_eq!(place.archives(), 1, "after write {writes}");
        place.shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
        tell("upload from a pipe", writes);
    }
}

#[test]
fn a_retrieval() {
    let retrieve = ["archive", "retrieve", "--wait", "v", "file", "-o", "back"];
    after_each_write("retrieve", 1, &retrieve, Place::with_archive, |place, _| {
        place.shell.glacier(&retrieve).is_silent();
        assert!(place.shell.read("back") == place.content);
        support::no_leftovers(&place.shell.path(""));
        assert_eq!(place.shell.count("InitiateJob"), 1, "a second job costs a second time");
    });
}

const NAMES: [&str; 3] = ["n0", "n1", "n2"];

#[test]
fn a_retrieval_of_several() {
    let retrieve = ["archive", "retrieve", "--wait", "v", "--glob=n*", "-d", "out"];
    let make = || {
        let place = Place::with_archives(&NAMES);
        std::fs::create_dir(place.shell.path("out")).unwrap();
        place
    };
    after_each_write("retrieve several", 3, &retrieve, make, |place, writes| {
        place.shell.glacier(&retrieve).is_silent();
        for name in NAMES {
            assert!(place.shell.read(&format!("out/{name}")) == place.content, "after write {writes}");
        }
        support::no_leftovers(&place.shell.path("out"));
        assert_eq!(place.shell.count("InitiateJob"), 3, "after write {writes}: one job each is enough");
    });
}

#[test]
fn a_deletion_of_several() {
    let delete = ["archive", "delete", "--yes", "v", "--glob=n*"];
    after_each_write(
        "delete several",
        6,
        &delete,
        || Place::with_archives(&NAMES),
        |place, writes| {
            let listed = place.shell.glacier(&["archive", "list", "v"]).stdout;
            for name in NAMES {
                let is_listed = listed.lines().any(|line| line == name);
                assert!(place.stored(name) == 0 || is_listed, "after write {writes}: {name} is not listed");
                let known = place.shell.glacier(&["archive", "checkpresent", "v", name]).stdout;
                assert!(place.stored(name) == 1 || known.is_empty(), "after write {writes}: {name} is gone");
            }
            if !listed.is_empty() {
                assert_eq!(place.shell.glacier(&delete).status, 0, "after write {writes}");
            }
            assert_eq!(place.archives(), 0);
            place.shell.glacier(&["archive", "list", "v"]).is_silent();
        },
    );
}

/// One of two is left, whenever it ends.
#[test]
fn a_deletion_of_what_is_stored_twice() {
    let make = || {
        let place = Place::with_archives(&["file", "file"]);
        place.settle();
        place
    };
    let dedupe = ["archive", "dedupe", "v"];
    after_each_write("dedupe", 2, &dedupe, make, |place, writes| {
        assert_ne!(place.archives(), 0, "after write {writes}");
        assert_eq!(place.shell.glacier(&dedupe).status, 0, "after write {writes}");
        assert_eq!(place.archives(), 1, "after write {writes}");
        place.shell.glacier(&["archive", "list", "v"]).is("file\nwitness\n", "", 0);
        place.shell.glacier(&["archive", "checkpresent", "v", "file"]).is("file\n", "", 0);
        place.shell.glacier(&["archive", "retrieve", "--wait", "v", "file", "-o", "back"]).is_silent();
        assert!(place.shell.read("back") == place.content);
    });
}

/// The schema is brought up to date in one transaction; of one that is cut short nothing is there. Then it is noted whose
/// the rows are.
#[test]
fn the_first_use_of_the_cache_of_the_original() {
    let list = ["archive", "list", "v"];
    let make = || {
        let place = Place::new(1);
        std::fs::remove_dir_all(place.shell.cache_path().parent().unwrap()).unwrap();
        drop(old_cache(&place.shell, place.shell.emulator.access_key_id()));
        place
    };
    let before =
        rows(&make().shell.sqlite()).join("\n").replace(make().shell.emulator.access_key_id(), "KEY");
    after_each_write("the original's cache", 10, &list, make, |place, writes| {
        place.shell.glacier(&list).is("id:id-3\t\none\ntwo\n", "", 0);
        place.shell.glacier(&["archive", "list", "w"]).is("other\n", "", 0);
        let after =
            rows(&place.shell.sqlite()).join("\n").replace(place.shell.emulator.access_key_id(), "KEY");
        assert_eq!(after, before, "after write {writes}");
        assert_eq!(std::fs::read_dir(place.shell.cache_path().parent().unwrap()).unwrap().count(), 1);
    });
}

#[test]
fn a_deletion() {
    let delete = ["archive", "delete", "v", "file"];
    after_each_write("delete", 2, &delete, Place::with_archive, |place, writes| {
        let list = ["archive", "list", "v"];
        let is_listed = !place.shell.glacier(&list).stdout.is_empty();
        assert!(place.archives() == 0 || is_listed, "after write {writes}: it is there, and not listed");
        if is_listed {
            let known = place.shell.glacier(&["archive", "checkpresent", "v", "file"]);
            assert_eq!(known.stdout, "", "after write {writes}: its deletion was begun");
            place.shell.glacier(&delete).is_silent();
        }
        assert_eq!(place.archives(), 0);
        place.shell.glacier(&list).is_silent();
    });
}

#[test]
fn a_sync_that_builds_the_cache_anew() {
    let sync = ["vault", "sync", "--wait", "v"];
    let make = || {
        let place = Place::with_archive();
        std::fs::remove_dir_all(place.shell.cache_path().parent().unwrap()).unwrap();
        place
    };
    after_each_write("sync", 11, &sync, make, |place, writes| {
        let again = place.shell.glacier(&sync);
        assert_eq!(again.status, 0, "after write {writes}: {again:?}");
        place.shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
        assert_eq!(place.shell.count("InitiateJob"), 1, "after write {writes}: one inventory is enough");
    });
}

/// An upload without an answer, and an archive that others have deleted: a sync writes for each.
#[test]
fn a_sync_that_settles_uploads() {
    let make = || {
        let place = Place::with_archives(&["gone"]);
        place.shell.emulator.advance(4 * 24 * HOUR);
        place.others_delete("gone");
        place.shell.fault("cut-after@UploadArchive#1");
        assert_eq!(place.shell.glacier(&["archive", "upload", "v", "file"]).status, 1);
        place.shell.heal();
        place.shell.emulator.advance(Duration::from_secs(1));
        place
    };
    let sync = ["vault", "sync", "--wait", "--fix", "v"];
    after_each_write("sync that settles", 2, &sync, make, |place, writes| {
        assert_eq!(place.shell.glacier(&sync).status, 0, "after write {writes}");
        is_stored_once(place, &["archive", "upload", "v", "file", "--skip-existing"], writes);
        place.shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
        let known = place.shell.glacier(&["archive", "checkpresent", "v", "gone"]).stdout;
        assert_eq!(known, "", "after write {writes}: it is gone");
    });
}

const KEY: &str = "WORM-s1000--file";

/// The special remote, and what is kept about keys.
struct Remote {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Remote {
    /// Starts one that ends after so many writes, and prepares it.
    fn start(place: &Place, writes: Option<u32>) -> Self {
        let mut command = place.shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
        if let Some(writes) = writes {
            command.env(END_AFTER_WRITES, writes.to_string());
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut remote = Self { child, input, output };
        assert_eq!(remote.line().as_deref(), Some("VERSION 2"));
        assert_eq!(remote.asks("PREPARE", &mut BTreeMap::new()).as_deref(), Some("PREPARE-SUCCESS"));
        remote
    }

    /// Returns the reply to a request, or none if the remote has ended.
    fn asks(&mut self, request: &str, states: &mut BTreeMap<String, String>) -> Option<String> {
        self.says(request);
        loop {
            let line = self.line()?;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "GETCONFIG" if rest == "vault" => self.says("VALUE v"),
                "GETCONFIG" if rest == "region" => self.says("VALUE us-east-1"),
                "GETCONFIG" | "GETGITDIR" => self.says("VALUE "),
                "GETCREDS" => self.says("CREDS  "),
                "GETSTATE" => {
                    let state = states.get(rest).cloned().unwrap_or_default();
                    self.says(&format!("VALUE {state}"));
                }
                "SETSTATE" => {
                    let (key, state) = rest.split_once(' ').unwrap();
                    states.insert(key.to_owned(), state.to_owned());
                }
                "PROGRESS" | "INFO" | "DEBUG" => {}
                _ => return Some(line),
            }
        }
    }

    /// One that has ended hears nothing.
    fn says(&mut self, line: &str) {
        let _ = writeln!(self.input, "{line}");
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    }

    fn ends(self) {
        let Self { mut child, input, output } = self;
        drop((input, output));
        child.wait().unwrap();
    }
}

/// Asks a remote, which ends after so many writes, and then the next one, which does not.
fn ask(
    place: &Place,
    request: &str,
    states: &mut BTreeMap<String, String>,
    writes: Option<u32>,
) -> Option<String> {
    let mut remote = Remote::start(place, writes);
    let said = remote.asks(request, states);
    remote.ends();
    said
}

#[test]
fn a_store_by_the_special_remote() {
    for writes in 1.. {
        let (place, mut states) = (Place::new(1000), BTreeMap::new());
        let store = format!("TRANSFER STORE {KEY} {}", place.shell.path("file").display());
        if ask(&place, &store, &mut states, Some(writes)).is_some() {
            assert_eq!(writes - 1, 2);
            break;
        }
        let was_stored = place.archives() == 1;
        let check = format!("CHECKPRESENT {KEY}");
        let said = ask(&place, &check, &mut states, None).unwrap();
        assert!(!was_stored || !said.starts_with("CHECKPRESENT-FAILURE"), "after write {writes}: {said}");
        let mut said = ask(&place, &store, &mut states, None).unwrap();
        if said.starts_with("TRANSFER-FAILURE") {
            assert!(said.contains("had no answer and may have stored it"), "after write {writes}: {said}");
            place.settle();
            said = ask(&place, &store, &mut states, None).unwrap();
        }
        assert_eq!(said, format!("TRANSFER-SUCCESS STORE {KEY}"), "after write {writes}");
        assert_eq!(place.archives(), 1, "after write {writes}");
        assert_eq!(ask(&place, &check, &mut states, None), Some(format!("CHECKPRESENT-SUCCESS {KEY}")));
        tell("STORE", writes);
    }
}

#[test]
fn a_removal_by_the_special_remote() {
    for writes in 1.. {
        let (place, mut states) = (Place::new(1000), BTreeMap::new());
        let store = format!("TRANSFER STORE {KEY} {}", place.shell.path("file").display());
        let (remove, check) = (format!("REMOVE {KEY}"), format!("CHECKPRESENT {KEY}"));
        assert!(ask(&place, &store, &mut states, None).unwrap().starts_with("TRANSFER-SUCCESS"));
        if ask(&place, &remove, &mut states, Some(writes)).is_some() {
            assert_eq!(writes - 1, 2);
            break;
        }
        let is_there = place.archives() == 1;
        let said = ask(&place, &check, &mut states, None).unwrap();
        let is_wrong = if is_there { "CHECKPRESENT-FAILURE" } else { "CHECKPRESENT-SUCCESS" };
        assert!(!said.starts_with(is_wrong), "after write {writes}: {said}");
        assert_eq!(ask(&place, &remove, &mut states, None), Some(format!("REMOVE-SUCCESS {KEY}")));
        assert_eq!(place.archives(), 0, "after write {writes}");
        assert_eq!(ask(&place, &check, &mut states, None), Some(format!("CHECKPRESENT-FAILURE {KEY}")));
        tell("REMOVE", writes);
    }
}

/// A clone that knows of a key only what git-annex keeps of it, and has an empty cache.
fn elsewhere(place: &Place) {
    std::fs::remove_dir_all(place.shell.cache_path().parent().unwrap()).unwrap();
    place.shell.glacier(&["vault", "list"]).is("v\n", "", 0);
}

/// Asks until there is an end to it; returns whether the remote has ended before.
fn dies_asking(place: &Place, request: &str, states: &mut BTreeMap<String, String>, writes: u32) -> bool {
    let mut remote = Remote::start(place, Some(writes));
    let has_ended = loop {
        match remote.asks(request, states) {
            None => break true,
            Some(said) if said.contains("-SUCCESS") => break false,
            Some(_) => place.shell.emulator.advance(5 * HOUR),
        }
    };
    remote.ends();
    has_ended
}

/// Asks until it is done.
fn asks_until_done(place: &Place, request: &str, states: &mut BTreeMap<String, String>) {
    for _ in 0..4 {
        let said = ask(place, request, states, None).unwrap();
        if said.contains("-SUCCESS") {
            return;
        }
        assert!(!said.starts_with("CHECKPRESENT-FAILURE"), "it is there: {said}");
        place.shell.emulator.advance(5 * HOUR);
    }
    panic!("{request} was never done");
}

#[test]
fn a_retrieval_by_the_special_remote() {
    for writes in 1.. {
        let (place, mut states) = (Place::new(1000), BTreeMap::new());
        let store = format!("TRANSFER STORE {KEY} {}", place.shell.path("file").display());
        let retrieve = format!("TRANSFER RETRIEVE {KEY} {}", place.shell.path("back").display());
        assert!(ask(&place, &store, &mut states, None).unwrap().starts_with("TRANSFER-SUCCESS"));
        elsewhere(&place);
        if !dies_asking(&place, &retrieve, &mut states, writes) {
            assert_eq!(writes - 1, 2);
            break;
        }
        asks_until_done(&place, &retrieve, &mut states);
        assert!(place.shell.read("back") == place.content, "after write {writes}: other bytes came back");
        support::no_leftovers(&place.shell.path(""));
        assert_eq!(
            place.shell.count("InitiateJob"),
            1,
            "after write {writes}: a second job costs a second time"
        );
        tell("RETRIEVE", writes);
    }
}

/// Long after it was stored: an inventory is asked for, and taken in.
#[test]
fn a_question_to_the_special_remote() {
    for writes in 1.. {
        let (place, mut states) = (Place::with_archives(&[KEY]), BTreeMap::new());
        let check = format!("CHECKPRESENT {KEY}");
        place
            .shell
            .sqlite()
            .execute("UPDATE archive SET created_here = created_here - 61 * 3600", [])
            .unwrap();
        if !dies_asking(&place, &check, &mut states, writes) {
            assert_eq!(writes - 1, 1);
            break;
        }
        asks_until_done(&place, &check, &mut states);
        assert_eq!(place.shell.count("InitiateJob"), 1, "after write {writes}: one inventory is enough");
        tell("CHECKPRESENT", writes);
    }
}
