//! A client's datagrams: an INVITE as a PBX with chan_sip sends it, its ACK, and OPTIONS.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use memchr::memmem;

use crate::{
    call::{Call, DIGITS, mix},
    socket::ROOM,
};

/// Hexadecimal digits of the Call-ID: run, slot, sequence number.
const CALL_ID: usize = 32;

/// Who a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The run: stale answers of an earlier one are told apart by it.
    pub run: u32,
    /// The place among the outstanding calls.
    pub slot: u32,
    /// The number of the call in its run.
    pub sequence: u64,
}

/// A field that differs from call to call, by the octet that stands for it in a template's text.
const NUMBER: u8 = 1;
const CALLER: u8 = 2;
const TAG: u8 = 3;
const BRANCH: u8 = 4;
const KEY: u8 = 5;

/// A message with places for what differs from call to call.
struct Template {
    text: Vec<u8>,
    places: Vec<(u8, usize)>,
}

impl Template {
    /// `text` holds each field as its mark, repeated as often as the field has octets.
    fn new(text: String) -> Self {
        let text = text.into_bytes();
        let begins = |at: &usize| text[*at] <= KEY && (*at == 0 || text[*at - 1] != text[*at]);
        let places = (0..text.len())
            .filter(begins)
            .map(|at| (text[at], at))
            .collect();
        Template { text, places }
    }

    fn write(&self, room: &mut [u8; ROOM], call: &Call, key: Key) -> usize {
        let length = self.text.len();
        room[..length].copy_from_slice(&self.text);
        // `mix` maps no two to one: no branch comes twice, in this run or in another.
        let mixed = mix(key.sequence | u64::from(key.run) << 32);
        for &(mark, at) in &self.places {
            match mark {
                NUMBER => room[at..at + DIGITS].copy_from_slice(&call.number),
                CALLER => decimal(&mut room[at..at + 4], call.caller),
                TAG => hex(&mut room[at..at + 8], mixed & 0xFFFF_FFFF),
                BRANCH => hex(&mut room[at..at + 16], mixed),
                _ => write_key(&mut room[at..at + CALL_ID], key),
            }
        }
        length
    }
}

fn field(mark: u8, octets: usize) -> String {
    char::from(mark).to_string().repeat(octets)
}

fn write_key(room: &mut [u8], key: Key) {
    hex(&mut room[..8], u64::from(key.run));
    hex(&mut room[8..16], u64::from(key.slot));
    hex(&mut room[16..], key.sequence);
}

fn hex(room: &mut [u8], mut value: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

fn decimal(room: &mut [u8], mut value: u32) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Writes a client's messages and reads their answers.
pub struct Messages {
    invite: Template,
    ack_head: Template,
    ack_tail: Template,
    options: Template,
    run: u32,
    run_text: [u8; 8],
}

impl Messages {
    /// For a client at one address and a server at another.
    pub fn new(client: SocketAddr, server: SocketAddr, run: u32) -> Self {
        let mut run_text = [0; 8];
        hex(&mut run_text, u64::from(run));
        Messages {
            invite: Template::new(invite(client, server)),
            ack_head: Template::new(ack_head(client, server)),
            ack_tail: Template::new(ack_tail(client)),
            options: Template::new(options(client, server)),
            run,
            run_text,
        }
    }

    /// The run that these messages belong to.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// Octets of every INVITE, whatever the number.
    pub fn invite_octets(&self) -> usize {
        self.invite.text.len()
    }

    /// Writes an INVITE; returns its octets.
    pub fn invite(&self, room: &mut [u8; ROOM], call: &Call, key: Key) -> usize {
        self.invite.write(room, call, key)
    }

    /// Writes an OPTIONS; returns its octets.
    pub fn options(&self, room: &mut [u8; ROOM], call: &Call, key: Key) -> usize {
        self.options.write(room, call, key)
    }

    /// Writes the ACK for `answer`, whose To it takes over (RFC 3261 17.1.1.3).
    pub fn ack(&self, room: &mut [u8; ROOM], call: &Call, key: Key, answer: &[u8]) -> usize {
        let mut at = self.ack_head.write(room, call, key);
        let to = header(answer, b"\r\nTo: ").unwrap_or_default();
        let to = &to[..to.len().min(256)];
        room[at..at + to.len()].copy_from_slice(to);
        at += to.len();
        let mut rest = [0; ROOM];
        let tail = self.ack_tail.write(&mut rest, call, key);
        room[at..at + tail].copy_from_slice(&rest[..tail]);
        at + tail
    }

    /// Slot and sequence number in the Call-ID of an answer, or `None` when it is of another run.
    pub fn key(&self, answer: &[u8]) -> Option<Key> {
        let at = memmem::find(answer, &self.run_text)?;
        let text = std::str::from_utf8(answer.get(at + 8..at + CALL_ID)?).ok()?;
        Some(Key {
            run: self.run,
            slot: u32::from_str_radix(&text[..8], 16).ok()?,
            sequence: u64::from_str_radix(&text[8..], 16).ok()?,
        })
    }
}

/// The value of the header whose name (with the line end before it) is `name`.
fn header<'a>(message: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let from = memmem::find(message, name)? + name.len();
    let length = memchr::memchr(b'\r', &message[from..])?;
    Some(&message[from..from + length])
}

/// Is this the right final answer for the call?
///
/// # Errors
/// Says what is wrong, with the answer's first lines.
pub fn check(answer: &[u8], call: &Call) -> Result<()> {
    let right = if call.refused {
        answer.starts_with(b"SIP/2.0 603 ")
    } else {
        answer.starts_with(b"SIP/2.0 302 ")
            && header(answer, b"\r\nContact: ")
                .and_then(|contact| contact.strip_prefix(b"<sip:A00"))
                .is_some_and(|rest| {
                    rest.starts_with(&call.number) && rest.get(DIGITS) == Some(&b'@')
                })
    };
    right.then_some(()).with_context(|| {
        let wanted = if call.refused {
            "603"
        } else {
            "302 with A00 and the number"
        };
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(400)]).into_owned();
        format!(
            "{} called {}: wanted {wanted}, got:\n{shown}",
            call.caller,
            String::from_utf8_lossy(&call.number)
        )
    })
}

/// Is this a 200?
///
/// # Errors
/// With the answer's first lines.
pub fn check_options(answer: &[u8]) -> Result<()> {
    answer
        .starts_with(b"SIP/2.0 200 ")
        .then_some(())
        .with_context(|| {
            format!(
                "OPTIONS: wanted 200, got:\n{}",
                String::from_utf8_lossy(&answer[..answer.len().min(400)])
            )
        })
}

fn invite(client: SocketAddr, server: SocketAddr) -> String {
    let (number, caller, tag, branch, key) = (
        field(NUMBER, DIGITS),
        field(CALLER, 4),
        field(TAG, 8),
        field(BRANCH, 16),
        field(KEY, CALL_ID),
    );
    let ip = client.ip();
    let body = format!(
        "v=0\r\no=root 1821937351 1821937351 IN IP4 {ip}\r\ns=Asterisk PBX 18.20.0\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio 17454 RTP/AVP 0 8 3 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:3 GSM/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=maxptime:150\r\na=sendrecv\r\n"
    );
    format!(
        "INVITE sip:{number}@{server} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {client};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Desk {caller}\" <sip:{caller}@{client}>;tag=as{tag}\r\n\
         To: <sip:{number}@{server}>\r\n\
         Contact: <sip:{caller}@{client}>\r\n\
         Call-ID: {key}@{client}\r\n\
         CSeq: 102 INVITE\r\n\
         User-Agent: FPBX-16.0.40.7(18.20.0)\r\n\
         Date: Sun, 01 Nov 2026 16:20:00 GMT\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH\r\n\
         Supported: replaces, timer\r\n\
         Session-Expires: 1800\r\n\
         P-Asserted-Identity: \"Desk {caller}\" <sip:{caller}@{ip}>\r\n\
         P-tfps: {caller};sip-pbx1.example.com;192.168.1.77;Yealink SIP-T46S;1\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ack_head(client: SocketAddr, server: SocketAddr) -> String {
    let (number, caller, tag, branch) = (
        field(NUMBER, DIGITS),
        field(CALLER, 4),
        field(TAG, 8),
        field(BRANCH, 16),
    );
    format!(
        "ACK sip:{number}@{server} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {client};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Desk {caller}\" <sip:{caller}@{client}>;tag=as{tag}\r\n\
         To: "
    )
}

fn ack_tail(client: SocketAddr) -> String {
    format!(
        "\r\nContact: <sip:{}@{client}>\r\nCall-ID: {}@{client}\r\nCSeq: 102 ACK\r\n\
         User-Agent: FPBX-16.0.40.7(18.20.0)\r\nContent-Length: 0\r\n\r\n",
        field(CALLER, 4),
        field(KEY, CALL_ID)
    )
}

fn options(client: SocketAddr, server: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{server} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {client};branch=z9hG4bK{};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"asterisk\" <sip:asterisk@{client}>;tag=as{}\r\n\
         To: <sip:{server}>\r\n\
         Contact: <sip:asterisk@{client}>\r\n\
         Call-ID: {}@{client}\r\n\
         CSeq: 102 OPTIONS\r\n\
         User-Agent: FPBX-16.0.40.7(18.20.0)\r\n\
         Content-Length: 0\r\n\r\n",
        field(BRANCH, 16),
        field(TAG, 8),
        field(KEY, CALL_ID)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::call::Calls;

    fn at(ip: [u8; 4], port: u16) -> SocketAddr {
        SocketAddr::from((ip, port))
    }

    #[test]
    fn the_invite_has_its_size_and_a_right_content_length() {
        let messages = Messages::new(at([127, 0, 0, 2], 6000), at([127, 0, 0, 1], 5100), 7);
        let calls = Calls::new(100, 100);
        for sequence in 0..500 {
            let mut room = [0; ROOM];
            let key = Key {
                run: 7,
                slot: 1023,
                sequence,
            };
            let octets = messages.invite(&mut room, &calls.nth(sequence), key);
            assert_eq!(octets, 1010, "{}", String::from_utf8_lossy(&room[..octets]));
            let text = std::str::from_utf8(&room[..octets]).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())));
            assert!(
                text.bytes().all(|octet| octet >= b'\n'),
                "a field was left open: {text:?}"
            );
            assert_eq!(messages.key(&room[..octets]), Some(key));
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let calls = Calls::new(100, 100);
        let (good, bad) = (calls.nth(1), calls.nth(4));
        let number = std::str::from_utf8(&good.number).unwrap();
        let right = format!(
            "SIP/2.0 302 Moved Temporarily\r\nContact: <sip:A00{number}@127.0.0.1>\r\n\r\n"
        );
        assert!(check(right.as_bytes(), &good).is_ok());
        assert!(check(right.replace("A00", "A01").as_bytes(), &good).is_err());
        assert!(check(right.replace('@', "0@").as_bytes(), &good).is_err());
        assert!(check(right.as_bytes(), &bad).is_err());
        assert!(check(b"SIP/2.0 603 Decline\r\n\r\n", &bad).is_ok());
        assert!(check(b"SIP/2.0 603 Decline\r\n\r\n", &good).is_err());
    }

    #[test]
    fn the_ack_takes_the_to_tag_over() {
        let messages = Messages::new(at([127, 0, 0, 1], 6000), at([127, 0, 0, 1], 5100), 7);
        let call = Calls::new(100, 100).nth(3);
        let mut room = [0; ROOM];
        let answer = b"SIP/2.0 302 Moved\r\nFrom: <sip:1@x>\r\nTo: <sip:2@y>;tag=abc\r\n\r\n";
        let octets = messages.ack(
            &mut room,
            &call,
            Key {
                run: 7,
                slot: 0,
                sequence: 3,
            },
            answer,
        );
        let text = std::str::from_utf8(&room[..octets]).unwrap();
        assert!(text.starts_with("ACK sip:1"));
        assert!(text.contains("\r\nTo: <sip:2@y>;tag=abc\r\n"));
        assert!(text.ends_with(
            "CSeq: 102 ACK\r\nUser-Agent: FPBX-16.0.40.7(18.20.0)\r\nContent-Length: 0\r\n\r\n"
        ));
    }
}
