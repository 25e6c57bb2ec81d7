//! `annex prefetch`: jobs for all files of a git-annex repository that are in Glacier and not here.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::annex;
use crate::cli::exit::Exit;
use crate::cli::output::{say, warning};
use crate::cli::session::Session;
use crate::engine::Tier;
use crate::types::{VaultName, annex_name, quoted};

pub(super) async fn run(session: &Session, args: annex::Prefetch) -> Result<Exit> {
    let remote = match args.remote {
        Some(name) => name,
        None => only_remote()?,
    };
    let place = Place::of(&remote)?;
    if place.region != session.engine.region().as_str() {
        bail!(
            "remote {} is in {1}; use 'glacier --region {1} annex prefetch'",
            quoted(&remote),
            place.region
        );
    }
    let vault: VaultName = place.vault.parse()?;
    // A remote without a tier of its own says Standard.
    let of_remote = Tier::named(&place.tier);
    let chosen_there = of_remote.filter(|tier| *tier != Tier::Standard);
    let tier = args.tier.map(Tier::from).or(chosen_there).or(session.defaults.tier).or(of_remote);
    let names = wanted(&remote, &place.prefix, &args.matching)?;
    let outcome = session.engine.prefetch(&vault, names, tier).await?;
    let hours = tier.unwrap_or(Tier::Standard).ready_within().as_secs().div_ceil(3600);
    let (queued, before) = (outcome.queued, outcome.asked_before);
    say(format_args!(
        "queued {} retrieval jobs, {} bytes, {} asked for before; all ready in about {hours} hours, then for a day: run 'git annex get' then",
        queued.archives, queued.bytes, before.archives
    ));
    if !outcome.unknown.is_empty() {
        let count = outcome.unknown.len();
        warning(format_args!(
            "{count} files are not in the cache, such as {}; 'git annex get' asks for them by what the repository knows, or run 'glacier vault sync {vault}' first",
            quoted(&outcome.unknown[0])
        ));
    }
    Ok(if queued.archives + before.archives > 0 { Exit::TryLater } else { Exit::Done })
}

/// What the remote says of itself.
struct Place {
    vault: String,
    region: String,
    prefix: String,
    tier: String,
}

impl Place {
    fn of(remote: &str) -> Result<Self> {
        let said = git(&["annex", "info", "--fast", "--json", remote])?;
        let info: serde_json::Value =
            serde_json::from_str(said.trim()).context("'git annex info' did not say what the remote is")?;
        let field = |name: &str| info.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let is_plain = field("encryption").is_none_or(|scheme| scheme.starts_with("none"));
        if !is_plain {
            bail!(
                "remote {} is encrypted, so only git-annex knows its archives' names; 'git annex get --from {remote}' asks for each file",
                quoted(remote)
            );
        }
        let (Some(vault), Some(region)) = (field("vault"), field("region")) else {
            bail!("{} is no remote of type=external externaltype=glacier", quoted(remote));
        };
        let prefix = field("file prefix").unwrap_or_default();
        Ok(Self { vault, region, prefix, tier: field("tier").unwrap_or_default() })
    }
}

/// The names of the archives of all files that are there, not here, and match.
fn wanted(remote: &str, prefix: &str, matching: &[String]) -> Result<Vec<String>> {
    let mut arguments = vec!["annex", "find", "--format=${key}\\n", "--not", "--in=here"];
    let there = format!("--in={remote}");
    arguments.push(&there);
    arguments.extend(matching.iter().map(String::as_str));
    let mut names = Vec::new();
    for key in git(&arguments)?.lines().filter(|key| !key.is_empty()) {
        names.push(annex_name(prefix, key.as_bytes())?.as_str().to_owned());
    }
    // Several files may have one content.
    names.sort();
    names.dedup();
    Ok(names)
}

fn only_remote() -> Result<String> {
    let said = git(&["config", "--get-regexp", r"^remote\..*\.annex-externaltype$", "^glacier$"]);
    let said = said.unwrap_or_default();
    let names = said.lines().filter_map(|line| {
        line.split(' ').next()?.strip_prefix("remote.")?.strip_suffix(".annex-externaltype")
    });
    let names: Vec<&str> = names.collect();
    match names[..] {
        [only] => Ok(only.to_owned()),
        [] => bail!("there is no remote of type=external externaltype=glacier here; see 'git annex info'"),
        _ => bail!("there are several remotes; name one: {}", names.join(", ")),
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let done = Command::new("git").args(arguments).output().context("cannot run git")?;
    if !done.status.success() {
        bail!("'git {}' failed: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim());
    }
    String::from_utf8(done.stdout).context("git said what is no text")
}
