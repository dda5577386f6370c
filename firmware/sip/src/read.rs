//! Bytes to a message: one pass over the header, nothing copied, nothing allocated.

use heapless::Vec;

use crate::{
    limits,
    text::{is_space, is_token, number, split_outside, trim},
    uri::NameAddr,
};

/// A request, borrowed from its datagram. Values are raw: trimmed, folded lines still folded.
#[derive(Clone, Debug, Default)]
pub struct Message<'a> {
    /// Method, as it stands.
    pub method: &'a [u8],
    /// Request-URI.
    pub uri: &'a [u8],
    /// Every Via value, top first.
    pub vias: Vec<&'a [u8], { limits::VIAS }>,
    /// From.
    pub from: &'a [u8],
    /// To.
    pub to: &'a [u8],
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq, whole.
    pub cseq: &'a [u8],
    /// Its number.
    pub cseq_number: u32,
    /// User-Agent, or empty.
    pub user_agent: &'a [u8],
    /// Require, or empty.
    pub require: &'a [u8],
    /// Contact, or empty; all values of one line.
    pub contact: &'a [u8],
    /// Expires of a REGISTER.
    pub expires: Option<u32>,
    /// Authorization.
    pub authorization: &'a [u8],
    /// Timestamp, or empty.
    pub timestamp: &'a [u8],
    /// P-Asserted-Identity, the first.
    pub asserted: &'a [u8],
    /// What the PBX says of the phone, in its spellings.
    pub said: SaidHeaders<'a>,
    /// A header that may stand once stands twice: P-Asserted-Identity, Contact of an INVITE.
    pub twice_named: bool,
}

/// P-tfps and its older spellings, raw.
#[derive(Clone, Copy, Debug, Default)]
pub struct SaidHeaders<'a> {
    /// `P-tfps: caller;domain;recvip;useragent;ncalls`.
    pub tfps: Option<&'a [u8]>,
    /// `X-tfps: user@domain`.
    pub older: Option<&'a [u8]>,
    /// `P-Received` or `P-Source`: the phone's address.
    pub received: Option<&'a [u8]>,
    /// `P-UA`: the phone's User-Agent.
    pub agent: Option<&'a [u8]>,
    /// `P-Calls`: calls at the same time.
    pub calls: Option<&'a [u8]>,
    /// One of them stands twice.
    pub twice: bool,
}

/// What a datagram or a framed message turned out to be.
// A request is read in place and used at once; boxing it would allocate on the path of every call.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Read<'a> {
    /// A request that can be answered.
    Request(Message<'a>),
    /// A request that is refused with this status and reason; what was found of it is enough for an
    /// answer.
    Refused(Message<'a>, u16, &'static str),
    /// Nothing to answer: a response, a keep-alive, no SIP, no Via.
    Ignored,
}

/// Does the transport say where a message ends?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A datagram ends it; Content-Length may be left out, and extra octets are passed over.
    Datagram,
    /// A stream: Content-Length must be there, and [`crate::stream`] has applied it.
    Stream,
}

struct Problem(u16, &'static str);

const fn bad(reason: &'static str) -> Problem {
    Problem(400, reason)
}

/// Reads one message.
pub fn read(bytes: &[u8], framing: Framing) -> Read<'_> {
    let bytes = skip_empty_lines(bytes);
    let Some((line, header)) = split_line(bytes) else {
        return Read::Ignored;
    };
    if line.starts_with(b"SIP/") || !line.contains(&b' ') {
        return Read::Ignored;
    }
    let mut message = Message::default();
    let first = start_line(line, &mut message);
    let rest = headers(header, bytes.len(), framing, &mut message);
    if !answerable(&message) {
        return Read::Ignored;
    }
    let sound = first.and(rest).and_then(|()| check(&mut message));
    match sound {
        Ok(()) => Read::Request(message),
        Err(Problem(status, reason)) => Read::Refused(message, status, reason),
    }
}

fn answerable(message: &Message<'_>) -> bool {
    // Without a top Via there is nowhere to answer to (RFC 3261 8.2.6.2).
    message.vias.first().is_some_and(|via| via.len() > 8)
}

fn skip_empty_lines(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// `METHOD SP URI SP SIP/2.0`, with exactly one space each (RFC 3261 7.1; RFC 4475 3.1.2.8 to .10).
fn start_line<'a>(line: &'a [u8], message: &mut Message<'a>) -> Result<(), Problem> {
    let first = memchr::memchr(b' ', line).unwrap_or(line.len());
    let last = memchr::memrchr(b' ', line).unwrap_or(first);
    message.method = &line[..first];
    if last <= first {
        return Err(bad("Request-Line Is Not Whole"));
    }
    let version = &line[last + 1..];
    message.uri = &line[first + 1..last];
    if !is_token(message.method) || message.method.len() > 32 {
        return Err(bad("Bad Method"));
    }
    if message.uri.len() > limits::URI {
        return Err(Problem(414, "Request-URI Too Long"));
    }
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        let is_version = version.len() > 4 && version[..4].eq_ignore_ascii_case(b"SIP/");
        return Err(if is_version {
            Problem(505, "Version Not Supported")
        } else {
            bad("Bad Request-Line")
        });
    }
    if message.uri.is_empty() || message.uri.iter().any(|&b| is_space(b)) {
        return Err(bad("Bad Request-URI"));
    }
    Ok(())
}

/// Reads header lines until the empty one. Goes on after a problem, so that what an answer needs is
/// found behind it too.
fn headers<'a>(
    mut rest: &'a [u8],
    whole: usize,
    framing: Framing,
    message: &mut Message<'a>,
) -> Result<(), Problem> {
    let mut seen = Seen::default();
    let mut problem = Ok(());
    let mut count = 0;
    let header_length = loop {
        let Some((line, mut after)) = split_line(rest) else {
            problem = problem.and(Err(bad("Header Does Not End")));
            break whole;
        };
        if line.is_empty() {
            rest = after;
            break whole - rest.len();
        }
        let mut end = line.len();
        while let [b' ' | b'\t', ..] = after {
            let Some((folded, next)) = split_line(after) else {
                break;
            };
            end = rest.len() - next.len() - (after.len() - folded.len() - next.len());
            after = next;
        }
        let line = &rest[..end];
        rest = after;
        count += 1;
        if count > limits::HEADERS || whole - rest.len() > limits::MESSAGE {
            return problem.and(Err(Problem(513, "Message Too Large")));
        }
        problem = problem.and(header(line, message, &mut seen));
    };
    if header_length > limits::MESSAGE {
        problem = problem.and(Err(Problem(513, "Message Too Large")));
    }
    let body = rest.len();
    problem.and(match (seen.content_length, framing) {
        (Some(Length::Octets(length)), _) if length > body as u64 => {
            Err(bad("Content-Length Exceeds Message"))
        }
        (Some(Length::Wrong), _) => Err(bad("Bad Content-Length")),
        (None, Framing::Stream) => Err(bad("Missing Content-Length")),
        _ => Ok(()),
    })
}

#[derive(Default)]
struct Seen {
    content_length: Option<Length>,
    max_forwards: bool,
}

enum Length {
    Octets(u64),
    Wrong,
}

fn header<'a>(line: &'a [u8], message: &mut Message<'a>, seen: &mut Seen) -> Result<(), Problem> {
    let Some(colon) = memchr::memchr(b':', line) else {
        return Err(bad("Header Without Colon"));
    };
    let (name, value) = (trim(&line[..colon]), trim(&line[colon + 1..]));
    if value.len() > limits::VALUE && !name.eq_ignore_ascii_case(b"authorization") {
        // A long header that nobody reads is passed over; one that an answer needs is not.
        return if Name::of(name).is_some() {
            Err(Problem(513, "Header Too Large"))
        } else {
            Ok(())
        };
    }
    let Some(name) = Name::of(name) else {
        return Ok(());
    };
    match name {
        Name::Via => return vias(value, message),
        Name::From => once(&mut message.from, value)?,
        Name::To => once(&mut message.to, value)?,
        Name::CallId => once(&mut message.call_id, value)?,
        Name::CSeq => once(&mut message.cseq, value)?,
        Name::ContentLength => {
            if seen.content_length.is_some() {
                return Err(bad("Content-Length Stands Twice"));
            }
            seen.content_length =
                Some(number(value, u64::from(u32::MAX)).map_or(Length::Wrong, Length::Octets));
        }
        Name::MaxForwards => {
            if core::mem::replace(&mut seen.max_forwards, true) || number(value, 255).is_none() {
                return Err(bad("Bad Max-Forwards"));
            }
        }
        Name::Expires => {
            message.expires =
                Some(number(value, u64::from(u32::MAX)).ok_or(bad("Bad Expires"))? as u32);
        }
        Name::UserAgent => message.user_agent = value,
        Name::Require => message.require = value,
        Name::Timestamp => message.timestamp = value,
        // Several may stand, for several realms; the first Digest one is ours to look at.
        Name::Authorization => {
            if message.authorization.is_empty()
                || !message.authorization[..6.min(message.authorization.len())]
                    .eq_ignore_ascii_case(b"digest")
            {
                message.authorization = value;
            }
        }
        Name::Contact => {
            message.twice_named |= !core::mem::replace(&mut message.contact, value).is_empty()
        }
        Name::Asserted => {
            // A SIP and a tel identity may stand side by side (RFC 3325 9.1); two of one kind may not.
            message.twice_named |=
                !message.asserted.is_empty() && is_tel(message.asserted) == is_tel(value);
            if message.asserted.is_empty() {
                message.asserted = value;
            }
        }
        Name::Tfps => said(&mut message.said.tfps, value, &mut message.said.twice),
        Name::OlderTfps => said(&mut message.said.older, value, &mut message.said.twice),
        Name::Received => said(&mut message.said.received, value, &mut message.said.twice),
        Name::PhoneAgent => said(&mut message.said.agent, value, &mut message.said.twice),
        Name::Calls => said(&mut message.said.calls, value, &mut message.said.twice),
    }
    Ok(())
}

fn is_tel(value: &[u8]) -> bool {
    memchr::memmem::find(value, b"tel:").is_some()
}

fn said<'a>(field: &mut Option<&'a [u8]>, value: &'a [u8], twice: &mut bool) {
    *twice |= field.replace(value).is_some();
}

fn once<'a>(field: &mut &'a [u8], value: &'a [u8]) -> Result<(), Problem> {
    if !field.is_empty() {
        return Err(bad("A Header Stands Twice"));
    }
    *field = value;
    Ok(())
}

/// `Via: a, b` is two of them (RFC 3261 7.3.1).
fn vias<'a>(value: &'a [u8], message: &mut Message<'a>) -> Result<(), Problem> {
    let mut rest = Some(value);
    while let Some(text) = rest {
        let (one, after) = split_outside(text, b',').map_err(|_| bad("Bad Via"))?;
        message
            .vias
            .push(trim(one))
            .map_err(|_| Problem(513, "Too Many Vias"))?;
        rest = after;
    }
    Ok(())
}

/// What every request must have (RFC 3261 8.1.1), and what it must be.
fn check(message: &mut Message<'_>) -> Result<(), Problem> {
    for (value, missing) in [
        (message.from, "Missing From"),
        (message.to, "Missing To"),
        (message.call_id, "Missing Call-ID"),
        (message.cseq, "Missing CSeq"),
    ] {
        if value.is_empty() {
            return Err(bad(missing));
        }
    }
    if message.call_id.len() > limits::TOKEN || message.call_id.iter().any(|&b| is_space(b)) {
        return Err(bad("Bad Call-ID"));
    }
    let mut cseq = message.cseq.splitn(2, |&b| is_space(b));
    let (digits, method) = (
        cseq.next().unwrap_or_default(),
        trim(cseq.next().unwrap_or_default()),
    );
    message.cseq_number = number(digits, (1 << 31) - 1).ok_or(bad("Bad CSeq"))? as u32;
    if method != message.method {
        return Err(bad("CSeq Method Does Not Match"));
    }
    for via in &message.vias {
        if Via::read(via).is_none() {
            return Err(bad("Bad Via"));
        }
    }
    for (value, wrong) in [(message.from, "Bad From"), (message.to, "Bad To")] {
        if NameAddr::read(value).is_none_or(|addr| addr.tag().len() > limits::TOKEN) {
            return Err(bad(wrong));
        }
    }
    Ok(())
}

/// One Via (RFC 3261 20.42), as far as an answer needs it.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `SIP/2.0/UDP pbx:5060`, up to the parameters.
    pub before: &'a [u8],
    /// Host, and port where there is one.
    pub sent_by: &'a [u8],
    /// The parameters, without the first `;`.
    pub parameters: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads one value; `None` when it is not of the form.
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let (before, parameters) = split_outside(text, b';').ok()?;
        let mut protocol = before.splitn(3, |&b| b == b'/');
        let (name, version, rest) = (
            trim(protocol.next()?),
            trim(protocol.next()?),
            trim(protocol.next()?),
        );
        let space = rest.iter().position(|&b| is_space(b))?;
        let (transport, sent_by) = (&rest[..space], trim(&rest[space..]));
        let fine = name.eq_ignore_ascii_case(b"SIP")
            && version == b"2.0"
            && is_token(transport)
            && is_sent_by(sent_by)
            && parameters.is_none_or(|p| crate::text::Parameters(p).are_sound());
        fine.then_some(Via {
            before: trim(before),
            sent_by,
            parameters: parameters.unwrap_or_default(),
        })
    }

    /// A parameter's value.
    pub fn parameter(&self, name: &[u8]) -> Option<&'a [u8]> {
        if self.parameters.is_empty() {
            None
        } else {
            crate::text::Parameters(self.parameters).get(name)
        }
    }
}

/// Host and port; white space may stand around the colon (RFC 4475 3.1.1.1).
fn is_sent_by(text: &[u8]) -> bool {
    let mut tight: Vec<u8, 128> = Vec::new();
    for &b in text.iter().filter(|&&b| !is_space(b)) {
        if tight.push(b).is_err() {
            return false;
        }
    }
    let two_words = text
        .split(|&b| is_space(b))
        .filter(|w| !w.is_empty() && *w != b":")
        .count()
        > 2;
    !two_words && crate::uri::is_host_port(&tight)
}

enum Name {
    Via,
    From,
    To,
    CallId,
    CSeq,
    ContentLength,
    MaxForwards,
    Expires,
    UserAgent,
    Require,
    Timestamp,
    Authorization,
    Contact,
    Asserted,
    Tfps,
    OlderTfps,
    Received,
    PhoneAgent,
    Calls,
}

impl Name {
    /// Long and compact names (RFC 3261 7.3.3); any other header is not read.
    fn of(name: &[u8]) -> Option<Self> {
        let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
        Some(match name.len() {
            1 => match name[0].to_ascii_lowercase() {
                b'v' => Name::Via,
                b'f' => Name::From,
                b't' => Name::To,
                b'i' => Name::CallId,
                b'l' => Name::ContentLength,
                b'm' => Name::Contact,
                _ => return None,
            },
            2 if is(b"to") => Name::To,
            3 if is(b"via") => Name::Via,
            4 if is(b"from") => Name::From,
            4 if is(b"cseq") => Name::CSeq,
            4 if is(b"p-ua") => Name::PhoneAgent,
            6 if is(b"p-tfps") => Name::Tfps,
            6 if is(b"x-tfps") => Name::OlderTfps,
            7 if is(b"call-id") => Name::CallId,
            7 if is(b"contact") => Name::Contact,
            7 if is(b"expires") => Name::Expires,
            7 if is(b"require") => Name::Require,
            7 if is(b"p-calls") => Name::Calls,
            8 if is(b"p-source") => Name::Received,
            9 if is(b"timestamp") => Name::Timestamp,
            10 if is(b"user-agent") => Name::UserAgent,
            10 if is(b"p-received") => Name::Received,
            12 if is(b"max-forwards") => Name::MaxForwards,
            13 if is(b"authorization") => Name::Authorization,
            14 if is(b"content-length") => Name::ContentLength,
            19 if is(b"p-asserted-identity") => Name::Asserted,
            _ => return None,
        })
    }
}
