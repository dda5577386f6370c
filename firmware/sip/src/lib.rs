//! SIP bytes to a core request, a verdict to SIP bytes.
//!
//! [`uas::Uas`] ties it together: one message of a client in, at most one answer out. [`stream`] cuts
//! a TCP or TLS stream into messages. Nothing here has a socket, a clock or a log; keys are handed in.
#![forbid(unsafe_code)]

pub mod caller;
pub mod digest;
pub mod keys;
pub mod limits;
mod lines;
mod name;
pub mod read;
mod registrar;
pub mod retransmit;
pub mod said;
pub mod stream;
pub mod text;
mod turn;
pub mod uas;
pub mod uri;
pub mod via;
pub mod write;
