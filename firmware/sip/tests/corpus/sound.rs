//! What must be true of every answer.

use trunkguard_sip::{
    read::{Framing, Message, Read, read},
    via::Via,
};

/// Names that an answer of ours may have, and how often at most.
const HEADERS: &[(&[u8], usize)] = &[
    (b"Via", 40),
    (b"From", 1),
    (b"To", 1),
    (b"Call-ID", 1),
    (b"CSeq", 1),
    (b"Contact", 8),
    (b"Content-Length", 1),
    (b"Allow", 1),
    (b"Accept", 1),
    (b"Accept-Encoding", 1),
    (b"Accept-Language", 1),
    (b"Supported", 1),
    (b"Unsupported", 4),
    (b"WWW-Authenticate", 2),
    (b"Min-Expires", 1),
];

fn method(bytes: &[u8]) -> &[u8] {
    match read(bytes, Framing::Datagram) {
        Read::Request(message) | Read::Refused(message, ..) => message.method,
        Read::Ignored => b"",
    }
}

/// Panics when this answer should not have left; gives its status.
pub fn check(request: &[u8], answer: &[u8]) -> u16 {
    assert!(answer.len() <= 8 * 1024);
    // At most what was asked, and what an answer adds.
    assert!(answer.len() < request.len() + 1_024);
    assert_ne!(method(request), b"ACK", "an ACK is never answered");
    assert!(
        matches!(read(answer, Framing::Datagram), Read::Ignored),
        "two servers would answer each other"
    );
    let lines = lines(answer);
    assert!(lines[0].starts_with(b"SIP/2.0 "));
    for line in &lines[1..] {
        let name = name(line);
        assert!(HEADERS.iter().any(|(known, _)| *known == name), "{name:?}");
    }
    for (known, most) in HEADERS {
        assert!(values(&lines, known).len() <= *most, "{known:?} again");
    }
    assert_eq!(values(&lines, b"Content-Length"), [b"0"]);
    match read(request, Framing::Datagram) {
        Read::Request(message) => repeats(&message, &lines),
        Read::Refused(message, ..) => {
            // Where all of them would be too long, the top one is there.
            let vias = values(&lines, b"Via").len();
            assert!(vias == message.vias.len() || vias == 1);
        }
        Read::Ignored => panic!("nothing was there to answer"),
    }
    if lines[0].starts_with(b"SIP/2.0 302 ") {
        contact(&values(&lines, b"Contact"));
    }
    let status = std::str::from_utf8(&answer[8..11]).expect("a status");
    status.parse().expect("a status")
}

/// Lines without their ends; no octet in them can end one early.
fn lines(answer: &[u8]) -> Vec<&[u8]> {
    let header = answer
        .strip_suffix(b"\r\n\r\n")
        .expect("an answer ends with an empty line");
    let mut lines = Vec::new();
    for line in header.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r') && !line.starts_with(b" "));
        lines.push(line);
    }
    lines
}

fn name(line: &[u8]) -> &[u8] {
    line.split(|&b| b == b':').next().unwrap_or_default()
}

fn values<'a>(lines: &[&'a [u8]], wanted: &[u8]) -> Vec<&'a [u8]> {
    let of_name = lines.iter().filter(|line| name(line) == wanted);
    of_name
        .map(|line| {
            line[wanted.len() + 1..]
                .strip_prefix(b" ")
                .unwrap_or_default()
        })
        .collect()
}

/// What RFC 3261 8.2.6.2 has an answer copy.
fn repeats(message: &Message<'_>, lines: &[&[u8]]) {
    let vias = values(lines, b"Via");
    assert_eq!(vias.len(), message.vias.len());
    let (asked, answered) = (
        message.top.expect("it was read"),
        Via::read(vias[0]).expect("the client can read its own Via"),
    );
    assert_eq!(unfolded(asked.branch), answered.branch);
    assert_eq!(asked.rport, answered.rport);
    for (wanted, value) in [
        (&b"From"[..], message.from),
        (b"Call-ID", message.call_id),
        (b"CSeq", message.cseq),
    ] {
        assert_eq!(values(lines, wanted), [unfolded(value)]);
    }
    assert!(values(lines, b"To")[0].starts_with(&unfolded(message.to)));
}

fn unfolded(value: &[u8]) -> Vec<u8> {
    let space = |&b: &u8| if b == b'\r' || b == b'\n' { b' ' } else { b };
    value.iter().map(space).collect()
}

/// One, bare, and nothing in it that a PBX reads as something else.
fn contact(contacts: &[&[u8]]) {
    let [contact] = contacts else {
        panic!("{} Contacts", contacts.len());
    };
    let inside = contact
        .strip_prefix(b"<sip:A00")
        .and_then(|rest| rest.strip_suffix(b">"))
        .expect("a bare Contact with the prefix");
    assert_eq!(inside.iter().filter(|&&b| b == b'@').count(), 1);
    assert!(!inside.iter().any(|b| b" \t,;<>\"?\0".contains(b)));
}
