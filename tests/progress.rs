//! How far work has come: bars on a terminal of any width, records for programs, silence for all others.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Stdio;

use glacier_emulator::Emulator;
use serde_json::Value;
use support::terminal::Terminal;
use support::{HOUR, Outcome, Shell, noise};

const MIB: usize = 1 << 20;
const CTRL_C: &str = "\u{3}";
const UPLOAD: [&str; 6] = ["archive", "upload", "v", "file", "--part-size", "1M"];
const KEYS: [&str; 10] = [
    "asked_date",
    "done",
    "event",
    "jobs",
    "name",
    "parts_under_way",
    "ready_by_date",
    "schema",
    "total",
    "work",
];

fn shell(emulator: glacier_emulator::Builder) -> Shell {
    let shell = Shell::with(emulator);
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell
}

/// A vault, a file of so many MiB, and a link on which 8 of them take about a second.
fn slow(mib: usize) -> Shell {
    let shell = shell(Emulator::builder().bandwidth(MIB as u64).job_delay(4 * HOUR));
    shell.write("file", noise(mib * MIB));
    shell
}

fn rows(screen: &str) -> Vec<&str> {
    screen.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

/// Runs the command on a terminal of this width to its end, and returns the rows of all screens that there were.
#[track_caller]
fn screens(shell: &Shell, arguments: &[&str], columns: u16) -> Vec<Vec<String>> {
    let mut terminal = Terminal::start(&shell.glacier_command(arguments), columns);
    let mut screens: Vec<Vec<String>> = Vec::new();
    while terminal.hear() {
        screens.push(rows(&terminal.screen()).into_iter().map(str::to_owned).collect());
    }
    let (left, status) = terminal.end();
    assert_eq!((rows(&left), status), (Vec::<&str>::new(), 0), "nothing is left on the screen");
    screens
}

/// Asserts that the only line, when there is one, begins and ends as told.
#[track_caller]
fn one_line(screens: &[Vec<String>], begins: &str, has: &[&str]) {
    assert!(screens.iter().any(|rows| !rows.is_empty()), "there was no bar");
    for rows in screens.iter().filter(|rows| !rows.is_empty()) {
        assert!(rows.len() == 1 && rows[0].starts_with(begins), "{rows:?}");
    }
    for part in has {
        assert!(screens.iter().flatten().any(|row| row.contains(part)), "{part} is not in {screens:?}");
    }
}

#[test]
fn a_long_upload_has_a_bar_that_goes_when_it_is_done() {
    let shell = slow(24);
    let screens = screens(&shell, &UPLOAD, 110);
    one_line(&screens, "file", &["[=", "%", " of 24.0 MiB", "MiB/s", "s left", " parts"]);
}

#[test]
fn a_narrow_terminal_has_a_narrow_bar() {
    for (columns, has) in [(80, "MiB/s"), (60, " of 24.0 MiB"), (40, "%"), (20, "%")] {
        let shell = slow(24);
        one_line(&screens(&shell, &UPLOAD, columns), "f", &[has]);
    }
}

#[test]
fn a_long_name_stays_on_its_line() {
    let shell = slow(16);
    let name = ["long"; 60].join(" ");
    one_line(&screens(&shell, &[&UPLOAD[..], &["--name", &name]].concat(), 40), "long", &["%"]);
}

/// Such names are not refused to those who retrieve: other programs have stored them.
#[test]
fn a_name_that_is_wide_or_moves_the_cursor_stays_on_its_line() {
    for name in ["宽".repeat(60), "up\u{1b}[A\u{1b}[2J\tdown\n\u{202e}".to_owned()] {
        let shell = slow(16);
        shell.glacier(&["archive", "upload", "v", "file", "--jobs", "64", "--part-size", "1M"]).is_silent();
        shell.sqlite().execute("UPDATE archive SET name = ?1", [&name]).unwrap();
        assert_eq!(shell.glacier(&["archive", "retrieve", "v", &name, "-o", "back"]).status, 75);
        shell.emulator.advance(5 * HOUR);
        let retrieve = ["archive", "retrieve", "v", &name, "-o", "back", "--multipart-size", "1048576"];
        one_line(
            &screens(&shell, &retrieve, 40),
            &name[..2.max(name.chars().next().unwrap().len_utf8())],
            &["%"],
        );
    }
}

#[test]
fn of_several_there_is_a_line_for_each_under_way_and_one_for_all() {
    let shell = slow(1);
    std::fs::create_dir(shell.path("d")).unwrap();
    for number in 0..24 {
        shell.write(&format!("d/f{number:02}"), noise(MIB));
    }
    let upload = ["archive", "upload", "v", "-r", "d", "--jobs", "12"];
    for columns in [100, 40, 20] {
        let screens = screens(&shell, &upload, columns);
        let most = screens.iter().max_by_key(|rows| rows.len()).unwrap();
        assert_eq!(most.len(), 9, "eight at most, and the sum: {most:?}");
        assert!(most[..8].iter().all(|row| row.starts_with('f')), "{most:?}");
        assert!(most[8].contains(" of 24"), "{most:?}");
        assert!(screens.iter().all(|rows| rows.len() <= 9));
    }
}

#[test]
fn a_retrieval_shows_what_is_verified_and_a_wait_since_when() {
    let shell = slow(16);
    shell.glacier(&["archive", "upload", "v", "file", "--jobs", "64", "--part-size", "1M"]).is_silent();
    let retrieve =
        ["archive", "retrieve", "--wait", "v", "file", "-o", "back", "--multipart-size", "1048576"];
    let mut terminal = Terminal::start(&shell.glacier_command(&retrieve), 80);
    let screen = terminal.until(|screen| screen.contains("waiting"));
    let (begins, ends) = ("waiting for archive 'file': asked for ", " ago, usually ready within 5h");
    let wait = rows(&screen)[0].to_owned();
    assert!(wait.starts_with(begins) && wait.ends_with(ends), "{screen}");
    shell.emulator.advance(5 * HOUR);
    let screen = terminal.until(|screen| screen.contains("MiB/s"));
    assert!(rows(&screen).len() == 1 && screen.contains(" of 16.0 MiB"), "{screen}");
    let (left, status) = terminal.end();
    assert_eq!((rows(&left), status), (Vec::new(), 0));
    assert!(shell.read("back") == noise(16 * MIB));
}

#[test]
fn a_wait_fits_a_narrow_terminal() {
    let shell = slow(1);
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=n"], b"x").is_silent();
    let commands: [&[&str]; 3] =
        [&["archive", "retrieve", "--wait", "v", "n"], &["job", "wait"], &["vault", "sync", "--wait", "v"]];
    for (columns, ends) in [(40, "s of about 5h"), (20, "s of 5h")] {
        for command in commands {
            let mut terminal = Terminal::start(&shell.glacier_command(command), columns);
            let screen = terminal.until(|screen| screen.trim_end().ends_with(ends));
            assert_eq!(rows(&screen).len(), 1, "{screen}");
            terminal.type_in(CTRL_C);
            let (left, status) = terminal.end();
            assert_eq!(status, 130);
            assert!(left.starts_with("glacier: interrupted;"), "{left}");
        }
    }
}

#[test]
fn ctrl_c_leaves_one_clean_line_where_bars_were() {
    let said = "glacier: interrupted; run the same command again to go on";
    for columns in [100, 40, 20] {
        let shell = slow(24);
        let mut terminal = Terminal::start(&shell.glacier_command(&UPLOAD), columns);
        terminal.until(|screen| screen.contains('%'));
        terminal.type_in(CTRL_C);
        let (left, status) = terminal.end();
        assert_eq!(status, 130);
        assert_eq!(rows(&left).concat().replace(' ', ""), said.replace(' ', ""), "{left}");
        assert!(left.starts_with("glacier: inter"), "{left}");
    }
}

/// Words that come while a bar is shown stand above it, whole.
#[test]
fn words_and_bars_do_not_tear_each_other() {
    let shell = slow(24);
    shell.fault("500@UploadMultipartPart%4");
    let verbose: Vec<&str> = UPLOAD.iter().copied().chain(["-v"]).collect();
    let mut terminal = Terminal::start(&shell.glacier_command(&verbose), 100);
    let screen = terminal.until(|screen| screen.contains("info: part") && screen.contains("MiB/s"));
    let shown = rows(&screen);
    let (bar, words) = shown.split_last().unwrap();
    assert!(bar.starts_with("file") && bar.contains(" of 24.0 MiB"), "{screen}");
    assert!(words[0].starts_with("glacier: info: "), "{screen}");
    let (left, status) = terminal.end();
    assert_eq!(status, 0);
    let text = rows(&left).concat();
    assert!(!text.contains("MiB/s") && !text.contains('%'), "a bar is left: {left}");
    let notices = text.matches("glacier: info: ").count();
    assert!(notices >= 5 && text.matches(" s").count() >= notices, "{left}");
}

#[test]
fn nobody_hears_of_progress_who_does_not_look() {
    let shell = slow(12);
    shell.glacier(&UPLOAD).is_silent();
    shell.glacier(&[&UPLOAD[..], &["-v", "--name=b"]].concat()).is_silent();
    for (argument, term) in [("--progress=never", "xterm"), ("--progress=auto", "dumb")] {
        let mut command = shell.glacier_command(&[&UPLOAD[..], &[argument, "--name", term]].concat());
        command.env("TERM", term);
        let terminal = Terminal::start(&command, 80);
        let (left, status) = terminal.end();
        assert_eq!((rows(&left), status), (Vec::new(), 0));
    }
    let always = shell.glacier(&[&UPLOAD[..], &["--progress=always", "--name=c"]].concat());
    assert!(always.status == 0 && always.stderr.contains(" of 12.0 MiB"), "{always:?}");
    shell.glacier(&["archive", "list", "v", "--progress", "loud"]).is_refused(2, "auto, never, always, json");
}

fn events(outcome: &Outcome) -> Vec<Value> {
    let events: Vec<Value> = outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in &events {
        assert_eq!(event["schema"], "progress/1");
        let keys: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, KEYS, "all fields, always");
    }
    events
}

#[test]
fn programs_get_records() {
    let shell = shell(Emulator::builder().job_delay(4 * HOUR));
    shell.write("file", noise(5 * MIB));
    let json = ["--progress", "json"];
    let outcome = shell.glacier(&[&UPLOAD[..], &json].concat());
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""));
    let events = events(&outcome);
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert!(events.iter().all(|event| event["work"] == "upload" && event["name"] == "file"), "{events:?}");
    assert!(events.iter().all(|event| event["total"] == 5 * MIB), "{events:?}");
    assert_eq!((of("begun").len(), of("advanced").len(), of("finished").len()), (1, 5, 1));
    let done: Vec<u64> = of("advanced").iter().map(|event| event["done"].as_u64().unwrap()).collect();
    assert_eq!(done, [1, 2, 3, 4, 5].map(|mib| mib * MIB as u64));
    assert_eq!(events.last().unwrap()["event"], "finished");
    assert!(of("advanced").iter().any(|event| event["parts_under_way"].as_u64() > Some(0)), "{events:?}");
}

/// A comparison reads for hours, without a word.
#[test]
fn reading_to_compare_is_recorded_too() {
    let shell = shell(Emulator::builder());
    std::fs::create_dir(shell.path("d")).unwrap();
    shell.write("d/file", noise(20 * MIB));
    shell.write("d/unknown", "x");
    shell.glacier(&["archive", "upload", "v", "-r", "d"]).is_silent();
    shell.write("d/new", "x");
    std::fs::remove_file(shell.path("d/unknown")).unwrap();
    let verified = shell.glacier(&["verify", "v", "d", "--progress", "json"]);
    assert_eq!(
        (verified.stdout.as_str(), verified.status),
        ("ok\tfile\nunknown\tnew\nnot-here\tunknown\n", 1)
    );
    let told: Vec<_> =
        events(&verified).iter().map(|event| (event["event"].clone(), event["done"].as_u64())).collect();
    let mib = |count: usize| Some((count * MIB) as u64);
    assert_eq!(
        told,
        [
            ("begun".into(), Some(0)),
            ("advanced".into(), mib(16)),
            ("advanced".into(), mib(20)),
            ("finished".into(), None)
        ]
    );
    assert!(events(&verified).iter().all(|event| event["work"] == "reading" && event["name"] == "file"));
}

#[test]
fn a_wait_and_an_inventory_are_recorded_too() {
    let shell = shell(Emulator::builder().job_delay(4 * HOUR));
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=n"], b"x").is_silent();
    let mut sync = shell.glacier_command(&["vault", "sync", "--wait", "v", "--progress=json"]);
    let child = sync.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while shell.count("DescribeJob") < 2 {
        std::thread::yield_now();
    }
    shell.emulator.advance(5 * HOUR);
    let outcome = support::ended(child);
    assert_eq!(outcome.status, 0);
    let events = events(&outcome);
    let first = &events[0];
    assert_eq!(
        (&first["event"], &first["work"], &first["jobs"]),
        (&"waiting".into(), &"jobs".into(), &1.into())
    );
    let date = |key: &str| first[key].as_str().unwrap().to_owned();
    assert!(date("asked_date") < date("ready_by_date") && date("asked_date").ends_with('Z'), "{first}");
    let steps: Vec<(&str, &str)> = events
        .iter()
        .filter(|event| event["event"] != "waiting")
        .map(|event| (event["event"].as_str().unwrap(), event["work"].as_str().unwrap()))
        .collect();
    let expected = [
        ("waited", "jobs"),
        ("begun", "inventory"),
        ("advanced", "inventory"),
        ("finished", "inventory"),
        ("begun", "taking-in"),
        ("finished", "taking-in"),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn what_fails_is_recorded_as_stopped_and_said_in_words() {
    let shell = shell(Emulator::builder());
    shell.write("file", noise(MIB));
    shell.fault("access-denied@UploadArchive");
    let outcome = shell.glacier(&["archive", "upload", "v", "file", "--progress=json"]);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!((lines.len(), outcome.status), (3, 1), "{outcome:?}");
    assert!(lines[1].contains(r#""event":"stopped""#) && lines[2].starts_with("glacier: "), "{outcome:?}");
}

/// What is gone on with was there before: it counts as done, and says nothing of how fast this is.
#[test]
fn a_resumed_upload_begins_where_it_was() {
    let shell = slow(24);
    let mut terminal = Terminal::start(&shell.glacier_command(&UPLOAD), 100);
    terminal.until(|screen| {
        screen.contains("50%") || screen.contains("%") && shell.count("UploadMultipartPart") > 12
    });
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.end().1, 130);
    let outcome = shell.glacier(&[&UPLOAD[..], &["--progress=json"]].concat());
    let first = events(&outcome).into_iter().find(|event| event["event"] == "advanced").unwrap();
    assert!(first["done"].as_u64() > Some(4 * MIB as u64), "{first}");
}
