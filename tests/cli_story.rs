//! What people do with `glacier`, byte for byte on standard output, standard error and exit status.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::{HOUR, Shell, no_leftovers, noise};

#[test]
fn the_story_of_the_original_without_git_annex() {
    let shell = Shell::new();
    shell.glacier(&["vault", "list"]).is_silent();
    shell.glacier(&["vault", "create", "example-vault"]).is_silent();
    shell.glacier(&["vault", "list"]).is("example-vault\n", "", 0);
    shell.glacier(&["archive", "list", "example-vault"]).is_silent();
    let content = shell.write("example-content", "42\n");
    shell.glacier(&["archive", "upload", "example-vault", "example-content"]).is_silent();
    shell.glacier(&["archive", "list", "example-vault"]).is("example-content\n", "", 0);
    std::fs::remove_file(&content).unwrap();

    let retrieve = ["archive", "retrieve", "example-vault", "example-content"];
    shell.glacier(&retrieve).is("", "glacier: queued retrieval job for archive 'example-content'\n", 75);
    shell.glacier(&retrieve).is("", "glacier: job still pending for archive 'example-content'\n", 75);
    let jobs = shell.glacier(&["job", "list"]);
    let date = jobs.stdout.split(' ').nth(1).unwrap();
    assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
    jobs.is(&format!("a/p {date} example-vault example-content\n"), "", 0);

    assert!(!content.exists(), "nothing is written before the data is there");
    shell
        .glacier_waits(&["archive", "retrieve", "--wait", "example-vault", "example-content"], 4 * HOUR)
        .is_silent();
    assert_eq!(shell.read("example-content"), b"42\n");
    assert!(shell.glacier(&["job", "list"]).stdout.starts_with("a/d "));
    assert_eq!(shell.emulator.requests()["InitiateJob"], 1, "one retrieval was paid for");
    no_leftovers(&shell.path(""));
}

#[test]
fn data_goes_in_and_out_through_pipes() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"through a pipe").is_silent();
    shell.glacier(&["archive", "retrieve", "v", "n", "-o-"]).is(
        "",
        "glacier: queued retrieval job for archive 'n'\n",
        75,
    );
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "retrieve", "v", "n", "-o-"]).is("through a pipe", "", 0);
    shell.glacier(&["archive", "retrieve", "-o-", "v", "n"]).is("through a pipe", "", 0);
    shell.glacier(&["archive", "retrieve", "v", "-o", "-", "n"]).is("through a pipe", "", 0);
    shell.glacier(&["archive", "retrieve", "v", "n", "-o", "/dev/stdout"]).is("through a pipe", "", 0);
}

#[test]
fn a_large_archive_goes_in_by_parts_and_comes_back_whole() {
    let shell = Shell::new();
    let content = noise((40 << 20) + 12_345);
    shell.write("large", &content);
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["archive", "upload", "v", "large"]).is_silent();
    let requests = shell.emulator.requests();
    assert_eq!((requests["UploadMultipartPart"], requests.get("UploadArchive")), (3, None));
    shell.write("large", "to be replaced");
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "large"]).status, 75);
    assert_eq!(shell.read("large"), b"to be replaced");
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "retrieve", "--multipart-size", "4194304", "v", "large"]).is_silent();
    assert!(shell.read("large") == content);
    assert_eq!(shell.emulator.requests()["GetJobOutput"], 11);
}

#[test]
fn several_archives_are_asked_for_at_once() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in ["a", "b", "c"] {
        shell
            .glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], name.as_bytes())
            .is_silent();
    }
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "a"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    let waiting = "glacier: retrieved archive 'a'\nglacier: queued retrieval job for archive 'b'\n\
                   glacier: queued retrieval job for archive 'c'\n";
    shell.glacier(&["archive", "retrieve", "v", "a", "b", "c"]).is("", waiting, 75);
    shell.glacier_waits(&["archive", "retrieve", "v", "--wait", "b", "c"], 4 * HOUR).is_silent();
    assert_eq!(
        (shell.read("a"), shell.read("b"), shell.read("c")),
        (b"a".to_vec(), b"b".to_vec(), b"c".to_vec())
    );
    assert_eq!(shell.emulator.requests()["InitiateJob"], 3);
    assert_eq!(shell.emulator.requests()["ListJobs"], 3, "one list serves all names of a command");
}

#[test]
fn a_job_that_has_expired_is_started_anew() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    for _ in 0..2 {
        let queued = "glacier: queued retrieval job for archive 'n'\n";
        shell.glacier(&["archive", "retrieve", "v", "n"]).is("", queued, 75);
        shell.emulator.advance(30 * HOUR);
    }
}

#[test]
fn a_deleted_archive_is_gone_and_its_vault_can_go() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    assert_eq!(shell.glacier(&["vault", "delete", "v"]).status, 1);
    shell.glacier(&["archive", "delete", "v", "n"]).is_silent();
    shell.glacier(&["archive", "list", "v"]).is_silent();
    shell.glacier(&["archive", "delete", "v", "n"]).is_refused(1, "archive 'n' not found");
    shell.glacier(&["vault", "delete", "v"]).is_silent();
    shell.glacier(&["vault", "list"]).is_silent();
}

#[test]
fn references_that_are_printed_can_be_given_back() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for name in ["id:odd", "name:odder", "plain", "twice", "twice"] {
        let name = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], name.as_bytes()).is_silent();
    }
    let listed = shell.glacier(&["archive", "list", "v"]).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[..3], ["name:id:odd", "name:name:odder", "plain"]);
    assert!(lines[3].starts_with("id:") && lines[3].ends_with("\ttwice") && lines.len() == 5);
    for line in &lines {
        let reference = line.split('\t').next().unwrap();
        shell.glacier(&["archive", "delete", "v", reference]).is_silent();
    }
    shell.glacier(&["archive", "list", "v"]).is_silent();
}

#[test]
fn ids_are_shown_on_demand_and_ask_for_a_file_name() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    let listed = shell.glacier(&["archive", "list", "--force-ids", "v"]).stdout;
    let id = listed.strip_suffix("\tn\n").unwrap();
    shell.glacier(&["archive", "retrieve", "v", id]).is_refused(1, "give one with -o");
    let queued = format!("glacier: queued retrieval job for archive '{id}'\n");
    shell.glacier(&["archive", "retrieve", "v", id, "-o", "out"]).is("", &queued, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "retrieve", "v", id, "-o", "out"]).is_silent();
    assert_eq!(shell.read("out"), b"x");
}

/// Whether the account was met before made a difference.
#[test]
fn of_a_vault_that_is_not_there_no_archive_is_found() {
    for is_known in [false, true] {
        let shell = Shell::new();
        if is_known {
            shell.glacier(&["vault", "list"]).is_silent();
            shell.glacier(&["vault", "create", "other"]).is_silent();
        }
        let not_found = "glacier: archive 'n' not found\n";
        shell.glacier(&["archive", "checkpresent", "v", "n"]).is("", not_found, 0);
        shell.glacier(&["archive", "retrieve", "v", "n"]).is("", not_found, 1);
        shell.glacier(&["archive", "delete", "v", "n"]).is("", not_found, 1);
        shell.glacier(&["archive", "list", "v"]).is_refused(1, "vault 'v' not found in region us-east-1");
    }
}

#[test]
fn checkpresent_prints_the_name_of_what_is_known_to_exist() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=n", "-"], b"x").is_silent();
    shell.glacier(&["archive", "checkpresent", "v", "--quiet", "n"]).is("n\n", "", 0);
    shell.glacier(&["archive", "checkpresent", "v", "m"]).is("", "glacier: archive 'm' not found\n", 0);
    shell.glacier(&["archive", "checkpresent", "v", "--quiet", "m"]).is_silent();
    // Last seen 61 hours ago: an inventory is asked for, and until it is there nothing is claimed.
    shell.sqlite().execute("UPDATE archive SET created_here = created_here - 61 * 3600", []).unwrap();
    shell.glacier(&["archive", "checkpresent", "v", "--quiet", "n"]).is_silent();
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&["archive", "checkpresent", "v", "--quiet", "n"]).is("n\n", "", 0);
    assert_eq!(shell.emulator.requests()["InitiateJob"], 1);
}

#[test]
fn success_of_help_and_version_and_failure_of_what_git_annex_tries() {
    let shell = Shell::new();
    for arguments in [&["--help"][..], &["-h"], &["archive", "retrieve", "--help"]] {
        let help = shell.glacier(arguments);
        assert!(
            help.status == 0 && help.stdout.contains("Usage: glacier") && help.stderr.is_empty(),
            "{help:?}"
        );
    }
    shell.glacier(&["--version"]).is(concat!("glacier ", env!("CARGO_PKG_VERSION"), "\n"), "", 0);
    shell.glacier(&["--compatibility-test-git-annex"]).is_refused(2, "unexpected argument");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_to_talk_about() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for number in 0..3 {
        let name = format!("--name={number}");
        shell.glacier_with_input(&["archive", "upload", "v", &name, "-"], b"x").is_silent();
    }
    let mut pipe = shell.command("sh");
    pipe.args(["-c", "{ \"$0\" archive list v; } | true", env!("CARGO_BIN_EXE_glacier")]);
    support::run(&mut pipe).is_silent();
}
