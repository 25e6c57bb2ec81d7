//! A server that says neither how large an archive is nor what its hash is: one plain request brings all.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use support::{Shell, noise};

const VAULT: &str = r#"{"VaultARN":"arn:aws:glacier:us-east-1:111122223333:vaults/v","VaultName":"v"}"#;
const JOBS: &str = r#"{"JobList":[{"Action":"ArchiveRetrieval","ArchiveId":"a","Completed":true,"CompletionDate":"2026-01-01T00:00:00.000Z","CreationDate":"2026-01-01T00:00:00.000Z","JobId":"j","StatusCode":"Succeeded"}]}"#;

/// Answers forever; the first `cut` outputs end in the middle. Returns its URL and how many outputs were asked for.
fn serve(content: Vec<u8>, cut: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = first.split(' ').nth(1).unwrap();
            let (body, sent) = if path.ends_with("/output") {
                assert!(head.iter().all(|line| !line.to_lowercase().starts_with("range:")), "{head:?}");
                let is_cut = counted.fetch_add(1, Ordering::SeqCst) < cut;
                (content.as_slice(), if is_cut { content.len() / 2 } else { content.len() })
            } else if path.contains("/jobs") {
                (JOBS.as_bytes(), JOBS.len())
            } else {
                (VAULT.as_bytes(), VAULT.len())
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..sent]));
        }
    });
    (url, asked)
}

/// The archive is in an old cache, which knows no size.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let sql =
        "INSERT INTO archive (id, name, vault, key, created_here) VALUES ('a', 'n', 'v', ?1, 1400000000)";
    shell.sqlite().execute(sql, [shell.emulator.access_key_id()]).unwrap();
    shell
}

#[test]
fn all_of_it_comes_into_a_file_also_when_it_has_to_begin_anew() {
    let (shell, content) = (shell(), noise((3 << 20) + 7));
    let (url, asked) = serve(content.clone(), 2);
    shell.glacier(&["--endpoint-url", &url, "archive", "retrieve", "v", "n"]).is_silent();
    assert!(shell.read("n") == content);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    support::no_leftovers(&shell.path(""));
}

#[test]
fn what_is_not_the_archive_is_not_put_in_its_place() {
    let (shell, content) = (shell(), noise(1000));
    shell.sqlite().execute("UPDATE archive SET tree_hash = ?1 WHERE id = 'a'", ["0".repeat(64)]).unwrap();
    let (url, _) = serve(content, 0);
    shell.write("n", "mine");
    let refused = shell.glacier(&["--endpoint-url", &url, "archive", "retrieve", "v", "n"]);
    refused.is_refused(1, "archive 'n' came damaged: its tree hash is not that of the archive");
    assert_eq!(shell.read("n"), b"mine");
    support::no_leftovers(&shell.path(""));
}

#[test]
fn it_goes_through_a_pipe_as_it_comes() {
    let shell = shell();
    let (url, _) = serve(b"plain".to_vec(), 0);
    shell.glacier(&["--endpoint-url", &url, "archive", "retrieve", "v", "n", "-o-"]).is("plain", "", 0);
}
