//! The nftables half of the box. An [`intent::Intent`] says what is to pass; [`render`] makes the nft
//! script of it, as pure text; a small process with one capability ([`helper`]) looks it over again,
//! loads it whole, and verifies it. The daemon, which has no privilege, talks to it by [`protocol`].
//!
//! What passes when is said by docs/security.md, "Packets"; its paragraphs are cited as F1 to F22.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod check;
pub mod intent;
mod nets;
pub mod protocol;
pub mod render;
