//! What is set where, and which of it holds.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Command;

use glacier_emulator::SECRET_ACCESS_KEY;
use support::{HOUR, ROTATED_KEY_ID, Shell, run};

fn configure(shell: &Shell, text: &str) {
    let directory = shell.home().join(".config/glacier-cli");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.toml"), text).unwrap();
}

fn profiles(shell: &Shell, text: &str) {
    std::fs::create_dir_all(shell.home().join(".aws")).unwrap();
    std::fs::write(shell.home().join(".aws/config"), text).unwrap();
}

/// A profile with a key of its own that the emulator knows.
fn cold(shell: &Shell) {
    profiles(
        shell,
        &format!(
            "[profile cold]\naws_access_key_id = {ROTATED_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\nregion = eu-north-1\n"
        ),
    );
}

/// The value and the source of one setting.
fn shown(command: &mut Command, name: &str) -> String {
    let outcome = run(command);
    assert_eq!((outcome.stderr.as_str(), outcome.status), ("", 0));
    let line = outcome.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}\t"))).unwrap();
    line.to_owned()
}

#[test]
fn each_setting_is_shown_with_its_source() {
    let shell = Shell::new();
    let home = shell.home().to_str().unwrap().to_owned();
    let url = shell.emulator.endpoint_url();
    shell.glacier(&["config"]).is(
        &format!(
            "vault\t-\tdefault\nregion\tus-east-1\tdefault\nprofile\t-\tenvironment AWS_ACCESS_KEY_ID\n\
             endpoint_url\t{url}\tenvironment AWS_ENDPOINT_URL_GLACIER\ntier\tstandard\tdefault\njobs\t8\tdefault\n\
             bwlimit\t-\tdefault\ncache\t{home}/.cache/glacier-cli/db\tdefault\n\
             config\t{home}/.config/glacier-cli/config.toml\tdefault\n"
        ),
        "",
        0,
    );
    assert!(!shell.cache_path().exists(), "nothing was opened for that");
    let json = shell.glacier(&["config", "--json"]);
    let first = "{\"schema\":\"setting/1\",\"name\":\"vault\",\"value\":null,\"source\":\"default\",\"variable\":null}\n";
    assert!(json.stdout.starts_with(first), "{}", json.stdout);
    assert_eq!(json.stdout.lines().count(), 9);
}

#[test]
fn the_command_line_comes_before_the_environment_and_that_before_the_file() {
    let shell = Shell::new();
    profiles(
        &shell,
        "[profile p]\nregion = eu-west-2\nendpoint_url = http://profile\n[profile q]\nregion = eu-west-3\n",
    );
    let command = |arguments: &[&str]| {
        let mut command = shell.glacier_command(arguments);
        command.env_remove("AWS_ENDPOINT_URL_GLACIER").env_remove("AWS_ACCESS_KEY_ID");
        command
    };
    let of = |name: &str| shown(&mut command(&["config"]), name);
    assert_eq!(shown(&mut command(&["config", "--profile", "p"]), "region"), "eu-west-2\tprofile");
    assert_eq!(shown(&mut command(&["config", "--profile", "p"]), "endpoint_url"), "http://profile\tprofile");
    configure(
        &shell,
        "vault = 'v'\nregion = 'sa-east-1'\nprofile = 'p'\nendpoint_url = 'http://file'\ntier = 'bulk'\njobs = 3\nbwlimit = '1M'\n",
    );
    for (name, value) in [
        ("vault", "v"),
        ("region", "sa-east-1"),
        ("profile", "p"),
        ("endpoint_url", "http://file"),
        ("tier", "bulk"),
        ("jobs", "3"),
        ("bwlimit", "1048576"),
    ] {
        assert_eq!(of(name), format!("{value}\tfile"));
    }
    let with =
        |variable: &str, value: &str, name: &str| shown(command(&["config"]).env(variable, value), name);
    assert_eq!(with("AWS_REGION", "us-west-1", "region"), "us-west-1\tenvironment AWS_REGION");
    assert_eq!(with("AWS_PROFILE", "q", "profile"), "q\tenvironment AWS_PROFILE");
    assert_eq!(with("AWS_ACCESS_KEY_ID", "AKIA", "profile"), "-\tenvironment AWS_ACCESS_KEY_ID");
    assert_eq!(
        with("AWS_ENDPOINT_URL", "http://e", "endpoint_url"),
        "http://e\tenvironment AWS_ENDPOINT_URL"
    );
    let flags = ["config", "--region=us-west-2", "--profile=q", "--endpoint-url=http://flag"];
    for (name, value) in [("region", "us-west-2"), ("profile", "q"), ("endpoint_url", "http://flag")] {
        let mut command = command(&flags);
        command.env("AWS_REGION", "us-west-1").env("AWS_PROFILE", "p").env("AWS_ENDPOINT_URL", "http://e");
        assert_eq!(shown(&mut command, name), format!("{value}\tflag"));
    }
}

#[test]
fn a_mistake_in_the_file_is_named_and_nothing_is_done() {
    let shell = Shell::new();
    let file = shell.home().join(".config/glacier-cli/config.toml");
    for (text, said) in [
        ("# mine\nvalut = 'v'\n", "line 2: 'valut' is not known here; there are vault, region,"),
        ("jobs = 'x'", "line 1: 'jobs' must be a whole number from 1 to 1000"),
        ("vault = [1]", "line 1: 'vault' must be text"),
        ("\n\nvault", "line 3: "),
        ("region = 'a\nb'", "line 1: "),
    ] {
        configure(&shell, text);
        for arguments in [&["config"][..], &["vault", "create", "v"], &["vault", "list"]] {
            let refused = shell.glacier(arguments);
            refused.is_refused(1, said);
            assert!(refused.stderr.contains(file.to_str().unwrap()), "{}", refused.stderr);
        }
    }
    assert!(shell.emulator.requests().is_empty());
    assert!(!shell.cache_path().exists());
}

#[test]
fn a_vault_that_is_not_named_is_that_of_the_file() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.write("file", "content");
    shell.glacier(&["archive", "upload", "v", "file"]).is_silent();
    for arguments in
        [&["archive", "list"][..], &["archive", "dedupe"], &["upload", "list"], &["vault", "sync"]]
    {
        shell.glacier(arguments).is_refused(2, "no vault was named; name one, or set vault = \"NAME\"");
    }
    configure(&shell, "vault = 'v'\n");
    shell.glacier(&["archive", "list"]).is("file\n", "", 0);
    shell.glacier(&["archive", "dedupe"]).is_silent();
    shell.glacier(&["upload", "list"]).is_silent();
    shell.glacier(&["archive", "list", "w"]).is_refused(1, "vault 'w' not found");
    shell.emulator.advance(48 * HOUR);
    assert_eq!(shell.glacier(&["vault", "sync"]).status, 75);
    // What is deleted or stored is always named in full.
    for arguments in
        [&["vault", "delete"][..], &["archive", "delete", "file"], &["archive", "upload", "file"]]
    {
        shell.glacier(arguments).is_refused(2, "required arguments were not provided");
    }
}

#[test]
fn keys_and_region_are_those_of_the_profile_that_is_named() {
    let mut shell = Shell::new();
    cold(&shell);
    let unknown = shell.glacier(&["--profile", "warm", "vault", "list"]);
    unknown.is_refused(1, "there is no profile 'warm' in AWS's files");
    configure(&shell, "profile = 'warm'\n");
    // Keys of the environment come before the file.
    shell.glacier(&["vault", "list"]).is_silent();
    shell.forget_keys();
    shell.glacier(&["vault", "list"]).is_refused(1, "there is no profile 'warm'");
    configure(&shell, "profile = 'cold'\n");
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let where_it_is = ["--region=eu-north-1", "vault", "list"];
    shell.glacier(&where_it_is).is("v\n", "", 0);
    shell.glacier(&["--region=us-east-1", "vault", "list"]).is_silent();
}

/// To whom a profile belongs that is not there is not known, so it must not see what the cache holds of others.
#[test]
fn a_profile_that_is_not_there_sees_nothing_of_the_cache() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "v", "--name=a", "-"], b"1").is_silent();
    shell.glacier(&["--profile", "warm", "archive", "list", "v"]).is_refused(1, "no profile 'warm'");
    let mut command = shell.glacier_command(&["archive", "list", "v"]);
    run(command.env_remove("AWS_ACCESS_KEY_ID").env("AWS_PROFILE", "warm"))
        .is_refused(1, "no profile 'warm'");
}

/// git-annex's built-in remote runs this program with keys, a region and a vault of its own.
#[test]
fn a_command_of_git_annex_goes_where_it_says_whatever_the_file_says() {
    let shell = Shell::new();
    configure(&shell, "vault = 'other'\nregion = 'sa-east-1'\nprofile = 'none'\n");
    shell.glacier(&["--region=us-east-1", "vault", "create", "v"]).is_silent();
    let upload = ["--region=us-east-1", "archive", "upload", "--name", "KEY", "v", "-"];
    shell.glacier_with_input(&upload, b"content").is_silent();
    let check = ["--region=us-east-1", "archive", "checkpresent", "v", "--quiet", "KEY"];
    shell.glacier(&check).is("KEY\n", "", 0);
    let retrieve = ["--region=us-east-1", "archive", "retrieve", "-o-", "v", "KEY"];
    assert_eq!(shell.glacier(&retrieve).status, 75);
    shell.emulator.advance(4 * HOUR);
    shell.glacier(&retrieve).is("content", "", 0);
    assert_eq!(shell.glacier(&["--compatibility-test-git-annex"]).status, 2);
}
