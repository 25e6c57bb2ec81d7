//! The `glacier` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    glacier_engine::cli::run(std::env::args_os())
}
