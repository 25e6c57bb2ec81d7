//! Amazon Glacier from a shell and from git-annex.
//!
//! # The rooms, and who may call whom
//!
//! Data flows one way: `bin -> cli | annex -> engine -> service, cache -> types, treehash`. `settings` is read once,
//! by the two rooms that face the outside; `logging` is begun by them; `signals` ends them.
//!
//! - [`types`], [`treehash`]: what a valid name, reference, size and hash is. No I/O.
//! - [`estimate`]: what things cost, by prices that come in as values. No I/O.
//! - [`settings`]: the environment, and the files of configuration and prices, read once.
//! - [`logging`]: who hears what the rooms tell of their work.
//! - [`service`]: Glacier through the SDK, whose types stay inside; errors sorted by one table.
//! - [`cache`]: the SQLite file. Knows no network.
//! - [`engine`]: policy. What comes first, what is verified, what is known. Knows neither terminal nor git-annex.
//! - [`cli`]: the `glacier` command.
//! - [`annex`]: the special remote of git-annex.

pub mod annex;
pub mod cache;
pub mod cli;
pub mod engine;
pub mod estimate;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod logging;
pub mod service;
pub mod settings;
mod signals;
pub mod treehash;
pub mod types;
