//! Every request of the protocol and every reply to it, word for word: one request at a time, and in a job of ASYNC.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::dialogue::{OTHER_SETTINGS, Remote, info};
use support::{HOUR, Shell};

/// All that git-annex may ask (external special remote protocol, version 2, and its extensions and appendices).
const REQUESTS: [&str; 32] = [
    "EXTENSIONS",
    "LISTCONFIGS",
    "EXPORTSUPPORTED",
    "IMPORTSUPPORTED",
    "INITREMOTE",
    "PREPARE",
    "TRANSFER STORE",
    "TRANSFER RETRIEVE",
    "CHECKPRESENT",
    "REMOVE",
    "GETCOST",
    "GETAVAILABILITY",
    "GETORDERED",
    "GETINFO",
    "WHEREIS",
    "CLAIMURL",
    "CHECKURL",
    "ERROR",
    "EXPORT",
    "TRANSFEREXPORT",
    "CHECKPRESENTEXPORT",
    "REMOVEEXPORT",
    "REMOVEEXPORTDIRECTORY",
    "RENAMEEXPORT",
    "IMPORTKEYSUPPORTED",
    "LISTIMPORTABLECONTENTS",
    "IMPORT",
    "IMPORTKEY",
    "RETRIEVEEXPORTEXPECTED",
    "STOREEXPORTEXPECTED",
    "REMOVEEXPORTEXPECTED",
    "CHECKPRESENTEXPORTEXPECTED",
];

/// All that the remote may say: replies, questions, statements.
const REPLIES: [&str; 36] = [
    "VERSION",
    "EXTENSIONS",
    "CONFIG",
    "CONFIGEND",
    "EXPORTSUPPORTED-FAILURE",
    "INITREMOTE-SUCCESS",
    "INITREMOTE-FAILURE",
    "PREPARE-SUCCESS",
    "PREPARE-FAILURE",
    "TRANSFER-SUCCESS STORE",
    "TRANSFER-SUCCESS RETRIEVE",
    "TRANSFER-FAILURE STORE",
    "TRANSFER-FAILURE RETRIEVE",
    "CHECKPRESENT-SUCCESS",
    "CHECKPRESENT-FAILURE",
    "CHECKPRESENT-UNKNOWN",
    "REMOVE-SUCCESS",
    "REMOVE-FAILURE",
    "COST",
    "AVAILABILITY",
    "UNORDERED",
    "INFOFIELD",
    "INFOVALUE",
    "INFOEND",
    "WHEREIS-SUCCESS",
    "WHEREIS-FAILURE",
    "CLAIMURL-FAILURE",
    "UNSUPPORTED-REQUEST",
    "GETCONFIG",
    "SETCONFIG",
    "GETSTATE",
    "SETSTATE",
    "SETCREDS",
    "GETUUID",
    "INFO",
    "PROGRESS",
];

const HELLO: &str = "
    < VERSION 2
    > EXTENSIONS {offered}
    < EXTENSIONS {used}";

const ABOUT_ITSELF: &str = "
    > LISTCONFIGS
    < CONFIG vault Glacier vault to store in (default: name of the remote, a hyphen, its uuid)
    < CONFIG region AWS region of the vault (default: as the AWS configuration says, else us-east-1)
    < CONFIG datacenter the same as region, as the built-in glacier remote calls it
    < CONFIG fileprefix put before each key to make the name of its archive
    < CONFIG maxage hours for which an archive that was seen counts as present (default: 60)
    < CONFIG tier how fast retrievals are: Expedited, Standard or Bulk (default: Standard)
    < CONFIG wait yes: get waits for hours until Glacier is ready (default: no, it fails and is repeated)
    < CONFIG endpoint URL of the service (default: as the AWS configuration says, else AWS itself)
    < CONFIG profile profile of the AWS configuration whose keys are used
    < CONFIG bwlimit bytes a second that transfers of one process take together, such as 500K or 10M
    < CONFIG account AWS account that the vault is in (default: that of the keys at initremote)
    < CONFIGEND
    > EXPORTSUPPORTED
    < EXPORTSUPPORTED-FAILURE
    > IMPORTSUPPORTED
    < UNSUPPORTED-REQUEST
    > GETCOST
    < COST 1000
    > GETAVAILABILITY
    < AVAILABILITY GLOBAL
    > GETORDERED
    < UNORDERED
    > CLAIMURL http://example.com/a b
    < CLAIMURL-FAILURE
    > CHECKURL http://example.com/a b
    < UNSUPPORTED-REQUEST";

const MAKING: &str = "
    > INITREMOTE
    < GETCONFIG vault
    > VALUE no/vault
    < GETCONFIG region
    > VALUE
    < GETCONFIG datacenter
    > VALUE
    < GETCONFIG fileprefix
    > VALUE
    {other settings}
    < INITREMOTE-FAILURE ...
    > INITREMOTE
    < GETCONFIG vault
    > VALUE
    < GETCONFIG region
    > VALUE
    < GETCONFIG datacenter
    > VALUE
    < GETCONFIG fileprefix
    > VALUE
    {other settings}
    < GETCONFIG name
    > VALUE cold
    < GETUUID
    > VALUE 1-2-3
    < GETCONFIG chunk
    > VALUE 1MiB
    < INFO each chunk is an archive and a retrieval job of its own, with its own cost; ...
    < SETCONFIG account 111122223333
    < SETCONFIG vault cold-1-2-3
    < SETCONFIG region us-east-1
    < SETCREDS glacier AKIAIOSFODNN7EXAMPLE ...
    < INITREMOTE-SUCCESS";

const PREPARING: &str = "
    > PREPARE
    < GETCONFIG vault
    > VALUE cold-1-2-3
    < GETCONFIG region
    > VALUE us-east-1
    < GETCONFIG datacenter
    > VALUE eu-west-1
    < GETCONFIG fileprefix
    > VALUE
    {other settings}
    < PREPARE-FAILURE ...
    > PREPARE
    < GETCONFIG vault
    > VALUE cold-1-2-3
    < GETCONFIG region
    > VALUE us-east-1
    < GETCONFIG datacenter
    > VALUE
    < GETCONFIG fileprefix
    > VALUE
    {other settings}
    < GETGITREMOTENAME
    > VALUE cold
    < GETGITDIR
    > VALUE /nowhere
    < PREPARE-SUCCESS";

const A_KEY_OF_ITS_OWN: &str = "
    > CHECKPRESENT K
    < GETSTATE K
    > VALUE
    < CHECKPRESENT-FAILURE K
    > WHEREIS K
    < GETSTATE K
    > VALUE
    < WHEREIS-FAILURE
    > TRANSFER STORE K /nowhere/at all
    < TRANSFER-FAILURE STORE K cannot read /nowhere/at all: ...
    > TRANSFER STORE K {file}
    < PROGRESS 5
    < SETSTATE K 1 ...
    < TRANSFER-SUCCESS STORE K
    > CHECKPRESENT K
    < GETSTATE K
    > VALUE
    < SETSTATE K 1 ...
    < CHECKPRESENT-SUCCESS K
    > WHEREIS K
    < WHEREIS-SUCCESS id:...
    > TRANSFER RETRIEVE K {target}
    < GETSTATE K
    > VALUE
    < TRANSFER-FAILURE RETRIEVE K queued retrieval job for archive 'K', Standard: ready by about ...
    > TRANSFER RETRIEVE K {target}
    < TRANSFER-FAILURE RETRIEVE K job still pending for archive 'K', Standard: ready by about ...
    + four hours
    > TRANSFER RETRIEVE K {target}
    < PROGRESS 5
    < TRANSFER-SUCCESS RETRIEVE K
    > REMOVE K
    < GETSTATE K
    > VALUE
    < INFO Glacier charges for at least 90 days of each archive; this one was stored 0 days ago (said once)
    < SETSTATE K 1 ...
    < SETSTATE K 1 ...
    < REMOVE-SUCCESS K";

const AN_EMPTY_KEY: &str = "
    > TRANSFER STORE WORM-s0--e {empty}
    < GETSTATE WORM-s0--e
    > VALUE
    < SETSTATE WORM-s0--e 1 ...
    < TRANSFER-SUCCESS STORE WORM-s0--e
    > CHECKPRESENT WORM-s0--e
    < GETSTATE WORM-s0--e
    > VALUE 1 1795000000 empty
    < CHECKPRESENT-SUCCESS WORM-s0--e";

/// A vault that holds what this machine has never seen.
const A_KEY_OF_ANOTHER: &str = "
    + a cache that knows nothing
    > CHECKPRESENT other
    < GETSTATE other
    > VALUE
    < CHECKPRESENT-UNKNOWN other it is not known whether archive 'other' exists: not all that the vault holds is known, as it was not made from here; wait for Glacier's first inventory of it, about a day after the first upload, or, if it is empty, for three days after it was made, and then run: glacier vault sync cold-1-2-3 --region us-east-1
    > REMOVE other
    < GETSTATE other
    > VALUE
    < REMOVE-FAILURE other it is not known whether archive 'other' exists: ...
    > TRANSFER RETRIEVE other {target}
    < GETSTATE other
    > VALUE
    < TRANSFER-FAILURE RETRIEVE other archive 'other' not found";

const NOT_OFFERED: &str = "
    > IMPORTKEYSUPPORTED
    < UNSUPPORTED-REQUEST
    > EXPORT a name
    < UNSUPPORTED-REQUEST
    > TRANSFEREXPORT STORE K {file}
    < UNSUPPORTED-REQUEST
    > CHECKPRESENTEXPORT K
    < UNSUPPORTED-REQUEST
    > REMOVEEXPORT K
    < UNSUPPORTED-REQUEST
    > REMOVEEXPORTDIRECTORY a directory
    < UNSUPPORTED-REQUEST
    > RENAMEEXPORT K a name
    < UNSUPPORTED-REQUEST
    > LISTIMPORTABLECONTENTS
    < UNSUPPORTED-REQUEST
    > IMPORT a name
    < UNSUPPORTED-REQUEST
    > IMPORTKEY a name
    < UNSUPPORTED-REQUEST
    > RETRIEVEEXPORTEXPECTED {target}
    < UNSUPPORTED-REQUEST
    > STOREEXPORTEXPECTED K {file}
    < UNSUPPORTED-REQUEST
    > REMOVEEXPORTEXPECTED K
    < UNSUPPORTED-REQUEST
    > CHECKPRESENTEXPORTEXPECTED K
    < UNSUPPORTED-REQUEST
    > TRANSFER
    < UNSUPPORTED-REQUEST
    > CHECKPRESENT two keys
    < UNSUPPORTED-REQUEST
    > what nobody has heard of
    < UNSUPPORTED-REQUEST";

const THE_END: &str = "
    > ERROR it is all too much";

/// The whole dialogue.
fn transcript() -> String {
    [
        HELLO,
        ABOUT_ITSELF,
        MAKING,
        PREPARING,
        A_KEY_OF_ITS_OWN,
        &info("cold-1-2-3", 1),
        AN_EMPTY_KEY,
        NOT_OFFERED,
        A_KEY_OF_ANOTHER,
        THE_END,
    ]
    .concat()
    .replace("{other settings}", OTHER_SETTINGS)
}

/// Plays all of it with a remote that was just started.
fn play(shell: &Shell, mut remote: Remote, offered: &str, used: &str) {
    let (file, empty, target) =
        (shell.write("a file", "hello"), shell.write("empty", ""), shell.path("target"));
    let transcript = transcript()
        .replace("{offered}", offered)
        .replace("{used}", used)
        .replace("{file}", file.to_str().unwrap())
        .replace("{empty}", empty.to_str().unwrap())
        .replace("{target}", target.to_str().unwrap());
    let mut scenes = transcript.split("\n    + ");
    remote.plays(scenes.next().unwrap());
    for scene in scenes {
        let (event, scene) = scene.split_once('\n').unwrap();
        match event {
            "four hours" => shell.emulator.advance(4 * HOUR),
            "a cache that knows nothing" => {
                assert_eq!(std::fs::read(&target).unwrap(), b"hello");
                shell.glacier(&["archive", "upload", "cold-1-2-3", "a file"]).is_silent();
                shell.sqlite().execute_batch("DELETE FROM archive; DELETE FROM vault;").unwrap();
            }
            other => panic!("no such event: {other}"),
        }
        remote.plays(scene);
    }
    assert_eq!(remote.ends(), (String::new(), 1));
}

#[test]
fn one_request_at_a_time() {
    let shell = Shell::new();
    let offered =
        "INFO GETGITREMOTENAME UNAVAILABLERESPONSE TRANSFER-RETRIEVE-URL CHECKPRESENT-URL IMPORTKEY";
    play(&shell, Remote::start(&shell), offered, "INFO GETGITREMOTENAME UNAVAILABLERESPONSE");
}

#[test]
fn in_a_job_of_async() {
    let shell = Shell::new();
    let offered = "INFO GETGITREMOTENAME UNAVAILABLERESPONSE TRANSFER-RETRIEVE-URL DELEGATE ASYNC";
    let used = "INFO GETGITREMOTENAME UNAVAILABLERESPONSE ASYNC";
    play(&shell, Remote::start_in_a_job(&shell), offered, used);
}

/// git-annex before 2018 offers no extensions, and neither names its remotes nor shows what is for people.
#[test]
fn without_extensions() {
    let shell = Shell::new();
    shell.glacier(&["vault", "create", "v"]).is_silent();
    let file = shell.write("a file", "hello");
    let mut remote = Remote::start(&shell);
    let settings = PREPARING
        .rsplit_once("> PREPARE")
        .map(|(_, last)| format!("> PREPARE{last}"))
        .unwrap()
        .replace("{other settings}", OTHER_SETTINGS);
    let settings = settings.split("< GETGITREMOTENAME").next().unwrap();
    remote.plays(
        &format!(
            "< VERSION 2
         {settings}
         < PREPARE-SUCCESS
         > TRANSFER STORE K {}
         < GETSTATE K
         > VALUE
         < PROGRESS 5
         < SETSTATE K 1 ...
         < TRANSFER-SUCCESS STORE K
         > REMOVE K
         < GETSTATE K
         > VALUE
         < DEBUG Glacier charges for at least 90 days of each archive...
         < SETSTATE K 1 ...
         < SETSTATE K 1 ...
         < REMOVE-SUCCESS K",
            file.display()
        )
        .replace("cold-1-2-3", "v"),
    );
    assert_eq!(remote.ends(), (String::new(), 0));
}

#[test]
fn no_word_of_the_protocol_is_left_out() {
    let transcript = transcript();
    let said = |direction: &str, words: &str| {
        let line = format!("{direction} {words}");
        transcript.lines().map(str::trim).any(|other| other == line || other.starts_with(&format!("{line} ")))
    };
    let missing: Vec<_> = REQUESTS.iter().filter(|words| !said(">", words)).collect();
    assert!(missing.is_empty(), "requests: {missing:?}");
    let missing: Vec<_> = REPLIES.iter().filter(|words| !said("<", words)).collect();
    assert!(missing.is_empty(), "replies: {missing:?}");
}
