//! Each error in the words that people read: what failed, on what, why, what to do. Through the real programs and the
//! emulator's faults; `tests/snapshots` has what may not change unnoticed. `docs/troubleshooting.md` explains each.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

use glacier_emulator::Emulator;
use glacier_engine::engine::{Source, UploadOptions};
use insta::{assert_snapshot, with_settings};
use support::machine::Machine;
use support::{HOUR, Shell};

/// What a command says, less what differs from run to run.
struct Said<'a> {
    shell: &'a Shell,
    url: String,
}

impl<'a> Said<'a> {
    fn by(shell: &'a Shell) -> Self {
        Self { shell, url: shell.emulator.endpoint_url().to_owned() }
    }

    /// Asserts that the command fails with one line, and returns that.
    #[track_caller]
    fn to(&self, arguments: &[&str]) -> String {
        self.of(&mut self.shell.glacier_command(arguments))
    }

    #[track_caller]
    fn of(&self, command: &mut Command) -> String {
        let outcome = support::run(command);
        outcome.is_refused(1, "");
        self.redacted(&outcome.stderr)
    }

    fn redacted(&self, said: &str) -> String {
        let home = self.shell.home().to_string_lossy();
        said.trim_end().replace(&self.url, "http://127.0.0.1:PORT").replace(&*home, "/home/user")
    }
}

/// A vault with one archive.
fn shell() -> Shell {
    filled(Shell::new())
}

fn filled(shell: Shell) -> Shell {
    shell.glacier(&["vault", "create", "photos"]).is_silent();
    shell.write("cat.jpg", "content");
    shell.glacier(&["archive", "upload", "photos", "cat.jpg"]).is_silent();
    shell
}

const UPLOAD: [&str; 5] = ["archive", "upload", "--name=new", "photos", "cat.jpg"];
const RETRIEVE: [&str; 4] = ["archive", "retrieve", "photos", "cat.jpg"];

/// What a command says while something goes wrong.
#[track_caller]
fn with_fault(fault: &str, arguments: &[&str]) -> String {
    let shell = shell();
    shell.fault(fault);
    Said::by(&shell).to(arguments)
}

#[test]
fn nobody_to_sign_as() {
    let mut shell = shell();
    shell.forget_keys();
    assert_snapshot!("no-credentials", Said::by(&shell).to(&["vault", "list"]));
}

#[test]
fn a_profile_that_is_not_there() {
    let mut shell = shell();
    shell.forget_keys();
    let mut command = shell.glacier_command(&["vault", "list"]);
    command.env("AWS_PROFILE", "family");
    assert_snapshot!("no-profile", Said::by(&shell).of(&mut command));
    std::fs::create_dir(shell.home().join(".aws")).unwrap();
    std::fs::write(shell.home().join(".aws/config"), "[profile other]\nregion = eu-west-1\n").unwrap();
    assert_snapshot!("no-profile", Said::by(&shell).of(&mut command));
    command.env("AWS_PROFILE", "other");
    assert_snapshot!("no-credentials", Said::by(&shell).of(&mut command));
}

#[test]
fn keys_that_are_none_or_do_not_fit() {
    let shell = shell();
    let mut command = shell.glacier_command(&["vault", "list"]);
    command.env("AWS_ACCESS_KEY_ID", "AKIANOBODY");
    assert_snapshot!("unknown-key", Said::by(&shell).of(&mut command));
    let mut command = shell.glacier_command(&["vault", "list"]);
    command.env("AWS_SECRET_ACCESS_KEY", "wrong");
    assert_snapshot!("wrong-secret", Said::by(&shell).of(&mut command));
}

#[test]
fn a_session_that_has_ended() {
    assert_snapshot!("expired-token", with_fault("expired-token", &["vault", "create", "new"]));
    assert_snapshot!("expired-token-upload", with_fault("expired-token@UploadArchive", &UPLOAD));
}

#[test]
fn what_one_may_not_do() {
    assert_snapshot!("access-denied", with_fault("access-denied", &["vault", "create", "new"]));
    assert_snapshot!(
        "access-denied-archive",
        with_fault("access-denied@DeleteArchive", &["archive", "delete", "photos", "cat.jpg"])
    );
}

#[test]
fn a_vault_that_is_not_there_or_elsewhere() {
    let shell = shell();
    assert_snapshot!("vault-not-found", Said::by(&shell).to(&["vault", "sync", "none"]));
    assert_snapshot!(
        "vault-elsewhere",
        Said::by(&shell).to(&["--region=eu-west-1", "vault", "sync", "photos"])
    );
}

#[test]
fn an_account_that_the_service_takes_no_more() {
    let shell = Shell::with(Emulator::builder().no_longer_supported());
    assert_snapshot!("no-longer-supported", Said::by(&shell).to(&["vault", "create", "photos"]));
}

#[test]
fn what_the_account_has_ruled_out_or_used_up() {
    assert_snapshot!("policy-enforced", with_fault("policy-enforced@InitiateJob", &RETRIEVE));
    assert_snapshot!("limit-exceeded", with_fault("limit-exceeded@CreateVault", &["vault", "create", "new"]));
}

#[test]
fn too_much_for_the_service() {
    let expedited = ["archive", "retrieve", "--tier=expedited", "photos", "cat.jpg"];
    assert_snapshot!("insufficient-capacity", with_fault("insufficient-capacity@InitiateJob", &expedited));
    assert_snapshot!("throttled", with_fault("throttle@ListVaults", &["vault", "list"]));
    assert_snapshot!("service-unavailable", with_fault("500@ListVaults", &["vault", "list"]));
}

/// Repeated for minutes, of which the emulator's clock makes moments.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_comes_too_slowly() {
    let emulator = Arc::new(Emulator::builder().start().await.unwrap());
    let machine = Machine::new(&emulator).await;
    let vault = "photos".parse().unwrap();
    machine.engine.create_vault(&vault).await.unwrap();
    emulator.set_fault("408@UploadArchive".parse().unwrap());
    let source = Source::stream(std::io::Cursor::new(b"content"), None);
    let (name, options) = ("cat.jpg".parse().unwrap(), UploadOptions::default());
    let refused = machine.engine.upload(&vault, &name, source, options, &()).await.unwrap_err();
    assert_snapshot!("request-timeout", refused.explained());
}

#[test]
fn an_upload_in_parts_that_stopped() {
    let shell = shell();
    shell.write("film.mkv", support::noise(3 << 20));
    shell.fault("expired-token@UploadMultipartPart");
    let upload = ["archive", "upload", "--part-size=1M", "--jobs=1", "photos", "film.mkv"];
    assert_snapshot!("interrupted", Said::by(&shell).to(&upload));
}

#[test]
fn a_clock_that_is_wrong() {
    assert_snapshot!("clock-skew", with_fault("clock-skew", &["vault", "list"]));
}

#[test]
fn an_inventory_that_there_is_not_yet() {
    let shell = filled(Shell::with(Emulator::builder().inventory_lag(24 * HOUR)));
    assert_snapshot!("inventory-not-ready", Said::by(&shell).to(&["vault", "sync", "photos"]));
}

/// The cache knows of the archive, the vault has it no more.
#[test]
fn an_archive_that_is_gone() {
    let shell = shell();
    shell.sqlite().execute("UPDATE archive SET id = 'gone'", []).unwrap();
    assert_snapshot!("archive-gone", Said::by(&shell).to(&RETRIEVE));
    assert_snapshot!("upload-gone", Said::by(&shell).to(&["upload", "abort", "photos", "gone"]));
}

#[test]
fn a_vault_that_is_not_empty() {
    assert_snapshot!("vault-not-empty", Said::by(&shell()).to(&["vault", "delete", "photos"]));
}

#[test]
fn nobody_answers() {
    let shell = shell();
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let said = Said { shell: &shell, url };
    assert_snapshot!("cannot-reach", said.to(&["--endpoint-url", &said.url, "vault", "list"]));
    let no_such_host = said.to(&["--endpoint-url", "http://nobody.invalid", "vault", "list"]);
    // Each C library has other words for it.
    with_settings!({filters => vec![("lookup address information: [^;]*", "lookup address information: NONE")]}, {
        assert_snapshot!("no-such-host", no_such_host);
    });
    assert_snapshot!("cut-off", with_fault("cut-after@ListVaults", &["vault", "list"]));
}

/// The SDK took such an answer for an empty list, and an upload that a gateway gave up on was called refused, although
/// Glacier may have stored it.
#[test]
fn someone_else_answers() {
    for (answer, list, upload) in [
        ("404 Not Found\r\nContent-Type: text/html", "not-glacier", "not-glacier-upload"),
        ("504 Gateway Timeout\r\nContent-Type: text/html", "gateway-timeout", "gateway-timeout-upload"),
        ("200 OK\r\nContent-Type: text/html", "not-json", "not-json-upload"),
    ] {
        let (shell, url) = (shell(), someone_who_answers(answer));
        let said = Said { shell: &shell, url };
        assert_snapshot!(list, said.to(&["--endpoint-url", &said.url, "vault", "list"]));
        let arguments = [&["--endpoint-url", &said.url][..], &UPLOAD].concat();
        assert_snapshot!(upload, said.to(&arguments));
    }
    let (shell, url) = (shell(), someone_who_answers("200 OK\r\nContent-Type: application/json"));
    let said = Said { shell: &shell, url };
    assert_snapshot!("no-request-id", said.to(&["--endpoint-url", &said.url, "vault", "list"]));
}

#[test]
fn an_upload_whose_answer_is_lost() {
    let shell = shell();
    shell.fault("cut-after@UploadArchive#1");
    assert_snapshot!("may-be-stored", Said::by(&shell).to(&UPLOAD));
    with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "DATE")]}, {
        assert_snapshot!("earlier-may-be-stored", Said::by(&shell).to(&UPLOAD));
    });
}

fn someone_who_answers(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 64 * 1024];
            let _ = connection.read(&mut request);
            let body = if status.contains("json") { "{}" } else { "<html>Welcome</html>" };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}

/// git-annex shows the same sentences, each on the line of its answer.
#[test]
fn git_annex_is_told_the_same() {
    let shell = shell();
    let store = format!("TRANSFER STORE key {}", shell.path("cat.jpg").display());
    let bring = format!("TRANSFER RETRIEVE cat.jpg {}", shell.path("brought").display());
    let with = |fault: &str, vault: &str, request: &str| {
        shell.fault(fault);
        let answer = annex_answers(&shell, vault, request);
        shell.heal();
        Said::by(&shell).redacted(&answer)
    };
    assert_snapshot!("annex-expired-token", with("expired-token@UploadArchive", "photos", &store));
    assert_snapshot!("annex-access-denied", with("access-denied@UploadArchive", "photos", &store));
    assert_snapshot!("annex-policy-enforced", with("policy-enforced@InitiateJob", "photos", &bring));
    assert_snapshot!("annex-vault-not-found", with("", "none", &store));
}

/// How the remote answers a request, when git-annex answers all its questions with nothing but the name of the vault.
fn annex_answers(shell: &Shell, vault: &str, request: &str) -> String {
    let mut command = shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut reply = |request: &str| {
        writeln!(input, "{request}").unwrap();
        loop {
            let line = lines.next().unwrap();
            match line.split(' ').next().unwrap() {
                "GETCONFIG" if line.ends_with(" vault") => writeln!(input, "VALUE {vault}").unwrap(),
                "GETCREDS" => writeln!(input, "CREDS").unwrap(),
                question if question.starts_with("GET") => writeln!(input, "VALUE").unwrap(),
                "VERSION" | "DEBUG" | "INFO" | "PROGRESS" => {}
                _ => return line,
            }
        }
    };
    assert_eq!(reply("PREPARE"), "PREPARE-SUCCESS");
    let answer = reply(request);
    drop(input);
    child.wait().unwrap();
    answer
}

#[test]
fn the_remote_says_what_it_is_for_and_takes_no_arguments() {
    let shell = Shell::new();
    let remote = |argument: &str| {
        support::run(shell.command(env!("CARGO_BIN_EXE_git-annex-remote-glacier")).arg(argument))
    };
    let help = remote("--help");
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert_snapshot!("remote-help", help.stdout);
    remote("--version").is(concat!("git-annex-remote-glacier ", env!("CARGO_PKG_VERSION"), "\n"), "", 0);
    let refused = remote("vault");
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    assert_snapshot!("remote-argument", refused.stderr.trim_end());
}

/// What Glacier says tells neither what was to be done nor on what.
#[test]
fn the_newer_commands_say_what_they_could_not_do() {
    let shell = shell();
    shell.fault("access-denied");
    for (arguments, said) in [
        (&["vault", "info", "photos"][..], "cannot describe vault 'photos': "),
        (&["vault", "tags", "photos"], "cannot get or change the tags of vault 'photos': "),
        (&["vault", "notifications", "photos"], "cannot get or change the notifications of vault 'photos': "),
        (&["policy", "get"], "cannot get the retrieval policy: "),
        (&["job", "wait"], "cannot wait for jobs: "),
    ] {
        shell.glacier(arguments).is_refused(1, said);
    }
}
