//! `config`: every setting, its value, and where that comes from.

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::records::{Form, Record, print_record};
use crate::engine::{Tier, TransferSettings};
use crate::settings::{Choice, Chosen, Origin};

pub(in crate::cli) async fn run(chosen: Chosen, form: Form) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for setting in settings(&chosen.complete().await?) {
        if form == Form::Json {
            print_record(&mut out, &setting)?;
        } else {
            let value = setting.value.as_deref().unwrap_or("-");
            let variable = setting.variable.map(|name| format!(" {name}")).unwrap_or_default();
            writeln!(out, "{}\t{value}\t{}{variable}", setting.name, setting.source)?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// A setting as it holds for commands that are not told otherwise.
#[derive(Serialize)]
struct SettingRecord {
    name: &'static str,
    value: Option<String>,
    source: &'static str,
    /// The variable, where the environment is the source.
    variable: Option<&'static str>,
}

impl Record for SettingRecord {
    const SCHEMA: &'static str = "setting/1";
}

fn settings(chosen: &Chosen) -> Vec<SettingRecord> {
    let path = |choice: &Choice<PathBuf>| choice.map(|path| path.to_string_lossy().into_owned());
    vec![
        setting("vault", &chosen.vault),
        setting("region", &chosen.region),
        setting("profile", &chosen.profile),
        setting("endpoint_url", &chosen.endpoint_url),
        setting("tier", &chosen.tier.or(Tier::Standard).map(|tier| tier.as_str().to_lowercase())),
        setting("jobs", &chosen.jobs.or(TransferSettings::JOBS)),
        setting("bwlimit", &chosen.bytes_per_second),
        setting("cache", &path(&chosen.cache_path)),
        setting("config", &path(&chosen.config_path)),
    ]
}

fn setting<T: Display>(name: &'static str, choice: &Choice<T>) -> SettingRecord {
    let (source, variable) = match choice.origin {
        Origin::Flag => ("flag", None),
        Origin::Environment(variable) => ("environment", Some(variable)),
        Origin::File => ("file", None),
        Origin::Profile => ("profile", None),
        Origin::Default => ("default", None),
    };
    SettingRecord { name, value: choice.value.as_ref().map(ToString::to_string), source, variable }
}
