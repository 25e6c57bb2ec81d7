//! The `glacier` command: what people type and read.
//!
//! One file a command. Standard output carries data, standard error words; success is silent. This room knows neither
//! SQL nor the SDK.

mod args;
mod commands;
mod exit;
mod file_or_standard;
mod output;
mod records;
mod report;
mod session;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Parser;

use crate::engine::{Engine, SystemClock};
use crate::settings::{Chosen, Given};
use crate::types::quoted;
use args::Args;
use exit::Exit;
use records::Form;
use session::Session;

/// Runs one command to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return output::usage(&error).into(),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(&error.into()).into(),
    };
    let outcome = runtime.block_on(execute(args));
    // A read of standard input that is still blocked must not hold up the end.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| output::failure(&error)).into()
}

async fn execute(args: Args) -> Result<Exit> {
    let given = Given { profile: args.profile, region: args.region, endpoint_url: args.endpoint_url };
    let chosen = Chosen::read(given)?;
    let form = if args.json { Form::Json } else { Form::Text };
    if let Some(outcome) = commands::run_alone(&chosen, form, &args.command).await {
        return outcome;
    }
    let (settings, defaults) = (chosen.settings(), chosen.defaults());
    let engine = Engine::open(&settings.connection, &settings.cache_path, Arc::new(SystemClock)).await?;
    if let Some(aside) = engine.cache_set_aside() {
        output::warning(format_args!(
            "the cache was damaged; it is now {}, and a new one was begun: run 'glacier vault sync VAULT' for each vault",
            quoted(&aside.to_string_lossy())
        ));
    }
    let observer = Arc::new(report::Reporter { is_verbose: args.verbose });
    let engine = engine.with_transfers(args.command.transfer_settings(&defaults), observer);
    commands::run(&Session { engine, form, defaults }, args.command).await
}
