//! What a start of the box needs to know and to write: which slot starts (B2 of `docs/box.md`),
//! whether it is to be reset (B4), who it is (B12), what was provisioned (B13), what crashed (B16).
//!
//! Nothing here knows of calls, policies or rules, so it depends on no other crate of the project.

pub mod canary;
pub mod crash;
pub mod device;
pub mod erase;
pub mod files;
pub mod identity;
pub mod partition;
pub mod provision;
pub mod rauc;
pub mod sector;
pub mod state;
