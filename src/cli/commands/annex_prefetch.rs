//! `annex prefetch`: jobs for all files of a git-annex repository that are in Glacier and not here.
//!
//! git-annex itself asks for each file, through the remote, which is told to bring nothing: only they know the names of
//! encrypted archives, what the repository keeps of each, and whose credentials are used where.

mod git;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::annex;
use crate::cli::exit::Exit;
use crate::cli::output::{Foreign, say, warning};
use crate::cli::session::Session;
use crate::engine::{Engine, Prefetch, Tier};
use crate::settings::PREFETCH_VARIABLE;
use crate::types::{ArchiveRef, VaultName, annex_name, quoted, total_bytes};

pub(super) async fn run(session: &Session, args: annex::Prefetch) -> Result<Exit> {
    let remote = match args.remote {
        Some(name) => name,
        None => only_remote()?,
    };
    check_paths(args.matching.iter().chain(&args.paths))?;
    let place = Place::of(&remote)?;
    let tier = args.tier.map(Tier::from).or(place.tier).or(session.defaults.tier).unwrap_or(Tier::Standard);
    let mut files = wanted(&remote, &args.matching, &args.paths)?;
    place.in_order_of_storing(&session.engine, &mut files).await;
    if args.dry_run {
        return print(&files);
    }
    let outcome = ask_for(&remote, tier, &files)?;
    let Outcome { queued, queued_bytes, asked_before, .. } = outcome;
    let when = match (queued, asked_before) {
        (0, 0) => String::new(),
        (0, _) => "; 'glacier job list' shows those that are ready: run 'git annex get' then".to_owned(),
        _ => {
            let hours = tier.ready_within().as_secs().div_ceil(3600);
            format!("; all ready in about {hours} hours, then for a day: run 'git annex get' then")
        }
    };
    say(format_args!(
        "queued {queued} retrieval jobs, {queued_bytes} bytes, {asked_before} asked for before{when}"
    ));
    if let Some((file, why)) = outcome.failed.first() {
        let count = outcome.failed.len();
        warning(format_args!("{count} files could not be asked for, such as {}: {why}", quoted(file)));
        return Ok(Exit::Failed);
    }
    Ok(if outcome.queued + outcome.asked_before > 0 { Exit::TryLater } else { Exit::Done })
}

fn print(files: &[Wanted]) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let (foreign, is_terminal) = (Foreign::of_standard_output(), out.is_terminal());
    for file in files {
        let bytes = file.size_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        write!(out, "{bytes}\t")?;
        if is_terminal {
            writeln!(out, "{}", foreign.text(&file.shown()))?;
        } else {
            out.write_all(&[&file.file[..], b"\n"].concat())?;
        }
    }
    out.flush()?;
    let bytes = total_bytes(files.iter().filter_map(|file| file.size_bytes));
    say(format_args!("{} files, {bytes} bytes, would be asked for unless they were before", files.len()));
    Ok(Exit::Done)
}

/// A file that is there and not here. Names are any bytes.
#[derive(Debug)]
struct Wanted {
    file: Vec<u8>,
    key: Vec<u8>,
    /// Missing where git-annex does not know.
    size_bytes: Option<u64>,
}

impl Wanted {
    /// As [`Wanted::all`] reads it.
    const FORMAT: &str = r"--format=${bytesize}\000${key}\000${file}\000";

    fn all(said: &[u8]) -> Result<Vec<Self>> {
        let mut fields = said.split(|byte| *byte == 0);
        let mut files = Vec::new();
        while let Some(size) = fields.next().filter(|size| !size.is_empty()) {
            let (Some(key), Some(file)) = (fields.next(), fields.next()) else {
                bail!("'git annex find' said what makes no sense");
            };
            let size_bytes = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
            files.push(Self { file: file.to_vec(), key: key.to_vec(), size_bytes });
        }
        Ok(files)
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.file).into_owned()
    }

    /// As it is in JSON, which holds no other bytes than those of a text.
    fn shown_key(&self) -> String {
        String::from_utf8_lossy(&self.key).into_owned()
    }
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    queued: u64,
    queued_bytes: u64,
    asked_before: u64,
    /// The files, and why not.
    failed: Vec<(String, String)>,
}

/// What the remote says of itself.
struct Place {
    vault: VaultName,
    region: String,
    prefix: String,
    /// The one that is set for it; none where it would take the default.
    tier: Option<Tier>,
    is_encrypted: bool,
}

impl Place {
    fn of(remote: &str) -> Result<Self> {
        let said = git::run(&["annex", "info", "--fast", "--json", remote])?;
        // Of what is no remote it says so there, too, and ends well or not, depending on its version.
        let info: serde_json::Value = match serde_json::from_slice(&said.stdout) {
            Ok(info) => info,
            Err(_) => bail!("'git annex info' failed: {}", git::reason(&said.stderr)),
        };
        let field = |name: &str| info.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let (Some(vault), Some(region)) = (field("vault"), field("region")) else {
            bail!("{} is no remote of type=external externaltype=glacier", quoted(remote));
        };
        Ok(Self {
            vault: vault.parse()?,
            region,
            prefix: field("file prefix").unwrap_or_default(),
            tier: field("tier from").and_then(|_| Tier::named(&field("tier")?)),
            is_encrypted: field("encryption").is_some_and(|scheme| !scheme.starts_with("none")),
        })
    }

    /// The service likes that order best. Where the cache does not know it, files stay in git-annex's order, at the end.
    async fn in_order_of_storing(&self, engine: &Engine, files: &mut Vec<Wanted>) {
        if self.is_encrypted || self.region != engine.region().as_str() {
            return;
        }
        let mut dated = Vec::new();
        for file in files.drain(..) {
            let name = annex_name(&self.prefix, &file.key).ok();
            let stored = match name.map(|name| ArchiveRef::Name(name.as_str().to_owned())) {
                Some(name) => engine.known(&self.vault, &name).await.unwrap_or_default(),
                None => Vec::new(),
            };
            let stored = stored.first().and_then(crate::engine::Archive::stored_at);
            dated.push(((stored.is_none(), stored), file));
        }
        dated.sort_by_key(|(stored, _)| *stored);
        files.extend(dated.into_iter().map(|(_, file)| file));
    }
}

/// git-annex 10.20261026 passes over a path that is no UTF-8, and finds everything, which would be paid for.
fn check_paths<'a>(mut words: impl Iterator<Item = &'a OsString>) -> Result<()> {
    match words.find(|word| word.to_str().is_none()) {
        Some(path) => bail!(
            "{} is no UTF-8, which git-annex may pass over and find all files; name the directory that it is in",
            quoted(&path.to_string_lossy())
        ),
        None => Ok(()),
    }
}

/// The files that are there, not here, and match; one of those that have the same content.
fn wanted(remote: &str, matching: &[OsString], paths: &[OsString]) -> Result<Vec<Wanted>> {
    let there = format!("--in={remote}");
    let mut arguments: Vec<&OsStr> =
        ["annex", "find", Wanted::FORMAT, "--not", "--in=here", &there].map(OsStr::new).to_vec();
    let words: Vec<&OsStr> = matching.iter().map(OsString::as_os_str).collect();
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let options = &words[..end];
    // In parentheses, so that an --or among them does not reach beyond; empty ones make no sense to git-annex.
    let has_options = options.iter().any(|word| word.as_encoded_bytes().starts_with(b"-"));
    arguments.extend(has_options.then_some(OsStr::new("-(")));
    arguments.extend(options);
    arguments.extend(has_options.then_some(OsStr::new("-)")));
    arguments.push(OsStr::new("--"));
    arguments.extend(words.iter().skip(end + 1));
    arguments.extend(paths.iter().map(OsString::as_os_str));
    let mut files = Wanted::all(&git::git(&arguments)?)?;
    let mut keys = HashSet::new();
    files.retain(|file| keys.insert(file.key.clone()));
    Ok(files)
}

/// Lets git-annex ask for the files by their keys, as a name in JSON is not always that of the file, and one after the other: of
/// several at once (`-J`) it keeps no order.
fn ask_for(remote: &str, tier: Tier, files: &[Wanted]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    if files.is_empty() {
        return Ok(outcome);
    }
    let setting = format!("remote.{remote}.glacier-tier={}", tier.as_str());
    let mut get = Command::new("git");
    get.args(["-c", &setting, "-c", "annex.retry=0", "annex", "get", "--from", remote]);
    get.args(["--json", "--json-error-messages", "--batch-keys", "-z"]).env(PREFETCH_VARIABLE, "yes");
    let get = get.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut get = get.context("cannot run git")?;
    // Between them, as older versions take what is behind the last one for another.
    let keys = files.iter().map(|file| &file.key[..]).collect::<Vec<_>>().join(&0);
    let mut input = get.stdin.take().context("git annex has no input")?;
    // It answers before it has read all.
    let writer = std::thread::spawn(move || input.write_all(&keys));
    let said = get.wait_with_output().context("'git annex get' failed")?;
    // If it did not read all, what it said tells why.
    let _ = writer.join();
    let said_out = String::from_utf8_lossy(&said.stdout);
    let answers: Vec<Answer> = said_out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if answers.is_empty() {
        bail!("'git annex get' failed: {}", git::reason(&said.stderr));
    }
    let asked: HashMap<String, &Wanted> = files.iter().map(|file| (file.shown_key(), file)).collect();
    warn_of_unanswered(files, &answers);
    for answer in answers.into_iter().filter(|answer| !answer.success) {
        // Older versions give all that was said as one text of several lines.
        let mut said = answer.error_messages.iter().flat_map(|said| said.lines()).map(str::trim);
        match said.find_map(Prefetch::said_by) {
            Some(Prefetch::Queued) => {
                outcome.queued += 1;
                let bytes = asked.get(&answer.key).and_then(|file| file.size_bytes);
                outcome.queued_bytes = total_bytes([outcome.queued_bytes, bytes.unwrap_or(0)]);
            }
            Some(Prefetch::AskedBefore) => outcome.asked_before += 1,
            None => {
                let file = asked.get(&answer.key).map_or(answer.key, |file| file.shown());
                outcome.failed.push((file, answer.error_messages.join("; ").trim().to_owned()));
            }
        }
    }
    Ok(outcome)
}

fn warn_of_unanswered(files: &[Wanted], answers: &[Answer]) {
    let answered: HashSet<&str> = answers.iter().map(|answer| answer.key.as_str()).collect();
    let unanswered: Vec<_> = files.iter().filter(|file| !answered.contains(&*file.shown_key())).collect();
    if let Some(first) = unanswered.first() {
        let (count, all, such) = (unanswered.len(), files.len(), quoted(&first.shown()));
        warning(format_args!("'git annex get' said nothing of {count} of {all} files, such as {such}"));
    }
}

/// What `git annex get --json` says of a key.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    key: String,
    #[serde(default, rename = "error-messages")]
    error_messages: Vec<String>,
}

fn only_remote() -> Result<String> {
    let said = git::git(&["config", "--get-regexp", r"^remote\..*\.annex-externaltype$", "^glacier$"]);
    let said = String::from_utf8(said.unwrap_or_default()).context("the name of a remote is no text")?;
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
