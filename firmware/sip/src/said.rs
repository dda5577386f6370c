//! What the PBX says of the phone behind it: `P-tfps` with one to five fields, and older headers.
//!
//! The phone chooses its own User-Agent, so the fields are taken from both ends and checked; a value
//! that cannot be what it stands for marks the whole header.

use core::net::IpAddr;
use trunkguard_core::request::Said;

use crate::{
    read::SaidHeaders,
    text::{ipv4, is_token, number, position, trim},
};

/// Reads them. Two headers for one thing are the reader's business ([`SaidHeaders::twice`]).
pub fn read<'a>(headers: &SaidHeaders<'a>) -> Said<'a> {
    if let Some(tfps) = headers.tfps {
        return tfps_fields(tfps);
    }
    let mut said = Said::default();
    if let Some(user) = headers.older {
        let mut halves = user.splitn(2, |&b| b == b'@');
        said.caller = trim(halves.next().unwrap_or_default());
        said.domain = trim(halves.next().unwrap_or_default());
        said.fields += 2;
    }
    if let Some(address) = headers.received {
        set_address(&mut said, address);
        said.fields += 1;
    }
    if let Some(agent) = headers.agent {
        said.user_agent = agent;
        said.fields += 1;
    }
    if let Some(calls) = headers.calls {
        set_calls(&mut said, calls);
        said.fields += 1;
    }
    checked(said)
}

fn tfps_fields(value: &[u8]) -> Said<'_> {
    let mut said = Said::default();
    let mut rest = Some(value);
    for field in 1..=3u8 {
        let Some(text) = rest else {
            return checked(said);
        };
        let end = position(b';', text);
        let one = trim(&text[..end.unwrap_or(text.len())]);
        rest = end.map(|end| &text[end + 1..]);
        said.fields = field;
        match field {
            1 => said.caller = one,
            2 => said.domain = one,
            _ => set_address(&mut said, one),
        }
    }
    let Some(text) = rest else {
        return checked(said);
    };
    match memchr::memrchr(b';', text) {
        Some(last) => {
            said.fields = 5;
            said.user_agent = trim(&text[..last]);
            set_calls(&mut said, trim(&text[last + 1..]));
        }
        None => {
            said.fields = 4;
            said.user_agent = trim(text);
        }
    }
    checked(said)
}

fn set_address(said: &mut Said<'_>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    said.address = literal_address(text);
    said.malformed |= said.address.is_none();
}

/// IPv4, IPv6 bare or in brackets, with a zone or without, with a port behind an IPv4 or brackets
/// (PJSIP's remote_addr).
fn literal_address(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = ipv4(text) {
        return Some(address.into());
    }
    let first_colon = memchr::memchr(b':', text);
    let (address, port) = match (text, first_colon) {
        ([b'[', rest @ ..], _) => {
            let end = memchr::memchr(b']', rest)?;
            (&rest[..end], &rest[end + 1..])
        }
        (_, Some(colon)) if memchr::memrchr(b':', text) == first_colon => text.split_at(colon),
        _ => (text, &b""[..]),
    };
    let port_ok = match port {
        [] => true,
        [b':', digits @ ..] => number(digits, 65_535).is_some(),
        _ => false,
    };
    let (address, zone_ok) = match memchr::memchr(b'%', address) {
        // Link-local addresses are printed with their interface (RFC 4007 11.2).
        Some(at) => (
            &address[..at],
            is_token(&address[at + 1..]) && memchr::memchr(b':', address).is_some(),
        ),
        None => (address, true),
    };
    let address = core::str::from_utf8(address).ok()?.parse().ok()?;
    (port_ok && zone_ok).then_some(address)
}

fn set_calls(said: &mut Said<'_>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    said.calls = number(text, 9_999).filter(|&n| n > 0).map(|n| n as u16);
    said.malformed |= said.calls.is_none();
}

/// A caller is what a dial plan can have as an extension or a caller ID. A header with a field that
/// cannot be is not believed at all: whoever forged one field forged the others.
fn checked(mut said: Said<'_>) -> Said<'_> {
    let is_caller =
        |&b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'*' | b'#' | b'.' | b'_' | b'-');
    said.malformed |= said.caller.len() > 32 || !said.caller.iter().all(is_caller);
    if said.malformed {
        return Said {
            fields: said.fields,
            malformed: true,
            ..Said::default()
        };
    }
    said
}
