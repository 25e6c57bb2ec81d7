//! The special remote that git-annex starts, without arguments; not meant to be run by hand.

use std::process::ExitCode;

use glacier_engine::engine::Connection;
use glacier_engine::settings::{self, Settings};
use glacier_engine::{annex, logging};

const NAME: &str = "git-annex-remote-glacier";

const HELP: &str = "\
git-annex-remote-glacier is a special remote of git-annex: files go into vaults of Amazon Glacier and come back.
git-annex starts it by itself and talks to it on standard input and output. To use it, in a repository of git-annex:

    git annex initremote NAME type=external externaltype=glacier encryption=none
    git annex copy --to NAME FILE

'git annex initremote NAME type=external externaltype=glacier --whatelse' lists the settings.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        None => serve(),
        Some(only) if only == "--help" || only == "-h" => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        // For those who make packages.
        Some(only) if only == "--man-page" => {
            print!("{}", annex::manual_page());
            ExitCode::SUCCESS
        }
        Some(only) if only == "--version" || only == "-V" => {
            println!("git-annex-remote-glacier {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some(other) => {
            let other = other.to_string_lossy();
            eprintln!(
                "git-annex-remote-glacier: unexpected argument {}; git-annex starts this program without any, see --help",
                glacier_engine::types::quoted(&other)
            );
            ExitCode::from(2)
        }
    }
}

fn serve() -> ExitCode {
    if let Err(error) = logging::start(NAME, 0, settings::log_filter().as_deref(), std::io::stderr) {
        eprintln!("{NAME}: {error}");
    }
    match Settings::read(Connection::default()) {
        Ok(settings) => annex::run(settings),
        Err(error) => {
            eprintln!("git-annex-remote-glacier: {error}");
            ExitCode::FAILURE
        }
    }
}
