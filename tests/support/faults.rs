//! Something goes wrong at each request of a flow in turn, by each fault of the emulator: once, and each time. Then two
//! things: one request goes wrong, above all as its answer is lost, and so does the request that follows.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_glacier::Client;
use aws_sdk_glacier::primitives::ByteStream;
use futures_util::future::join_all;
use glacier_emulator::Emulator;
use glacier_engine::engine::{EngineError, Sync};
use glacier_engine::treehash::TreeHash;
use glacier_engine::types::VaultName;
use tempfile::TempDir;

use super::HOUR;
use super::machine::Machine;

/// After which time those come back who were told to: jobs are done by then, and not old.
pub const LATER: Duration = Duration::from_secs(30 * 60);
/// All that the emulator can do to a request.
pub const FAULTS: [&str; 16] = [
    "throttle",
    "408",
    "500",
    "503",
    "policy-enforced",
    "insufficient-capacity",
    "expired-token",
    "access-denied",
    "limit-exceeded",
    "clock-skew",
    "cut-before",
    "cut-middle",
    "cut-after",
    "corrupt",
    "wrong-hash",
    "fail-job",
];
/// Those of them that do not go away: one of each kind; all with `GLACIER_TEST_LONG`.
const LASTING: [&str; 8] =
    ["500", "access-denied", "cut-before", "cut-middle", "cut-after", "corrupt", "wrong-hash", "fail-job"];
/// What may go wrong first: an answer is lost, or the service is too busy, after which the same request is made again.
pub const FIRST: [&str; 2] = ["cut-after", "throttle"];
/// What meets the request after that: all that can be said about it, or no answer again. All of them,
/// after each of them, with `GLACIER_TEST_LONG`.
const NEXT: [&str; 6] = ["500", "throttle", "access-denied", "limit-exceeded", "cut-before", "cut-after"];
/// The operations whose answers have a tree hash.
const HASHED: [&str; 4] = ["UploadArchive", "UploadMultipartPart", "CompleteMultipartUpload", "GetJobOutput"];
/// How many have been tried by all flows of this program.
static TRIED: AtomicU64 = AtomicU64::new(0);
static PAIRS: AtomicU64 = AtomicU64::new(0);

/// An emulator whose books are open.
pub struct World {
    pub emulator: Arc<Emulator>,
    pub client: Client,
    data: TempDir,
    vaults: AtomicU32,
}

/// An archive that exists, by the emulator's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    pub id: String,
    pub tree_hash: String,
}

impl World {
    pub async fn new() -> Arc<Self> {
        // Thousands of small caches need not wait for a disk: nothing here loses power.
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            let _ = tempfile::env::override_temp_dir(memory);
        }
        let data = TempDir::new().unwrap();
        // Who waits asks a few times.
        let builder = Emulator::builder().job_delay(Duration::from_millis(200)).data_dir(data.path());
        let emulator = Arc::new(builder.start().await.unwrap());
        let client = Client::new(&emulator.sdk_config());
        Arc::new(Self { emulator, client, data, vaults: AtomicU32::new(0) })
    }

    /// Returns a name that no vault has yet.
    pub fn vault_name(&self) -> VaultName {
        format!("v{}", self.vaults.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
    }

    /// Makes a machine, and a vault of which it knows that it is empty.
    pub async fn machine_with_vault(&self) -> (Machine, VaultName) {
        let (machine, vault) = (Machine::new(&self.emulator).await, self.vault_name());
        machine.engine.create_vault(&vault).await.unwrap();
        (machine, vault)
    }

    pub fn books(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data.path().join("index.sqlite")).unwrap()
    }

    /// Returns the archives of a vault that have the name.
    pub fn archives(&self, vault: &VaultName, name: &str) -> Vec<Truth> {
        let books = self.books();
        let sql =
            "SELECT id, tree_hash FROM archive WHERE vault = ?1 AND description = ?2 AND deleted IS NULL";
        let mut query = books.prepare(sql).unwrap();
        let rows = query
            .query_map((vault.as_str(), name), |row| Ok(Truth { id: row.get(0)?, tree_hash: row.get(1)? }));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Asserts that there is one archive of the name at most, with this content, and returns its id.
    #[track_caller]
    pub fn archive(&self, vault: &VaultName, name: &str, content: &[u8]) -> Option<String> {
        let mut archives = self.archives(vault, name);
        assert!(archives.len() <= 1, "two archives are stored: {archives:?}");
        let archive = archives.pop()?;
        assert_eq!(archive.tree_hash, TreeHash::of(content).to_string(), "other bytes are stored");
        Some(archive.id)
    }

    /// Returns what is stored as an archive.
    pub fn content(&self, id: &str) -> Vec<u8> {
        std::fs::read(self.data.path().join("archives").join(id)).unwrap()
    }

    /// Returns how many jobs of a vault have not failed; of an archive, or of inventories.
    pub fn jobs(&self, vault: &VaultName, archive: Option<&str>) -> u32 {
        let sql = "SELECT count(*) FROM job WHERE vault = ?1 AND archive IS ?2 AND failed = 0";
        self.books().query_row(sql, (vault.as_str(), archive), |row| row.get(0)).unwrap()
    }

    /// Lets days pass and takes in an inventory that lists what was stored before: what `glacier vault sync` is said to
    /// settle is settled.
    pub async fn settle(&self, machine: &Machine, vault: &VaultName) {
        self.emulator.advance(4 * 24 * HOUR);
        let witness = self.client.upload_archive().vault_name(vault.as_str()).archive_description("witness");
        witness.body(ByteStream::from_static(b"x")).send().await.unwrap();
        let queued = machine.sync(vault, Duration::ZERO, false).await.0.unwrap();
        assert_eq!(queued, Sync::Queued);
        self.emulator.advance(LATER);
        assert!(matches!(machine.sync(vault, HOUR, false).await.0, Ok(Sync::Done(_))));
    }
}

/// What someone wants done, for which something may go wrong.
pub trait Flow: Sized {
    /// Does it, with all that those who come back later do.
    async fn run(&mut self) -> Result<(), Failure>;

    /// Asserts what must hold after a run, however it ended.
    async fn holds(&mut self, outcome: &Result<(), Failure>);

    /// Does what the words say that were said twice, until it is done.
    async fn settle(&mut self, said: &str) {
        panic!("nothing is left to be settled here: {said}");
    }

    /// Asserts that all is as if nothing had gone wrong.
    async fn ends(self);
}

/// What was said instead.
#[derive(Debug, Clone)]
pub struct Failure {
    pub said: String,
    /// Whether it is left open what has been done.
    pub is_doubtful: bool,
}

impl Failure {
    /// It was not there whenever it was asked for.
    pub fn never() -> Self {
        Self { said: "it was never there, whenever it was asked for".to_owned(), is_doubtful: false }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let is_doubtful = matches!(
            error,
            EngineError::MayBeStored { .. }
                | EngineError::Unconfirmed { .. }
                | EngineError::EarlierMayBeStored { .. }
                | EngineError::StoredOtherwise { .. }
        );
        Self { said: error.explained(), is_doubtful }
    }
}

std::thread_local! {
    static HAS_SAID: Cell<bool> = const { Cell::new(false) };
}

/// Says what was tried if that fails.
struct Trying<'a>(&'a str, String);

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        // The first that goes is the one that has failed; those that were tried beside it go with it.
        if std::thread::panicking() && !HAS_SAID.replace(true) {
            eprintln!("{}: with {}", self.0, self.1);
        }
    }
}

/// Plays the flow without a fault; returns what it asks how often.
async fn undisturbed<F: Flow>(make: &impl AsyncFn(&Arc<World>) -> F) -> BTreeMap<String, u64> {
    let world = World::new().await;
    let mut flow = make(&world).await;
    let before = world.emulator.requests();
    flow.run().await.unwrap();
    let operations = asked_since(&world, &before);
    flow.ends().await;
    operations
}

/// Plays the flow once for each of its requests and each fault that can strike it there, and once for each kind of its
/// requests with a fault that does not go away while it runs. Prints how many faults were tried, which are at least so
/// many.
pub async fn at_every_request<F: Flow>(name: &str, at_least: u64, make: impl AsyncFn(&Arc<World>) -> F) {
    let operations = undisturbed(&make).await;
    // The SDK makes real pauses, so the kinds of faults are tried side by side.
    let tried = join_all(FAULTS.map(|fault| Box::pin(try_all(name, fault, &operations, &make))))
        .await
        .into_iter()
        .sum();
    let all = TRIED.fetch_add(tried, Ordering::Relaxed) + tried;
    println!("{name}: {tried} at {operations:?}; faults tried: {all}");
    assert!(tried >= at_least, "only {tried} faults were tried");
}

/// Plays the flow once for each of its requests that goes wrong and each fault that strikes the very next request; and
/// once for each kind of its requests that always goes wrong and each fault that then strikes the first request of the
/// same flow, run again. Prints how many pairs were tried, which are at least so many.
pub async fn with_each_pair<F: Flow>(
    name: &str,
    first: &[&str],
    at_least: u64,
    make: impl AsyncFn(&Arc<World>) -> F,
) {
    let operations = undisturbed(&make).await;
    let strikes = |fault: &&&str| operations.keys().any(|operation| can_strike(fault, operation));
    let all: Vec<&str> = FAULTS.iter().filter(strikes).copied().collect();
    // A flow that names only one to begin with takes too long for all.
    let first = if is_long() && first.len() > 1 { &*all } else { first };
    let next = if is_long() { &*all } else { &NEXT[..] };
    let tries = next.iter().map(|next| Box::pin(try_pairs(name, first, next, &operations, &make)));
    let tried = join_all(tries).await.into_iter().sum();
    let all = PAIRS.fetch_add(tried, Ordering::Relaxed) + tried;
    println!("{name}: {tried} pairs at {operations:?}; pairs tried: {all}");
    assert!(tried >= at_least, "only {tried} pairs were tried");
}

/// Tries the pairs that end with one kind of fault; returns how often it has struck.
async fn try_pairs<F: Flow>(
    name: &str,
    first: &[&str],
    next: &str,
    operations: &BTreeMap<String, u64>,
    make: &impl AsyncFn(&Arc<World>) -> F,
) -> u64 {
    let mut tried = 0;
    let world = World::new().await;
    for first in first {
        for number in 1.. {
            let faults = [format!("{first}#{number}"), format!("{next}#{}", number + 1)];
            let asked = Box::pin(play(name, &world, make, &[&faults])).await;
            let count: u64 = asked[0].values().sum();
            if count < number {
                break;
            }
            tried += u64::from(count > number);
        }
        for operation in operations.keys().filter(|operation| can_strike(first, operation)) {
            let runs = [[format!("{first}@{operation}")], [format!("{next}#1")]];
            let asked = Box::pin(play(name, &world, make, &[&runs[0], &runs[1]])).await;
            tried += u64::from(asked.get(1).is_some_and(|asked| !asked.is_empty()));
        }
    }
    tried
}

/// Tries one kind of fault; returns how many were tried.
async fn try_all<F: Flow>(
    name: &str,
    fault: &str,
    operations: &BTreeMap<String, u64>,
    make: &impl AsyncFn(&Arc<World>) -> F,
) -> u64 {
    let mut tried = 0;
    let world = World::new().await;
    for operation in operations.keys().filter(|operation| can_strike(fault, operation)) {
        let each = format!("{fault}@{operation}");
        for number in 1.. {
            let once = format!("{each}#{number}");
            if !Box::pin(is_struck(name, &world, make, &once, operation, number)).await {
                break;
            }
            tried += 1;
        }
        if LASTING.contains(&fault) || is_long() {
            assert!(Box::pin(is_struck(name, &world, make, &each, operation, 1)).await);
            tried += 1;
        }
    }
    tried
}

/// Plays the flow with a fault, then without; returns whether it came so far.
async fn is_struck<F: Flow>(
    name: &str,
    world: &Arc<World>,
    make: &impl AsyncFn(&Arc<World>) -> F,
    fault: &str,
    operation: &str,
    number: u64,
) -> bool {
    let asked = play(name, world, make, &[&[fault.to_owned()]]).await;
    asked[0].get(operation).is_some_and(|count| *count >= number)
}

/// Plays the flow with the faults of each run in turn, until one is done, and then without any. Returns what each of those
/// runs has asked for.
async fn play<F: Flow>(
    name: &str,
    world: &Arc<World>,
    make: &impl AsyncFn(&Arc<World>) -> F,
    runs: &[&[String]],
) -> Vec<BTreeMap<String, u64>> {
    let _trying = Trying(name, format!("{runs:?}"));
    let (mut flow, mut asked, mut failures) = (make(world).await, Vec::new(), Vec::new());
    for faults in runs {
        let before = world.emulator.requests();
        for fault in *faults {
            world.emulator.set_fault(fault.parse().unwrap());
        }
        let outcome = flow.run().await;
        world.emulator.clear_faults();
        asked.push(asked_since(world, &before));
        flow.holds(&outcome).await;
        let Err(failure) = outcome else { break };
        is_clear(&failure);
        failures.push(failure);
    }
    if failures.len() == asked.len() {
        let again = flow.run().await;
        flow.holds(&again).await;
        if let Err(doubt) = again {
            is_clear(&doubt);
            assert!(
                doubt.is_doubtful && failures.iter().any(|f| f.is_doubtful),
                "{failures:?}, then {doubt:?}"
            );
            flow.settle(&doubt.said).await;
        }
    }
    flow.ends().await;
    asked
}

#[track_caller]
fn is_clear(failure: &Failure) {
    assert!(failure.said.len() > 30 && failure.said.lines().count() == 1, "{failure:?}");
}

fn is_long() -> bool {
    std::env::var_os("GLACIER_TEST_LONG").is_some()
}

fn can_strike(fault: &str, operation: &str) -> bool {
    match fault {
        "corrupt" => operation == "GetJobOutput",
        "fail-job" => operation == "InitiateJob",
        "wrong-hash" => HASHED.contains(&operation),
        _ => true,
    }
}

fn asked_since(world: &World, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let news = |(name, count): (String, u64)| {
        let new = count - before.get(&name).copied().unwrap_or(0);
        (new > 0).then_some((name, new))
    };
    world.emulator.requests().into_iter().filter_map(news).collect()
}
