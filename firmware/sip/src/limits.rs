//! How much of anything a message may hold. Beyond, it is refused from what was read so far.

/// Octets of a message's header; more is answered with 513 (RFC 3261 21.5.7). A body is not read and
/// costs nothing, so that it may be as long as a datagram can make it.
pub const MESSAGE: usize = 8 * 1024;
/// Octets of what an answer repeats: Vias, From, To, Call-ID and CSeq. More is answered with 513. With
/// them and a Contact an answer fits into [`MESSAGE`] octets.
pub const ECHOED: usize = 6 * 1024;
/// Octets of a method (RFC 4475 3.1.1.2 has one of 42).
pub const METHOD: usize = 64;
/// Contact lines, and Contacts of a registration.
pub const CONTACTS: usize = 8;
/// Require lines that a 420 names.
pub const REQUIRES: usize = 4;
/// Header lines.
pub const HEADERS: usize = 64;
/// Via values (RFC 4475 3.1.1.7 has 34, in one message that every parser must take).
pub const VIAS: usize = 40;
/// Octets of a header's value.
pub const VALUE: usize = 1_024;
/// Octets of the Request-URI; more is answered with 414.
pub const URI: usize = 256;
/// Octets of the Request-URI's user part, decoded.
pub const USER: usize = 128;
/// Octets of a Call-ID, tag or branch.
pub const TOKEN: usize = 256;
