//! The special remote of git-annex: `git annex initremote NAME type=external externaltype=glacier`.
//!
//! `protocol` is the lines, pure; `session` is who may talk when; `remote` turns requests into work for the engine.
//! Standard output carries the protocol and nothing else, through the session's writer only.

mod config;
mod protocol;
mod remote;
mod session;

use std::io::Write;
use std::process::ExitCode;

use tokio::io::{AsyncBufRead, BufReader};

use crate::settings::Settings;

/// Serves git-annex on standard input and output until it has no more to ask.
pub fn run(settings: Settings) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("git-annex-remote-glacier: {error}");
            return ExitCode::FAILURE;
        }
    };
    let input = BufReader::new(tokio::io::stdin());
    let outcome = runtime.block_on(serve(settings, input, Box::new(std::io::stdout())));
    // A read of standard input that is still blocked must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // git-annex has gone, and with it whoever would read why.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("git-annex-remote-glacier: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers requests from `input` on `output` until the input ends.
///
/// # Errors
///
/// When git-annex cannot be heard or spoken to, or says that it has met an error.
pub async fn serve(
    settings: Settings,
    input: impl AsyncBufRead + Send + Unpin + 'static,
    output: Box<dyn Write + Send>,
) -> std::io::Result<()> {
    let mut session = session::Session::new(input, output);
    session.begin()?;
    let mut remote = remote::Remote::new(settings);
    while let Some(request) = session.next_request().await? {
        remote.answer(&mut session, request).await?;
    }
    Ok(())
}
