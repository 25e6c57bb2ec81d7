//! The `glacier` command: what people type and read.
//!
//! One file a command. Standard output carries data, standard error words; success is silent. This room knows neither
//! SQL nor the SDK.

mod args;
mod commands;
mod complete;
mod exit;
mod file_or_standard;
mod interrupt;
mod name_list;
mod output;
mod progress;
mod records;
mod report;
mod session;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{CommandFactory, Parser};

use crate::engine::{Engine, EngineError, SystemClock};
use crate::settings::{Chosen, Given};
use crate::types::quoted;
use args::{Args, Command};
use exit::Exit;
use interrupt::Interrupts;
use records::Form;
use session::Session;

/// Runs one command to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match complete::answer(&arguments) {
        Ok(false) => {}
        Ok(true) => return Exit::Done.into(),
        Err(error) => return output::usage(&error, &grammar(), &arguments).into(),
    }
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return output::usage(&error, &grammar(), &arguments).into(),
    };
    if args.json && !args.command.has_records() {
        output::say("this command prints no records; run it without --json");
        return Exit::Usage.into();
    }
    let names_place = args.region.is_some() || args.endpoint_url.is_some() || args.profile.is_some();
    if names_place && matches!(args.command, Command::Annex { .. }) {
        output::say(
            "the settings of the remote say where its vault is; run this command without --region, --endpoint-url and --profile",
        );
        return Exit::Usage.into();
    }
    let filter = crate::settings::log_filter();
    if let Err(error) =
        crate::logging::start("glacier", args.verbose, filter.as_deref(), || output::BesideBars)
    {
        output::warning(error);
    }
    let form = if args.json { Form::Json } else { Form::Text };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(&anyhow::Error::from(error).context("cannot start")).into(),
    };
    let interrupts = match Interrupts::listen(&runtime, commands::task::going_on(&args.command)) {
        Ok(interrupts) => interrupts,
        Err(error) => return output::failure(&error.into()).into(),
    };
    let outcome = match commands::run_alone(form, &args.command) {
        Some(outcome) => outcome,
        None => runtime.block_on(execute(args, &interrupts)),
    };
    progress::close();
    let exit = interrupts.end(outcome.unwrap_or_else(|error| output::failure(&error)));
    // A read of standard input that is still blocked must not hold up the end.
    runtime.shutdown_background();
    exit
}

/// Returns the grammar of the command line, for those who describe it.
pub fn grammar() -> clap::Command {
    Args::command()
}

async fn execute(args: Args, interrupts: &Interrupts) -> Result<Exit> {
    let form = if args.json { Form::Json } else { Form::Text };
    let given = Given { profile: args.profile, region: args.region, endpoint_url: args.endpoint_url };
    let chosen = Chosen::read(given)?;
    if let Command::Config = args.command {
        return commands::config::run(chosen, form).await;
    }
    let (settings, defaults) = (chosen.settings(), chosen.defaults());
    let engine = Engine::open(&settings.connection, &settings.cache_path, Arc::new(SystemClock)).await?;
    if let Some(aside) = engine.cache_set_aside() {
        output::warning(format_args!(
            "the cache was damaged; it is now {}, and a new one was begun: run 'glacier vault sync VAULT' for each vault",
            quoted(&aside.to_string_lossy())
        ));
    }
    if let Some(why) = engine.cache_read_only() {
        output::warning(format_args!("{why}. Until then this goes on with what it knows"));
    }
    let progress = progress::shown(args.progress, args.verbose > 0);
    let engine = engine.with_transfers(args.command.transfer_settings(&defaults), Arc::new(report::Reporter));
    interrupts.wait_for(&engine);
    let failing = commands::task::failing(&args.command, &defaults);
    let interrupts = interrupts.clone();
    let session = Session { engine, form, defaults, interrupts, progress };
    let outcome = commands::run(&session, args.command).await;
    outcome.map_err(|error| in_context(error, failing))
}

/// What Glacier says tells neither what was to be done nor on what; all other errors do.
fn in_context(error: anyhow::Error, failing: Option<String>) -> anyhow::Error {
    match (error.downcast_ref(), failing) {
        (Some(EngineError::Service(_)), Some(failing)) => error.context(failing),
        _ => error,
    }
}
