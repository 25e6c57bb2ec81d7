//! Running git, and what it says when it fails.

use std::ffi::OsStr;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use crate::types::escaped;

/// Runs git and returns what it says on standard output.
pub(super) fn git(arguments: &[impl AsRef<OsStr>]) -> Result<Vec<u8>> {
    let done = run(arguments)?;
    if !done.status.success() {
        let words: Vec<_> = arguments.iter().take(2).map(|word| word.as_ref().to_string_lossy()).collect();
        bail!("'git {}' failed: {}", words.join(" "), reason(&done.stderr));
    }
    Ok(done.stdout)
}

/// Runs git, however it ends.
pub(super) fn run(arguments: &[impl AsRef<OsStr>]) -> Result<Output> {
    Command::new("git").args(arguments).output().context("cannot run git")
}

/// Returns in one line why git, or git-annex, has failed.
pub(super) fn reason(standard_error: &[u8]) -> String {
    let said = String::from_utf8_lossy(standard_error);
    // What follows an empty line is how to use git-annex.
    let said = said.trim().split("\n\n").next().unwrap_or_default();
    let without_label = |line: &str| {
        let labels = ["git-annex: ", "error: ", "fatal: "];
        let unlabelled = labels.iter().find_map(|label| line.strip_prefix(label));
        escaped(unlabelled.unwrap_or(line)).into_owned()
    };
    // How many files it was, such as `find: 1 failed`, tells nothing.
    let tells = |line: &&str| !line.is_empty() && !line.ends_with(" failed");
    let lines: Vec<String> = said.lines().map(str::trim).filter(tells).map(without_label).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_without_labels_and_counts() {
        let said = "error: pathspec 'x' did not match any file(s) known to git\nDid you forget to 'git add'?\nfind: 1 failed\n";
        let expected = "pathspec 'x' did not match any file(s) known to git; Did you forget to 'git add'?";
        assert_eq!(reason(said.as_bytes()), expected);
        assert_eq!(reason(b"Invalid option `--x'\n\nUsage: git-annex COMMAND\n"), "Invalid option `--x'");
    }
}
