//! Everything that Trunkguard decides, as pure functions of time, bytes and facts.
//!
//! No clock, socket, file, random number or log in here: the shells bring facts in and carry
//! verdicts and effects out. `tests/boundaries` checks the claim (`no_std` build, dependency list).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alerts;
pub mod bans;
pub mod counters;
pub mod decide;
pub mod french;
pub mod gate;
pub mod learnt;
pub mod link_loss;
pub mod lookup;
pub mod number;
pub mod panel;
pub mod pattern;
pub mod policy;
pub mod pops;
pub mod record;
pub mod report;
pub mod request;
pub mod screen;
pub mod speakers;
pub mod time;
pub mod transaction;
pub mod unseen;
pub mod update;
pub mod verdict;
