//! One INVITE as the gate sees it: borrowed from the datagram, bounded, already read.

use core::net::IpAddr;

/// What an INVITE says, after the SIP shell has read it. Every slice is as long as the limits in
/// `trunkguard_sip::limits` allow and no longer; none is trusted to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where the request came from (never what a header claims).
    pub source: IpAddr,
    /// Names the server transaction (RFC 3261 17.2.3), keyed, 128 bits.
    pub transaction: u128,
    /// Names the call attempt whatever way it came (From tag, Call-ID, CSeq): RFC 3261 8.2.2.2.
    pub merge: u128,
    /// User part of the Request-URI, percent-decoded once, without parameters.
    pub dialled: &'a [u8],
    /// User part of the From URI, decoded.
    pub from: &'a [u8],
    /// User part of P-Asserted-Identity, decoded, where there is exactly one.
    pub asserted: Option<&'a [u8]>,
    /// What the PBX says about the phone behind it.
    pub said: Said<'a>,
    /// The PBX's own User-Agent header.
    pub user_agent: &'a [u8],
    /// Signs that somebody wrote headers into the PBX's INVITE.
    pub tampering: Option<Tampering>,
}

/// `P-tfps: caller;domain;recvip;useragent;ncalls`, or its older spellings. Empty fields are normal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// Fields that arrived, 0 (no header) to 5. Fewer than 5: the dial plan's `;` is not escaped.
    pub fields: u8,
    /// The extension, or empty.
    pub caller: &'a [u8],
    /// The domain the phone called, or empty.
    pub domain: &'a [u8],
    /// The phone's address, where the field holds a literal one.
    pub address: Option<IpAddr>,
    /// The phone's User-Agent, or empty.
    pub user_agent: &'a [u8],
    /// Calls the PBX counts now, this one included (1 … 9999).
    pub calls: Option<u16>,
    /// A field does not have the form it must have.
    pub malformed: bool,
}

/// Why a request looks written into by somebody else than the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// More than one P-tfps (or a P-tfps beside its older spellings).
    TwiceSaid,
    /// More than one From, Contact or P-Asserted-Identity where one is allowed.
    TwiceNamed,
}
