//! Bad input gets one clear line and a status that is not 0, and changes nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::net::TcpListener;

use support::dialogue::Remote;
use support::{HOUR, Shell};

/// A vault with one archive, of which a job has finished.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", "content");
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    shell
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let shell = shell();
    shell.write("empty", "");
    // The one case that only the service can refuse.
    shell
        .glacier(&["archive", "upload", "none", "file"])
        .is_refused(1, "vault 'none' not found in region us-east-1");
    let (writes, files) = (shell.writes(), std::fs::read_dir(shell.path("")).unwrap().count());
    let long = format!("--name={}", "n".repeat(1025));
    for (arguments, status, said) in [
        (&["archive", "retrieve", "none", "file"][..], 1, "archive 'file' not found"),
        (&["archive", "list", "none"], 1, "vault 'none' not found"),
        (&["archive", "delete", "none", "file"], 1, "archive 'file' not found"),
        (&["vault", "sync", "none"], 1, "vault 'none' not found"),
        (&["vault", "delete", "none"], 1, "vault 'none' not found"),
        (
            &["--region", "eu-west-1", "annex", "prefetch"],
            2,
            "the settings of the remote say where its vault is",
        ),
        (&["vault", "create", "a b"], 2, "'a b' cannot be the name of a vault"),
        (&["vault", "create", ".."], 2, "'..' cannot be the name of a vault"),
        (&["vault", "sync", "--max-age", "soon", "v"], 2, "must be a number of hours"),
        (&["vault", "sync", "--max-age", "-1", "v"], 2, "'-1'"),
        (&["archive", "retrieve", "v", "none"], 1, "archive 'none' not found"),
        (&["archive", "retrieve", "v", "file", "none"], 1, "archive 'none' not found"),
        (&["archive", "retrieve", "v", "id:none", "-o", "x"], 1, "archive 'id:none' not found"),
        (&["archive", "retrieve", "v", "id:"], 2, "is not the id of an archive"),
        (
            &["archive", "retrieve", "v", "a", "b", "-o", "x"],
            1,
            "cannot specify output filename with multi-archive",
        ),
        (&["archive", "retrieve", "v", "file", "file"], 1, "two of the archives would be written to 'file'"),
        (&["archive", "retrieve", "v", "file", "-o", "none/x"], 1, "there is no directory 'none'"),
        (&["archive", "retrieve", "v", "file", "-o", "/"], 1, "it is a directory"),
        (&["archive", "retrieve", "v", "file", "-o", "newdir/"], 1, "it names no file"),
        (&["archive", "retrieve", "v", "file", "-o", ""], 1, "it names no file"),
        (&["archive", "retrieve", "v", "--multipart-size", "0", "file"], 2, "it must be 1 or more"),
        (&["archive", "retrieve", "v", "--multipart-size", "x", "file"], 2, "it must be a number of bytes"),
        (&["archive", "retrieve", "v", "--jobs", "x", "file"], 2, "it must be a number from 1 to 1000"),
        (&["estimate", "store", "--months", "0", "v"], 2, "it must be a number from 1 to 1200"),
        (&["archive", "retrieve", "v"], 2, "<NAME>"),
        (&["archive", "delete", "v", "none"], 1, "archive 'none' not found"),
        (&["archive", "upload", "v", "--name=ü", "file"], 1, "'ü' cannot be the name of an archive"),
        (&["archive", "upload", "v", "--name=a\tb", "file"], 1, "'a\\tb' cannot be the name of an archive"),
        (&["archive", "upload", "v", "--name=a\x1b[31m", "file"], 1, "'a\\x1b[31m' cannot be the name"),
        (&["archive", "upload", "v", "--name=a ", "file"], 1, "drops spaces"),
        (&["archive", "upload", "v", &long, "file"], 1, "it has 1025 bytes"),
        (&["archive", "upload", "v", "empty"], 1, "Glacier holds no empty archives"),
        (&["archive", "upload", "v", "--name=n", "-"], 1, "Glacier holds no empty archives"),
        (&["archive", "upload", "v", "missing"], 1, "cannot read 'missing': No such file"),
        (&["archive", "upload", "v", "."], 1, "'.'"),
        (&["archive", "upload", "v", "-"], 1, "give the archive one with --name"),
        (&["--endpoint-url", "nonsense", "vault", "list"], 2, "must begin with https:// or http://"),
        (&["--region", "../x", "vault", "list"], 2, "is not the name of an AWS region"),
        (&["vault", "melt"], 2, "unrecognized subcommand 'melt'"),
        (&["--melt"], 2, "unexpected argument '--melt'"),
    ] {
        shell.glacier(arguments).is_refused(status, said);
    }
    assert_eq!(shell.writes(), writes);
    assert_eq!(std::fs::read_dir(shell.path("")).unwrap().count(), files);
    shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
}

#[test]
fn two_archives_of_one_name_are_listed_to_choose_from() {
    let shell = shell();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=file", "-"], b"other").is_silent();
    let writes = shell.writes();
    for command in ["retrieve", "delete"] {
        let refused = shell.glacier(&["archive", command, "v", "file"]);
        let lines: Vec<&str> = refused.stderr.lines().collect();
        assert_eq!(
            (refused.status, lines.len(), lines[0]),
            (1, 3, "glacier: archive 'file' is 2 archives; use one of these:")
        );
        assert!(lines[1].starts_with("glacier: id:") && lines[1].ends_with(" bytes 7"), "{lines:?}");
        assert!(lines[2].starts_with("glacier: id:") && lines[2].ends_with(" bytes 5"), "{lines:?}");
    }
    assert_eq!(shell.writes(), writes);
}

#[test]
fn without_credentials_it_says_what_to_set() {
    let shell = shell();
    let mut command = shell.glacier_command(&["vault", "list"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    support::run(&mut command).is_refused(1, "no AWS credentials found");
}

#[test]
fn names_are_listed_without_credentials_once_the_account_is_known() {
    let shell = shell();
    let mut command = shell.glacier_command(&["archive", "list", "v"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    support::run(&mut command).is("file\n", "", 0);
}

#[test]
fn an_endpoint_where_nobody_listens_is_named_as_such() {
    let shell = shell();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    shell.glacier(&["--endpoint-url", &nobody, "vault", "list"]).is_refused(
        1,
        &format!("cannot list the vaults: cannot reach Glacier at {nobody}: Connection refused; check"),
    );
    let upload = ["--endpoint-url", &nobody, "archive", "upload", "v", "file"];
    let refused = shell.glacier(&upload);
    refused.is_refused(1, &format!("cannot reach Glacier at {nobody}: Connection refused"));
    assert!(!refused.stderr.contains("may or may not"), "nothing was sent, so nothing can have been stored");
}

/// A second success would be a second archive, so a lost answer is reported, not repeated.
#[test]
fn an_upload_without_an_answer_is_neither_repeated_nor_called_failed() {
    let shell = shell();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        listener.set_nonblocking(false).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0; 512];
        let read = std::io::Read::read(&mut stream, &mut some).unwrap();
        drop(stream);
        listener.set_nonblocking(true).unwrap();
        (read, listener)
    });
    let endpoint = format!("http://{address}");
    let refused = shell.glacier(&["--endpoint-url", &endpoint, "archive", "upload", "v", "file"]);
    refused.is_refused(1, "archive 'file' may or may not have been stored in v");
    assert_eq!(refused.stderr.matches("no answer from Glacier").count(), 1, "a cause is said once");
    let (read, listener) = served.join().unwrap();
    assert!(read > 0);
    assert!(listener.accept().is_err(), "it was not sent a second time");
}

#[test]
fn a_target_is_kept_when_the_retrieval_fails() {
    let shell = shell();
    assert_eq!(shell.glacier(&["archive", "retrieve", "v", "file"]).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.sqlite().execute("UPDATE archive SET tree_hash = ?1", ["0".repeat(64)]).unwrap();
    shell.write("file", "mine");
    shell.glacier(&["archive", "retrieve", "v", "file"]).is_refused(1, "archive 'file' came damaged");
    assert_eq!(shell.read("file"), b"mine");
    support::no_leftovers(&shell.path(""));
}

/// The SDK panics at an endpoint that is empty, and at a key with a line end, as a file from elsewhere may have it.
#[test]
fn an_environment_that_makes_no_sense_gets_one_line() {
    let shell = shell();
    for (name, value, said) in [
        ("AWS_ENDPOINT_URL_GLACIER", "", "AWS_ENDPOINT_URL_GLACIER is empty; unset it"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE\r", "holds what no key holds"),
    ] {
        let mut command = shell.glacier_command(&["vault", "list"]);
        support::run(command.env(name, value)).is_refused(1, said);
    }
}

/// A proxy or another server at the endpoint may answer anything with success; nothing was deleted or made by that.
#[test]
fn what_does_not_answer_as_glacier_does_changes_nothing() {
    use std::io::{Read, Write};
    let shell = shell();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    for arguments in [&["archive", "delete", "v", "file"][..], &["vault", "create", "w"]] {
        let outcome = shell.glacier(&[&["--endpoint-url", &url][..], arguments].concat());
        outcome.is_refused(1, "Glacier's answer cannot be used");
    }
    shell.glacier(&["archive", "list", "v"]).is("file\n", "", 0);
    shell.glacier(&["archive", "delete", "v", "file"]).is_silent();
}

/// Lines for people where a program expects records would be worse than none.
#[test]
fn a_command_without_records_refuses_to_print_them() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["--json", "completions", "bash"]).is_refused(2, "run it without --json");
    shell.glacier(&["vault", "create", "w", "--json"]).is_refused(2, "run it without --json");
    assert_eq!(shell.count("CreateVault"), 1);
}

/// What a link was to point to is not ours to make; that it was replaced went without a word.
#[test]
fn a_link_to_what_is_not_there_is_not_replaced() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "-", "--name=n"], b"x").is_silent();
    std::os::unix::fs::symlink("nowhere", shell.path("link")).unwrap();
    let said = "cannot write 'link': it is a link to what is not there";
    shell.glacier(&["archive", "retrieve", "v", "n", "-o", "link"]).is_refused(1, said);
    assert_eq!(shell.count("InitiateJob"), 0, "nothing is paid for");
    assert!(shell.path("link").is_symlink() && !shell.path("nowhere").exists());
}

/// A wrong value led to the help of the whole program, which has nothing about it.
#[test]
fn a_wrong_value_leads_to_the_help_of_its_command() {
    let shell = Shell::new();
    for (arguments, command) in [
        (&["archive", "retrieve", "--tier=slow", "v", "a"][..], "glacier archive retrieve"),
        (&["--region", "vault", "vault", "sync", "--max-age", "soon", "v"], "glacier vault sync"),
        (&["-v", "--region=../x", "--profile", "job", "job", "list"], "glacier job list"),
        (&["policy", "set", "bytes-per-hour", "many"], "glacier policy set bytes-per-hour"),
        (&["archive", "list", "list", "delete"], "glacier archive list"),
        (&["vault", "--region", "../x"], "glacier vault"),
        (&["--endpoint-url", "nonsense"], "glacier"),
    ] {
        let said = format!("; see '{command} --help'\n");
        let outcome = shell.glacier(arguments);
        assert!(outcome.status == 2 && outcome.stderr.ends_with(&said), "{arguments:?}: {outcome:?}");
    }
}

/// An upload that could not even be sent was said to have had no answer: the same upload was refused from then on, as it
/// might store a second archive.
#[test]
fn what_is_no_url_and_what_speaks_no_tls_leave_no_doubt() {
    let shell = shell();
    let address = shell.emulator.endpoint_url().strip_prefix("http://").unwrap().to_owned();
    let upload = ["archive", "upload", "v", "--name=new", "file"];
    for (url, said) in [
        (address.clone(), "the URL of the service must begin with https:// or http:// and name a host"),
        (format!("https://{address}"), "cannot reach Glacier at https://"),
    ] {
        let mut command = shell.glacier_command(&upload);
        support::run(command.env("AWS_ENDPOINT_URL_GLACIER", url)).is_refused(1, said);
    }
    shell.glacier(&upload).is_silent();
    assert_eq!(shell.glacier(&["archive", "list", "v"]).stdout, "file\nnew\n");
}

/// The words that people met first, and that did not help them.
#[test]
fn first_mistakes_are_told_what_to_do() {
    let shell = shell();
    std::fs::create_dir(shell.path("photos")).unwrap();
    for (arguments, status, said) in [
        (
            &["archive", "upload", "v", "photos"][..],
            1,
            "'photos': is a directory; 'glacier archive upload -r DIR' stores",
        ),
        (&["vaults"], 2, "(did you mean 'vault'?)"),
        (&["archive", "retrieve", "--tier=standart", "v", "file"], 2, "(did you mean 'standard'?)"),
    ] {
        shell.glacier(arguments).is_refused(status, said);
    }
    let retrieved = shell.glacier(&["archive", "retrieve", "--tier=Bulk", "v", "file", "-o", "x"]);
    assert_eq!(retrieved.status, 75, "the tiers are written so by Glacier: {retrieved:?}");
    let mut list = shell.glacier_command(&["archive", "list", "v"]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let outcome = support::ended(list.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap());
    outcome.is_refused(1, "cannot write to standard output: No space left on device");
    std::fs::create_dir(shell.home().join(".aws")).unwrap();
    std::fs::write(shell.home().join(".aws/credentials"), "[p]\naws_access_key_id\n").unwrap();
    shell
        .glacier(&["--profile=p", "vault", "list"])
        .is_refused(1, "credentials on line 2: Expected an '=' sign defining a property");
}

/// A number below zero was taken for an option that there is not.
#[test]
fn a_number_below_zero_is_told_of_as_the_number_that_it_is() {
    let shell = shell();
    for (arguments, option) in [
        (&["vault", "sync", "--max-age", "-1", "v"][..], "--max-age"),
        (&["archive", "checkpresent", "--max-age", "-1", "v", "file"], "--max-age"),
        (&["archive", "upload", "--part-size", "-1", "v", "file"], "--part-size"),
        (&["archive", "upload", "--jobs", "-1", "v", "file"], "--jobs"),
        (&["archive", "upload", "--bwlimit", "-1", "v", "file"], "--bwlimit"),
        (&["archive", "retrieve", "--multipart-size", "-1", "v", "file"], "--multipart-size"),
        (&["estimate", "store", "--months", "-1", "v"], "--months"),
    ] {
        shell.glacier(arguments).is_refused(2, &format!("invalid value '-1' for '{option} <"));
    }
}

/// As the original's parser takes them.
#[test]
fn an_option_may_be_shortened_and_the_last_of_several_counts() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier(&["--region=eu-west-1", "--region=us-east-1", "vault", "list"]).is("v\n", "", 0);
    shell.glacier_with_input(&["archive", "upload", "v", "--name=x", "--nam=y", "-"], b"x").is_silent();
    shell.glacier(&["archive", "list", "v"]).is("y\n", "", 0);
    shell.glacier(&["archive", "checkpresent", "v", "y", "--qu", "--quiet"]).is("y\n", "", 0);
}

/// What was given was repeated as a whole, in a line of megabytes.
#[test]
fn what_is_too_long_for_any_name_is_shown_by_its_beginning() {
    let shell = shell();
    shell.write("names", "n".repeat(3_000_000));
    shell.write("ids", format!("id:{}", "n".repeat(3_000_000)));
    shell.write("no-text", vec![0xff; 3_000_000]);
    let long = "n".repeat(100_000);
    let (option, value) = (format!("--{long}"), format!("--tier={long}"));
    for list in ["names", "ids", "no-text"] {
        for arguments in [
            &["archive", "retrieve", "v", "--from-file", list][..],
            &["archive", "delete", "v", "--yes", "--from-file", list],
        ] {
            shows_little(&shell.glacier(arguments), &arguments.join(" "));
        }
    }
    for arguments in [
        &["archive", "retrieve", "v", &long][..],
        &["archive", "retrieve", "v", &long, "-o", "back"],
        &["archive", "retrieve", "v", "--glob", &long],
        &["archive", "delete", "v", &long],
        &["archive", "checkpresent", "v", &long],
        &["archive", "upload", "v", &long],
        &["archive", "upload", "v", "file", "--name", &long],
        &["archive", "list", &long],
        &["vault", "create", &long],
        &["vault", "sync", &long],
        &["vault", "sync", "v", "--max-age", &long],
        &["vault", "tags", "v", "--set", &long],
        &["vault", "notifications", "v", "--topic", &long],
        &["archive", "retrieve", "v", "file", &value],
        &["archive", "retrieve", "v", "file", &option],
        &["archive", &long],
        &[&long],
        &["vault", "list", &long],
        &["--region", &long, "vault", "list"],
        &["--profile", &long, "vault", "list"],
        &["--endpoint-url", &long, "vault", "list"],
        &["treehash", &long],
        &["verify", "v", &long],
        &["policy", "set", &long],
        &["policy", "set", "bytes-per-hour", &long],
        &["estimate", "retrieve", "v", &long],
        &["annex", "prefetch", "--remote", &long],
    ] {
        let what: Vec<&str> = arguments.iter().map(|argument| &argument[..argument.len().min(20)]).collect();
        shows_little(&shell.glacier(arguments), &what.join(" "));
    }
}

#[track_caller]
fn shows_little(outcome: &support::Outcome, what: &str) {
    let (said, bytes) = (&outcome.stderr, outcome.stderr.len());
    let beginning = said.chars().take(200).collect::<String>();
    // Whether an archive exists is a question, and no an answer.
    let statuses = if what.contains("checkpresent") { [0, 2] } else { [1, 2] };
    assert!(statuses.contains(&outcome.status), "{what}: {} {beginning}", outcome.status);
    assert!(said.starts_with("glacier: ") && bytes < 600, "{what}: {bytes} bytes: {beginning}");
    assert_eq!(said.lines().count(), 1, "{what}: {beginning}");
}

/// A URL with a password is refused wherever it comes from, and the refusal showed it.
#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let shell = shell();
    let address = shell.emulator.endpoint_url().strip_prefix("http://").unwrap();
    let with_password = format!("http://user:hunter2@{address}");
    let shows_none = |command: &mut std::process::Command, is_refused: bool, place: &str| {
        let outcome = support::run(command);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains("hunter2") && !said.contains("user:"), "{outcome:?}");
        assert!(said.contains(place), "{outcome:?}");
        if is_refused {
            assert!([1, 2].contains(&outcome.status) && said.contains("must not name a user"), "{outcome:?}");
        }
    };
    let commands = [&["vault", "list"][..], &["config"], &["-vv", "archive", "retrieve", "v", "file"]];
    for arguments in commands {
        for (url, place) in [
            (&*with_password, address),
            ("http://user:SE/hunter2@h:1", "'http://h:1'"),
            ("user:hunter2@h", "'h'"),
        ] {
            let given = [&["--endpoint-url", url], arguments].concat();
            shows_none(&mut shell.glacier_command(&given), true, place);
            let joined = format!("--endpoint-url={url}");
            shows_none(&mut shell.glacier_command(&[&[&*joined], arguments].concat()), true, place);
            for variable in ["AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"] {
                let mut command = shell.glacier_command(arguments);
                shows_none(command.env(variable, url), true, place);
            }
        }
    }
    // A slip of the hand that is another mistake as well.
    shows_none(&mut shell.glacier_command(&[&*with_password]), false, address);
    shows_none(&mut shell.glacier_command(&["vault", "list", &with_password]), false, address);
    // What others keep for themselves.
    std::fs::create_dir_all(shell.home().join(".aws")).unwrap();
    let profile = format!("[default]\nendpoint_url = {with_password}\n");
    std::fs::write(shell.home().join(".aws/config"), profile).unwrap();
    for arguments in commands {
        let mut command = shell.glacier_command(arguments);
        shows_none(command.env_remove("AWS_ENDPOINT_URL_GLACIER"), false, "");
    }
    let config = shell.home().join(".config/glacier-cli/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, format!("endpoint_url = \"{with_password}\"\n")).unwrap();
    shows_none(&mut shell.glacier_command(&["vault", "list"]), true, "'endpoint_url'");
    std::fs::remove_file(config).unwrap();
    let refused =
        format!("< PREPARE-FAILURE endpoint='http://{address}' cannot be used: it must not name a user");
    Remote::preparing(&shell, "", &with_password, &refused);
}
