//! A question at a terminal, and who answers it.

use std::io::Read;

use super::terminal::Terminal;
use super::{Outcome, Shell};

/// Runs the command at a terminal on which someone types the answer to its question.
pub fn at_a_terminal(shell: &Shell, arguments: &[&str], answer: &str) -> Outcome {
    let (mut printed, output) = std::io::pipe().unwrap();
    let mut terminal = Terminal::start_with(&shell.glacier_command(arguments), 80, Some(output.into()));
    while terminal.hear() {
        if terminal.raw.ends_with(b"[y/N] ") {
            terminal.type_in(&format!("{answer}\n"));
        }
    }
    let stderr = String::from_utf8_lossy(&terminal.raw).replace("\r\n", "\n");
    let (_, status) = terminal.end();
    let mut stdout = String::new();
    printed.read_to_string(&mut stdout).unwrap();
    Outcome { stdout, stderr, status }
}
