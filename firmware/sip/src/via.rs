//! One Via (RFC 3261 20.42), as far as an answer needs it.

use crate::{
    text::{Parameters, is_space, is_token, number, split_outside, trim},
    uri::{is_host, is_host_port},
};

/// `SIP/2.0/UDP pbx:5060;branch=z9hG4bK1;rport`, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `SIP/2.0/UDP pbx:5060`, up to the parameters.
    pub before: &'a [u8],
    /// Host, and port where there is one.
    pub sent_by: &'a [u8],
    /// The parameters.
    pub parameters: Parameters<'a>,
    /// `branch`, or empty.
    pub branch: &'a [u8],
    /// Is `rport` there? (RFC 3581 3.)
    pub rport: bool,
}

impl<'a> Via<'a> {
    /// Reads one value; `None` when it is not of the form.
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let (before, parameters) = split_outside(text, b';').ok()?;
        // Mostly it is written like this.
        let sent_by = match before.strip_prefix(b"SIP/2.0/UDP ") {
            Some(sent_by) => trim(sent_by),
            None => sent_by_of(before)?,
        };
        let parameters = Parameters(parameters);
        let (mut branch, mut rport) = (&b""[..], false);
        let sound = parameters.walk(|name, value| {
            if name.eq_ignore_ascii_case(b"branch") && branch.is_empty() {
                branch = value;
            }
            rport |= name.eq_ignore_ascii_case(b"rport");
        });
        (is_sent_by(sent_by) && sound).then_some(Via {
            before: trim(before),
            sent_by,
            parameters,
            branch,
            rport,
        })
    }

    /// The port of the sent-by; 5060 where it names none (RFC 3261 18.2.2).
    pub fn port(&self) -> u16 {
        let behind_address = match memchr::memrchr(b']', self.sent_by) {
            Some(end) => &self.sent_by[end..],
            None => self.sent_by,
        };
        memchr::memrchr(b':', behind_address)
            .and_then(|colon| number(trim(&behind_address[colon + 1..]), 65_535))
            .filter(|&port| port > 0)
            .map_or(5060, |port| port as u16)
    }
}

/// What stands behind protocol and transport, of which any part may have white space around it.
fn sent_by_of(before: &[u8]) -> Option<&[u8]> {
    let mut protocol = before.splitn(3, |&b| b == b'/');
    let (name, version, rest) = (
        trim(protocol.next()?),
        trim(protocol.next()?),
        trim(protocol.next()?),
    );
    let space = rest.iter().position(|&b| is_space(b))?;
    let fine = name.eq_ignore_ascii_case(b"SIP") && version == b"2.0" && is_token(&rest[..space]);
    fine.then(|| trim(&rest[space..]))
}

/// Host and port; white space may stand around the colon (RFC 4475 3.1.1.1).
fn is_sent_by(text: &[u8]) -> bool {
    is_host_port(text)
        || memchr::memrchr(b':', text).is_some_and(|colon| {
            is_host(trim(&text[..colon])) && number(trim(&text[colon + 1..]), 65_535).is_some()
        })
}
