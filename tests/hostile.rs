//! Answers, files and names that someone made up to do harm: nothing is let out, overwritten, run or believed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::BufRead;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use glacier_emulator::Emulator;
use support::asking::at_a_terminal;
use support::dialogue::Remote;
use support::raw_server::{RawServer, answer};
use support::terminal::Terminal;
use support::{Outcome, Shell, noise};

fn shell() -> Shell {
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", "content");
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    shell
}

fn with(shell: &Shell, server: &RawServer, arguments: &[&str]) -> Outcome {
    shell.glacier(&[&["--endpoint-url", &server.url], arguments].concat())
}

/// One line that says what happened, and not much of it, whatever came.
#[track_caller]
fn is_clear(outcome: &Outcome, what: &str) {
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{what}: {outcome:?}");
    assert!(outcome.stderr.starts_with("glacier: ") && outcome.stderr.len() < 2000, "{what}: {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{what}: {outcome:?}");
}

#[test]
fn a_redirection_is_not_followed_so_that_no_signature_is_let_out() {
    let shell = shell();
    let elsewhere = RawServer::start(|_| answer("200 OK", "", b"{}"));
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("Location: {}/elsewhere\r\n", elsewhere.url);
        let here = RawServer::start(move |_| answer(status, &location, b""));
        for arguments in [
            &["vault", "list"][..],
            &["archive", "upload", "v", "file", "--allow-duplicate"],
            &["archive", "delete", "v", "file"],
            &["archive", "retrieve", "v", "file"],
        ] {
            is_clear(&with(&shell, &here, arguments), status);
        }
        assert!(here.heard().iter().all(|head| head.to_lowercase().contains("authorization: ")));
    }
    assert_eq!(elsewhere.heard(), Vec::<String>::new());
}

/// Without a word about the endpoint, nothing is sent but over TLS.
#[test]
fn only_an_endpoint_that_says_http_is_spoken_to_without_tls() {
    let shell = shell();
    let plain = RawServer::start(|_| answer("200 OK", "", b"{}"));
    let outcome =
        shell.glacier(&["--endpoint-url", &plain.url.replace("http://", "https://"), "vault", "list"]);
    is_clear(&outcome, "https");
    assert_eq!(plain.heard(), Vec::<String>::new(), "what came was no request in plain text");
}

const DATE: &str = "2012-03-20T17:03:43.221Z";

/// A Glacier with one finished inventory job, whose output is this.
fn with_inventory(inventory: Vec<u8>, said_bytes: u64) -> RawServer {
    let arn = "arn:aws:glacier:us-east-1:111122223333:vaults/v";
    let job = format!(
        r#"{{"Action":"InventoryRetrieval","JobId":"j","VaultARN":"{arn}","CreationDate":"{DATE}","CompletionDate":"{DATE}",
        "Completed":true,"StatusCode":"Succeeded","InventorySizeInBytes":{said_bytes}}}"#
    );
    RawServer::start(move |line| {
        let path = line.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            path if path.ends_with("/output") => answer("206 Partial Content", "", &inventory),
            path if path.ends_with("/jobs") => {
                answer("200 OK", "", format!(r#"{{"JobList":[{job}]}}"#).as_bytes())
            }
            path if path.ends_with("/j") => answer("200 OK", "", job.as_bytes()),
            _ => answer("404 Not Found", "", br#"{"code":"ResourceNotFoundException","message":"no"}"#),
        }
    })
}

fn inventory(rows: &str) -> Vec<u8> {
    let arn = "arn:aws:glacier:us-east-1:111122223333:vaults/v";
    format!(r#"{{"VaultARN":"{arn}","InventoryDate":"{DATE}","ArchiveList":[{rows}]}}"#).into_bytes()
}

fn sync(shell: &Shell, server: &RawServer) -> Outcome {
    with(shell, server, &["vault", "sync", "--max-age=1000000", "v"])
}

#[test]
fn an_inventory_that_makes_no_sense_changes_nothing() {
    let shell = shell();
    let rows = || -> Vec<(String, Option<String>)> {
        let db = shell.sqlite();
        let mut query = db.prepare("SELECT id, name FROM archive ORDER BY id").unwrap();
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let before = rows();
    let sound = inventory(r#"{"ArchiveId":"new"}"#);
    let other = String::from_utf8(sound.clone()).unwrap().replace("vaults/v", "vaults/w");
    let deep = "[".repeat(100_000);
    for bad in [
        noise(5000),
        b"".to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
        vec![0; 1000],
        vec![b'['; 100_000],
        sound[..sound.len() - 3].to_vec(),
        [&sound[..], b"x"].concat(),
        other.into_bytes(),
        inventory(&deep),
        format!(r#"{{"Deep":{deep},"ArchiveList":[]}}"#).into_bytes(),
        b"\xff\xfe{\"ArchiveList\":[]}".to_vec(),
    ] {
        let said_bytes = bad.len() as u64;
        let what = String::from_utf8_lossy(&bad[..bad.len().min(60)]).into_owned();
        is_clear(&sync(&shell, &with_inventory(bad, said_bytes)), &what);
        assert_eq!(rows(), before, "{what}");
    }
    // Longer or shorter than said, or said to be as large as no archive can be.
    for said_bytes in
        [sound.len() as u64 - 1, sound.len() as u64 + 1, 1, i64::MAX.unsigned_abs(), u64::from(u32::MAX)]
    {
        is_clear(&sync(&shell, &with_inventory(sound.clone(), said_bytes)), &said_bytes.to_string());
        assert_eq!(rows(), before, "{said_bytes}");
    }
}

#[test]
fn rows_that_make_no_sense_cost_only_themselves() {
    let shell = shell();
    let long = "x".repeat(1_000_000);
    let rows = format!(
        r#"{{"ArchiveId":"long","ArchiveDescription":"{long}","Size":1}},
           {{"ArchiveId":"twice","ArchiveDescription":"first"}}, {{"ArchiveId":"twice","ArchiveDescription":"second"}},
           {{"ArchiveId":"negative","Size":-1}}, {{"ArchiveId":"fraction","Size":1.5}}, {{"ArchiveId":"text","Size":"1"}},
           {{"ArchiveId":"huge","Size":99999999999999999999999}}, {{"ArchiveId":"large","Size":18446744073709551615}},
           {{"ArchiveId":"dated","CreationDate":"tomorrow","SHA256TreeHash":"none"}},
           {{"ArchiveId":"\u001b[2J"}}, {{"ArchiveId":"a\nb"}}, {{"ArchiveId":"lone","ArchiveDescription":"\ud800"}},
           {{"ArchiveId":"nul","ArchiveDescription":"a\u0000b"}}, 5, null, [], "x", {{"ArchiveDescription":"no id"}}"#
    );
    let inventory = inventory(&rows);
    let server = with_inventory(inventory.clone(), inventory.len() as u64);
    let synced = sync(&shell, &server);
    assert_eq!((synced.status, synced.stdout.as_str()), (0, ""), "{synced:?}");
    assert!(synced.stderr.contains("rows of the inventory cannot be read and were left out"), "{synced:?}");
    let listed = shell.glacier(&["archive", "list", "--force-ids", "v"]);
    let ids: Vec<&str> =
        listed.stdout.lines().filter_map(|line| line.strip_prefix("id:")?.split('\t').next()).collect();
    for known in ["long", "twice", "large", "dated", "nul"] {
        assert!(ids.contains(&known), "{known} in {ids:?}");
    }
    for unknown in ["negative", "fraction", "text", "huge", "lone"] {
        assert!(!ids.contains(&unknown), "{unknown} in {ids:?}");
    }
    assert!(listed.stdout.contains("id:twice\tfirst\n"), "the first counts");
    // What was stored from here is still there: nothing is called gone by such an inventory.
    assert!(listed.stdout.contains("\tfile\n"), "{listed:?}");
    for name in ["id:large", "id:dated"] {
        let outcome = shell.glacier(&["archive", "retrieve", "v", name, "-o", "back"]);
        assert_eq!(outcome.status, 1, "{outcome:?}");
    }
}

/// A Glacier with one finished job for the one archive that is known, whose output is this.
fn with_output(
    shell: &Shell,
    said_bytes: u64,
    output: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> RawServer {
    with_ranges(shell, said_bytes, move |_| output())
}

/// The same, whose output follows from the head of the request, in small letters.
fn with_ranges(
    shell: &Shell,
    said_bytes: u64,
    output: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> RawServer {
    let id: String = shell.sqlite().query_row("SELECT id FROM archive", [], |row| row.get(0)).unwrap();
    let job = format!(
        r#"{{"Action":"ArchiveRetrieval","JobId":"j","ArchiveId":"{id}","CreationDate":"{DATE}","CompletionDate":"{DATE}",
        "Completed":true,"StatusCode":"Succeeded","ArchiveSizeInBytes":{said_bytes}}}"#
    );
    RawServer::start_by_head(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            path if path.ends_with("/output") => output(&head.to_ascii_lowercase()),
            path if path.ends_with("/jobs") => {
                answer("200 OK", "", format!(r#"{{"JobList":[{job}]}}"#).as_bytes())
            }
            _ => answer("200 OK", "", job.as_bytes()),
        }
    })
}

/// What comes behind the end of a range belongs to the next one, which may be here and verified by then.
#[test]
fn a_range_that_is_too_long_writes_nothing_into_the_next() {
    const MIB: usize = 1 << 20;
    let (shell, content) = (Shell::with(Emulator::builder()), noise(3 * MIB));
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", &content);
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    // The last record of a file that is not finished is that of the last range.
    let work = shell.path("");
    let is_last_here = move || {
        let mut files = std::fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().path());
        let part = files.find(|path| path.extension().is_some_and(|end| end == "part"));
        let bytes = part.and_then(|part| std::fs::read(part).ok()).unwrap_or_default();
        bytes.last_chunk::<32>().is_some_and(|record| *record != [0; 32])
    };
    let (sent, is_asked) = (content.clone(), AtomicBool::new(false));
    let server = with_ranges(&shell, content.len() as u64, move |head| {
        let index = (0..3).find(|index| head.contains(&format!("range: bytes={}-", index * MIB))).unwrap();
        let range = &sent[index * MIB..(index + 1) * MIB];
        if index != 1 || is_asked.swap(true, Ordering::SeqCst) {
            return answer("206 Partial Content", "", range);
        }
        while !is_last_here() {
            std::thread::yield_now();
        }
        answer("206 Partial Content", "", &[range, &[0xa5; 1000]].concat())
    });
    let retrieve = ["archive", "retrieve", "v", "file", "-o", "back", "--multipart-size=1048576"];
    let outcome = with(&shell, &server, &retrieve);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(shell.read("back") == content, "other bytes came back");
    let outputs = server.heard().iter().filter(|head| head.contains("/output")).count();
    assert_eq!(outputs, 4, "the middle one came twice");
}

#[test]
fn an_output_that_is_not_what_was_stored_is_not_written() {
    let shell = shell();
    let hash = |hash: char| format!("x-amz-sha256-tree-hash: {}\r\n", hash.to_string().repeat(64));
    let outputs: Vec<(u64, Vec<u8>)> = vec![
        (7, answer("206 Partial Content", "", b"tnetnoc")),
        (7, answer("206 Partial Content", "", b"content and more")),
        (7, answer("206 Partial Content", "", b"cont")),
        (7, answer("206 Partial Content", &hash('0'), b"content")),
        (7, answer("200 OK", "", b"content")),
        (3, answer("206 Partial Content", "", b"con")),
        (70, answer("206 Partial Content", "", b"content")),
        (i64::MAX.unsigned_abs(), answer("206 Partial Content", "", b"content")),
        (7, noise(300)),
        (7, b"HTTP/1.1 206 Partial Content\r\nContent-Length: -1\r\n\r\ncontent".to_vec()),
        (7, b"HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\ncontent".to_vec()),
        (7, b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\ncontent".to_vec()),
        (7, [b"HTTP/1.1 206 Partial Content\r\nX: ".to_vec(), vec![b'x'; 4_000_000], b"\r\n\r\n".to_vec()].concat()),
    ];
    for (said_bytes, output) in outputs {
        let what = format!("{said_bytes}: {}", String::from_utf8_lossy(&output[..output.len().min(200)]));
        // Once is enough to see what comes of it; a server that is never heard of is asked four times.
        let server = with_output(&shell, said_bytes, move || output.clone());
        shell.write("back", "as it was");
        for target in ["back", "-"] {
            let outcome = with(&shell, &server, &["archive", "retrieve", "v", "file", "-o", target]);
            if target == "-" {
                assert_eq!((outcome.status, outcome.stderr.lines().count()), (1, 1), "{what}: {outcome:?}");
            } else {
                is_clear(&outcome, &what);
            }
        }
        assert_eq!(shell.read("back"), b"as it was", "{what}");
    }
    // What had come of ranges that could be true is gone on with, and is not.
    shell.glacier(&["archive", "retrieve", "--wait", "v", "file", "-o", "back"]).is_silent();
    assert_eq!(shell.read("back"), b"content");
    support::no_leftovers(&shell.path(""));
}

/// All of an answer was read into memory, however long it was; and what has no end would fill that.
#[test]
fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let shell = shell();
    let arn = "arn:aws:glacier:us-east-1:111122223333:vaults/v";
    let answering = move |status: &'static str, blank_mib: usize| {
        let headers = "x-amz-archive-id: a\r\nLocation: /111122223333/vaults/v/archives/a\r\n";
        let vault = format!(
            r#"{{"VaultARN":"{arn}","VaultName":"v","CreationDate":"{DATE}","code":"Odd","message":"odd"}}"#
        );
        let body = [vec![b' '; blank_mib << 20], vault.into_bytes()].concat();
        RawServer::start(move |_| answer(status, headers, &body))
    };
    let info = ["vault", "info", "v"];
    let long = with(&shell, &answering("200 OK", 15), &info);
    assert_eq!((long.status, long.stderr.as_str()), (0, ""), "{long:?}");
    for (status, name) in [("200 OK", "--name=b"), ("400 Bad Request", "--name=c")] {
        let upload = ["archive", "upload", "v", "file", name];
        for arguments in [&info[..], &upload] {
            let outcome = with(&shell, &answering(status, 40), arguments);
            is_clear(&outcome, status);
            assert!(outcome.stderr.contains("it is longer than 16 MiB"), "{status}: {outcome:?}");
        }
        // It may have been carried out.
        let again = shell.glacier(&upload);
        is_clear(&again, status);
        assert!(again.stderr.contains("had no answer and may have stored it"), "{again:?}");
    }
    let retrieve = ["archive", "retrieve", "v", "file"];
    is_clear(&with(&shell, &answering("400 Bad Request", 40), &retrieve), "retrieve");
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "file\n");
    // What an archive holds is no such answer.
    let large = noise(17 << 20);
    shell.write("large", &large);
    shell.glacier(&["archive", "upload", "v", "large"]).is_silent();
    let retrieve = ["archive", "retrieve", "--wait", "v", "large", "-o", "back", "--multipart-size=64M"];
    shell.glacier(&retrieve).is_silent();
    assert!(shell.read("back") == large);
}

/// Memory was asked for by what the answer said, before anyone looked whether the file has so much.
#[test]
fn parts_that_no_file_could_have_are_not_gone_on_with() {
    let shell = shell();
    shell.write("large", noise(3 << 20));
    let upload = ["archive", "upload", "v", "large", "--part-size=1M"];
    shell.fault("access-denied@UploadMultipartPart#2");
    assert_eq!(shell.glacier(&upload).status, 1);
    let begun = std::fs::read(shell.cache_path()).unwrap();
    for (range, what) in [
        ("0-18446744073709551615", "Glacier's answer cannot be used: a part without a range or a hash"),
        ("5-3", "Glacier's answer cannot be used: a part without a range or a hash"),
        // Given up, and begun anew.
        ("0-18446744073709551614", "access denied: no more"),
        ("0-9223372036854775806", "access denied: no more"),
        ("0-68719476735", "access denied: no more"),
        ("18446744073708503040-18446744073709551614", "access denied: no more"),
        ("3145728-4194303", "access denied: no more"),
    ] {
        std::fs::write(shell.cache_path(), &begun).unwrap();
        let parts =
            format!(r#"{{"Parts":[{{"RangeInBytes":"{range}","SHA256TreeHash":"{}"}}]}}"#, "0".repeat(64));
        let server = RawServer::start(move |line| match line.split(' ').next() {
            Some("GET") => answer("200 OK", "", parts.as_bytes()),
            Some("DELETE") => answer("204 No Content", "", b""),
            _ => answer("403 Forbidden", "", br#"{"code":"AccessDeniedException","message":"no more"}"#),
        });
        let program = [&[env!("CARGO_BIN_EXE_glacier"), "--endpoint-url", &server.url], &upload[..]].concat();
        let mut command = shell.command("/bin/sh");
        command.args(["-c", &format!("ulimit -v 8000000; exec {}", program.join(" "))]);
        let outcome = support::run(&mut command);
        is_clear(&outcome, range);
        assert!(outcome.stderr.contains(what), "{range}: {outcome:?}");
    }
}

/// Names go to a file of their last part in the directory that one is in, or nowhere.
#[test]
fn an_archive_name_leads_nowhere_else_and_is_no_option() {
    let shell = Shell::with(Emulator::builder());
    shell.glacier(&["vault", "create", "v"]).is_silent();
    for (name, file) in [
        ("../../etc/cron.d/x", Some("x")),
        ("/etc/passwd", Some("passwd")),
        ("-rf", Some("-rf")),
        ("..", None),
        (".", None),
        ("a/..", None),
        ("a/", None),
        ("id:", Some("id:")),
        ("name:", Some("name:")),
        ("a b;c|d$(e)`f`", Some("a b;c|d$(e)`f`")),
    ] {
        let option = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "v", &option, "-"], name.as_bytes()).is_silent();
        let reference = format!("name:{name}");
        let outcome = shell.glacier(&["archive", "retrieve", "--wait", "v", "--", &reference]);
        match file {
            Some(file) => {
                outcome.is_silent();
                assert_eq!(shell.read(file), name.as_bytes(), "{name}");
                std::fs::remove_file(shell.path(file)).unwrap();
            }
            None => outcome.is_refused(1, "has no name that a file could have; give one with -o"),
        }
        assert_eq!(std::fs::read_dir(shell.path("")).unwrap().count(), 0, "{name}");
    }
    // Glacier takes no others; an inventory of another program's making might hold them.
    for name in ["a\nb", "\u{1b}[2J", "\u{7}"] {
        let option = format!("--name={name}");
        let refused = shell.glacier_with_input(&["archive", "upload", "v", &option, "-"], b"x");
        assert!(refused.status != 0 && refused.stderr.lines().count() == 1, "{refused:?}");
        assert!(!refused.stderr.contains('\u{1b}') && !refused.stderr.contains('\u{7}'), "{refused:?}");
    }
}

/// Whoever can write the file can lie in it, but not run anything by it, nor stop a later command.
#[test]
fn a_cache_that_someone_has_made_up_runs_nothing_and_ends_in_one_line() {
    let list = ["archive", "list", "v"];
    for (sql, status) in [
        // Not obeyed: neither on reading nor on writing.
        (
            "CREATE TRIGGER t AFTER INSERT ON archive BEGIN DELETE FROM archive; END;
             CREATE TRIGGER u AFTER UPDATE ON archive BEGIN DELETE FROM archive; END;",
            0,
        ),
        ("ALTER TABLE archive RENAME TO other; CREATE VIEW archive AS SELECT * FROM other;", 1),
        ("DROP TABLE archive", 1),
        ("DROP TABLE vault; DROP TABLE caller", 1),
        ("DROP INDEX archive_by_name", 0),
        ("CREATE INDEX of_another ON archive (vault)", 0),
        // An archive that is stored could then not be noted, or not as it should be.
        ("DROP TABLE gone", 1),
        ("CREATE UNIQUE INDEX of_another ON archive (vault)", 1),
        ("CREATE UNIQUE INDEX \"of\n\u{1b}[2Janother\" ON upload (vault) WHERE name > ''", 1),
        (
            "DROP TABLE gone; CREATE TABLE gone (id VARCHAR NOT NULL PRIMARY KEY, noted INTEGER NOT NULL UNIQUE)
                 WITHOUT ROWID;",
            1,
        ),
        ("PRAGMA user_version = -1", 1),
        ("PRAGMA user_version = 0", 1),
        ("PRAGMA user_version = 1", 1),
        ("PRAGMA user_version = 99", 1),
        ("PRAGMA application_id = 7", 0),
        ("UPDATE archive SET name = zeroblob(10000000)", 0),
        ("UPDATE archive SET name = hex(zeroblob(5000000))", 0),
    ] {
        let shell = shell();
        shell.sqlite().execute_batch(sql).unwrap();
        let listed = shell.glacier(&list);
        assert_eq!(listed.status, status, "{sql}: {listed:?}");
        if status == 0 {
            shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y").is_silent();
            let deleted = shell.glacier(&["archive", "delete", "v", "b"]);
            assert_eq!(deleted.status, 0, "{sql}: {deleted:?}");
            let rows: i64 =
                shell.sqlite().query_row("SELECT count(*) FROM archive", [], |row| row.get(0)).unwrap();
            assert_eq!(rows, 2, "{sql}");
        } else {
            is_clear(&listed, sql);
            assert!(
                listed.stderr.contains("move it away") || listed.stderr.contains("newer release"),
                "{listed:?}"
            );
            let before = shell.writes();
            let uploaded = shell.glacier_with_input(&["archive", "upload", "v", "--name=b", "-"], b"y");
            is_clear(&uploaded, sql);
            assert_eq!(shell.writes(), before, "{sql}: nothing is stored that cannot be noted");
        }
    }
}

/// Sums of them were too large for their number: a panic, or a small sum.
#[test]
fn sizes_that_no_archives_have_are_added_up_all_the_same() {
    let shell = shell();
    // As large as an inventory may say.
    let sql = "INSERT INTO archive (id, name, vault, key, account, region, created_here, size_bytes)
               SELECT 'huge-' || column1, 'huge-' || column1, 'v', '', '111122223333', 'us-east-1', 1, 9223372036854775807
               FROM (VALUES (1), (2), (3))";
    shell.sqlite().execute(sql, []).unwrap();
    let most = u64::MAX;
    let asked = at_a_terminal(&shell, &["archive", "delete", "v", "--glob", "huge-*"], "n").stderr;
    assert!(asked.contains(&format!("delete 3 archives of vault 'v' ({most} bytes)?")), "{asked}");
    let planned = shell.glacier(&["archive", "retrieve", "--dry-run", "v", "--glob", "huge-*"]);
    assert!(planned.stderr.contains(&format!("jobs to start: 3 ({most} bytes)")), "{planned:?}");
    std::fs::remove_file(shell.path("file")).unwrap();
    let retrieve = ["--progress=always", "archive", "retrieve", "--wait", "v", "--glob", "*"];
    let retrieved = shell.glacier(&retrieve);
    assert_eq!((retrieved.status, retrieved.stdout.as_str()), (1, ""), "{retrieved:?}");
    assert!(retrieved.stderr.lines().all(|line| line.starts_with("glacier: ")), "{retrieved:?}");
    assert_eq!(shell.read("file"), b"content");
}

/// Sets a terminal's title, rings its bell, and moves its cursor by a single character.
const ACTED_UPON: &str = "\u{1b}]0;mine\u{7}\u{1b}[31m\u{9b}2J";
const SHOWN: &str = "\\x1b]0;mine\\x07\\x1b[31m\\x9b2J";

/// A Glacier in whose answers such text stands wherever text can.
fn with_text_to_act_upon() -> RawServer {
    let arn = format!("arn:aws:glacier:us-east-1:111122223333:vaults/v{ACTED_UPON}");
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    let job = serde_json::json!({"JobList": [{"Action": "ArchiveRetrieval", "JobId": "j", "ArchiveId": "a",
        "CreationDate": format!("date{ACTED_UPON}"), "StatusCode": "InProgress", "VaultARN": arn}]});
    let upload = serde_json::json!({"UploadsList": [{"MultipartUploadId": "u",
        "ArchiveDescription": format!("name{ACTED_UPON}"), "CreationDate": format!("date{ACTED_UPON}"),
        "PartSizeInBytes": 1_048_576, "VaultARN": arn}]});
    let notifications = serde_json::json!({"SNSTopic": format!("topic{ACTED_UPON}"),
        "Events": [format!("event{ACTED_UPON}")]});
    let vault = serde_json::json!({"VaultARN": arn, "VaultName": "v", "CreationDate": DATE, "NumberOfArchives": 0,
        "SizeInBytes": 0});
    let answers = [
        ("/jobs", json(job)),
        ("/multipart-uploads", json(upload)),
        ("/notification-configuration", json(notifications)),
        ("/v", json(vault)),
    ];
    RawServer::start(move |line| {
        let path = line.split([' ', '?']).nth(1).unwrap_or_default();
        let body = answers.iter().find(|(end, _)| path.ends_with(end)).map_or(&b"{}"[..], |(_, body)| body);
        answer("200 OK", "", body)
    })
}

/// One that refuses everything in such words.
fn refusing_with_text_to_act_upon(status: &'static str, code: &str, message: &str) -> RawServer {
    let body = serde_json::json!({"code": code, "message": message}).to_string();
    RawServer::start(move |_| answer(status, "", body.as_bytes()))
}

fn refusals_with_text_to_act_upon() -> [RawServer; 4] {
    [
        ("403 Forbidden", "AccessDeniedException".to_owned(), format!("no {ACTED_UPON} more")),
        ("400 Bad Request", format!("Odd{ACTED_UPON}"), "no".to_owned()),
        (
            "404 Not Found",
            "ResourceNotFoundException".to_owned(),
            format!("The archive ID was not found: {ACTED_UPON}"),
        ),
        (
            "400 Bad Request",
            "InvalidParameterValueException".to_owned(),
            format!("{ACTED_UPON}\n{ACTED_UPON}"),
        ),
    ]
    .map(|(status, code, message)| refusing_with_text_to_act_upon(status, &code, &message))
}

#[track_caller]
fn is_shown_as_text(raw: &[u8], what: &str) {
    let shown = String::from_utf8_lossy(raw);
    let is_acted_upon = |c: char| c.is_control() && c != '\r' && c != '\n' && c != '\t';
    assert!(!shown.contains(is_acted_upon) && shown.contains(SHOWN), "{what}: {shown:?}");
}

#[test]
fn what_answers_cannot_make_a_terminal_do_anything() {
    let shell = shell();
    let sql = "INSERT INTO archive (id, name, vault, key, account, region, created_here)
               VALUES ('a', ?1, 'v', '', '111122223333', 'us-east-1', 1)";
    shell.sqlite().execute(sql, [format!("archive{ACTED_UPON}")]).unwrap();
    let at_a_terminal = |server: &RawServer, arguments: &[&str]| {
        let arguments = [&["--progress=never", "--endpoint-url", &server.url], arguments].concat();
        let mut terminal = Terminal::start(&shell.glacier_command(&arguments), 400);
        while terminal.hear() {}
        is_shown_as_text(&terminal.raw, &format!("{arguments:?}"));
    };
    let server = with_text_to_act_upon();
    for arguments in [
        &["job", "list", "--vault", "v"][..],
        &["job", "list", "--long", "--vault", "v"],
        &["upload", "list", "v"],
        &["upload", "abort", "--dry-run", "--all", "v"],
        &["vault", "info", "v"],
        &["vault", "notifications", "v"],
        &["archive", "list", "v"],
        &["archive", "delete", "--dry-run", "v", "id:a"],
    ] {
        at_a_terminal(&server, arguments);
    }
    // A program gets what there is.
    let piped = with(&shell, &server, &["job", "list", "--vault", "v"]).stdout;
    assert_eq!(piped, format!("a/p date{ACTED_UPON} v          archive{ACTED_UPON}\n"));
    let piped = with(&shell, &server, &["upload", "list", "v"]).stdout;
    assert_eq!(piped, format!("u\tdate{ACTED_UPON}\t1048576\tname{ACTED_UPON}\n"));
    for server in refusals_with_text_to_act_upon() {
        for arguments in [
            &["vault", "info", "v"][..],
            &["archive", "retrieve", "v", "id:a", "-o", "back"],
            &["archive", "delete", "v", "id:a"],
            &["archive", "upload", "v", "file", "--allow-duplicate"],
        ] {
            at_a_terminal(&server, arguments);
            let refused = with(&shell, &server, arguments);
            is_clear(&refused, &format!("{arguments:?}"));
            is_shown_as_text(refused.stderr.as_bytes(), &format!("{arguments:?}"));
        }
    }
}

/// git-annex shows what the remote says as it comes.
#[test]
fn what_answers_is_passed_to_git_annex_as_text() {
    let shell = shell();
    for server in refusals_with_text_to_act_upon() {
        let mut remote = Remote::prepared_with(&shell, "", &server.url);
        remote.plays("> TRANSFER STORE WORM-s7--file file\n< GETSTATE WORM-s7--file\n> VALUE");
        let mut said = String::new();
        while !said.contains("TRANSFER-FAILURE STORE WORM-s7--file ") {
            assert!(remote.output.read_line(&mut said).unwrap() > 0, "{said}");
        }
        is_shown_as_text(said.as_bytes(), "TRANSFER STORE");
    }
}

#[test]
fn what_answers_is_told_of_in_one_line_however_long_it_is() {
    let shell = shell();
    for word in ["y", "code y", "User: y is not authorized to perform: glacier:ListVaults on resource: y"] {
        let long = word.replace('y', &"y".repeat(3_000_000));
        for code in
            ["AccessDeniedException", "ResourceNotFoundException", "InvalidParameterValueException", &long]
        {
            let body = format!(r#"{{"code":"{code}","message":"{long}"}}"#);
            let server = RawServer::start(move |_| answer("400 Bad Request", "", body.as_bytes()));
            for arguments in [&["vault", "list"][..], &["archive", "retrieve", "v", "file"]] {
                let outcome = with(&shell, &server, arguments);
                assert!(outcome.stderr.len() < 3000, "{} bytes", outcome.stderr.len());
                assert_eq!((outcome.status, outcome.stderr.lines().count()), (1, 1));
            }
        }
    }
}

/// The SDK panics at a URL of more than 64 KiB, in which each of these would stand.
#[test]
fn an_id_that_no_url_can_hold_is_refused_in_one_line() {
    let shell = shell();
    let long = "x".repeat(70_000);
    let id = format!("id:{long}");
    for arguments in [
        &["upload", "abort", "v", &long][..],
        &["job", "wait", "--vault", "v", &long],
        &["archive", "retrieve", "v", &id, "-o", "back"],
        &["archive", "delete", "v", &id],
        &["archive", "checkpresent", "v", &id],
        &["--endpoint-url", &format!("http://h/{long}"), "vault", "list"],
    ] {
        let outcome = shell.glacier(arguments);
        assert!([1, 2].contains(&outcome.status) && outcome.stdout.is_empty(), "{:?}", &arguments[..2]);
        assert!(outcome.stderr.starts_with("glacier: ") && outcome.stderr.len() < 500, "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
    let mut command = shell.glacier_command(&["vault", "list"]);
    command.env("AWS_ENDPOINT_URL", format!("http://h/{long}")).env_remove("AWS_ENDPOINT_URL_GLACIER");
    is_clear(&support::run(&mut command), "AWS_ENDPOINT_URL");
}

/// A Glacier all of whose ids are this.
fn with_ids(id: String) -> RawServer {
    RawServer::start(move |line| {
        let (method, path) = (line.split(' ').next().unwrap(), line.split(' ').nth(1).unwrap());
        let headers =
            format!("x-amz-archive-id: {id}\r\nx-amz-job-id: {id}\r\nx-amz-multipart-upload-id: {id}\r\n");
        let body = format!(
            r#"{{"JobList":[{{"Action":"InventoryRetrieval","JobId":"{id}","StatusCode":"InProgress","CreationDate":"{DATE}"}},
                {{"Action":"ArchiveRetrieval","ArchiveId":"{id}","JobId":"j","StatusCode":"InProgress","CreationDate":"{DATE}"}}],
                "UploadsList":[{{"MultipartUploadId":"{id}","PartSizeInBytes":1048576,"CreationDate":"{DATE}"}}]}}"#
        );
        match (method, path.split('?').next().unwrap().rsplit('/').next().unwrap()) {
            ("POST", _) => answer("201 Created", &headers, b""),
            (_, "jobs" | "multipart-uploads") => answer("200 OK", "", body.as_bytes()),
            _ => answer("404 Not Found", "", br#"{"code":"ResourceNotFoundException","message":"no"}"#),
        }
    })
}

#[test]
fn an_answer_with_an_id_that_no_url_can_hold_cannot_be_used() {
    let shell = shell();
    shell.write("large", noise(2 << 20));
    let server = with_ids("i".repeat(100_000));
    for arguments in [
        &["job", "list", "--vault", "v"][..],
        &["job", "wait", "--vault", "v"],
        &["job", "wait", "--vault", "v", "j"],
        &["upload", "list", "v"],
        &["upload", "abort", "v", "--all"],
        &["vault", "sync", "v"],
        &["archive", "retrieve", "v", "file"],
        &["archive", "upload", "v", "large", "--part-size", "1M"],
    ] {
        is_clear(&with(&shell, &server, arguments), &arguments.join(" "));
    }
    // Where the only answer with an id is that to the last request.
    let asked = RawServer::start(|line| match line.split(' ').next() {
        Some("POST") => answer("202 Accepted", &format!("x-amz-job-id: {}\r\n", "i".repeat(100_000)), b""),
        _ => answer("200 OK", "", br#"{"JobList":[]}"#),
    });
    is_clear(&with(&shell, &asked, &["archive", "retrieve", "v", "file"]), "a job is begun");
}

/// It was filed in the cache, and each deletion of it panicked.
#[test]
fn an_upload_whose_id_cannot_be_taken_is_one_without_an_answer() {
    let shell = shell();
    let server = with_ids("i".repeat(70_000));
    let upload = ["archive", "upload", "v", "--name=new", "file"];
    let outcome = with(&shell, &server, &upload);
    is_clear(&outcome, "an upload");
    assert!(outcome.stderr.contains("may or may not have been stored in v"), "{outcome:?}");
    assert!(outcome.stderr.contains("it has 70000 bytes, and none has more than 1024"), "{outcome:?}");
    shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
    shell.glacier(&upload).is_refused(1, "had no answer and may have stored it in v");
    assert_eq!(server.heard().len(), 1);
    let mut remote = Remote::prepared_with(&shell, "", &server.url);
    remote.plays(
        "> TRANSFER STORE WORM-s7--file file
         < GETSTATE WORM-s7--file
         > VALUE
         < TRANSFER-FAILURE STORE WORM-s7--file Glacier's answer cannot be used: ...",
    );
}

/// A Glacier whose lists never end: the marker of each page is made of how many were asked for before.
fn without_end(marker: impl Fn(usize) -> String + Send + Sync + 'static) -> RawServer {
    let pages = AtomicUsize::new(0);
    RawServer::start(move |_| {
        let marker = marker(pages.fetch_add(1, Ordering::SeqCst));
        let lists = r#""VaultList":[],"JobList":[],"UploadsList":[],"Parts":[],"PartSizeInBytes":1048576"#;
        answer("200 OK", "", format!(r#"{{{lists},"Marker":"{marker}"}}"#).as_bytes())
    })
}

/// A list that was cut off looks like a short one, and one without end was waited for for ever.
#[test]
fn a_list_without_end_is_an_error_and_no_short_list() {
    let shell = shell();
    shell.write("large", noise(2 << 20));
    let upload = ["archive", "upload", "v", "large", "--part-size", "1M"];
    shell.fault("access-denied@UploadMultipartPart#2");
    assert_eq!(shell.glacier(&upload).status, 1);
    let lists = [&["vault", "list"][..], &["upload", "list", "v"], &upload, &["job", "list", "--vault", "v"]];
    for (said, server, lists) in [
        ("begins again where it was before", without_end(|_| "m".to_owned()), &lists[..]),
        ("begins again where it was before", without_end(|page| (page % 3).to_string()), &lists[..]),
        ("the marker of page 2 of a list has 100000 bytes", without_end(|_| "m".repeat(100_000)), &lists[..]),
        // A list of jobs may have many more pages.
        ("a list goes on after 2000 pages", without_end(|page| page.to_string()), &lists[..3]),
    ] {
        for arguments in lists {
            let outcome = with(&shell, &server, arguments);
            is_clear(&outcome, &arguments.join(" "));
            assert!(outcome.stderr.contains(said), "{arguments:?}: {outcome:?}");
        }
    }
}
