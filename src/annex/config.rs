//! The settings of a remote, which git-annex keeps.

use std::io;
use std::time::Duration;

use super::failure::Failure;
use super::protocol::{Question, Reply};
use super::session::Conversation;
use crate::engine::{Patience, Tier};
use crate::types::{AccountId, Region, VaultName, bytes, endpoint_url, quoted, shortened, without_user};

/// The settings of the remote, with what they are for.
pub(super) const CONFIGS: [(&str, &str); 11] = [
    ("vault", "Glacier vault to store in (default: name of the remote, a hyphen, its uuid)"),
    ("region", "AWS region of the vault (default: as the AWS configuration says, else us-east-1)"),
    ("datacenter", "the same as region, as the built-in glacier remote calls it"),
    ("fileprefix", "put before each key to make the name of its archive"),
    ("maxage", "hours for which an archive that was seen counts as present (default: 60)"),
    ("tier", "how fast retrievals are: Expedited, Standard or Bulk (default: Standard)"),
    ("wait", "yes: get waits for hours until Glacier is ready (default: no, it fails and is repeated)"),
    ("endpoint", "URL of the service (default: as the AWS configuration says, else AWS itself)"),
    ("profile", "profile of the AWS configuration whose keys are used"),
    ("bwlimit", "bytes a second that transfers of one process take together, such as 500K or 10M"),
    ("account", "AWS account that the vault is in (default: that of the keys at initremote)"),
];

/// How old the knowledge may be that lets git-annex drop another copy: the original's allowance, which covers the lag
/// of inventories.
const MAX_AGE_DEFAULT: Duration = Duration::from_secs(60 * 60 * 60);

/// A description holds 1,024 bytes (API reference, "Upload Archive"), the name of a file, and so a key, 255.
const PREFIX_MAX_BYTES: usize = 1024 - 255;

/// The settings of a remote as git-annex has them.
pub(super) struct Config {
    vault: String,
    pub(super) region: Option<Region>,
    /// Whether the region was given as the built-in remote calls it.
    pub(super) has_datacenter: bool,
    /// The account of the vault; kept since the remote was made, so that it is not made anew in another.
    pub(super) account: Option<AccountId>,
    /// Whether it is another way to what an earlier remote has stored.
    pub(super) is_same_as_other: bool,
    pub(super) prefix: String,
    pub(super) max_age: Duration,
    pub(super) tier: Option<Tier>,
    pub(super) patience: Patience,
    pub(super) endpoint_url: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) bytes_per_second: Option<u64>,
}

impl Config {
    pub(super) async fn ask(talk: &Conversation) -> Result<Self, Failure> {
        let vault = talk.config("vault").await?;
        let region = talk.config("region").await?;
        let datacenter = talk.config("datacenter").await?;
        let prefix = talk.config("fileprefix").await?;
        let (max_age, tier) = (talk.config("maxage").await?, talk.config("tier").await?);
        let (wait, url) = (talk.config("wait").await?, talk.config("endpoint").await?);
        let (profile, bwlimit) = (talk.config("profile").await?, talk.config("bwlimit").await?);
        let (account, same_as) = (talk.config("account").await?, talk.config("sameas-name").await?);
        let said = Failure::Said;
        Ok(Self {
            vault,
            region: one_region(&region, &datacenter).map_err(said)?,
            has_datacenter: !datacenter.is_empty(),
            account: given(account).map(|text| account_of(&text)).transpose().map_err(said)?,
            is_same_as_other: !same_as.is_empty(),
            prefix: checked_prefix(prefix).map_err(said)?,
            max_age: given(max_age).map_or(Ok(MAX_AGE_DEFAULT), |text| hours(&text)).map_err(said)?,
            tier: given(tier).map(|text| tier_of("tier", &text)).transpose().map_err(said)?,
            patience: patience(&wait).map_err(said)?,
            endpoint_url: given(url).map(|text| endpoint(&text)).transpose().map_err(said)?,
            profile: given(profile),
            bytes_per_second: given(bwlimit).map(|text| rate(&text)).transpose().map_err(said)?,
        })
    }

    /// The vault, else the name that the built-in remote would choose.
    pub(super) async fn vault_or_default(&self, talk: &Conversation) -> Result<VaultName, Failure> {
        let vault = if self.vault.is_empty() {
            if self.is_same_as_other {
                return Err(Failure::said(
                    "give the vault of the remote that this one is the same as, with vault=",
                ));
            }
            let mut name = talk.config("name").await?;
            if name.is_empty() && talk.has("GETGITREMOTENAME") {
                name = talk.ask(Question::GitRemoteName).await?;
            }
            if name.is_empty() {
                return Err(Failure::said("the remote has no name; give its vault with vault="));
            }
            format!("{name}-{}", talk.ask(Question::Uuid).await?)
        } else {
            self.vault.clone()
        };
        vault.parse().map_err(|error| Failure::said(format!("{error}; give one with vault=")))
    }
}

/// Says which settings there are; [`Reply::ConfigEnd`] is still to be said.
pub(super) fn list(talk: &Conversation) -> io::Result<()> {
    CONFIGS.iter().try_for_each(|(name, description)| talk.send(&Reply::Config { name, description }))
}

/// Reads the name of a tier, in any case.
pub(super) fn tier_of(setting: &str, text: &str) -> Result<Tier, String> {
    Tier::named_in_any_case(text)
        .ok_or_else(|| format!("{setting}={} is none of Expedited, Standard, Bulk", quoted(text)))
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn one_region(region: &str, datacenter: &str) -> Result<Option<Region>, String> {
    let given = if region.is_empty() { datacenter } else { region };
    if !datacenter.is_empty() && given != datacenter {
        let (region, datacenter) = (shortened(region), shortened(datacenter));
        return Err(format!("region={region} and datacenter={datacenter} differ; give one"));
    }
    if given.is_empty() { Ok(None) } else { given.parse().map(Some).map_err(|error| format!("{error}")) }
}

/// A prefix that no description can hold would make every name a bad one.
fn checked_prefix(prefix: String) -> Result<String, String> {
    if prefix.len() > PREFIX_MAX_BYTES {
        return Err(format!(
            "fileprefix= is longer than {PREFIX_MAX_BYTES} bytes, which leaves no room for keys"
        ));
    }
    let is_plain = prefix.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && !prefix.starts_with(' ');
    let why = "cannot begin the name of an archive: Glacier takes printable ASCII, no space at the beginning";
    if is_plain { Ok(prefix) } else { Err(format!("fileprefix={} {why}", quoted(&prefix))) }
}

fn account_of(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|error| format!("account={}: {error}", quoted(text)))
}

fn hours(text: &str) -> Result<Duration, String> {
    let hours = text.parse().ok().and_then(|hours: f64| Duration::try_from_secs_f64(hours * 3600.0).ok());
    hours.ok_or_else(|| format!("maxage={} is not a number of hours", quoted(text)))
}

fn patience(text: &str) -> Result<Patience, String> {
    match text {
        "" | "no" | "false" => Ok(Patience::ComeBackLater),
        "yes" | "true" => Ok(Patience::Wait),
        _ => Err(format!("wait={} is neither yes nor no", quoted(text))),
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let shown = quoted(&shortened(&without_user(text)));
    endpoint_url(text).map_err(|error| format!("endpoint={shown} cannot be used: {error}"))
}

fn rate(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Ok(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("bwlimit={} is no number of bytes, such as 500K or 10M", quoted(text))),
    }
}
