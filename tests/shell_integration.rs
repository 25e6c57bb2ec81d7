//! What shells and packages get: completion and a manual.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use support::{Shell, run};

/// Two vaults and some archives, all in the cache.
fn shell() -> Shell {
    let shell = Shell::new();
    for vault in ["photos", "phone", "letters"] {
        shell.glacier(&["vault", "create", vault]).is_silent();
    }
    for name in ["cat.jpg", "car.jpg", "dog.jpg", "a name to quote", "id:odd"] {
        let name = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "photos", &name, "-"], b"x").is_silent();
    }
    shell
}

/// What bash offers after reading `glacier completions bash`, for the last of the words.
fn bash_offers(shell: &Shell, words: &[&str]) -> Vec<String> {
    const SCRIPT: &str = r#"
        source <(glacier completions bash)
        COMP_WORDS=(glacier "$@") COMP_CWORD=$# COMP_TYPE=9
        "$(complete -p glacier | sed 's/.*-F \([^ ]*\) .*/\1/')" glacier "${!#}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = shell.command("bash");
    // It must do without the network, and without knowing who asks.
    bash.env("AWS_ENDPOINT_URL_GLACIER", "http://127.0.0.1:1").env_remove("AWS_ACCESS_KEY_ID");
    bash.env("PATH", path_to_glacier()).args(["--norc", "-c", SCRIPT, "bash"]).args(words);
    let offered = run(&mut bash);
    assert_eq!((offered.stderr.as_str(), offered.status), ("", 0));
    offered.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn path_to_glacier() -> String {
    let directory = Path::new(env!("CARGO_BIN_EXE_glacier")).parent().unwrap();
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap())
}

#[test]
fn bash_completes_commands_vaults_and_archives_from_the_cache() {
    let shell = shell();
    let requests = shell.emulator.requests();
    assert_eq!(bash_offers(&shell, &["archive", "ret"]), ["retrieve"]);
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "ph"]), ["phone", "photos"]);
    assert_eq!(bash_offers(&shell, &["vault", "sync", "--fix", "l"]), ["letters"]);
    assert_eq!(
        bash_offers(&shell, &["archive", "retrieve", "--wait", "photos", "ca"]),
        ["car.jpg", "cat.jpg"]
    );
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "photos", "cat.jpg", "d"]), ["dog.jpg"]);
    assert_eq!(bash_offers(&shell, &["archive", "list", "photos", "--force"]), ["--force-ids"]);
    assert_eq!(bash_offers(&shell, &["archive", "delete", "letters", "c"]), [""; 0]);
    assert_eq!(bash_offers(&shell, &["vault", "create", "ph"]), [""; 0], "a new vault has another name");
    shell.write("a-file", "x");
    assert_eq!(bash_offers(&shell, &["archive", "upload", "photos", "a-f"]), ["a-file"]);
    shell.glacier(&["archive", "delete", "photos", "cat.jpg"]).is_silent();
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "photos", "ca"]), ["car.jpg"]);
    assert_eq!(shell.count("DescribeVault"), requests["DescribeVault"], "Glacier is not asked");
}

/// Names that a shell would take apart, or take for something else, are for a person to quote.
#[test]
fn only_names_that_need_no_quotes_are_offered() {
    let shell = shell();
    let mut offered = bash_offers(&shell, &["archive", "retrieve", "photos", ""]);
    offered.retain(|word| !word.starts_with('-'));
    assert_eq!(offered, ["car.jpg", "cat.jpg", "dog.jpg"]);
}

#[test]
fn a_screen_of_names_is_offered_at_once_however_many_there_are() {
    let shell = shell();
    let mut cache = shell.sqlite();
    let transaction = cache.transaction().unwrap();
    let sql = "INSERT INTO archive (id, name, vault, key, created_here) VALUES (?1, ?1, 'photos', 'AKIAIOSFODNN7EXAMPLE', 1)";
    for number in 0..20_000 {
        transaction.execute(sql, [format!("n{number}")]).unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "photos", "n"]).len(), 100);
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "photos", "n1999"]).len(), 11);
}

#[test]
fn without_a_cache_none_is_made() {
    let shell = Shell::new();
    assert_eq!(bash_offers(&shell, &["archive", "retrieve", "ph"]), [""; 0]);
    assert!(!shell.cache_path().exists());
}

#[test]
fn zsh_and_fish_complete_too_where_they_are_installed() {
    let shell = shell();
    for (name, script) in [
        (
            "fish",
            "glacier completions fish | source; complete --do-complete 'glacier archive retrieve photos ca'",
        ),
        // zsh completes only where a person types; that it takes the function is what can be seen here.
        (
            "zsh",
            "autoload -U compinit; compinit -D; source <(glacier completions zsh); print car.jpg $_comps[glacier] cat.jpg",
        ),
    ] {
        let mut command = shell.command(name);
        command.env("PATH", path_to_glacier()).args(["-c", script]);
        if Command::new(name).arg("--version").output().is_err() {
            eprintln!("{name} is not installed");
            continue;
        }
        let said = run(&mut command);
        assert!(
            said.status == 0 && said.stdout.contains("car.jpg") && said.stdout.contains("cat.jpg"),
            "{said:?}"
        );
        assert!(name == "fish" || said.stdout.contains("_clap_dynamic_completer_glacier"), "{said:?}");
    }
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let shell = Shell::new();
    shell.glacier(&["man-pages", "manual/man1"]).is_silent();
    let page = |name: &str| String::from_utf8(shell.read(&format!("manual/man1/{name}.1"))).unwrap();
    assert!(page("glacier").contains(".TH glacier 1"));
    for group in glacier_engine::cli::grammar().get_subcommands().filter(|group| !group.is_hide_set()) {
        for command in group.get_subcommands() {
            let page = page(&format!("glacier-{}-{}", group.get_name(), command.get_name()));
            assert!(
                page.contains(command.get_about().unwrap().to_string().split(' ').next().unwrap()),
                "{page}"
            );
        }
    }
    shell
        .glacier(&["man-pages", "/dev/null/x"])
        .is_refused(1, "cannot write to '/dev/null/x': Not a directory");
}

/// It has each setting that git-annex is told of.
#[test]
fn the_remote_has_a_page_in_the_manual() {
    let shell = Shell::new();
    let remote = env!("CARGO_BIN_EXE_git-annex-remote-glacier");
    let page = run(shell.command(remote).arg("--man-page"));
    assert_eq!((page.status, page.stderr.as_str()), (0, ""));
    let listed = support::run_with_input(&mut shell.command(remote), b"LISTCONFIGS\n").stdout;
    let settings = listed.lines().filter_map(|line| line.strip_prefix("CONFIG ")?.split(' ').next());
    let settings: Vec<&str> = settings.collect();
    assert!(settings.len() >= 10, "{listed}");
    for name in settings.into_iter().chain(["GLACIER_LOG", "EXIT STATUS"]) {
        assert!(page.stdout.contains(name), "{name}: {}", page.stdout);
    }
    let Ok(man) = Command::new("man").arg("--version").output() else { return };
    assert!(man.status.success());
    shell.write("page.1", &page.stdout);
    let mut command = shell.command("man");
    command.env("PATH", path_to_glacier()).env("LC_ALL", "C.UTF-8").args(["--warnings", "-l", "page.1"]);
    let shown = run(&mut command);
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""), "{}", shown.stdout);
    assert!(shown.stdout.contains("externaltype=glacier"), "{}", shown.stdout);
}
