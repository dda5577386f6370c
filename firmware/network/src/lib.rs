//! The box's own network. A [`wish::Wish`] says how the box is plugged in and reached; [`check`] looks it
//! over again, [`render`] makes systemd-networkd's files of it, as pure text, and [`files`] puts them into
//! place. None of these has a privilege. [`ports`], which has one (CAP_NET_ADMIN), passes the loss of a
//! link on.
//!
//! What the box does is said by docs/box.md; its paragraphs are cited as B9 and B11.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod check;
pub mod files;
pub mod ports;
pub mod render;
pub mod wish;
