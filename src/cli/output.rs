//! Words on standard error, each line with the program's name before it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit::Exit;
use super::progress;
use super::session::NoVault;
use crate::engine::EngineError;
use crate::types::{escaped, plain_reason, shortened, without_user};

/// How text that others wrote, such as the name of an archive, goes to standard output: to a program as it is, to a
/// terminal without anything that it would act upon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foreign {
    is_terminal: bool,
}

impl Foreign {
    pub(super) fn of_standard_output() -> Self {
        Self { is_terminal: std::io::stdout().is_terminal() }
    }

    pub(super) fn text(self, text: &str) -> Cow<'_, str> {
        if self.is_terminal { escaped(text) } else { Cow::Borrowed(text) }
    }
}

/// Returns whether there is someone at a terminal who reads words and can answer.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question on the terminal; only `y` and `yes` mean yes.
pub(super) fn ask(question: impl Display) -> std::io::Result<bool> {
    let text = format!("glacier: {} [y/N] ", escaped(&question.to_string()));
    std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Says something that belongs to the outcome.
pub(super) fn say(message: impl Display) {
    prefixed("glacier: ", message);
}

/// Says something that the user did not ask for but should know.
pub(super) fn info(message: impl Display) {
    prefixed("glacier: info: ", message);
}

/// Says that something is not as it should be.
pub(super) fn warning(message: impl Display) {
    prefixed("glacier: warning: ", message);
}

/// Says why a command failed: the error, its causes, and what to do about it, on one line. A reader that has closed standard output has
/// seen enough and needs no explanation.
pub(super) fn failure(error: &anyhow::Error) -> Exit {
    let is_closed_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if !error.chain().any(is_closed_pipe) {
        let hint = error.chain().find_map(|cause| cause.downcast_ref::<EngineError>()?.hint());
        let said = in_one_line(error);
        // Everything else that reads and writes says itself what.
        let what = if error.is::<std::io::Error>() && error.chain().count() == 1 {
            "cannot write to standard output: "
        } else {
            ""
        };
        let said = format!("{what}{}", plain_reason(&said));
        match hint {
            Some(hint) => say(format_args!("{said}; {hint}")),
            None => say(said),
        }
    }
    if error.is::<NoVault>() { Exit::Usage } else { Exit::Failed }
}

/// The error and its causes, less what an error says of its cause already.
fn in_one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        before if before.contains(&cause) => said,
        before => format!("{before}: {cause}"),
    })
}

/// Says what is wrong with a command line, in one line; prints help where that was asked for.
pub(super) fn usage(error: &clap::Error, grammar: &clap::Command, arguments: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Done
        }
        // A page to read, not a sentence about what went wrong: it goes without the prefix.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            say(format_args!("{}; see '{} --help'", one_line(error), command_of(grammar, arguments)));
            Exit::Usage
        }
    }
}

/// The first paragraph of clap's text without its label; what is missing stands in lines of its own there.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = fit_to_show(error, paragraph.trim_start_matches("error: "));
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let reason = words.join(" ");
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    match kinds.into_iter().find_map(|kind| error.get(kind)) {
        Some(suggestion) => format!("{reason} (did you mean '{suggestion}'?)"),
        // Names and ids may begin so.
        None if error.get(ContextKind::Suggested).is_some() => {
            format!("{reason}; if it is no option, put -- before it")
        }
        None => reason,
    }
}

/// What was given stands in clap's text word for word, however long it is, and whatever secret is in it.
fn fit_to_show(error: &clap::Error, text: &str) -> String {
    let is_url = matches!(error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(argument)) if argument.starts_with("--endpoint-url"));
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue];
    kinds.into_iter().fold(text.to_owned(), |text, kind| match error.get(kind) {
        Some(ContextValue::String(given)) => {
            let shown =
                if is_url || given.contains("://") { without_user(given) } else { given.as_str().into() };
            text.replace(given, &shortened(&shown))
        }
        _ => text,
    })
}

/// The command that is meant by a command line of this grammar, as far as it can be told, such as `glacier vault list`.
fn command_of(grammar: &clap::Command, arguments: &[OsString]) -> String {
    let (mut command, mut name) = (grammar, grammar.get_name().to_owned());
    let mut words = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    while let Some(word) = words.next() {
        let long = word.strip_prefix("--").unwrap_or_default();
        let takes_next =
            |option: &clap::Arg| option.get_long() == Some(long) && option.get_action().takes_values();
        if let Some(below) = command.find_subcommand(&*word) {
            command = below;
            name = format!("{name} {}", below.get_name());
        } else if grammar.get_arguments().any(takes_next) {
            words.next();
        }
    }
    name
}

/// Standard error while there may be bars on it: what is written at once stands above them.
pub(super) struct BesideBars;

impl Write for BesideBars {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        progress::beside(|| std::io::stderr().lock().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn prefixed(prefix: &str, message: impl Display) {
    let message = message.to_string();
    // Whoever wrote what is in it, a terminal gets nothing to act upon.
    let lines = message.lines().map(|line| format!("{prefix}{}\n", escaped(line)));
    // All lines by one write, so that those of several processes do not mix.
    let text: String = lines.collect();
    let _ = BesideBars.write_all(text.as_bytes());
}
