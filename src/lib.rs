//! Amazon Glacier from a shell and from git-annex.
pub mod cache;
pub mod service;
pub mod treehash;
pub mod types;
