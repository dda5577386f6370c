//! Answers: composed into the caller's buffer from the request and a status, the same for the same
//! request.

use core::{fmt::Write, net::SocketAddr};

use crate::{
    limits,
    read::Message,
    text::{DIAL, HOST, Parameter, ipv4, span},
};

/// Methods that are answered, for Allow.
pub const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, OPTIONS, REGISTER";

/// Text into a buffer that may be too small: then nothing of it counts.
pub struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
    full: bool,
    /// Nothing that is copied from the request is folded.
    flat: bool,
}

impl<'o> Writer<'o> {
    /// Writes from the front of `out`.
    pub fn new(out: &'o mut [u8]) -> Self {
        Writer {
            out,
            len: 0,
            full: false,
            flat: false,
        }
    }

    /// Octets as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        match self.out.get_mut(self.len..self.len + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.full = true,
        }
    }

    /// A value as it came, a folded line as one.
    pub fn unfolded(&mut self, value: &[u8]) {
        if self.flat || memchr::memchr2(b'\r', b'\n', value).is_none() {
            return self.put(value);
        }
        for &b in value {
            self.put(&[if b == b'\r' || b == b'\n' { b' ' } else { b }]);
        }
    }

    /// A number in decimal.
    pub fn decimal(&mut self, mut value: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.put(&digits[at..]);
    }

    /// A number as 16 hexadecimal digits.
    pub fn hexadecimal(&mut self, value: u64) {
        self.put(&core::array::from_fn::<u8, 16, _>(|i| {
            b"0123456789abcdef"[(value >> (60 - 4 * i)) as usize & 15]
        }));
    }

    /// An address, without the brackets of a host.
    pub fn address(&mut self, address: core::net::IpAddr) {
        match address {
            core::net::IpAddr::V4(v4) => {
                for (i, octet) in v4.octets().into_iter().enumerate() {
                    if i > 0 {
                        self.put(b".");
                    }
                    self.decimal(u32::from(octet));
                }
            }
            core::net::IpAddr::V6(v6) => {
                let _ = write!(self, "{v6}");
            }
        }
    }

    /// `Name: value` and the end of the line.
    pub fn line(&mut self, name: &[u8], value: &[u8]) {
        self.put(name);
        self.put(b": ");
        self.unfolded(value);
        self.put(b"\r\n");
    }

    /// Octets written, or `None` when they did not fit.
    pub fn finish(self) -> Option<usize> {
        (!self.full).then_some(self.len)
    }
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// What every answer copies from its request (RFC 3261 8.2.6.2), up to the first header of its own.
/// `tag` is added to a To that has none; 100 Trying has none. `vias` is how many Vias are copied: all,
/// unless the answer would be too long with them.
pub fn head(
    w: &mut Writer<'_>,
    message: &Message<'_>,
    source: SocketAddr,
    status: u16,
    reason: &str,
    tag: Option<u64>,
    vias: usize,
) {
    w.flat = message.flat;
    w.put(b"SIP/2.0 ");
    w.decimal(u32::from(status));
    w.put(b" ");
    w.put(reason.as_bytes());
    w.put(b"\r\n");
    for (i, via) in message.vias.iter().take(vias).enumerate() {
        w.put(b"Via: ");
        if i == 0 {
            top_via(w, message, via, source)
        } else {
            w.unfolded(via)
        }
        w.put(b"\r\n");
    }
    if !message.from.is_empty() {
        w.line(b"From", message.from);
    }
    if !message.to.is_empty() {
        w.put(b"To: ");
        w.unfolded(message.to);
        let has_tag = has_tag(message);
        if let Some(tag) = tag.filter(|_| !has_tag) {
            w.put(b";tag=");
            w.hexadecimal(tag);
        }
        w.put(b"\r\n");
    }
    if !message.call_id.is_empty() {
        w.line(b"Call-ID", message.call_id);
    }
    if !message.cseq.is_empty() {
        w.line(b"CSeq", message.cseq);
    }
}

/// Does the To name a dialog? One that cannot be read does if it looks like it.
pub(crate) fn has_tag(message: &Message<'_>) -> bool {
    match message.called {
        Some(to) => !to.tag.is_empty(),
        None => memchr::memmem::find(message.to, b"tag").is_some(),
    }
}

/// The end of an answer without a body.
pub fn tail(w: &mut Writer<'_>) {
    w.put(b"Content-Length: 0\r\n\r\n");
}

/// The top Via with `received`, and `rport` where it was asked for (RFC 3261 18.2.1, RFC 3581 4).
fn top_via(w: &mut Writer<'_>, message: &Message<'_>, text: &[u8], source: SocketAddr) {
    let Some(via) = message.top else {
        return w.unfolded(text);
    };
    w.unfolded(via.before);
    let address = source.ip().to_canonical();
    for Parameter { text, name, .. } in via.parameters.each() {
        if name.eq_ignore_ascii_case(b"received") {
            continue;
        }
        w.put(b";");
        if name.eq_ignore_ascii_case(b"rport") {
            w.put(b"rport=");
            w.decimal(u32::from(source.port()));
        } else {
            w.unfolded(text);
        }
    }
    if via.rport || !is_address(via.sent_by, address) {
        w.put(b";received=");
        w.address(address);
    }
}

/// Is the host of this sent-by this address?
fn is_address(sent_by: &[u8], address: core::net::IpAddr) -> bool {
    if let core::net::IpAddr::V4(v4) = address
        && let Some(host) = ipv4(&sent_by[..span(HOST, sent_by)])
    {
        return host == v4;
    }
    let Ok(text) = core::str::from_utf8(sent_by) else {
        return false;
    };
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => text.split(':').next().unwrap_or_default().trim(),
    };
    host.parse::<core::net::IpAddr>()
        .is_ok_and(|host| host.to_canonical() == address)
}

/// The host of a Contact in a 302.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// Sent-by of the top Via.
    Via,
    /// The source of the request.
    Source,
    /// This text.
    Fixed(&'a [u8]),
}

/// `Contact: <sip:PREFIXNUMBER@HOST>`, one and bare: what every PBX understands alike.
pub fn contact(
    w: &mut Writer<'_>,
    message: &Message<'_>,
    source: SocketAddr,
    host: Host<'_>,
    prefix: [u8; 3],
    number: &[u8],
) {
    w.put(b"Contact: <sip:");
    w.put(&prefix);
    let mut rest = &number[..number.len().min(limits::USER)];
    loop {
        let (plain, behind) = rest.split_at(span(DIAL, rest));
        w.put(plain);
        let [b, behind @ ..] = behind else { break };
        let _ = write!(w, "%{b:02X}");
        rest = behind;
    }
    w.put(b"@");
    match host {
        Host::Fixed(text) => w.put(text),
        Host::Via => match message.top {
            Some(via) => via
                .sent_by
                .split(|&b| crate::text::is_space(b))
                .for_each(|part| w.put(part)),
            None => put_source(w, source),
        },
        Host::Source => put_source(w, source),
    }
    w.put(b">\r\n");
}

fn put_source(w: &mut Writer<'_>, source: SocketAddr) {
    let _ = write!(
        w,
        "{}",
        SocketAddr::new(source.ip().to_canonical(), source.port())
    );
}

/// The reason phrase of a status (RFC 3261 21, RFC 8197, RFC 8688).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        200 => "OK",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        414 => "Request-URI Too Long",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        486 => "Busy Here",
        488 => "Not Acceptable Here",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        607 => "Unwanted",
        608 => "Rejected",
        _ => "Refused",
    }
}
