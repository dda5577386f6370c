//! The PBX set-up helper: from checked answers to what a person pastes, clicks and looks at. Values in, texts
//! out; it reads and writes nothing.
//!
//! | module | what it does |
//! |---|---|
//! | [`form`] | reads what a person typed, and says everything that is wrong with it at once |
//! | [`answers`] | what a right form says, as types |
//! | [`setup`] | the set-up of a PBX: files, steps, the policy's client, warnings |
//! | [`traps`] | looks over a file or a password that is there already |
//! | [`health`] | which known flaws a PBX may have, by its User-Agent |
//!
//! Why the dial plans are as they are, and what was measured, is in docs/pbx.md.
#![forbid(unsafe_code)]

pub mod answers;
mod asterisk;
mod checks;
mod client;
mod corrections;
mod fit;
pub mod form;
mod freepbx;
mod freeswitch;
pub mod health;
mod language;
mod portal;
mod readable;
pub mod setup;
pub mod traps;
mod warnings;

pub use answers::Answers;
pub use form::{Form, Wrong};
pub use language::Language;
pub use setup::Setup;

/// Stands in every text where the account's password belongs. The password itself is never asked for.
pub const PASSWORD: &str = "TYPE-THE-PASSWORD-HERE";
