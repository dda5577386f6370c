//! Bytes to a message: one pass over the header, nothing copied, nothing allocated.

use heapless::Vec;

use crate::{
    limits,
    lines::{Lines, split_line},
    name::Name,
    text::{has_space, is_space, is_token, number, parts, position, trim},
    uri::NameAddr,
    via::Via,
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
    /// The top Via, where it is of the form.
    pub top: Option<Via<'a>>,
    /// From.
    pub from: &'a [u8],
    /// From, taken apart, where it is of the form.
    pub caller: Option<NameAddr<'a>>,
    /// To.
    pub to: &'a [u8],
    /// To, taken apart, where it is of the form.
    pub called: Option<NameAddr<'a>>,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq, whole.
    pub cseq: &'a [u8],
    /// Its number; 0 where it has none that can be read.
    pub cseq_number: u32,
    /// User-Agent, or empty.
    pub user_agent: &'a [u8],
    /// Require, line by line. Those beyond the first few are not named in a 420.
    pub require: Vec<&'a [u8], { limits::REQUIRES }>,
    /// Contact, line by line; a line may hold several.
    pub contacts: Vec<&'a [u8], { limits::CONTACTS }>,
    /// Expires of a REGISTER.
    pub expires: Option<u32>,
    /// Authorization.
    pub authorization: &'a [u8],
    /// Timestamp, or empty.
    pub timestamp: &'a [u8],
    /// P-Asserted-Identity, the first line; it may hold several.
    pub asserted: &'a [u8],
    /// What the PBX says of the phone, in its spellings.
    pub said: SaidHeaders<'a>,
    /// No value holds an end of a line: none is folded.
    pub flat: bool,
    /// A header that may stand once stands twice: P-Asserted-Identity, From or Contact of an INVITE.
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
    let mut message = Message::default();
    match read_into(bytes, framing, &mut message) {
        Ok(()) => Read::Request(message),
        Err(Some((status, reason))) => Read::Refused(message, status, reason),
        Err(None) => Read::Ignored,
    }
}

/// The same into a message that is empty yet: it is large, and moving it costs as much as reading it.
///
/// # Errors
/// Status and reason of a request that is refused; `None` where there is nothing to answer.
pub(crate) fn read_into<'a>(
    bytes: &'a [u8],
    framing: Framing,
    message: &mut Message<'a>,
) -> Result<(), Option<(u16, &'static str)>> {
    let bytes = skip_empty_lines(bytes);
    let (line, header) = split_line(bytes).ok_or(None)?;
    let Some(space) = position(b' ', line) else {
        return Err(None);
    };
    if is_response(line) {
        return Err(None);
    }
    let first = start_line(line, space, message);
    let rest = headers(header, line.len(), framing, message);
    if !answerable(message) {
        return Err(None);
    }
    let number = cseq(message);
    let forms = forms(message);
    first
        .and(rest)
        .and_then(|()| check(message))
        .and(number)
        .and(forms)
        .map_err(|Problem(status, reason)| Some((status, reason)))
}

/// A response is never answered, however it is written (the version has no case, RFC 3261 7.1).
fn is_response(line: &[u8]) -> bool {
    line.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
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

/// `METHOD SP URI SP SIP/2.0`, with exactly one space each; `first` is where the first stands (RFC 3261 7.1; RFC 4475 3.1.2.8 to .10).
fn start_line<'a>(line: &'a [u8], first: usize, message: &mut Message<'a>) -> Result<(), Problem> {
    let last = line.iter().rposition(|&b| b == b' ').unwrap_or(first);
    message.method = &line[..first];
    if last <= first {
        return Err(bad("Request-Line Is Not Whole"));
    }
    let version = &line[last + 1..];
    message.uri = &line[first + 1..last];
    if !is_token(message.method) || message.method.len() > limits::METHOD {
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
    if message.uri.is_empty() || has_space(message.uri) {
        return Err(bad("Bad Request-URI"));
    }
    Ok(())
}

/// Reads header lines until the empty one. Goes on after a problem, so that what an answer needs is
/// found behind it too.
fn headers<'a>(
    header_and_body: &'a [u8],
    before: usize,
    framing: Framing,
    message: &mut Message<'a>,
) -> Result<(), Problem> {
    const TOO_LARGE: Problem = Problem(513, "Message Too Large");
    let mut seen = Seen::default();
    let mut problem = match header_and_body {
        [b' ' | b'\t', ..] => Err(bad("Header Starts With A Space")),
        _ => Ok(()),
    };
    let mut lines = Lines::new(header_and_body);
    let mut count = 0;
    while let Some(line) = lines.next() {
        count += 1;
        let length = before + header_and_body.len() - lines.rest().len();
        if count > limits::HEADERS || length > limits::MESSAGE {
            return problem.and(Err(TOO_LARGE));
        }
        let wrong = header(line, message, &mut seen);
        if problem.is_ok() {
            problem = wrong;
        }
    }
    if !lines.ended() {
        return problem.and(Err(bad("Header Does Not End")));
    }
    let body = lines.rest().len();
    let body = body as u64;
    message.flat = lines.flat();
    problem.and(match (seen.content_length, framing) {
        (Some(Length::Octets(length)), _) if length > body => {
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
    let (name, value) = match Name::usual(line) {
        Some(usual) => usual,
        None => {
            let Some(colon) = position(b':', line) else {
                return Err(bad("Header Without Colon"));
            };
            // A header that nobody reads is passed over, however long it is.
            let Some(name) = Name::of(trim(&line[..colon])) else {
                return Ok(());
            };
            (name, &line[colon + 1..])
        }
    };
    let value = trim(value);
    // Credentials for other realms can be long, and are not ours to refuse.
    if value.len() > limits::VALUE && name != Name::Authorization {
        return Err(Problem(513, "Header Too Large"));
    }
    match name {
        Name::Via => return vias(value, message),
        // Somebody wrote the second one into the call: a verdict, with its alert, and no mere 400.
        Name::From if message.method == b"INVITE" && !message.from.is_empty() => {
            message.twice_named = true;
        }
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
        Name::Contact => {
            message.twice_named |= !message.contacts.is_empty();
            message
                .contacts
                .push(value)
                .map_err(|_| Problem(513, "Too Many Contacts"))?;
        }
        // Those that do not fit are not named in a 420; that there are some is known.
        Name::Require if !value.is_empty() => drop(message.require.push(value)),
        _ => unanswered(name, value, message),
    }
    Ok(())
}

/// Headers that an answer does not need: nothing in them refuses the request.
fn unanswered<'a>(name: Name, value: &'a [u8], message: &mut Message<'a>) {
    let said = &mut message.said;
    match name {
        Name::UserAgent => message.user_agent = value,
        Name::Timestamp => message.timestamp = value,
        // Several may stand, for several realms; the first Digest one is ours to look at.
        Name::Authorization if !is_digest(message.authorization) => message.authorization = value,
        // A SIP and a tel identity may stand side by side (RFC 3325 9.1); two of one kind may not.
        Name::Asserted if message.asserted.is_empty() => message.asserted = value,
        Name::Asserted => message.twice_named |= is_tel(message.asserted) == is_tel(value),
        Name::Tfps => said.twice |= said.tfps.replace(value).is_some(),
        Name::OlderTfps => said.twice |= said.older.replace(value).is_some(),
        Name::Received => said.twice |= said.received.replace(value).is_some(),
        Name::PhoneAgent => said.twice |= said.agent.replace(value).is_some(),
        Name::Calls => said.twice |= said.calls.replace(value).is_some(),
        _ => {}
    }
}

fn is_digest(value: &[u8]) -> bool {
    value
        .get(..6)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"digest"))
}

fn is_tel(value: &[u8]) -> bool {
    memchr::memmem::find(value, b"tel:").is_some()
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
    for via in parts(value, b',') {
        let via = via.map_err(|_| bad("Bad Via"))?;
        message
            .vias
            .push(trim(via))
            .map_err(|_| Problem(513, "Too Many Vias"))?;
    }
    Ok(())
}

/// Reads the CSeq's number, of a message with other problems too: it is part of the names that a
/// request goes by.
fn cseq(message: &mut Message<'_>) -> Result<(), Problem> {
    let end = message.cseq.iter().position(|&b| is_space(b));
    let (digits, method) = message.cseq.split_at(end.unwrap_or(message.cseq.len()));
    message.cseq_number = number(digits, (1 << 31) - 1).ok_or(bad("Bad CSeq"))? as u32;
    if trim(method) != message.method {
        return Err(bad("CSeq Method Does Not Match"));
    }
    Ok(())
}

/// What every request must have (RFC 3261 8.1.1).
fn check(message: &Message<'_>) -> Result<(), Problem> {
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
    if message.call_id.len() > limits::TOKEN || has_space(message.call_id) {
        return Err(bad("Bad Call-ID"));
    }
    Ok(())
}

/// Takes apart what an answer is made from. Of a message with other problems too.
fn forms(message: &mut Message<'_>) -> Result<(), Problem> {
    let mut vias = message.vias.iter().map(|via| Via::read(via));
    message.top = vias.next().flatten();
    let all = message.top.is_some() && vias.all(|via| via.is_some());
    message.caller = NameAddr::read(message.from);
    message.called = NameAddr::read(message.to);
    if !all {
        return Err(bad("Bad Via"));
    }
    for (addr, wrong) in [(message.caller, "Bad From"), (message.called, "Bad To")] {
        if addr.is_none_or(|addr| addr.tag.len() > limits::TOKEN) {
            return Err(bad(wrong));
        }
    }
    if message.echoed() > limits::ECHOED {
        return Err(Problem(513, "Message Too Large"));
    }
    Ok(())
}

impl Message<'_> {
    /// Octets that an answer repeats.
    pub fn echoed(&self) -> usize {
        let vias: usize = self.vias.iter().map(|via| via.len()).sum();
        vias + self.from.len() + self.to.len() + self.call_id.len() + self.cseq.len()
    }
}
