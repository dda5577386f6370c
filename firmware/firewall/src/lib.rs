//! The nftables half of the box. An [`intent::Intent`] says what is to pass; [`render`] makes the nft
//! script of it, as pure text; a small process with one capability ([`helper`]) looks it over again,
//! loads it whole, and verifies it. The daemon, which has no privilege, talks to it by [`protocol`].
//!
//! What passes when is said by docs/security.md, "Packets"; its paragraphs are cited as F1 to F23.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apply;
mod bans;
pub mod check;
pub mod client;
mod events;
mod flows;
pub mod helper;
mod here;
pub mod intent;
mod kernel;
mod nets;
mod orders;
pub mod protocol;
pub mod render;
mod run;
mod samples;
