//! Documents whose commands are run: what stands in blocks of `console` after `$ ` is run in one shell, in order, and must
//! print what stands below it. `...` stands for anything on its line.

use std::io::Write;
use std::path::Path;

use super::{Shell, run};

/// A command of a document, and what it prints.
#[derive(Debug)]
struct Step {
    line: String,
    output: String,
}

pub fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Plays a document in bash.
#[track_caller]
pub fn play(shell: &Shell, name: &str) {
    let steps = steps(&read(name));
    assert!(steps.len() > 2, "{name} has no commands");
    let mut script = std::fs::File::create(shell.home().join("script")).unwrap();
    for step in &steps {
        // Marks where the output of each ends, and leaves it its status.
        writeln!(script, "{}\nstatus=$?; printf '\\001'; (exit $status)", step.line).unwrap();
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_glacier")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut bash = shell.command("bash");
    bash.args(["-c", "exec bash \"$0\" 2>&1"]).arg(shell.home().join("script")).env("PATH", path);
    let printed = run(&mut bash).stdout;
    for (step, printed) in steps.iter().zip(printed.split('\u{1}')) {
        assert!(
            matches(&step.output, printed),
            "{name}: {}\n{printed:?}\nis not\n{:?}",
            step.line,
            step.output
        );
    }
    assert_eq!(printed.matches('\u{1}').count(), steps.len(), "{name}: {printed}");
}

fn steps(document: &str) -> Vec<Step> {
    let blocks = document.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(line), _) => steps.push(Step { line: line.to_owned(), output: String::new() }),
            (None, Some(step)) => step.output.extend([line, "\n"]),
            (None, None) => panic!("output before any command: {line}"),
        }
    }
    steps
}

fn matches(expected: &str, printed: &str) -> bool {
    let (expected, printed): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), printed.lines().collect());
    expected.len() == printed.len()
        && expected.iter().zip(&printed).all(|(expected, line)| line_matches(expected, line))
}

fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let at = if index + 1 == parts.len() {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}
