//! What Trunkguard keeps: the policy file, the policy in SQLite, the history of calls, what is
//! known of the network, and alerts on their way out.
//!
//! rusqlite's and toml's types stay in here. Nothing in here blocks the thread that answers calls:
//! [`journal::Journal`] owns a thread of its own, and the policy is read at start and on an edit.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod backup;
mod codes;
mod disk;
pub mod file;
pub mod history;
pub mod journal;
pub mod network;
pub mod outbox;
pub mod page_store;
pub mod policy_store;
pub mod schema;
mod small;
pub mod suggest;

#[cfg(test)]
mod sample;
