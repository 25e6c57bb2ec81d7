//! The `glacier-emulator` command.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser, Subcommand};
use glacier_emulator::{ACCESS_KEY_ID, Builder, Emulator, Fault, JobDelays, SECRET_ACCESS_KEY, duration};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A local Amazon Glacier over HTTP.
///
/// Without COMMAND it prints its URL on the first line of standard output and serves until it is interrupted. With
/// COMMAND it runs that with AWS_ENDPOINT_URL_GLACIER, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION set, and
/// ends with its status.
#[derive(Debug, Parser)]
#[command(name = "glacier-emulator", version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    tool: Option<Tool>,
    /// Where to listen; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep vaults in this directory, across runs [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The account that all vaults belong to, 12 digits.
    #[arg(long, value_name = "ID", default_value = "111122223333")]
    account: String,
    /// An access key that requests may be signed with; may be repeated, each with its --secret-key.
    #[arg(long, value_name = "ID", default_value = ACCESS_KEY_ID, requires = "secret_key")]
    access_key: Vec<String>,
    /// The secret of the --access-key in the same place.
    #[arg(long, value_name = "SECRET", default_value = SECRET_ACCESS_KEY, requires = "access_key")]
    secret_key: Vec<String>,
    /// How long jobs take, such as 500ms, 10s or 4h; or by kind: standard=4h,bulk=8h,expedited=3m,inventory=4h.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    job_delay: JobDelays,
    /// How long a finished job can be asked for.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    job_lifetime: Duration,
    /// How long after its first upload a vault has its first inventory, and how often it is made anew if something has
    /// changed; 0s: every inventory is of its moment.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    inventory_lag: Duration,
    /// Take the service's own figures for all that takes time.
    #[arg(long, conflicts_with_all = ["job_delay", "job_lifetime", "inventory_lag"])]
    realistic: bool,
    /// Let something go wrong: WHAT[@OPERATION][#K|%N], such as throttle@UploadMultipartPart#3 (the third) or 500%3
    /// (every third request). WHAT: throttle, 408, 500, 503, policy-enforced, insufficient-capacity, expired-token,
    /// access-denied, limit-exceeded, clock-skew, cut-before, cut-middle, cut-after, corrupt, wrong-hash, fail-job. May be
    /// repeated.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Let this much time pass before each request is looked at.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    latency: Duration,
    /// Let a connection carry this many bytes a second in each direction.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    bandwidth: Option<u64>,
    /// Answer every call as the service answers an account that it takes no more.
    #[arg(long)]
    no_longer_supported: bool,
    /// Look neither at signatures nor at dates.
    #[arg(long)]
    unsigned: bool,
    /// Leave empty fields out of JSON answers instead of sending null.
    #[arg(long)]
    omit_nulls: bool,
    /// Hash what is uploaded and list it, but keep none of its content: a retrieval fails. For measuring clients.
    #[arg(long, conflicts_with = "data")]
    discard: bool,
    /// A command to run against the emulator, after --.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Put a vault of many archives into a data directory. They are listed like any other, but have no content: a
    /// retrieval of one fails.
    Seed {
        /// The data directory.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The vault; made if it is not there.
        #[arg(long, value_name = "NAME")]
        vault: String,
        /// How many archives.
        #[arg(long, value_name = "COUNT")]
        archives: u64,
        /// The region of the vault.
        #[arg(long, default_value = "us-east-1")]
        region: String,
    },
    /// Write the manual, for those who make packages.
    #[command(hide = true)]
    ManPages {
        /// Where to write it; made if it is not there.
        directory: PathBuf,
    },
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            // The first paragraph of clap's text, without its label; what is missing stands in lines of its own there.
            let text = error.render().to_string();
            let reason = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
            let words: Vec<&str> = reason.split_whitespace().collect();
            eprintln!("glacier-emulator: {}; see 'glacier-emulator --help'", words.join(" "));
            return ExitCode::from(2);
        }
        Err(asked_for) => asked_for.exit(),
    };
    let outcome = tokio::runtime::Runtime::new()
        .context("cannot start")
        .and_then(|runtime| runtime.block_on(run(args)));
    outcome.unwrap_or_else(|error| {
        eprintln!("glacier-emulator: {}", in_one_line(&error));
        ExitCode::FAILURE
    })
}

/// The error and its causes, less what an error says of its cause already.
fn in_one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        before if before.contains(&cause) => said,
        before => format!("{before}: {cause}"),
    })
}

async fn run(args: Args) -> Result<ExitCode> {
    match args.tool {
        Some(Tool::Seed { data, vault, archives, region }) => {
            glacier_emulator::seed(&data, &region, &vault, archives)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Tool::ManPages { directory }) => {
            write_manual(&directory)
                .with_context(|| format!("cannot write the manual to {}", directory.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        None => {}
    }
    let signals =
        Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? };
    let command = args.command.clone();
    let emulator = builder(args)?.start().await?;
    match command.split_first() {
        None => serve(&emulator, signals).await,
        Some((program, arguments)) => run_under(&emulator, program, arguments, signals).await,
    }
}

/// A page for the program and one for each of its tools.
fn write_manual(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Args::command(), directory)
}

fn builder(args: Args) -> Result<Builder> {
    if args.access_key.len() != args.secret_key.len() {
        bail!("each --access-key needs a --secret-key");
    }
    let mut builder = Emulator::builder().listen(args.listen).account(args.account).latency(args.latency);
    builder =
        builder.job_delays(args.job_delay).job_lifetime(args.job_lifetime).inventory_lag(args.inventory_lag);
    if let Some(directory) = args.data {
        builder = builder.data_dir(directory);
    }
    if let Some(bytes_per_second) = args.bandwidth {
        builder = builder.bandwidth(bytes_per_second);
    }
    for (is_wanted, with) in [
        (args.realistic, Builder::realistic as fn(Builder) -> Builder),
        (args.no_longer_supported, Builder::no_longer_supported),
        (args.unsigned, Builder::unsigned),
        (args.omit_nulls, Builder::omit_nulls),
        (args.discard, Builder::discard),
    ] {
        if is_wanted {
            builder = with(builder);
        }
    }
    builder = args
        .access_key
        .into_iter()
        .zip(args.secret_key)
        .fold(builder, |builder, (id, secret)| builder.keys(id, secret));
    Ok(args.fault.into_iter().fold(builder, Builder::fault))
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
