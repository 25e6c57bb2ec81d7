//! `--json`: each shape is as `docs/records.md` has it, and names go with a zero byte after each.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use support::asking::at_a_terminal;
use support::documents::read;
use support::{HOUR, Outcome, Shell, noise};

/// The shapes by name, with their fields, as the document has them.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let document = read("docs/records.md");
    let sections = document.split("\n### `").skip(1).map(|section| section.split("\n#").next().unwrap());
    let shape = |section: &str| {
        let fields = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let fields = fields.map(str::to_owned).chain(["schema".to_owned()]).collect();
        (section.split('`').next().unwrap().to_owned(), fields)
    };
    sections.map(shape).collect()
}

/// A shell whose records are all compared with the document.
struct Recorded {
    shell: Shell,
    documented: BTreeMap<String, BTreeSet<String>>,
    seen: RefCell<BTreeSet<String>>,
}

impl Recorded {
    fn new() -> Self {
        let shell = Shell::new();
        shell.glacier(&["vault", "create", "v"]).is_silent();
        Self { shell, documented: documented(), seen: RefCell::default() }
    }

    #[track_caller]
    fn ends(&self, status: i32, arguments: &[&str]) -> Vec<Value> {
        let outcome = self.shell.glacier(&[&["--json"], arguments].concat());
        assert_eq!(outcome.status, status, "{outcome:?}");
        self.records(&outcome)
    }

    #[track_caller]
    fn prints(&self, arguments: &[&str]) -> Vec<Value> {
        self.ends(0, arguments)
    }

    #[track_caller]
    fn records(&self, outcome: &Outcome) -> Vec<Value> {
        let records = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let records: Vec<Value> = records.collect();
        for record in &records {
            let schema = record["schema"].as_str().unwrap();
            let fields: BTreeSet<String> = record.as_object().unwrap().keys().cloned().collect();
            assert_eq!(self.documented.get(schema), Some(&fields), "{schema}");
            self.seen.borrow_mut().insert(schema.to_owned());
        }
        records
    }

    fn stores(&self, name: &str, content: &str) {
        let name = format!("--name={name}");
        let stored =
            self.shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], content.as_bytes());
        stored.is_silent();
    }
}

fn texts<'a>(records: &'a [Value], field: &str) -> Vec<&'a str> {
    records.iter().map(|record| record[field].as_str().unwrap_or("null")).collect()
}

/// One life of a vault, of which everything is told in records.
#[test]
fn each_shape_is_as_it_is_documented() {
    let recorded = Recorded::new();
    let shell = &recorded.shell;
    shell.write("cat.jpg", "meow");
    assert_eq!(texts(&recorded.prints(&["archive", "upload", "v", "cat.jpg"]), "status"), ["stored"]);
    recorded.stores("twice", "same");
    recorded.stores("twice", "same");
    let listed = recorded.prints(&["archive", "list", "v"]);
    assert_eq!(texts(&listed, "name"), ["cat.jpg", "twice", "twice"]);
    assert_eq!(texts(&listed, "last_seen_date"), ["null"; 3]);
    assert_eq!(recorded.prints(&["treehash", "cat.jpg"])[0]["tree_hash"], listed[0]["tree_hash"]);
    assert_eq!(texts(&recorded.prints(&["verify", "v", "."]), "status"), ["ok", "not-here", "not-here"]);
    recorded.prints(&["config"]);

    let duplicates = recorded.ends(1, &["archive", "dedupe", "v"]);
    assert_eq!(texts(&duplicates, "kept_id"), ["null", "null"], "no inventory lists one that could be kept");
    assert_eq!(texts(&recorded.ends(75, &["vault", "sync", "v"]), "status"), ["queued"]);
    let pending = &recorded.ends(75, &["vault", "sync", "v"])[0];
    assert_eq!((&pending["status"], &pending["archives"]), (&"pending".into(), &Value::Null));
    shell.emulator.advance(4 * HOUR);
    recorded.stores("late", "x");
    shell
        .sqlite()
        .execute("UPDATE archive SET name = 'dog.jpg', size_bytes = 20 WHERE name = 'cat.jpg'", [])
        .unwrap();
    let synced = recorded.prints(&["vault", "sync", "v"]);
    assert_eq!(texts(&synced, "schema"), ["finding/1", "finding/1", "finding/1", "sync/1"], "{synced:?}");
    let renamed = synced.iter().find(|record| record["finding"] == "renamed").unwrap();
    assert_eq!((&renamed["new_name"], &renamed["is_fixed"]), (&"cat.jpg".into(), &false.into()));
    let changed = synced.iter().find(|record| record["finding"] == "content-changed").unwrap();
    assert_eq!((&changed["new_size_bytes"], &changed["is_fixed"]), (&4.into(), &false.into()));
    assert_eq!(changed["new_tree_hash"], listed[0]["tree_hash"]);
    assert_eq!(synced.iter().filter(|record| record["finding"] == "not-yet-listed").count(), 1);
    let last = &synced[3];
    assert_eq!(
        (&last["status"], &last["archives"], &last["findings"]),
        (&"done".into(), &3.into(), &3.into())
    );
    assert!(last["inventory_date"].is_string() && last["unreadable_rows"] == 0);
    let fixed = recorded.prints(&["vault", "sync", "--fix", "v"]);
    assert!(fixed.iter().any(|record| record["finding"] == "renamed" && record["is_fixed"] == true));

    let dry = recorded.prints(&["archive", "dedupe", "--dry-run", "v"]);
    let duplicates = recorded.prints(&["archive", "dedupe", "v"]);
    assert_eq!((&dry[0]["is_deleted"], &duplicates[0]["is_deleted"]), (&false.into(), &true.into()));
    assert!(duplicates.len() == 1 && duplicates[0]["kept_id"].is_string());

    recorded.ends(75, &["archive", "retrieve", "v", "cat.jpg", "twice", "-d", "out"]);
    assert_eq!(recorded.prints(&["job", "list"]).len(), 3);
    recorded.prints(&["archive", "delete", "v", "late"]);
    recorded.prints(&["vault", "list"]);
    recorded.prints(&["vault", "info", "v"]);
    shell.glacier(&["vault", "tags", "v", "--set", "a=b"]);
    recorded.prints(&["vault", "tags", "v"]);
    recorded.prints(&["vault", "notifications", "v"]);
    recorded.prints(&["policy", "get"]);
    recorded.prints(&["estimate", "store", "v"]);
    recorded.prints(&["archive", "checkpresent", "v", "cat.jpg"]);

    shell.write("film.mkv", noise(3 << 20));
    shell.fault("access-denied@UploadMultipartPart");
    recorded.ends(1, &["archive", "upload", "v", "--part-size=1M", "film.mkv"]);
    shell.heal();
    shell.fault("cut-after@UploadArchive#1");
    recorded.ends(1, &["archive", "upload", "v", "cat.jpg"]);
    shell.heal();
    let uploads = recorded.prints(&["upload", "list", "v"]);
    assert_eq!(texts(&uploads, "status"), ["in-parts", "without-answer"], "{uploads:?}");
    assert_eq!(texts(&uploads, "name"), ["film.mkv", "cat.jpg"]);
    let dry = recorded.prints(&["upload", "abort", "v", "--all", "--dry-run"]);
    let aborted = recorded.prints(&["upload", "abort", "v", "--all"]);
    assert_eq!((&dry[0]["is_aborted"], &aborted[0]["is_aborted"]), (&false.into(), &true.into()));
    assert_eq!((&dry[0]["name"], dry.len(), aborted.len()), (&"film.mkv".into(), 1, 1));

    let documented: BTreeSet<String> = recorded.documented.keys().cloned().collect();
    assert_eq!(*recorded.seen.borrow(), documented);
}

/// A shape that the program has and this document not, nobody could rely on.
#[test]
fn every_shape_is_documented() {
    let sources = walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"));
    let mut shapes = BTreeSet::new();
    for entry in sources.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let named = text.split("const SCHEMA: &'static str = \"").skip(1);
        shapes.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    let documented: BTreeSet<String> = documented().into_keys().collect();
    // It goes to standard error.
    assert!(shapes.remove("progress/1") && read("docs/progress.md").contains("`progress/1`"));
    assert_eq!(shapes, documented);
}

#[test]
fn whether_an_archive_exists_is_yes_no_or_unknown() {
    let recorded = Recorded::new();
    let presence = |name: &str| {
        let record = recorded.prints(&["archive", "checkpresent", "v", name]).remove(0);
        assert_eq!((&record["vault"], &record["name"]), (&"v".into(), &name.into()));
        assert_eq!(record["reason"].is_null(), record["presence"] == "present", "{record}");
        record["presence"].as_str().unwrap().to_owned()
    };
    recorded.stores("here", "x");
    recorded.stores("gone", "x");
    assert_eq!(presence("here"), "present");
    recorded.shell.glacier(&["archive", "delete", "v", "gone"]).is_silent();
    assert_eq!(presence("gone"), "absent");
    // Known here long ago, and no inventory has told of it since.
    let sql = "UPDATE archive SET created_here = created_here - 100 * 3600 WHERE name = 'here'";
    recorded.shell.sqlite().execute(sql, []).unwrap();
    assert_eq!(presence("here"), "unknown");
    // An upload without an answer may have stored it.
    recorded.shell.write("late", "x");
    recorded.shell.fault("cut-after@UploadArchive#1");
    assert_eq!(recorded.shell.glacier(&["archive", "upload", "v", "late"]).status, 1);
    assert_eq!(presence("late"), "unknown");
    // Of a vault that others fill.
    std::fs::remove_dir_all(recorded.shell.cache_path().parent().unwrap()).unwrap();
    assert_eq!(presence("never"), "unknown");
}

#[test]
fn what_prints_nothing_has_no_records() {
    let shell = Shell::new();
    for arguments in [
        &["vault", "create", "v"][..],
        &["vault", "delete", "v"],
        &["vault", "tags", "--set=a=b", "v"],
        &["vault", "notifications", "--delete", "v"],
        &["policy", "set", "none"],
        &["completions", "bash"],
    ] {
        let refused = shell.glacier(&[&["--json"], arguments].concat());
        refused.is_refused(2, "this command prints no records; run it without --json");
    }
    shell.glacier(&["vault", "list", "-0", "--json"]).is_refused(1, "leave out either --null or --json");
    assert_eq!(shell.emulator.requests().len(), 0);
}

/// Whatever is in a name, it comes back as it went.
#[test]
fn names_go_round_with_a_zero_byte_after_each() {
    let shell = Shell::new();
    for vault in ["a", "b"] {
        shell.glacier(&["vault", "create", vault]).is_silent();
    }
    shell.glacier(&["vault", "list", "-0"]).is("a\0b\0", "", 0);
    assert_eq!(shell.glacier(&["vault", "list", "-l", "--null"]).stdout.matches('\0').count(), 2);
    for name in ["plain", "id:odd", "lines", "same", "same", "empty"] {
        let name_option = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "a", &name_option, "-"], name.as_bytes()).is_silent();
    }
    shell
        .sqlite()
        .execute_batch(
            "UPDATE archive SET name = 'two' || char(10) || 'lines' || char(13) WHERE name = 'lines';
             UPDATE archive SET name = '' WHERE name = 'empty';",
        )
        .unwrap();
    let list = shell.glacier(&["archive", "list", "-0", "a"]);
    let names: Vec<&str> = list.stdout.split_terminator('\0').collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!((&names[1..3], names[5]), (&["name:id:odd", "plain"][..], "two\nlines\r"), "{names:?}");
    let delete = ["archive", "delete", "a", "--yes", "--from-file", "-", "-0"];
    let dry = shell.glacier_with_input(&[&delete[..], &["--dry-run"]].concat(), list.stdout.as_bytes());
    assert_eq!(
        (dry.stdout.matches("id:").count(), dry.status),
        (7, 0),
        "each once, and one is called so: {dry:?}"
    );
    assert_eq!(shell.glacier_with_input(&delete, list.stdout.as_bytes()).status, 0);
    assert_eq!(shell.glacier(&["archive", "list", "a"]).stdout, "");
}

/// Scripts of the original expect nothing on standard error; people should know that there may be more.
#[test]
fn a_list_without_an_inventory_is_called_partial_at_a_terminal() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"x").is_silent();
    let list = ["archive", "list", "v"];
    // Of a vault that was made here all is known.
    at_a_terminal(&shell, &list, "").is("a\n", "", 0);
    shell.sqlite().execute("UPDATE vault SET empty_since = NULL", []).unwrap();
    shell.glacier(&list).is("a\n", "", 0);
    let partial =
        "glacier: info: archives that were not stored from here are not known until 'glacier vault sync v'\n";
    at_a_terminal(&shell, &list, "").is("a\n", partial, 0);
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    at_a_terminal(&shell, &list, "").is("a\n", "", 0);
}

#[test]
fn a_dry_run_gives_up_no_upload() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("film.mkv", noise(3 << 20));
    shell.fault("access-denied@UploadMultipartPart");
    assert_eq!(shell.glacier(&["archive", "upload", "v", "--part-size=1M", "film.mkv"]).status, 1);
    shell.heal();
    let listed = shell.glacier(&["upload", "list", "v"]).stdout;
    let id = listed.split('\t').next().unwrap();
    let writes = shell.writes();
    shell.glacier(&["upload", "abort", "v", "--all", "--dry-run"]).is(&listed, "", 0);
    shell.glacier(&["upload", "abort", "v", id, "--dry-run"]).is(&listed, "", 0);
    let none = shell.glacier(&["upload", "abort", "v", "none", "--dry-run"]);
    none.is_refused(1, "upload 'none' not found in vault v; see 'glacier upload list v'");
    assert_eq!((shell.glacier(&["upload", "list", "v"]).stdout, shell.writes()), (listed.clone(), writes));
    shell.glacier(&["upload", "abort", "v", id]).is_silent();
    shell.glacier(&["upload", "list", "v"]).is_silent();
}

#[test]
fn a_dry_run_deletes_no_vault_and_sets_no_policy() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["vault", "delete", "--dry-run", "v"]).is("v\n", "", 0);
    shell.glacier(&["vault", "delete", "--dry-run", "none"]).is_refused(1, "vault 'none' not found");
    let now = shell.glacier(&["policy", "get"]).stdout;
    let said = format!("glacier: info: the policy in force is {now}");
    shell.glacier(&["policy", "set", "--dry-run", "bytes-per-hour", "1G"]).is(
        "bytes-per-hour 1073741824\n",
        &said,
        0,
    );
    shell.glacier(&["policy", "set", "free-tier", "--dry-run"]).is("free-tier\n", &said, 0);
    assert_eq!((shell.glacier(&["policy", "get"]).stdout, shell.count("SetDataRetrievalPolicy")), (now, 0));
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"x").is_silent();
    shell.glacier(&["vault", "delete", "--dry-run", "v"]).is_refused(1, "vault 'v' would not be deleted: ");
    assert_eq!(shell.count("DeleteVault"), 0);
}
