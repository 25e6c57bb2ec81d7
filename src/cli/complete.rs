//! Completion of command lines: the shell's function asks this program what may come next.
//!
//! Names of vaults and archives come from the cache alone, at once and no more than a screen of them.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, Command, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Zsh};

use super::args::Args;
use crate::engine::{Connection, Glance};
use crate::settings::Settings;

/// The variable by which the shell's function says that it asks.
const VARIABLE: &str = "GLACIER_COMPLETE";
/// More than anyone reads before typing another letter.
const CANDIDATES_MAX: u32 = 100;

/// The shells whose command lines are completed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// Writes the function that the shell is to read.
    pub(super) fn write_function(self, out: &mut dyn Write) -> std::io::Result<()> {
        let of: &dyn EnvCompleter = match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
        };
        of.write_registration(VARIABLE, "glacier", "glacier", "glacier", out)?;
        if let Self::Zsh = self {
            // Found by its name in a directory of such files, it has to complete at the first call already.
            writeln!(out, "[ \"$funcstack[1]\" != _glacier ] || _clap_dynamic_completer_glacier \"$@\"")?;
        }
        Ok(())
    }
}

/// Answers the shell's function, if it is that which has started this program.
///
/// # Errors
///
/// When the shell is not known, or standard output cannot be written.
pub(super) fn answer(arguments: &[OsString]) -> Result<bool, clap::Error> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let directory = std::env::current_dir().ok();
    let complete = CompleteEnv::with_factory(|| with_candidates(arguments)).var(VARIABLE);
    complete.try_complete(arguments, directory.as_deref())
}

/// What stands for what is told by the names of the arguments, so that commands that are added need nothing of their own.
fn with_candidates(words: &[OsString]) -> Command {
    let cache_path = Settings::read(Connection::default()).ok().map(|settings| settings.cache_path);
    let typed = Typed { words: words.to_owned(), cache_path };
    let groups: Vec<String> =
        Args::command().get_subcommands().map(|group| group.get_name().into()).collect();
    groups.iter().fold(Args::command(), |root, group| {
        root.mut_subcommand(group, |command| of_group(command, group, &typed))
    })
}

fn of_group(group: Command, name: &str, typed: &Typed) -> Command {
    let commands: Vec<String> = group.get_subcommands().map(|command| command.get_name().into()).collect();
    commands.iter().fold(group, |group, command_name| {
        group.mut_subcommand(command_name, |command| {
            // A new vault has no name yet.
            let is_new = (name, command_name.as_str()) == ("vault", "create");
            command.mut_args(|argument| if is_new { argument } else { of_argument(argument, name, typed) })
        })
    })
}

fn of_argument(argument: Arg, group: &str, typed: &Typed) -> Arg {
    let typed = typed.clone();
    match (group, argument.get_id().as_str()) {
        (_, "vault") | ("vault", "name") => {
            argument.add(ArgValueCompleter::new(move |word: &OsStr| typed.vaults(word)))
        }
        ("archive" | "estimate", "name" | "names") if argument.is_positional() => {
            argument.add(ArgValueCompleter::new(move |word: &OsStr| typed.archives(word)))
        }
        (_, "file" | "files" | "from_file" | "output" | "directory" | "recursive")
            if takes_a_value(&argument) =>
        {
            argument.value_hint(ValueHint::AnyPath)
        }
        _ => argument,
    }
}

fn takes_a_value(argument: &Arg) -> bool {
    argument.is_positional() || matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What the person has typed so far, and where the names are.
#[derive(Clone)]
struct Typed {
    words: Vec<OsString>,
    cache_path: Option<PathBuf>,
}

impl Typed {
    fn glance(&self) -> Option<Glance> {
        Glance::open(self.cache_path.as_deref()?)
    }

    fn vaults(&self, word: &OsStr) -> Vec<CompletionCandidate> {
        let (Some(glance), Some(prefix)) = (self.glance(), word.to_str()) else { return Vec::new() };
        candidates(glance.vaults(prefix, CANDIDATES_MAX))
    }

    /// The vault is the first word that is one's name.
    fn archives(&self, word: &OsStr) -> Vec<CompletionCandidate> {
        let (Some(glance), Some(prefix)) = (self.glance(), word.to_str()) else { return Vec::new() };
        let mut words = self.words.iter().filter_map(|word| word.to_str());
        let vault = words.find(|word| glance.vaults(word, 1).first().is_some_and(|name| name == word));
        let Some(vault) = vault else { return Vec::new() };
        candidates(glance.archives(vault, prefix, CANDIDATES_MAX))
    }
}

/// Shells take a candidate as it is, so that none can be offered which would have to be quoted, or which begins as
/// something else.
fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    let is_plain = |name: &String| {
        !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.,/+@%".contains(c))
    };
    names.into_iter().filter(is_plain).map(CompletionCandidate::new).collect()
}
