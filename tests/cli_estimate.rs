//! `estimate`: what things would cost. The snapshots are bills that were reckoned by hand once; the requests are those that
//! the emulator counts.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use insta::{assert_snapshot, with_settings};
use serde_json::Value;
use support::{Outcome, Shell, noise};

const GB: u64 = 1 << 30;
const DAY_SECONDS: f64 = 86400.0;

/// A vault with two archives, of 1 TiB and of 100 MiB by the cache's word: no file of that size is needed.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "photos"]).is_silent();
    for (name, size_bytes) in [("film.mkv", 1_i64 << 40), ("pictures/cat.jpg", 100 << 20)] {
        shell
            .glacier_with_input(&["archive", "upload", "--name", name, "photos", "-"], name.as_bytes())
            .is_silent();
        let sql = "UPDATE archive SET size_bytes = ?2 WHERE name = ?1";
        assert_eq!(shell.sqlite().execute(sql, (name, size_bytes)).unwrap(), 1);
    }
    shell
}

fn estimated(shell: &Shell, arguments: &[&str]) -> Outcome {
    let arguments: Vec<&str> = ["estimate"].iter().chain(arguments).copied().collect();
    shell.glacier(&arguments)
}

fn record(shell: &Shell, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["--json", "estimate"].iter().chain(arguments).copied().collect();
    let outcome = shell.glacier(&arguments);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[track_caller]
fn shows(outcome: &Outcome, name: &str) {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    with_settings!({ omit_expression => true }, { assert_snapshot!(name, outcome.stdout) });
}

fn price_file(shell: &Shell, text: &str) -> String {
    let directory = shell.home().join(".config/glacier-cli");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("prices.toml"), text).unwrap();
    directory.join("prices.toml").to_string_lossy().into_owned()
}

/// The requests, each named by what the price list counts.
fn upload_requests(shell: &Shell) -> u64 {
    ["UploadArchive", "InitiateMultipartUpload", "UploadMultipartPart", "CompleteMultipartUpload"]
        .iter()
        .map(|operation| shell.count(operation))
        .sum()
}

#[test]
fn an_upload_sends_as_many_requests_as_were_estimated() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    std::fs::create_dir(shell.path("d")).unwrap();
    for (name, size) in [("one", 1), ("exact", 2 << 20), ("more", (3 << 20) + 1), ("empty", 0)] {
        shell.write(&format!("d/{name}"), noise(size));
    }
    for (part_size, expected) in [(Some("1M"), 1 + 4 + 6), (Some("2M"), 1 + 1 + 4), (None, 3)] {
        let before = upload_requests(&shell);
        let options: Vec<String> = part_size.map(|size| format!("--part-size={size}")).into_iter().collect();
        let of = |command: &[&'static str]| -> Vec<String> {
            let words = command.iter().copied().map(str::to_owned);
            words.chain(options.clone()).chain(["-r", "d", "v"].map(str::to_owned)).collect()
        };
        let run = |words: Vec<String>| shell.glacier(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let outcome = run(of(&["--json", "estimate", "upload"]));
        let record: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(upload_requests(&shell), before, "an estimate stores nothing");
        assert!(outcome.stderr.contains("left out 'd/empty'"), "{outcome:?}");
        assert_eq!(record["charges"][0]["quantity"], expected.to_string());
        assert_eq!(run(of(&["archive", "upload"])).status, 0);
        assert_eq!(upload_requests(&shell) - before, expected, "{part_size:?}");
    }
}

#[test]
fn uploads_and_what_keeping_them_costs() {
    let mut shell = Shell::new();
    // Files that take no space on the disk.
    for (name, size) in [("a", GB), ("b", 3 * GB), ("c", 1)] {
        std::fs::File::create(shell.path(name)).unwrap().set_len(size).unwrap();
    }
    shell.forget_keys();
    shows(&estimated(&shell, &["upload", "photos", "a", "b", "c"]), "upload");
    shows(&estimated(&shell, &["upload", "--part-size", "64M", "photos", "a"]), "upload-part-size");
    assert_eq!(shell.emulator.requests().len(), 0, "nothing is asked, and no keys are needed");
    let refused = |arguments: &[&str], status, said| estimated(&shell, arguments).is_refused(status, said);
    refused(&["upload", "photos", "-"], 1, "how much standard input has is not known");
    refused(&["upload", "photos"], 2, "required arguments were not provided");
    let missing = estimated(&shell, &["upload", "photos", "a", "none"]);
    assert_eq!(
        (missing.status, missing.stderr.as_str()),
        (1, "glacier: cannot read 'none': No such file or directory\n")
    );
    assert!(missing.stdout.contains("archives  1\n"), "what can be reckoned is: {missing:?}");
}

#[test]
fn what_is_stored_already_costs_nothing_more() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("a", "a");
    shell.write("b", "b");
    shell.glacier(&["archive", "upload", "v", "a"]).is_silent();
    let record = record(&shell, &["upload", "--skip-existing", "v", "a", "b"]);
    assert_eq!((&record["archives"], &record["archives_left_out"]), (&1.into(), &1.into()));
    let said = estimated(&shell, &["upload", "--skip-existing", "v", "a", "b"]).stdout;
    assert!(said.contains("left out  1 (stored already)\n"), "{said}");
}

#[test]
fn retrievals_by_tier() {
    let mut shell = shell();
    let before = shell.emulator.requests();
    shell.forget_keys();
    shows(&estimated(&shell, &["retrieve", "photos"]), "retrieve");
    shows(&estimated(&shell, &["retrieve", "--tier", "standard", "photos", "film.mkv"]), "retrieve-one");
    shows(
        &estimated(&shell, &["retrieve", "--tier", "bulk", "--glob", "pictures/*", "photos"]),
        "retrieve-glob",
    );
    let twice = ["retrieve", "--tier=bulk", "--glob=*.mkv", "photos", "film.mkv"];
    assert_eq!(record(&shell, &twice)["archives"], 1, "one that is meant twice is retrieved once");
    estimated(&shell, &["retrieve", "photos", "none"]).is_refused(1, "archive 'none' not found");
    estimated(&shell, &["retrieve", "--glob", "x*", "photos"]).is_refused(1, "matches 'x*'");
    assert_eq!(shell.emulator.requests(), before, "nothing is asked, and no keys are needed");
}

#[test]
fn keeping_a_vault() {
    let shell = shell();
    shows(&estimated(&shell, &["store", "photos"]), "store");
    shows(&estimated(&shell, &["store", "--months", "12", "photos"]), "store-year");
    estimated(&shell, &["store"]).is_refused(2, "no vault was named");
    estimated(&shell, &["store", "none"]).is_refused(1, "vault 'none' not found in region us-east-1");
    let outcome = shell.glacier(&["--json", "estimate", "store", "photos"]);
    let record = outcome.stdout.replace(",\"", ",\n\"");
    with_settings!({ omit_expression => true }, { assert_snapshot!("store-json", record) });
}

#[test]
fn deleting_before_90_days_are_over() {
    let shell = shell();
    shows(&estimated(&shell, &["delete", "photos"]), "delete");
    let sql = "UPDATE archive SET created_upstream = created_here - ?1 WHERE name = 'film.mkv'";
    shell.sqlite().execute(sql, [30.0 * DAY_SECONDS]).unwrap();
    shows(&estimated(&shell, &["delete", "photos", "film.mkv"]), "delete-after-a-month");
    shell.sqlite().execute(sql, [91.0 * DAY_SECONDS]).unwrap();
    let record = record(&shell, &["delete", "photos", "film.mkv"]);
    assert_eq!((&record["total"], &record["archives_unknown"]), (&"0".into(), &0.into()));
}

/// An archive whose size nobody knows here is not an archive of no size.
#[test]
fn what_is_unknown_is_said() {
    let shell = shell();
    shell.sqlite().execute("UPDATE archive SET size_bytes = NULL WHERE name = 'film.mkv'", []).unwrap();
    shows(&estimated(&shell, &["store", "photos"]), "store-unknown");
    let archives = |arguments: &[&str]| record(&shell, arguments)["archives_unknown"].clone();
    assert_eq!(archives(&["retrieve", "--tier", "bulk", "photos"]), 1);
    assert_eq!(archives(&["delete", "photos"]), 1);
    assert_eq!(archives(&["delete", "photos", "pictures/cat.jpg"]), 0);
    // What may be gone is not counted, and that is said too.
    shell
        .sqlite()
        .execute("UPDATE archive SET deletion_begun = created_here + 1 WHERE name = 'film.mkv'", [])
        .unwrap();
    let said = estimated(&shell, &["store", "photos"]).stdout;
    assert!(said.contains("archives  1\n") && said.contains("left out  1 (may be gone)\n"), "{said}");
    // A vault of which nothing was ever learnt.
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    let unknown = estimated(&shell, &["store", "photos"]);
    let hint =
        "glacier: info: what vault 'photos' holds is not known here; run 'glacier vault sync photos'\n";
    assert_eq!((unknown.status, unknown.stderr.as_str()), (0, hint));
}

#[test]
fn the_owners_prices_are_used_instead() {
    let shell = shell();
    let printed = estimated(&shell, &["prices"]);
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    let region = "[us-east-1]\ndate = 2031-02-03\ncurrency = \"EUR\"\nstorage_per_gb_month = 1\n\
                  early_deletion_per_gb_month = 1\nupload_per_1000_requests = 1\n\
                  standard = { per_gb = 0.5, per_1000_requests = 1, note = \"a note of mine\" }\n";
    let path = price_file(&shell, region);
    estimated(&shell, &["prices"]).is(region, "", 0);
    let outcome = estimated(&shell, &["retrieve", "photos", "film.mkv"]);
    shows(&Outcome { stdout: outcome.stdout.replace(&path, "PATH"), ..outcome }, "own-prices");
    let said = record(&shell, &["store", "photos"]);
    assert_eq!((&said["prices_file"], &said["prices_date"]), (&path.clone().into(), &"2031-02-03".into()));
    estimated(&shell, &["retrieve", "--tier", "bulk", "photos"]).is_refused(
        1,
        &format!("there are no prices of us-east-1.bulk in '{path}'; add a table [us-east-1.bulk] there"),
    );
    // What was printed can be read again.
    price_file(&shell, &printed.stdout);
    assert_eq!(record(&shell, &["store", "photos"])["prices_date"], "2024-07-01");
}

#[test]
fn a_region_without_prices_is_an_error_that_says_what_to_do() {
    let shell = Shell::new();
    shell.write("a", "a");
    let path = shell.home().join(".config/glacier-cli/prices.toml").to_string_lossy().into_owned();
    let arguments = ["--region", "eu-west-1", "estimate", "upload", "v", "a"];
    let said = format!(
        "there are no prices of eu-west-1 built in; run 'glacier estimate prices' with its output to '{path}' and add a \
         table [eu-west-1] there"
    );
    shell.glacier(&arguments).is("", &format!("glacier: {said}\n"), 1);
    price_file(&shell, &estimated(&shell, &["prices"]).stdout);
    let said = format!("there are no prices of eu-west-1 in '{path}'; add a table [eu-west-1] there");
    shell.glacier(&arguments).is("", &format!("glacier: {said}\n"), 1);
}

#[test]
fn a_mistake_in_the_price_file_is_named_with_its_line() {
    let shell = shell();
    let path =
        price_file(&shell, "# mine\n[us-east-1]\ndate = 2031-02-03\nstorage_per_gb_month = \"cheap\"\n");
    for command in [&["prices"][..], &["store", "photos"]] {
        estimated(&shell, command).is(
            "",
            &format!("glacier: {path}, line 2: [us-east-1] has no 'currency'\n"),
            1,
        );
    }
    // No other command needs it.
    shell.glacier(&["archive", "list", "photos"]).is("film.mkv\npictures/cat.jpg\n", "", 0);
}

/// A shell makes the file before the list is printed: what was printed was then the empty file, and so was the file.
#[test]
fn the_built_in_prices_can_be_printed_into_the_owners_file() {
    let shell = Shell::new();
    let path = price_file(&shell, "");
    let printed = shell.glacier(&["estimate", "prices"]).stdout;
    assert!(printed.contains("[us-east-1]"), "{printed}");
    shell.write("file", "x");
    assert_eq!(shell.glacier(&["estimate", "upload", "v", "file"]).status, 0, "{path}");
}
