//! `archive retrieve` of many archives: by patterns, from a list, below a directory, and what that would cost.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fmt::Write;
use std::os::unix::fs::symlink;

use glacier_emulator::Emulator;
use serde_json::Value;
use support::{HOUR, Outcome, Shell};

/// A vault `v` with archives of these names, each with its name as content.
fn shell(names: &[&str]) -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in names {
        let name_option = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "v", &name_option, "-"], name.as_bytes()).is_silent();
    }
    shell
}

fn retrieve(shell: &Shell, arguments: &[&str]) -> Outcome {
    shell.glacier(&[&["archive", "retrieve", "v"], arguments].concat())
}

/// Asks for the archives and lets their jobs finish.
fn make_ready(shell: &Shell, arguments: &[&str]) {
    assert_eq!(retrieve(shell, arguments).status, 75);
    shell.emulator.advance(4 * HOUR);
}

fn records(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn queued(names: &[&str]) -> String {
    names.iter().fold(String::new(), |mut said, name| {
        writeln!(said, "glacier: queued retrieval job for archive '{name}'").unwrap();
        said
    })
}

fn shown_ids(shell: &Shell) -> Vec<String> {
    let listed = shell.glacier(&["archive", "list", "--force-ids", "v"]).stdout;
    listed.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn patterns_mean_all_that_match_each_once() {
    let shell = shell(&["2014/a.jpg", "2014/b.png", "2015/c.jpg", "d.jpg"]);
    let patterns = ["d.jpg", "--glob", "**/*.jpg", "--glob", "2014/*"];
    retrieve(&shell, &patterns).is("", &queued(&["d.jpg", "2014/a.jpg", "2015/c.jpg", "2014/b.png"]), 75);
    assert_eq!(shell.count("InitiateJob"), 4);
    shell.emulator.advance(4 * HOUR);
    retrieve(&shell, &patterns).is_silent();
    for (file, content) in [("a.jpg", "2014/a.jpg"), ("d.jpg", "d.jpg"), ("b.png", "2014/b.png")] {
        assert_eq!(shell.read(file), content.as_bytes());
    }
}

#[test]
fn a_pattern_that_matches_nothing_starts_no_job() {
    let shell = shell(&["a"]);
    let why = "no archive of vault v that is known here matches 'x*'; see 'glacier archive list v'";
    retrieve(&shell, &["a", "--glob", "x*"]).is_refused(1, why);
    retrieve(&shell, &["--glob", "x*", "--dry-run"]).is_refused(1, why);
    retrieve(&shell, &["--glob", "[a"]).is_refused(2, "'[a' is not a pattern of names");
    retrieve(&shell, &[]).is_refused(2, "required");
    assert_eq!(shell.count("InitiateJob"), 0);
}

/// What no line of a list could tell apart from others is brought by its id.
#[test]
fn an_archive_without_a_name_is_left_out_of_patterns() {
    let shell = shell(&["a", "b"]);
    shell.sqlite().execute("UPDATE archive SET name = '' WHERE name = 'b'", []).unwrap();
    let id = shell.glacier(&["archive", "list", "v"]).stdout.lines().next().unwrap().trim_end().to_owned();
    let left_out = format!("glacier: warning: left out {id}: it has no name; bring it with -o\n");
    retrieve(&shell, &["--glob", "*"]).is("", &format!("{left_out}{}", queued(&["a"])), 75);
    shell.sqlite().execute("UPDATE archive SET name = ''", []).unwrap();
    let outcome = retrieve(&shell, &["--glob", "*", "-d", "out"]);
    assert_eq!((outcome.stderr.lines().count(), outcome.status), (2, 1), "{outcome:?}");
    retrieve(&shell, &[&id, "-d", "out"]).is_refused(1, "its name is none that a file could have");
}

#[test]
fn a_list_is_read_as_archive_list_prints_it() {
    let shell = shell(&["a", "b c", "id:odd", "same", "-dash"]);
    shell.glacier_with_input(&["archive", "upload", "v", "--name=same", "-"], b"another").is_silent();
    let list = shell.glacier(&["archive", "list", "v"]).stdout;
    assert!(list.contains("name:id:odd\n") && list.matches("\tsame\n").count() == 2, "{list}");
    // Of two with one name, one; the other would be the same file.
    let (one, other): (Vec<&str>, Vec<&str>) = list.lines().partition(|line| line.contains("\tsame"));
    let some = [other, one[..1].to_vec()].concat();
    shell.write("list", some.join("\r\n") + "\n\r\n\n");
    make_ready(&shell, &["--from-file", "list", "-d", "out"]);
    assert_eq!(shell.count("InitiateJob"), 5);
    retrieve(&shell, &["--from-file", "list", "-d", "out"]).is_silent();
    assert_eq!(shell.read("out/id:odd"), b"id:odd");
    assert_eq!(shell.read("out/b c"), b"b c");
    assert!(shell.path("out/same").exists() && shell.path("out/-dash").exists());
    shell.write("all", list);
    retrieve(&shell, &["--from-file", "all", "-d", "out"])
        .is_refused(1, "two of the archives would be written to 'out/same'");
}

#[test]
fn a_hostile_list_is_told_of_with_its_line() {
    let shell = shell(&["a", "b"]);
    for (list, why) in [
        (b"a\n\xff\xfe\nb\n".as_slice(), "line 2 of 'list': '\u{fffd}\u{fffd}' is no text, as names are"),
        (b"a\n\nid:\n", "line 3 of 'list': '' is not the id of an archive"),
        (b"a\nnone\n", "archive 'none' not found"),
    ] {
        shell.write("list", list);
        retrieve(&shell, &["--from-file", "list"]).is_refused(1, why);
    }
    retrieve(&shell, &["--from-file", "missing"]).is_refused(1, "cannot read 'missing': No such file");
    retrieve(&shell, &["-0", "a"]).is_refused(2, "--from-file");
    assert_eq!(shell.count("InitiateJob"), 0);
    // A name twice is one archive.
    let twice = b"b\nb\r\nname:b\na\nb\n";
    let arguments = ["archive", "retrieve", "v", "a", "--from-file", "-"];
    shell.glacier_with_input(&arguments, twice).is("", &queued(&["a", "b"]), 75);
    let empty = "glacier: info: standard input lists no archive\n";
    shell.glacier_with_input(&["archive", "retrieve", "v", "--from-file", "-"], b"\n\r\n").is("", empty, 0);
    assert_eq!(shell.count("InitiateJob"), 2);
}

#[test]
fn a_zero_byte_ends_names_that_have_lines() {
    let shell = shell(&["a", "b"]);
    shell
        .sqlite()
        .execute("UPDATE archive SET name = 'two' || char(10) || 'lines' WHERE name = 'b'", [])
        .unwrap();
    let arguments = ["archive", "retrieve", "v", "-d", "out", "--null", "--from-file", "-"];
    let outcome = shell.glacier_with_input(&arguments, b"two\nlines\0a\0");
    assert_eq!((outcome.stderr, outcome.status), (queued(&["two\\nlines", "a"]), 75));
    shell.emulator.advance(4 * HOUR);
    shell.glacier_with_input(&arguments, b"two\nlines\0a").is_silent();
    assert_eq!(shell.read("out/two\nlines"), b"b");
}

#[test]
fn names_keep_their_directories_below_the_one_that_is_given() {
    let shell = shell(&["photos/2014/a.jpg", "b", "photos/b"]);
    make_ready(&shell, &["--glob", "**", "-d", "new/out"]);
    assert!(!shell.path("new").exists(), "nothing is made before there is something to write");
    retrieve(&shell, &["--glob", "**", "--directory", "new/out"]).is_silent();
    for name in ["photos/2014/a.jpg", "b", "photos/b"] {
        assert_eq!(shell.read(&format!("new/out/{name}")), name.as_bytes());
    }
    // By id, the name is known from the cache; without a directory it has to be given, as ever.
    let id = &shown_ids(&shell)[1];
    retrieve(&shell, &[id, "-d", "by-id"]).is_silent();
    assert_eq!(shell.read("by-id/photos/2014/a.jpg"), b"photos/2014/a.jpg");
    retrieve(&shell, &[id]).is_refused(1, "an archive given by id needs a name for its file");
    retrieve(&shell, &["id:unknown", "-d", "x"]).is_refused(1, "archive 'id:unknown' not found");
    retrieve(&shell, &["b", "-d", "x", "-o", "y"]).is_refused(2, "cannot be used with");
}

/// Each of these would have written to a place that nobody named.
#[test]
fn a_name_that_leads_out_of_the_directory_is_refused_before_a_job_is_paid_for() {
    let names = ["good", "../up", "a/../../up", "/absolute", "link/x", "inside/x", "file-link", "deep/"];
    let shell = shell(&names);
    std::fs::create_dir_all(shell.path("out/there")).unwrap();
    std::fs::create_dir(shell.path("elsewhere")).unwrap();
    shell.write("elsewhere/mine", "mine");
    symlink("../elsewhere", shell.path("out/link")).unwrap();
    symlink("there", shell.path("out/inside")).unwrap();
    symlink(shell.path("elsewhere/mine"), shell.path("out/file-link")).unwrap();
    for (name, why) in [
        (
            "../up",
            "archive '../up' cannot be written below 'out'; bring it by itself, with -o: its name has '..' in it",
        ),
        ("a/../../up", "its name has '..' in it"),
        ("/absolute", "its name begins with '/'"),
        ("link/x", "cannot write 'out/link/x': a link leads out of the directory, to "),
        ("file-link", "cannot write 'out/file-link': a link leads out of the directory, to "),
        ("deep/", "its name is none that a file could have"),
    ] {
        retrieve(&shell, &["good", name, "-d", "out"]).is_refused(1, why);
        retrieve(&shell, &["good", name, "-d", "out", "--dry-run"]).is_refused(1, why);
    }
    retrieve(&shell, &["--glob", "**", "-d", "out"]).is_refused(1, "cannot");
    assert_eq!(shell.count("InitiateJob"), 0);
    make_ready(&shell, &["good", "inside/x", "-d", "out"]);
    // Someone has put a link there since.
    std::fs::remove_file(shell.path("out/inside")).unwrap();
    symlink("../elsewhere", shell.path("out/inside")).unwrap();
    retrieve(&shell, &["good", "inside/x", "-d", "out"]).is_refused(1, "a link leads out of the directory");
    std::fs::remove_file(shell.path("out/inside")).unwrap();
    symlink("there", shell.path("out/inside")).unwrap();
    retrieve(&shell, &["good", "inside/x", "-d", "out"]).is_silent();
    assert_eq!(shell.read("out/there/x"), b"inside/x");
    assert_eq!(std::fs::read_dir(shell.path("elsewhere")).unwrap().count(), 1);
    assert_eq!(shell.read("elsewhere/mine"), b"mine");
}

/// The job was paid for, and there was no file that the archive could be written to.
#[test]
fn a_name_that_no_file_can_have_is_refused_before_anything_is_asked_for() {
    let long = "n".repeat(300);
    let shell = shell(&[&long]);
    let (longer, why) = (format!("{long}x"), "its name is too long for a file; give another with -o");
    for (arguments, why) in [
        (&[long.as_str()][..], why),
        (&[&long, "-o", &longer], why),
        (&[&long, "-d", "out"], "a part of its name has more than 255 bytes"),
    ] {
        retrieve(&shell, arguments).is_refused(1, why);
    }
    assert_eq!(shell.count("InitiateJob"), 0);
    assert_eq!(retrieve(&shell, &[&long, "-o", "short"]).status, 75);
}

/// What comes later would take the place of what came before.
#[test]
fn archives_that_would_be_in_each_others_way_are_refused() {
    let shell = shell(&["x", "x/y", "d/x", "e/x", "d//x"]);
    std::fs::create_dir_all(shell.path("out/d")).unwrap();
    symlink("d", shell.path("out/e")).unwrap();
    retrieve(&shell, &["x", "d/x"]).is_refused(1, "two of the archives would be written to 'x'");
    retrieve(&shell, &["x", "x"]).is_refused(1, "two of the archives would be written to 'x'");
    retrieve(&shell, &["d/x", "d//x", "-d", "out"]).is_refused(1, "two of the archives would be written to");
    // One file by two names, behind a link.
    retrieve(&shell, &["d/x", "e/x", "-d", "out"]).is_refused(1, "two of the archives would be written to");
    retrieve(&shell, &["x", "x/y", "-d", "out"])
        .is_refused(1, "archive 'x/y' needs a directory where archive 'x' would be a file");
    std::fs::create_dir(shell.path("out/x")).unwrap();
    retrieve(&shell, &["x", "-d", "out"]).is_refused(1, "cannot write 'out/x': it is a directory");
    shell.write("file", "");
    retrieve(&shell, &["x", "-d", "file"]).is_refused(1, "cannot write 'file/x'");
    shell.write("out/d/x", "");
    retrieve(&shell, &["d/x", "-o", "out/d/x/y"]).is_refused(1, "there is no directory 'out/d/x'");
    for arguments in
        [&["--glob", "*", "-o", "f"][..], &["--from-file", "file", "-o", "f"], &["x", "e/x", "-o", "f"]]
    {
        retrieve(&shell, arguments)
            .is_refused(1, "cannot specify output filename with multi-archive retrieval");
    }
    assert_eq!(shell.count("InitiateJob"), 0);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let shell = shell(&["a", "bb"]);
    make_ready(&shell, &["a"]);
    assert_eq!(retrieve(&shell, &["bb"]).status, 75);
    shell.glacier_with_input(&["archive", "upload", "v", "--name=d/ccc", "-"], b"d/ccc").is_silent();
    let before = (shell.writes(), shell.count("GetJobOutput"));
    let dry = retrieve(&shell, &["--glob", "**", "-d", "out", "--dry-run", "--tier", "bulk"]);
    let summary = "glacier: ready: 1 (1 bytes); pending: 1 (2 bytes); bulk jobs to start: 1 (5 bytes)\n";
    dry.is("ready\t1\tout/a\ta\npending\t2\tout/bb\tbb\nstart\t5\tout/d/ccc\td/ccc\n", summary, 0);
    let dry = shell.glacier(&["--json", "archive", "retrieve", "v", "--dry-run", "a", "bb", "d/ccc"]);
    let statuses = records(&dry).into_iter().map(|record| {
        (record["status"].as_str().unwrap().to_owned(), record["path"].clone(), record["job_id"].is_string())
    });
    let expected = [("would-be-done", "a", true), ("pending", "bb", true), ("would-be-queued", "ccc", false)];
    let expected = expected.map(|(status, path, has_job)| (status.to_owned(), path.into(), has_job));
    assert_eq!(statuses.collect::<Vec<_>>(), expected);
    assert_eq!((dry.stderr.as_str(), dry.status), ("", 0));
    let dry = retrieve(&shell, &["a", "--dry-run", "-o-"]);
    dry.is(
        "ready\t1\t-\ta\n",
        "glacier: ready: 1 (1 bytes); pending: 0 (0 bytes); standard jobs to start: 0 (0 bytes)\n",
        0,
    );
    assert_eq!((shell.writes(), shell.count("GetJobOutput")), before);
    assert!(!shell.path("out").exists() && !shell.path("a").exists());
}

/// What was brought before and has expired would be paid for once more.
#[test]
fn what_is_here_already_is_neither_asked_for_nor_brought_again() {
    let shell = shell(&["a", "b", "c"]);
    make_ready(&shell, &["a", "b", "-d", "out"]);
    retrieve(&shell, &["a", "b", "-d", "out"]).is_silent();
    shell.emulator.advance(48 * HOUR);
    shell.write("out/b", "B");
    let jobs = shell.count("InitiateJob");
    let all = ["--glob", "*", "-d", "out", "--skip-existing"];
    let dry = retrieve(&shell, &[&all[..], &["--dry-run"]].concat());
    assert_eq!(dry.stdout, "here\t1\tout/a\ta\nstart\t1\tout/b\tb\nstart\t1\tout/c\tc\n");
    retrieve(&shell, &all).is("", &queued(&["b", "c"]), 75);
    assert_eq!(shell.count("InitiateJob"), jobs + 2);
    shell.emulator.advance(4 * HOUR);
    let outcome = shell.glacier(&[&["--json", "archive", "retrieve", "v"], &all[..]].concat());
    let mut statuses: Vec<String> =
        records(&outcome).iter().map(|record| format!("{} {}", record["name"], record["status"])).collect();
    statuses.sort();
    assert_eq!(statuses, [r#""a" "already-here""#, r#""b" "done""#, r#""c" "done""#]);
    let outputs = shell.count("GetJobOutput");
    retrieve(&shell, &all).is_silent();
    assert_eq!((shell.count("GetJobOutput"), shell.read("out/b")), (outputs, b"b".to_vec()));
    shell.sqlite().execute("UPDATE archive SET tree_hash = NULL WHERE name = 'c'", []).unwrap();
    retrieve(&shell, &all).is_refused(1, "the tree hash of archive 'c' in v is not known here");
}

#[test]
fn a_record_is_printed_for_each() {
    let shell = shell(&["a", "b", "c"]);
    make_ready(&shell, &["a"]);
    assert_eq!(retrieve(&shell, &["b"]).status, 75);
    let json = ["--json", "archive", "retrieve", "v", "a", "b", "c", "-d", "out"];
    let outcome = shell.glacier(&json);
    assert_eq!((outcome.stderr.as_str(), outcome.status), ("", 75));
    let statuses: Vec<String> = records(&outcome)
        .iter()
        .map(|record| {
            assert_eq!((&record["schema"], &record["vault"]), (&"retrieval/1".into(), &"v".into()));
            assert_eq!((&record["size_bytes"], &record["reason"]), (&1.into(), &Value::Null));
            assert!(record["id"].is_string() && record["job_id"].is_string(), "{record}");
            assert_eq!(record["path"], format!("out/{}", record["name"].as_str().unwrap()));
            format!("{} {}", record["name"].as_str().unwrap(), record["status"].as_str().unwrap())
        })
        .collect();
    assert_eq!(statuses, ["a done", "b pending", "c queued"]);
    let outcome = shell.glacier_waits(&[&json[..], &["--wait"]].concat(), 4 * HOUR);
    let done = records(&outcome);
    assert!(done.len() == 3 && done.iter().all(|record| record["status"] == "done"), "{outcome:?}");
    assert_eq!(outcome.status, 0);
    let refused = shell.glacier(&["--json", "archive", "retrieve", "v", "a", "-o-"]);
    refused.is_refused(1, "records and data cannot both go to standard output");
}

#[test]
fn one_that_cannot_be_brought_has_a_record_and_stops_no_other() {
    let shell = shell(&["a", "b", "c"]);
    make_ready(&shell, &["a", "b", "c"]);
    std::fs::create_dir(shell.path("out")).unwrap();
    let update =
        "UPDATE archive SET tree_hash = (SELECT tree_hash FROM archive WHERE name = 'a') WHERE name = 'b'";
    shell.sqlite().execute(update, []).unwrap();
    let outcome = shell.glacier(&["--json", "archive", "retrieve", "v", "a", "b", "c", "-d", "out"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.starts_with("glacier: archive 'b' came damaged: "), "{outcome:?}");
    for record in records(&outcome) {
        let is_b = record["name"] == "b";
        assert_eq!(record["status"], if is_b { "failed" } else { "done" });
        assert_eq!(record["reason"].is_string(), is_b);
    }
    assert!(shell.path("out/a").exists() && !shell.path("out/b").exists() && shell.path("out/c").exists());
}

/// Of several, people were told only of the one that failed, by an id, and not of what was paid for beside it.
#[test]
fn beside_one_that_cannot_be_brought_people_are_told_of_the_others() {
    let shell = shell(&["a", "b", "c"]);
    make_ready(&shell, &["a"]);
    shell.sqlite().execute("UPDATE archive SET id = 'noSuchArchive' WHERE name = 'b'", []).unwrap();
    let outcome = retrieve(&shell, &["b", "c", "a"]);
    let said = "glacier: retrieved archive 'a'\nglacier: could not retrieve archive 'b'\n\
                glacier: queued retrieval job for archive 'c'\n\
                glacier: cannot retrieve all 3 archives from vault 'v': Glacier has no archive noSuchArchive";
    assert!(outcome.stderr.starts_with(said), "{outcome:?}");
    assert_eq!((outcome.status, shell.count("InitiateJob")), (1, 3));
}

/// The emulator told of each expired job and forgot it while others asked for new ones, which it refused then.
#[test]
fn many_jobs_that_have_expired_are_asked_for_anew_at_once() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::create_dir(shell.path("d")).unwrap();
    for number in 0..100 {
        shell.write(&format!("d/n{number:02}"), format!("{number}"));
    }
    shell.glacier(&["archive", "upload", "v", "-r", "d"]).is_silent();
    for round in 1..=5 {
        let outcome = retrieve(&shell, &["--glob", "*", "-d", "out"]);
        assert_eq!((outcome.status, shell.count("InitiateJob")), (75, 100 * round), "{outcome:?}");
        shell.emulator.advance(48 * HOUR);
    }
}

/// What would meet each archive alike is not asked, and told, thousands of times; what is ready is brought all the same.
#[test]
fn a_refusal_of_all_jobs_ends_the_asking() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::create_dir(shell.path("d")).unwrap();
    for number in 0..60 {
        shell.write(&format!("d/n{number:02}"), format!("{number}"));
    }
    shell.glacier(&["archive", "upload", "v", "-r", "d"]).is_silent();
    make_ready(&shell, &["n58", "n59"]);
    shell.fault("access-denied@InitiateJob");
    let asked = shell.count("InitiateJob");
    let outcome = shell.glacier(&["--json", "archive", "retrieve", "v", "--glob", "*", "-d", "out"]);
    let failed = records(&outcome).iter().filter(|record| record["status"] == "failed").count();
    assert!((1..=8).contains(&failed), "those that were under way, and no others: {outcome:?}");
    let said = format!("glacier: {} more archives were not tried\n", 58 - failed);
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    assert!(outcome.stderr.lines().last().unwrap().contains("may not do glacier:InitiateJob"), "{outcome:?}");
    assert_eq!(outcome.status, 1);
    assert!(shell.count("InitiateJob") <= asked + 8);
    assert!(shell.path("out/n58").exists() && shell.path("out/n59").exists());
}

/// One list of jobs serves all of them.
#[test]
fn five_thousand_names_are_read_from_a_list() {
    const MANY: u64 = 5000;
    let data = tempfile::tempdir().unwrap();
    glacier_emulator::seed(data.path(), "us-east-1", "v", MANY).unwrap();
    let shell = Shell::with(Emulator::builder().job_delay(4 * HOUR).data_dir(data.path()));
    assert_eq!(shell.glacier(&["vault", "sync", "v"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    let list = shell.glacier(&["archive", "list", "v"]).stdout;
    assert_eq!(list.lines().count() as u64, MANY);
    let lists = shell.count("ListJobs");
    let retrieve = ["archive", "retrieve", "v", "-d", "out", "--from-file", "-"];
    let outcome = shell.glacier_with_input(&retrieve, list.as_bytes());
    assert_eq!((outcome.stderr.lines().count() as u64, outcome.status), (MANY, 75));
    assert_eq!((shell.count("InitiateJob"), shell.count("ListJobs")), (MANY + 1, lists + 1));
    let described = shell.count("DescribeJob");
    let outcome = shell.glacier_with_input(&retrieve, list.as_bytes());
    assert_eq!(
        outcome.stderr.matches("glacier: job still pending for archive 'seeded/").count() as u64,
        MANY
    );
    assert_eq!((shell.count("InitiateJob"), shell.count("DescribeJob")), (MANY + 1, described));
}

/// The file behind the redirection was replaced, and with it went what others had written there.
#[test]
fn standard_output_by_its_path_is_standard_output() {
    let shell = shell(&["a"]);
    make_ready(&shell, &["a"]);
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let script = format!("(echo before; glacier archive retrieve v a -o {path}; echo after) > out");
        let mut sh = shell.command("sh");
        let programs = std::path::Path::new(env!("CARGO_BIN_EXE_glacier")).parent().unwrap().to_owned();
        let paths = std::env::var("PATH").unwrap();
        let done = sh.env("PATH", format!("{}:{paths}", programs.display())).args(["-c", &script]).status();
        assert!(done.unwrap().success());
        assert_eq!(shell.read("out"), b"before\naafter\n", "{path}");
        let refused = script.replace(&format!("{path};"), "/dev/fd/3 3>> out;");
        let mut sh = shell.command("sh");
        let done = sh.env("PATH", format!("{}:{paths}", programs.display())).args(["-c", &refused]).status();
        assert!(done.unwrap().success());
        assert_eq!(shell.read("out"), b"before\nafter\n", "{path}");
    }
}
