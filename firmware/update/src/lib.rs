//! Updates of the box (docs/updates.md): a process of its own, without any right, that asks a server what there is, believes only
//! what is signed, fetches it, and has RAUC write it to the other slot.
//!
//! The daemon says when; this says how. The order of a file: [`pointer`] what a server offers, [`https`] how it is fetched,
//! [`record`] what is kept, [`judge`] what became of an update after a restart, [`rauc`] who writes, [`manifest`] what that one asks before,
//! [`service`] all of it together.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod boot;
pub mod client;
mod https;
pub mod judge;
mod keys;
pub mod manifest;
pub mod page;
mod places;
pub mod pointer;
mod rauc;
pub mod record;
pub mod service;

pub use keys::Keys;
pub use places::Places;
