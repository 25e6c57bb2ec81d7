//! The manual page of the special remote.

use roff::{Inline, Roff, bold, italic, roman};

use super::config::CONFIGS;

/// What the environment decides, besides what all programs of AWS read.
const VARIABLES: [(&str, &str); 7] = [
    (
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
        "The keys that sign, before those that git-annex keeps. At initremote git-annex keeps them, unless there is a token.",
    ),
    ("AWS_PROFILE", "The profile of AWS's files whose keys sign, where there are none in the environment."),
    ("AWS_REGION, AWS_DEFAULT_REGION", "The region, where the remote has none."),
    ("AWS_ENDPOINT_URL_GLACIER, AWS_ENDPOINT_URL", "The URL of the service, where the remote has none."),
    (
        "GLACIER_LOG",
        "What is logged on standard error: info, debug or another filter; nothing unless it is set.",
    ),
    ("XDG_CACHE_HOME", "Where the cache is; ~/.cache unless it is set."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy to go through."),
];

const FILES: [(&str, &str); 3] = [
    (
        "~/.cache/glacier-cli/db",
        "The cache: which archives, jobs and uploads are known. It is shared with glacier(1), and can be lost: 'glacier vault sync VAULT' makes it anew.",
    ),
    ("~/.aws/config, ~/.aws/credentials", "Keys, profiles and regions, as for all programs of AWS."),
    (
        ".git/config",
        "remote.NAME.glacier-tier is the tier for this machine alone, before the setting of the remote.",
    ),
];

const STATUSES: [(&str, &str); 4] = [
    (
        "0",
        "git-annex had no more to ask. That a request failed is said to git-annex, and changes nothing here.",
    ),
    ("1", "It could not begin, git-annex could not be spoken to, or it hung up in the midst of something."),
    ("2", "It was started with arguments that it does not take."),
    ("128 and more", "A signal has ended it: 128 and its number."),
];

/// Returns the page in the language of `man`.
pub fn manual_page() -> String {
    let mut page = Roff::new();
    let version = concat!("git-annex-remote-glacier ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["git-annex-remote-glacier", "1", "", version]);
    section(
        &mut page,
        "NAME",
        [roman("git-annex-remote-glacier - keep files of git-annex in Amazon Glacier")],
    );
    page.control("SH", ["SYNOPSIS"]);
    let begin = [
        bold("git annex initremote "),
        italic("NAME"),
        bold(" type=external externaltype=glacier encryption="),
        italic("HOW"),
        roman(" ["),
        italic("SETTING"),
        roman("="),
        italic("VALUE"),
        roman("...]"),
    ];
    page.text(begin);
    let about = "A special remote of git-annex: files go into a vault of Amazon Glacier, and come back some hours after \
                 they were asked for. git-annex starts this program by itself, without arguments, and talks to it on \
                 standard input and output. 'git annex get' fails at first, and says when to run it again.";
    section(&mut page, "DESCRIPTION", [roman(about)]);
    list(&mut page, "SETTINGS", &CONFIGS);
    list(&mut page, "ENVIRONMENT", &VARIABLES);
    list(&mut page, "FILES", &FILES);
    list(&mut page, "EXIT STATUS", &STATUSES);
    let others =
        [bold("glacier"), roman("(1), "), bold("git-annex"), roman("(1), "), bold("glacier-emulator")];
    section(&mut page, "SEE ALSO", others.into_iter().chain([roman("(1)")]));
    page.render()
}

fn section(page: &mut Roff, title: &str, text: impl IntoIterator<Item = Inline>) {
    page.control("SH", [title]).text(text.into_iter().collect::<Vec<_>>());
}

fn list(page: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    page.control("SH", [title]);
    for (name, meaning) in entries {
        page.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
    }
}
