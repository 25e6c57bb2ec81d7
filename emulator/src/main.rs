//! The `glacier-emulator` command.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use glacier_emulator::Emulator;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A local Amazon Glacier over HTTP.
///
/// Without COMMAND it prints its URL on the first line of standard output and serves until it is interrupted. With
/// COMMAND it runs that with AWS_ENDPOINT_URL_GLACIER, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION set, and
/// ends with its status.
#[derive(Debug, Parser)]
#[command(name = "glacier-emulator", version)]
struct Args {
    /// Where to listen; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep vaults in this directory, across runs [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The account that all vaults belong to, 12 digits.
    #[arg(long, value_name = "ID", default_value = "111122223333")]
    account: String,
    /// How long jobs take, such as 500ms, 10s, 3m or 4h.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    job_delay: Duration,
    /// A command to run against the emulator, after --.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = tokio::runtime::Runtime::new()
        .context("cannot start")
        .and_then(|runtime| runtime.block_on(run(args)));
    outcome.unwrap_or_else(|error| {
        eprintln!("glacier-emulator: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(args: Args) -> Result<ExitCode> {
    let mut builder = Emulator::builder().listen(args.listen).account(args.account).job_delay(args.job_delay);
    if let Some(directory) = args.data {
        builder = builder.data_dir(directory);
    }
    let signals =
        Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? };
    let emulator = builder.start().await?;
    match args.command.split_first() {
        None => serve(&emulator, signals).await,
        Some((program, arguments)) => run_under(&emulator, program, arguments, signals).await,
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

async fn serve(emulator: &Emulator, mut signals: Signals) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", emulator.endpoint_url())?;
    out.flush()?;
    drop(out);
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// An interrupt from the keyboard reaches the command by itself; a request to terminate is passed on.
async fn run_under(
    emulator: &Emulator,
    program: &OsString,
    arguments: &[OsString],
    mut signals: Signals,
) -> Result<ExitCode> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env("AWS_ENDPOINT_URL_GLACIER", emulator.endpoint_url());
    command.env("AWS_ACCESS_KEY_ID", emulator.access_key_id());
    command.env("AWS_SECRET_ACCESS_KEY", emulator.secret_access_key());
    // boto3 and version 1 of the AWS command line read only the second.
    command.env("AWS_REGION", emulator.region()).env("AWS_DEFAULT_REGION", emulator.region());
    for other in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] {
        command.env_remove(other);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("glacier-emulator: cannot run {}: {error}", program.display());
            return Ok(ExitCode::from(127));
        }
    };
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = signals.terminate.recv() => {
            let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
            if let Some(id) = id {
                rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
            }
            child.wait().await?
        }
    };
    Ok(ExitCode::from(exit_code(status)))
}

/// As a shell reports it: the status, or 128 and the signal.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let signalled = status.signal().map(|signal| 128 + signal);
    status.code().or(signalled).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err("it must be a number and ms, s, m, h or d".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "it must begin with a number".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}
