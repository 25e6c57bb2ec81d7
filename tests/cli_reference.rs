//! `docs/cli.md` is made of the command line's own grammar, so that it cannot tell of another.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command};

const HEAD: &str = "\
# The command line

Made from the program's own help by `UPDATE=1 cargo test --test cli_reference`; a test fails where the two differ.

Exit status: 0 done; 1 an error, said in one line; 2 the command line makes no sense; 75 a job is queued or pending: run
the same command again later; 130, 143 and 129 ended by Ctrl-C, by SIGTERM and by the end of its terminal, after an answer of
Glacier that is on its way was noted, for which up to 5 seconds are given. Data goes to standard output, words to standard error,
each line with `glacier: ` before it.
";

#[test]
fn the_reference_tells_of_the_commands_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let mut expected = HEAD.to_owned();
    let mut grammar = glacier_engine::cli::grammar();
    grammar.build();
    describe(&grammar, "glacier", &[], &mut expected);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "docs/cli.md is not up to date: UPDATE=1 cargo test --test cli_reference");
}

fn describe(command: &Command, name: &str, told: &[&Arg], page: &mut String) {
    let groups: Vec<&Command> = shown(command).collect();
    let is_root = name == "glacier";
    writeln!(page, "\n{} `{name}`\n", if is_root || !groups.is_empty() { "##" } else { "###" }).unwrap();
    let about = command.get_long_about().or(command.get_about()).unwrap();
    writeln!(page, "{about}").unwrap();
    if groups.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(page, "\n    {usage}").unwrap();
    }
    // What all commands of a group take is told of once.
    let is_told = |argument: &Arg| told.iter().any(|other| other.get_id() == argument.get_id());
    let own = command.get_arguments().filter(|argument| !(argument.is_global_set() && is_told(argument)));
    let own: Vec<&Arg> = own.filter(|argument| !argument.is_hide_set() && !is_help(argument)).collect();
    if !own.is_empty() {
        let heading = if is_root { "\nEvery command takes these:\n" } else { "" };
        writeln!(page, "{heading}\n| | |\n|---|---|").unwrap();
    }
    for argument in &own {
        writeln!(page, "| `{}` | {} |", spelled(argument), meaning(argument)).unwrap();
    }
    let told = [told, &own].concat();
    for other in groups {
        describe(other, &format!("{name} {}", other.get_name()), &told, page);
    }
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|other| !other.is_hide_set() && other.get_name() != "help")
}

fn is_help(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "help" | "version")
}

fn spelled(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
    let values = values.collect::<Vec<_>>().join(" ");
    if argument.is_positional() {
        return values;
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if argument.get_action().takes_values() { format!("{names} {values}") } else { names }
}

fn meaning(argument: &Arg) -> String {
    let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    if argument.get_action().takes_values() && !values.is_empty() {
        let names: Vec<String> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let stop = if meaning.ends_with(']') { "" } else { "." };
        write!(meaning, "{stop} One of {}.", names.join(", ")).unwrap();
    }
    if let [default] = argument.get_default_values()
        && argument.get_action().takes_values()
    {
        write!(meaning, " [default: {}]", default.to_string_lossy()).unwrap();
    }
    meaning.replace('\n', " ").replace('|', "\\|")
}
