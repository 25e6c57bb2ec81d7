//! Whoever interrupts a command reads one line that says how to go on, and nothing of what Glacier has acknowledged is
//! lost.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::{Child, Stdio};
use std::time::Duration;

use glacier_emulator::Emulator;
use rustix::process::{Pid, Signal, kill_process};
use support::proxy::Proxy;
use support::terminal::Terminal;
use support::{HOUR, Shell, noise};

const MIB: usize = 1 << 20;
/// Parts that may be on their way at once: 8, and 2 whose data has arrived and whose answer is on its way.
const IN_FLIGHT: u64 = 10;
const CTRL_C: &str = "\u{3}";
const UPLOAD: [&str; 6] = ["archive", "upload", "v", "file", "--part-size", "1M"];
const RETRIEVE: [&str; 6] = ["archive", "retrieve", "v", "file", "--multipart-size", "1048576"];
/// So slow that there is time to interrupt it: 24 MiB take three seconds.
const SLOWLY: [&str; 2] = ["--bwlimit", "8M"];
const GO_ON: &str = "glacier: interrupted; run the same command again to go on";

/// A vault, a file of so many MiB, and a link that takes its time.
fn shell(mib: usize, latency_ms: u64) -> Shell {
    let latency = Duration::from_millis(latency_ms);
    let shell = Shell::with(Emulator::builder().latency(latency).job_delay(4 * HOUR));
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", noise(mib * MIB));
    shell
}

/// Whoever runs the tests in the background ignores Ctrl-C, and all whom they start would, too.
fn start(shell: &Shell, arguments: &[&str]) -> Child {
    let mut command = shell.command("env");
    command.args(["--default-signal=INT,HUP", env!("CARGO_BIN_EXE_glacier")]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a command on a terminal, and types Ctrl-C as soon as so many requests of an operation were served. Returns what
/// stands on the screen then, and the status.
fn ctrl_c_after(shell: &Shell, arguments: &[&str], operation: &str, requests: u64) -> (String, i32) {
    let before = shell.count(operation);
    let mut terminal = Terminal::start(&shell.glacier_command(arguments), 80);
    while shell.count(operation) < before + requests {
        assert!(!terminal.is_over(), "it ended too early");
        std::thread::yield_now();
    }
    terminal.type_in(CTRL_C);
    terminal.end()
}

/// The last line of the screen, in which nothing else stands.
#[track_caller]
fn ends_with(screen: &str, line: &str) {
    assert_eq!(screen.trim_end().lines().last(), Some(line), "{screen}");
}

/// Asserts that the vault holds one archive, and that it has this content.
#[track_caller]
fn holds_once(shell: &Shell, content: &[u8]) {
    shell.glacier_waits(&["vault", "sync", "--wait", "--max-age", "0", "v"], 5 * HOUR);
    let listed = shell.glacier(&["archive", "list", "v"]).stdout;
    assert_eq!(listed, "file\n");
    shell.glacier_waits(&["archive", "retrieve", "--wait", "v", "file", "-o", "back"], 5 * HOUR).is_silent();
    assert!(shell.read("back") == content, "another content came back");
    assert_eq!(unfinished(shell), 0);
}

/// How many uploads are on record as not finished.
fn unfinished(shell: &Shell) -> i64 {
    shell.sqlite().query_row("SELECT count(*) FROM upload", [], |row| row.get(0)).unwrap()
}

fn partials(shell: &Shell) -> usize {
    let names = std::fs::read_dir(shell.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with('.')).count()
}

#[test]
fn an_upload_in_parts_goes_on_after_ctrl_c() {
    let shell = shell(24, 0);
    let (screen, status) = ctrl_c_after(&shell, &[&UPLOAD[..], &SLOWLY].concat(), "UploadMultipartPart", 9);
    assert_eq!(status, 130);
    ends_with(&screen, GO_ON);
    shell.glacier(&UPLOAD).is_silent();
    let sent = shell.count("UploadMultipartPart");
    assert!((24..=24 + IN_FLIGHT).contains(&sent), "{sent} parts were sent");
    assert_eq!(shell.count("InitiateMultipartUpload"), 1);
    holds_once(&shell, &noise(24 * MIB));
}

#[test]
fn a_retrieval_goes_on_after_ctrl_c_and_leaves_its_partial_file_only() {
    let shell = shell(24, 0);
    shell.glacier(&UPLOAD).is_silent();
    shell.write("file", "to be replaced");
    assert_eq!(shell.glacier(&RETRIEVE).status, 75);
    shell.emulator.advance(5 * HOUR);
    let (screen, status) = ctrl_c_after(&shell, &[&RETRIEVE[..], &SLOWLY].concat(), "GetJobOutput", 10);
    assert_eq!(status, 130);
    ends_with(&screen, GO_ON);
    assert_eq!((shell.read("file").as_slice(), partials(&shell)), (&b"to be replaced"[..], 1));
    shell.glacier(&RETRIEVE).is_silent();
    assert!(shell.read("file") == noise(24 * MIB));
    assert_eq!(partials(&shell), 0);
    let fetched = shell.count("GetJobOutput");
    assert!((24..=24 + 2 * IN_FLIGHT).contains(&fetched), "{fetched} ranges were fetched");
}

#[test]
fn terminated_it_says_the_same_and_a_shell_sees_143() {
    let shell = shell(24, 0);
    let child = start(&shell, &[&UPLOAD[..], &SLOWLY].concat());
    while shell.count("UploadMultipartPart") < 9 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    support::ended(child).is("", &format!("{GO_ON}\n"), 143);
    shell.glacier(&UPLOAD).is_silent();
    holds_once(&shell, &noise(24 * MIB));
}

/// A small upload whose request has arrived and whose answer is held back.
fn before_the_answer() -> (Shell, Proxy, Terminal) {
    let shell = shell(1, 0);
    let proxy = Proxy::holding(shell.emulator.endpoint_url(), "POST /-/vaults/v/archives ");
    let mut command = shell.glacier_command(&UPLOAD[..4]);
    command.env("AWS_ENDPOINT_URL_GLACIER", &proxy.url);
    let terminal = Terminal::start(&command, 80);
    while shell.count("UploadArchive") == 0 {
        std::thread::yield_now();
    }
    (shell, proxy, terminal)
}

/// The same, and Ctrl-C.
fn interrupted_before_the_answer() -> (Shell, Proxy, Terminal) {
    let (shell, proxy, mut terminal) = before_the_answer();
    terminal.type_in(CTRL_C);
    (shell, proxy, terminal)
}

/// Its request was on its way as a whole, so its answer says whether the archive is stored; without it, nobody would
/// know for days.
#[test]
fn an_answer_that_is_on_its_way_is_noted() {
    let (shell, proxy, mut terminal) = interrupted_before_the_answer();
    terminal.until(|screen| screen.contains("glacier: waiting a moment for Glacier's answer"));
    proxy.release();
    let (screen, status) = terminal.end();
    assert_eq!(status, 130);
    let waiting = "glacier: waiting a moment for Glacier's answer; a second Ctrl-C ends this at once";
    let done = "glacier: interrupted; all was done by then";
    assert_eq!(screen.trim_end(), format!("^C\n{waiting}\n{done}"));
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "file\n");
    assert_eq!((unfinished(&shell), shell.count("UploadArchive")), (0, 1));
}

#[test]
fn an_answer_that_does_not_come_is_called_missing_and_settled_later() {
    let shell = shell(1, 0);
    let proxy = Proxy::holding(shell.emulator.endpoint_url(), "POST /-/vaults/v/archives ");
    let endpoint = ["--endpoint-url", &proxy.url];
    let child = start(&shell, &[&UPLOAD[..4], &endpoint].concat());
    while shell.count("UploadArchive") == 0 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = "glacier: interrupted before Glacier had answered; run the same command again to go on\n";
    support::ended(child).is("", said, 130);
    shell.glacier(&UPLOAD[..4]).is_refused(1, "had no answer and may have stored it in v");
    assert_eq!(shell.count("UploadArchive"), 1);
}

/// A lost line ended the program at once, and whether the archive was stored was unknown for days.
#[test]
fn an_answer_that_is_on_its_way_is_noted_after_a_hangup() {
    let (shell, proxy, mut terminal) = before_the_answer();
    let hang_up = |terminal: &Terminal| kill_process(terminal.command(), Signal::HUP).unwrap();
    hang_up(&terminal);
    terminal.until(|screen| screen.contains("glacier: waiting a moment for Glacier's answer"));
    // The shell and the system each tell of it.
    hang_up(&terminal);
    proxy.release();
    let (screen, status) = terminal.end();
    assert_eq!(status, 129, "{screen}");
    // Then the shell has a word for the signal.
    assert_eq!(screen.lines().nth(1), Some("glacier: interrupted; all was done by then"), "{screen}");
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "file\n");
    assert_eq!((unfinished(&shell), shell.count("UploadArchive")), (0, 1));
}

/// By then nothing can be written to it any more.
#[test]
fn an_answer_that_is_on_its_way_is_noted_after_the_terminal_is_closed() {
    let shell = shell(1, 0);
    let proxy = Proxy::holding(shell.emulator.endpoint_url(), "POST /-/vaults/v/archives ");
    for (words, requests) in [(&["--progress=always", "-vv"][..], 1), (&["--allow-duplicate"], 2)] {
        let mut command = shell.glacier_command(&[&UPLOAD[..4], words].concat());
        command.env("AWS_ENDPOINT_URL_GLACIER", &proxy.url);
        let terminal = Terminal::start(&command, 80);
        while shell.count("UploadArchive") < requests {
            std::thread::yield_now();
        }
        terminal.close();
        // It writes after a second of the real clock, and there is no screen any more to see that on.
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(unfinished(&shell), 1);
        proxy.release();
        for _ in 0..100 {
            if unfinished(&shell) > 0 {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        assert_eq!(unfinished(&shell), 0, "{words:?}");
        proxy.hold("POST /-/vaults/v/archives ");
    }
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout.lines().count(), 2);
}

#[test]
fn a_second_ctrl_c_waits_for_nothing() {
    let (shell, _proxy, mut terminal) = interrupted_before_the_answer();
    terminal.until(|screen| screen.contains("a second Ctrl-C ends this at once"));
    terminal.type_in(CTRL_C);
    let (screen, status) = terminal.end();
    assert_eq!(status, 130);
    assert!(!screen.contains("interrupted"), "{screen}");
    shell.glacier(&UPLOAD[..4]).is_refused(1, "had no answer and may have stored it in v");
}

/// Of a request that never went out as a whole it is known that it stored nothing: the next is no duplicate.
#[test]
fn a_small_upload_that_was_not_sent_as_a_whole_is_known_not_to_be_stored() {
    let shell = shell(1, 0);
    let child = start(&shell, &[&UPLOAD[..4], &["--bwlimit", "100K"]].concat());
    while !shell.cache_path().exists() || unfinished(&shell) == 0 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    support::ended(child).is("", &format!("{GO_ON}\n"), 130);
    assert_eq!(unfinished(&shell), 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    holds_once(&shell, &noise(MIB));
}

#[test]
fn of_several_files_those_that_are_stored_are_passed_by_the_next_time() {
    let shell = shell(1, 300);
    std::fs::create_dir(shell.path("d")).unwrap();
    for number in 0..40 {
        shell.write(&format!("d/{number:02}"), format!("content {number}"));
    }
    let upload = ["archive", "upload", "v", "-r", "d"];
    let (screen, status) = ctrl_c_after(&shell, &upload, "UploadArchive", 12);
    assert_eq!(status, 130);
    ends_with(&screen, "glacier: interrupted; run the same command again with --skip-existing to go on");
    assert_eq!(unfinished(&shell), 0, "what was on its way has been answered or was not sent");
    shell.glacier(&["archive", "upload", "v", "-r", "d", "--skip-existing"]).is_silent();
    shell.glacier_waits(&["vault", "sync", "--wait", "v"], 5 * HOUR);
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout.lines().count(), 40, "each once");
}

#[test]
fn a_question_that_is_answered_with_ctrl_c_deletes_nothing() {
    let shell = shell(1, 0);
    for name in ["a", "b"] {
        shell.glacier_with_input(&["archive", "upload", "v", "--name", name, "-"], b"content").is_silent();
    }
    let mut terminal = Terminal::start(&shell.glacier_command(&["archive", "delete", "v", "a", "b"]), 80);
    terminal.until(|screen| screen.trim_end().ends_with("[y/N]"));
    terminal.type_in(CTRL_C);
    let (screen, status) = terminal.end();
    assert_eq!(status, 130);
    let lines: Vec<&str> = screen.trim_end().lines().collect();
    assert!(lines[lines.len() - 2].ends_with("[y/N] ^C"), "{screen}");
    ends_with(&screen, "glacier: interrupted; nothing was deleted");
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "a\nb\n");
    assert_eq!(shell.count("DeleteArchive"), 0);
}

#[test]
fn a_wait_that_is_interrupted_loses_no_job() {
    let shell = shell(1, 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    for (arguments, said) in [
        (&["archive", "retrieve", "--wait", "v", "file", "-o", "back"][..], GO_ON),
        (&["job", "wait"], "glacier: interrupted; the jobs go on; run the same command again"),
        (
            &["vault", "sync", "--wait", "v"],
            "glacier: interrupted; what Glacier prepares is not lost; run the same command again",
        ),
    ] {
        let (screen, status) = ctrl_c_after(&shell, arguments, "DescribeJob", 2);
        assert_eq!(status, 130, "{screen}");
        ends_with(&screen, said);
    }
    assert_eq!(shell.count("InitiateJob"), 2);
    shell.emulator.advance(5 * HOUR);
    shell.glacier(&["archive", "retrieve", "v", "file", "-o", "back"]).is_silent();
    shell.glacier(&["vault", "sync", "v"]).is_silent();
    assert_eq!(shell.count("InitiateJob"), 2);
}

/// A shell's loop goes on after a program that only says 130, and ends after one that the signal has ended.
#[test]
fn a_loop_of_a_shell_ends_too() {
    let shell = shell(24, 0);
    let mut bash = shell.command("/bin/bash");
    let (glacier, upload) = (env!("CARGO_BIN_EXE_glacier"), [&UPLOAD[..], &SLOWLY].concat().join(" "));
    let script = format!("for n in 1 2; do {glacier} {upload}; done; echo after");
    bash.args(["-c", &script]);
    let mut terminal = Terminal::start(&bash, 80);
    while shell.count("UploadMultipartPart") < 9 {
        assert!(!terminal.is_over(), "it ended too early");
        std::thread::yield_now();
    }
    terminal.type_in(CTRL_C);
    let (screen, status) = terminal.end();
    assert_eq!(status, 130, "{screen}");
    ends_with(&screen, GO_ON);
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_list_without_a_word() {
    let shell = shell(1, 0);
    shell.glacier(&UPLOAD[..4]).is_silent();
    // More than a pipe holds.
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)";
    let columns = "name, vault, key, created_here, account, region";
    let rows = "SELECT 'id' || n, 'name' || n, vault, key, created_here, account, region FROM archive, n";
    shell.sqlite().execute(&format!("INSERT INTO archive (id, {columns}) {numbers} {rows}"), []).unwrap();
    let mut bash = shell.command("/bin/bash");
    let script =
        format!("{} archive list v | head -1; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_glacier"));
    support::run(bash.args(["-c", &script])).is("file\n1\n", "", 0);
}

/// What a script runs in its background ignores Ctrl-C, which is meant for others.
#[test]
fn a_signal_that_was_ignored_before_stays_so() {
    let shell = shell(24, 0);
    let mut command = shell.command("env");
    // And what `nohup` starts, a closed terminal.
    command.args(["--ignore-signal=INT,HUP", env!("CARGO_BIN_EXE_glacier")]);
    let mut child = command.args([&UPLOAD[..], &SLOWLY].concat()).stderr(Stdio::piped()).spawn().unwrap();
    while shell.count("UploadMultipartPart") < 9 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::yield_now();
    }
    for signal in [Signal::INT, Signal::HUP] {
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    support::ended(child).is_silent();
}
