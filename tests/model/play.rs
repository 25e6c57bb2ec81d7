//! Playing histories, and making one that fails as short as it can be.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::step::{Step, history};
use super::world::World;

/// How many steps a history has.
const STEPS: usize = 100;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    /// The line of the last panic.
    static LINE: Cell<u32> = const { Cell::new(0) };
}

/// What went wrong, at which step, and by which line of the model.
struct Failure {
    said: String,
    line: u32,
}

/// Plays the steps.
fn outcome(steps: &[Step]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let at = Cell::new(0);
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
                at.set(at.get() + 1);
            }
            world.ends().await;
        });
    }));
    played.map_err(|panic| {
        let said =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let step = steps.get(at.get()).map_or("the end".to_owned(), |step| format!("{step:?}"));
        let said =
            format!("at step {} of {}, {step}: {}", at.get() + 1, steps.len(), said.unwrap_or_default());
        Failure { said, line: LINE.get() }
    })
}

/// Plays named steps.
#[track_caller]
pub fn play(steps: &[Step]) {
    if let Err(Failure { said, .. }) = outcome(steps) {
        panic!("{said}");
    }
}

/// Plays so many steps of random histories from a seed on; one that fails is shown as short as it can be.
pub fn explore(seed: u64, steps: usize) {
    quieten();
    let histories = AtomicU64::new(0);
    let explore = || {
        loop {
            let number = histories.fetch_add(1, Ordering::Relaxed);
            if number >= steps.div_ceil(STEPS) as u64 {
                return Ok::<_, String>(());
            }
            explore_one(seed, number).inspect_err(|_| histories.store(u64::MAX / 2, Ordering::Relaxed))?;
        }
    };
    // While one waits for an answer, another can go on.
    std::thread::scope(|threads| {
        let both = [threads.spawn(explore), threads.spawn(explore)];
        for ended in both.map(|thread| thread.join().unwrap()) {
            if let Err(story) = ended {
                panic!("{story}");
            }
        }
    });
}

fn explore_one(seed: u64, number: u64) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = history(STEPS).new_tree(&mut runner).unwrap().current();
    let Err(first) = outcome(&steps) else { return Ok(()) };
    eprintln!("history {number} of seed {seed}: {}; looking for a short one", first.said);
    let (steps, Failure { said, .. }) = shortened(steps, first);
    let steps: String = steps.iter().map(|step| format!("        {step:?},\n")).collect();
    Err(format!("{said}\n\n#[test]\nfn tells_its_story() {{\n    play(&[\n{steps}    ]);\n}}\n"))
}

/// Leaves out steps, first many at once, for as long as what is left fails at the same line.
fn shortened(mut steps: Vec<Step>, mut failure: Failure) -> (Vec<Step>, Failure) {
    IS_QUIET.set(true);
    let mut portion = steps.len() / 2;
    while portion > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + portion).min(steps.len()));
            match outcome(&fewer) {
                Err(other) if other.line == failure.line => (steps, failure) = (fewer, other),
                _ => at += portion,
            }
        }
        portion /= 2;
    }
    IS_QUIET.set(false);
    (steps, failure)
}

/// Notes where a panic was; of the hundreds of tries that make a history short only the last is worth a word.
fn quieten() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            LINE.set(panic.location().map_or(0, std::panic::Location::line));
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
}
