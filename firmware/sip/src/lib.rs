//! SIP bytes to a core request, a verdict to SIP bytes.
//!
//! [`uas::Uas`] ties it together: one message of a client in, at most one answer out. [`stream`] cuts
//! a TCP or TLS stream into messages. Nothing here has a socket, a clock or a log; keys are handed in.
//!
//! On its way a message meets, in this order:
//!
//! | module | what it does |
//! |---|---|
//! | [`read`] | borrows what an answer needs from the octets, within [`limits`]; says what is wrong with them |
//! | [`keys`] | names the transaction, the call attempt and the To tag (RFC 3261 17.2.3, 8.2.2.2, 19.3) |
//! | [`digest`] | asks for credentials where the client has some (RFC 7616) |
//! | [`said`] | what the PBX says of the phone behind it |
//! | [`uas`] | has the gate decide an INVITE, answers everything else by itself (RFC 3261 8.2, 8.3, 10.3) |
//! | [`mod@write`] | composes the answer: the same octets for the same request |
//! | [`retransmit`] | sends a final answer again until its ACK comes (RFC 3261 17.2.1) |
//!
//! [`via`], [`uri`] and [`text`] are the grammar below. [`caller`] is the other side, for a test call;
//! [`probe`] asks a PoP whether it is there.
//!
//! What holds of any message, and is tested for mutated ones by the hundred thousand: no panic, no
//! allocation for a call, time in proportion to length, at most one answer, to the address that it
//! came from, never to a response or an ACK, and no more than 8 KiB.
#![forbid(unsafe_code)]

pub mod caller;
pub mod digest;
pub mod keys;
pub mod limits;
mod lines;
mod name;
pub mod probe;
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
