//! What estimates take for granted, in sentences for people.

use crate::types::{MIB_BYTES, PartSize};

const OVERHEAD: &str = "32 KiB are stored beside each archive and charged with it";
const GENERAL: [&str; 2] = [
    "1 GB is 2^30 bytes, a month is 30 days, amounts are rounded up",
    "nothing that is free is taken off, and no taxes are added",
];

pub(super) fn of_upload(part_size: Option<PartSize>) -> Vec<String> {
    let mib = part_size.unwrap_or(PartSize::DEFAULT).bytes() / MIB_BYTES;
    let parts = match part_size {
        Some(_) => format!("parts of {mib} MiB"),
        None => format!("parts of {mib} MiB, or more where 10,000 of them do not hold the archive"),
    };
    with_general([
        parts,
        "an archive of one part is one request, a larger one a request for each part and two more".to_owned(),
        "no request has to be sent again".to_owned(),
        OVERHEAD.to_owned(),
        "an archive that is deleted before 90 days are over is charged for all of them".to_owned(),
    ])
}

pub(super) fn of_storage() -> Vec<String> {
    with_general([OVERHEAD.to_owned(), "nothing else is stored and nothing deleted".to_owned()])
}

pub(super) fn of_retrieval(has_transfer: bool, too_large: usize, note: Option<&str>) -> Vec<String> {
    let transfer = if has_transfer {
        "all of it leaves AWS's network, at one price for each GB"
    } else {
        "transfer out of AWS's network is not counted"
    };
    let too_large = (too_large > 0).then(|| {
        format!("expedited retrieval is meant for archives up to 250 MB; larger than that: {too_large}")
    });
    let sentences = ["each archive is retrieved whole, by one job".to_owned(), transfer.to_owned()];
    with_general(sentences.into_iter().chain(too_large).chain(note.map(str::to_owned)))
}

pub(super) fn of_deletion(early: u64) -> Vec<String> {
    let early = match early {
        1 => "1 archive is".to_owned(),
        early => format!("{early} archives are"),
    };
    with_general([
        format!("{early} younger than 90 days and charged for what is missing of them"),
        OVERHEAD.to_owned(),
        "deleting itself costs nothing".to_owned(),
    ])
}

fn with_general(sentences: impl IntoIterator<Item = String>) -> Vec<String> {
    sentences.into_iter().chain(GENERAL.map(str::to_owned)).collect()
}
