//! A local Amazon Glacier over HTTP: the vault-based service of API version 2012-06-01.
//!
//! Since 2025-12-15 the real service takes no new customers, so this is where most programs for it are tried.
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = glacier_emulator::Emulator::builder().start().await?;
//! println!("listening at {}", emulator.endpoint_url());
//! # Ok(()) }
//! ```
//!
//! A request goes `server -> request -> ops -> store`: `request` finds out what is asked for, one file of `ops` answers
//! a group of operations, `store` keeps the index in SQLite and each archive in a file.

/// The examples in README are compiled, and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod body;
mod builder;
mod clock;
mod damage;
mod delays;
mod error;
mod faults;
mod handle;
mod ids;
mod link;
mod ops;
mod request;
mod response;
mod seed;
mod server;
mod signature;
mod stats;
mod store;
mod treehash;

pub use builder::{ACCESS_KEY_ID, Builder, SECRET_ACCESS_KEY, StartError};
pub use delays::{JobDelays, duration};
pub use faults::Fault;
pub use handle::Emulator;
pub use seed::seed;
