//! How much of anything a message may hold. Beyond, it is refused from what was read so far.

/// Octets of a message with its header; more is answered with 513 (RFC 3261 21.5.7).
pub const MESSAGE: usize = 8 * 1024;
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
