//! What the documents say is so: their commands are run, the messages that they quote are real, their links lead somewhere.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::{Path, PathBuf};

use support::documents::{play, read};
use support::{HOUR, Shell};

#[test]
fn first_steps() {
    play(&Shell::new(), "docs/first-steps.md");
}

/// A vault that another program has filled: here nothing is known of it.
#[test]
fn owning_vaults() {
    let shell = Shell::with(glacier_emulator::Emulator::builder().job_delay(4 * HOUR));
    shell.glacier(&["vault", "create", "old"]).is_silent();
    for (name, content) in [
        ("photos/cat.jpg", "a picture of a cat\n"),
        ("letter.txt", "words of long ago, on ice\n"),
        ("song.mp3", "la la la\n"),
    ] {
        let name = format!("--name={name}");
        shell.glacier_with_input(&["archive", "upload", "old", &name, "-"], content.as_bytes()).is_silent();
    }
    std::fs::remove_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    play(&shell, "docs/owning-vaults.md");
}

#[test]
fn costs() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "photos"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "photos", "--name=cat.jpg", "-"], &[7; 3000]).is_silent();
    play(&shell, "docs/costs.md");
}

#[test]
fn coming_from_glacier_cli() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "old"]).is_silent();
    shell.glacier_with_input(&["archive", "upload", "old", "--name=letter.txt", "-"], b"x").is_silent();
    play(&shell, "docs/coming-from-glacier-cli.md");
}

#[test]
fn records() {
    play(&Shell::new(), "docs/records.md");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let others = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "emulator/README.md"];
    others.iter().map(|name| root().join(name)).chain(docs).collect()
}

#[test]
fn links_lead_somewhere() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", document.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                assert!(headings(&text).any(|other| other == heading), "{}: {link}", document.display());
            }
        }
    }
}

/// Headings as links name them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .collect::<String>()
            .replace(' ', "-")
    })
}

#[test]
fn the_readme_leads_to_every_document() {
    let readme = read("README.md");
    for document in documents() {
        let name = document.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README.md" || readme.contains(&format!("({name})")),
            "{name} is not in README's index"
        );
    }
}

/// The messages of the snapshots, which programs have really said.
fn messages(prefix: &str) -> Vec<(String, String)> {
    let directory = root().join("tests/snapshots");
    let snapshots = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of_prefix = snapshots.filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        name.starts_with(prefix).then(|| (name, text.splitn(3, "---\n").nth(2).unwrap().to_owned()))
    });
    of_prefix.collect()
}

#[test]
fn troubleshooting_explains_every_error_and_no_other() {
    let document = read("docs/troubleshooting.md");
    let headings = document.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let headings: Vec<&str> = headings.collect();
    let said = messages("");
    for heading in &headings {
        assert!(said.iter().any(|(_, text)| says(text, heading)), "no program has said: {heading}");
    }
    for (name, text) in messages("errors__") {
        if !name.starts_with("errors__remote-") && !name.starts_with("errors__annex-") {
            assert!(headings.iter().any(|heading| says(&text, heading)), "not explained: {name}: {text}");
        }
    }
}

/// What a program says of itself inside, nobody should have to read.
#[test]
fn an_error_is_one_line_of_plain_words() {
    let errors = messages("errors__");
    assert!(errors.len() > 30);
    for (name, text) in errors.iter().filter(|(name, _)| name != "errors__remote-help") {
        assert_eq!(text.trim_end().lines().count(), 1, "{name}: {text}");
        for inside in ["os error", "Os {", "Some(", "Err(", "Error::", "\\\"", "unwrap"] {
            assert!(!text.contains(inside), "{name}: {text}");
        }
    }
}

/// Whether a line has all parts of the heading in their order.
fn says(text: &str, heading: &str) -> bool {
    text.lines().any(|line| {
        let mut rest = Some(line);
        for part in heading.split("...") {
            rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, after)| after);
        }
        rest.is_some()
    })
}

/// Tests that documents promise by name, as `FILE` or `FILE::TEST`, are there.
#[test]
fn tests_that_are_named_exist() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for name in text.split('`').filter(|name| name.starts_with("tests/") && name.ends_with(".rs")) {
            assert!(root().join(name).exists(), "{}: {name}", document.display());
        }
        for (file, test) in named_tests(&text) {
            let code = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            let is_there =
                [format!("fn {test}("), format!("def {test}(")].iter().any(|head| code.contains(head));
            assert!(is_there, "{}: {file}::{test}", document.display());
        }
    }
}

/// What stands as `FILE::TEST` in a text, of Rust or Python.
fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let named = text.split('`').filter_map(|name| name.split_once("::"));
    named.filter(|(file, _)| file.ends_with(".rs") || file.ends_with(".py"))
}

#[test]
fn each_promise_names_its_test() {
    let document = read("docs/semantics.md");
    let tables = document.split("| promise | test | last figure |\n|---|---|---|\n").skip(1);
    let promises = tables.flat_map(|table| table.lines().take_while(|line| line.starts_with("| ")));
    let promises: Vec<&str> = promises.collect();
    assert!(promises.len() > 40);
    for promise in promises {
        let cells: Vec<&str> = promise.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "{promise}");
        assert!(named_tests(cells[1]).next().is_some(), "{promise}");
    }
}
