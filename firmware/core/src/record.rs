//! One decided call, as the journal keeps it: fixed size, copied without allocation.

use core::net::IpAddr;
use heapless::{String, Vec};

use crate::{
    number::{Digits, Kind},
    policy::{CountryCode, Mode},
    verdict::{Rule, Verdict},
};

/// Index of a client in the policy that decided (`Policy::clients`, the order of `[[client]]`).
pub type ClientIndex = u16;

/// One decided call.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_ms: i64,
    /// Who asked.
    pub client: ClientIndex,
    /// The extension; characters that no extension has are `?`, more than 32 are cut.
    pub caller: String<32>,
    /// What the PBX sent, treated alike.
    pub dialled: String<40>,
    /// The number, where it is one.
    pub digits: Option<Digits>,
    /// Its country.
    pub country: Option<CountryCode>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// The mode at the time.
    pub mode: Mode,
    /// The verdict.
    pub verdict: Verdict,
    /// Something seen for the first time (`new-country`, `new-phone`) though the call was approved.
    pub first: Option<Rule>,
    /// Calls that the PBX counts.
    pub said_calls: Option<u16>,
    /// The phone's address.
    pub phone: Option<IpAddr>,
    /// The phone's User-Agent, cut at 40 characters.
    pub phone_agent: String<40>,
    /// Fields of P-tfps that arrived (1 to 4: not escaped in the dial plan).
    pub said_fields: u8,
}

/// Copies bytes from the wire into text: what is not printable ASCII becomes `?`, the rest is cut.
pub fn text<const N: usize>(bytes: &[u8]) -> String<N> {
    let bytes = &bytes[..bytes.len().min(N)];
    let mut out = Vec::<u8, N>::new();
    // It has just been cut to what fits.
    let _ = out.extend_from_slice(bytes);
    // Without a branch, for the compiler to take many octets at a time.
    for b in &mut out {
        *b = if (0x20..0x7f).contains(b) { *b } else { b'?' };
    }
    String::from_utf8(out).unwrap_or_default()
}
