//! `archive upload` of several files and of directories.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use support::{Outcome, Shell, noise};

fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell
}

fn listed(shell: &Shell) -> String {
    shell.glacier(&["archive", "list", "v"]).stdout
}

fn records(outcome: &Outcome) -> Vec<Value> {
    let mut records: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["name"].as_str().unwrap().to_owned());
    records
}

/// A directory with files two deep, an empty one, a link and a socket.
fn make_directory(shell: &Shell) {
    std::fs::create_dir_all(shell.path("photos/2014/07")).unwrap();
    shell.write("photos/top", "top");
    shell.write("photos/2014/a.jpg", "a");
    shell.write("photos/2014/07/b.jpg", "b");
    shell.write("photos/empty", "");
    std::os::unix::fs::symlink("top", shell.path("photos/link")).unwrap();
    std::os::unix::fs::symlink("..", shell.path("photos/2014/round")).unwrap();
}

const LEFT_OUT: &str = "glacier: warning: left out 'photos/2014/round': it is a link, or no file
glacier: warning: left out 'photos/link': it is a link, or no file
glacier: warning: left out 'photos/empty': it is empty, and Glacier holds no empty archives
";

#[test]
fn several_files_become_archives_of_their_names() {
    let shell = shell();
    for name in ["a", "b", "c"] {
        shell.write(name, name);
    }
    shell.glacier(&["archive", "upload", "v", "a", "./b", "c"]).is_silent();
    assert_eq!(listed(&shell), "a\nb\nc\n");
    let writes = shell.writes();
    shell
        .glacier(&["archive", "upload", "v", "--name", "n", "a", "b"])
        .is_refused(1, "--name is the name of one archive");
    shell
        .glacier(&["archive", "upload", "v", "a", "b", "./a"])
        .is_refused(1, "two of the files would be archive 'a'; nothing was stored");
    shell.glacier(&["archive", "upload", "v", "a", "-"]).is_refused(1, "standard input is read once");
    shell.glacier(&["archive", "upload", "v"]).is_refused(2, "required");
    assert_eq!(shell.writes(), writes);
}

#[test]
fn a_directory_goes_up_with_the_paths_below_it() {
    let shell = shell();
    make_directory(&shell);
    shell.glacier(&["archive", "upload", "v", "-r", "photos"]).is("", LEFT_OUT, 0);
    assert_eq!(listed(&shell), "2014/07/b.jpg\n2014/a.jpg\ntop\n");
    shell.glacier(&["archive", "upload", "v", "-r", "none"]).is_refused(1, "cannot read 'none'");
    shell.glacier(&["archive", "upload", "v", "-r", "photos/top"]).is_refused(1, "cannot read 'photos/top'");
}

#[test]
fn what_glacier_cannot_name_is_told_and_the_rest_is_stored() {
    let shell = shell();
    std::fs::create_dir(shell.path("d")).unwrap();
    shell.write("d/ü", "x");
    shell.write("d/plain", "y");
    let outcome = shell.glacier(&["archive", "upload", "v", "-r", "d"]);
    outcome.is_refused(1, "cannot store 'd/ü': 'ü' cannot be the name of an archive");
    assert_eq!(listed(&shell), "plain\n");
}

/// The others were stored, and again when the name was corrected.
#[test]
fn a_wrong_file_among_those_that_are_named_stores_nothing() {
    let shell = shell();
    for name in ["a", "b", "d"] {
        shell.write(name, name);
    }
    shell.write("empty", "");
    make_directory(&shell);
    let writes = shell.writes();
    let wrong = ["archive", "upload", "v", "a", "missing", "b", "empty", "photos", "-r", "photos"];
    for upload in
        [&wrong[..], &[&wrong[..], &["--dry-run"]].concat(), &[&wrong[..], &["--skip-existing"]].concat()]
    {
        let outcome = shell.glacier(upload);
        let told: Vec<&str> = outcome.stderr.lines().filter(|line| !LEFT_OUT.contains(line)).collect();
        assert_eq!((outcome.status, outcome.stdout.as_str(), told.len()), (1, "", 4), "{outcome:?}");
        assert_eq!(
            told[0],
            "glacier: cannot store 'missing': cannot read 'missing': No such file or directory"
        );
        let empty = "glacier: cannot store 'empty': archive 'empty' would be empty, and Glacier holds no empty archives";
        assert_eq!(told[1], empty);
        assert!(
            told[2].starts_with("glacier: cannot store 'photos': ") && told[2].contains("-r"),
            "{told:?}"
        );
        assert_eq!(told[3], "glacier: nothing was stored");
    }
    let told = "glacier: cannot read 'none': No such file or directory\nglacier: nothing was stored\n";
    shell.glacier(&["archive", "upload", "v", "a", "-r", "none"]).is("", told, 1);
    assert_eq!(shell.writes(), writes);
    shell.glacier(&["archive", "upload", "v", "a", "b", "d"]).is_silent();
    assert_eq!(listed(&shell), "a\nb\nd\n");
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let shell = shell();
    std::fs::create_dir(shell.path("d")).unwrap();
    for name in ["a", "b", "c"] {
        shell.write(&format!("d/{name}"), name);
    }
    shell.fault("limit-exceeded@UploadArchive#1");
    let outcome = shell.glacier(&["archive", "upload", "--jobs", "1", "v", "-r", "d"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.starts_with("glacier: cannot store 'd/a': "), "{outcome:?}");
    assert_eq!(listed(&shell), "b\nc\n", "{outcome:?}");
}

/// It would be gone if it were looked into before.
#[test]
fn a_pipe_among_several_files_is_stored() {
    let shell = shell();
    shell.write("file", "x");
    let mut command = shell.command("bash");
    command.args(["-c", r#"mkfifo pipe; printf y >pipe & "$0" archive upload v file pipe"#]);
    support::run(command.arg(env!("CARGO_BIN_EXE_glacier"))).is_silent();
    assert_eq!(listed(&shell), "file\npipe\n");
}

/// What would meet each file alike is not told a thousand times.
#[test]
fn a_failure_of_all_ends_it() {
    let shell = shell();
    std::fs::create_dir(shell.path("d")).unwrap();
    for number in 0..40 {
        shell.write(&format!("d/{number}"), "x");
    }
    let outcome = shell.glacier(&["archive", "upload", "none", "--jobs", "2", "-r", "d"]);
    let told: Vec<&str> = outcome.stderr.lines().collect();
    assert!(told.len() <= 4, "{told:?}");
    assert!(told[0].contains("vault 'none' not found in region us-east-1"), "{told:?}");
    assert!(told.last().unwrap().ends_with(" more files were not tried"), "{told:?}");
    assert_eq!(outcome.status, 1);
}

#[test]
fn what_is_stored_already_is_passed_by() {
    let shell = shell();
    make_directory(&shell);
    let upload = ["--json", "archive", "upload", "v", "--skip-existing", "-r", "photos"];
    let first = records(&shell.glacier(&upload));
    assert!(first.iter().all(|record| record["status"] == "stored"), "{first:?}");
    let sent = shell.count("UploadArchive");
    let second = records(&shell.glacier(&upload));
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(second["status"], "already-stored");
        assert_eq!((&first["id"], &first["tree_hash"]), (&second["id"], &second["tree_hash"]));
    }
    assert_eq!((second.len(), shell.count("UploadArchive")), (3, sent));
    // Of the same size, but another.
    shell.write("photos/top", "TOP");
    let third = records(&shell.glacier(&upload));
    let status: Vec<_> = third.iter().map(|record| record["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["already-stored", "already-stored", "stored"]);
    assert_eq!(shell.count("UploadArchive"), sent + 1);
}

/// Nobody may be told that a copy is there while its deletion may have been carried out.
#[test]
fn an_archive_whose_deletion_was_begun_does_not_count_as_stored() {
    let shell = shell();
    shell.write("a", "a");
    shell.glacier(&["archive", "upload", "v", "a"]).is_silent();
    shell.sqlite().execute("UPDATE archive SET deletion_begun = created_here + 1", []).unwrap();
    shell.glacier(&["archive", "upload", "v", "--skip-existing", "a"]).is_silent();
    assert_eq!(shell.count("UploadArchive"), 2);
}

/// As in a cache of the original: storing again would double the vault.
#[test]
fn of_an_archive_without_a_known_hash_nothing_is_assumed() {
    let shell = shell();
    shell.write("a", "a");
    shell.glacier(&["archive", "upload", "v", "a"]).is_silent();
    shell.sqlite().execute("UPDATE archive SET tree_hash = NULL, size_bytes = NULL", []).unwrap();
    shell.glacier(&["archive", "upload", "v", "--skip-existing", "a"]).is_refused(
        1,
        "the tree hash of archive 'a' in v is not known here; run 'glacier vault sync v' first",
    );
    assert_eq!(shell.count("UploadArchive"), 1);
}

#[test]
fn a_dry_run_stores_nothing() {
    let shell = shell();
    make_directory(&shell);
    shell.glacier(&["archive", "upload", "v", "photos/top"]).is_silent();
    let writes = shell.writes();
    let outcome = shell.glacier(&["archive", "upload", "v", "--dry-run", "--skip-existing", "-r", "photos"]);
    let mut names: Vec<&str> = outcome.stdout.lines().collect();
    names.sort_unstable();
    assert_eq!((names, outcome.status), (vec!["2014/07/b.jpg", "2014/a.jpg"], 0));
    assert_eq!(outcome.stderr, format!("{LEFT_OUT}glacier: info: archive 'top' is stored already\n"));
    let outcome = shell.glacier(&["--json", "archive", "upload", "v", "--dry-run", "-r", "photos"]);
    for record in records(&outcome) {
        assert_eq!((&record["status"], &record["id"]), (&"would-be-stored".into(), &Value::Null));
        assert_eq!(record["schema"], "stored/1");
    }
    assert_eq!(shell.writes(), writes);
}

/// A large file fills the link by itself; small ones go side by side with each other.
#[test]
fn large_and_small_files_go_up_together() {
    let shell = shell();
    std::fs::create_dir(shell.path("d")).unwrap();
    shell.write("d/large", noise((5 << 20) + 7));
    for number in 0..20 {
        shell.write(&format!("d/small{number}"), noise(1000 + number));
    }
    let upload = ["--json", "archive", "upload", "v", "--part-size", "1M", "--jobs", "3", "-r", "d"];
    let stored = records(&shell.glacier(&upload));
    assert_eq!(stored.len(), 21);
    assert_eq!(stored[0]["size_bytes"], (5 << 20) + 7);
    assert_eq!((shell.count("UploadArchive"), shell.count("UploadMultipartPart")), (20, 6));
}

#[test]
fn standard_input_has_a_record_too() {
    let shell = shell();
    let arguments = ["--json", "archive", "upload", "v", "--name=n", "-"];
    let stored = records(&shell.glacier_with_input(&arguments, b"x"));
    assert_eq!((&stored[0]["file"], &stored[0]["size_bytes"]), (&Value::Null, &1.into()));
}

/// Each file that waited for its turn held 30 KiB, so that ten thousand were more than all that is promised.
#[test]
fn files_that_wait_for_their_turn_take_no_memory() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::create_dir(shell.path("many")).unwrap();
    for number in 0..4000 {
        std::fs::write(shell.path("many").join(number.to_string()), "x").unwrap();
    }
    let mut command = shell.glacier_command(&["archive", "upload", "--dry-run", "-r", "many", "v"]);
    command.stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_kib = peak.map_or(peak_kib, |peak| peak.parse::<u64>().unwrap());
    }
    assert!(child.wait().unwrap().success());
    assert!((1000..80 * 1024).contains(&peak_kib), "{peak_kib} KiB");
}
