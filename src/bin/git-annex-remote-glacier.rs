//! The special remote that git-annex starts; not meant to be run by hand.

use std::process::ExitCode;

use glacier_engine::{annex, engine::Connection, settings::Settings};

fn main() -> ExitCode {
    match Settings::read(Connection::default()) {
        Ok(settings) => annex::run(settings),
        Err(error) => {
            eprintln!("git-annex-remote-glacier: {error}");
            ExitCode::FAILURE
        }
    }
}
