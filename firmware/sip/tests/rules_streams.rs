//! Rules 26, 28 and 30: streams and strangers. Here: how a stream is cut and what each piece is
//! answered with. Connection caps, idle times and slow readers are the daemon's `streams.rs`, TLS its
//! `tls.rs` (rule 28 has nothing of its own below them), strangers its `desk.rs` and the core's
//! `screen.rs`; they are tested over real sockets in `tests/tests/calls_streams.rs` and
//! `calls_strangers.rs`.
#![allow(clippy::unwrap_used)]

mod office;

use std::fs;

use office::{Office, YES, invite, office_with, request};
use trunkguard_sip::{
    limits,
    read::Framing,
    stream::{Framer, Next},
};

/// What a connection would write back, and whether it would be closed.
#[derive(Default)]
struct Talk {
    framer: Framer,
    answers: Vec<u16>,
    pongs: usize,
    closed: bool,
}

impl Talk {
    fn feed(&mut self, o: &mut Office, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.closed {
            let taken = self.framer.feed(bytes);
            bytes = &bytes[taken..];
            loop {
                let (message, close) = match self.framer.next() {
                    Next::More => break,
                    Next::Pong => {
                        self.pongs += 1;
                        continue;
                    }
                    Next::Message(message) => (message, false),
                    Next::Broken(message) => (message, true),
                };
                self.answers
                    .extend(o.send(message).map(|reply| reply.status()));
                self.closed |= close;
                if close {
                    break;
                }
            }
            assert!(
                taken > 0 || self.closed,
                "the framer takes nothing and gives nothing"
            );
        }
    }
}

fn pbx() -> Office {
    let mut o = office_with("");
    o.framing = Framing::Stream;
    o
}

fn talk(bytes: impl AsRef<[u8]>) -> Talk {
    let mut talk = Talk::default();
    talk.feed(&mut pbx(), bytes.as_ref());
    talk
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(format!(
        "{}/tests/rfc4475/{name}.dat",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

fn three() -> String {
    [
        request("OPTIONS", "x", 1, ""),
        invite(YES, 2),
        request("BYE", "x", 3, ""),
    ]
    .concat()
}

/// RFC 3261 18.3, 7.5.
#[test]
fn rule_26_three_messages_in_one_read_and_octet_by_octet() {
    assert_eq!(talk(three()).answers, [200, 302, 405]);
    for size in [1, 2, 3, 7, 100] {
        let (mut o, mut talk) = (pbx(), Talk::default());
        for piece in three().as_bytes().chunks(size) {
            talk.feed(&mut o, piece);
        }
        assert_eq!(talk.answers, [200, 302, 405], "{size}");
        assert!(talk.framer.is_empty() && !talk.closed);
    }
}

#[test]
fn rule_26_a_stream_needs_the_length_and_is_closed_without_it() {
    let without = invite(YES, 1).replace("Content-Length: ", "X: ");
    for (message, status) in [
        (without.clone().into_bytes(), 400),
        (sample("ncl"), 400),
        (sample("mcl01"), 400),
        (
            invite(YES, 1)
                .replace("Content-Length: ", "Content-Length: 9999999999")
                .into_bytes(),
            400,
        ),
        (request("INVITE", YES, 1, "l: 5\r\n").into_bytes(), 400),
    ] {
        let talk = talk([message, three().into_bytes()].concat());
        assert_eq!(
            (talk.answers, talk.closed),
            (vec![status], true),
            "and nothing behind it is read"
        );
    }
    let mut datagram = office_with("");
    assert_eq!(datagram.status(without), 302, "a datagram may leave it out");
    // Longer than what has come: more may come, and the daemon's clock ends it.
    let waiting = talk(sample("clerr"));
    assert!(waiting.answers.is_empty() && !waiting.closed && !waiting.framer.is_empty());
}

#[test]
fn rule_26_the_length_is_where_it_is_and_nowhere_else() {
    let good = three();
    for message in [
        good.replace("Content-Length:", "l:"),
        good.replace("Content-Length: ", "cONTENT-lENGTH \t:\r\n "),
        good.replace(
            "User-Agent: ",
            "User-Agent: x\r\n Content-Length: 7000\r\n\tl: 3",
        ),
        good.replace("User-Agent: ", "X-Content-Length: 5\r\nUser-Agent: "),
    ] {
        assert_eq!(talk(&message).answers, [200, 302, 405], "{message}");
    }
}

/// RFC 5626 3.5.1, 4.4.1; RFC 3261 7.5.
#[test]
fn rule_26_pings_get_pongs_and_empty_lines_are_passed_over() {
    let text = format!(
        "\r\n\r\n{}\r\n\r\n\r\n{}\r\n",
        request("OPTIONS", "x", 1, ""),
        invite(YES, 2)
    );
    let once = talk(&text);
    assert_eq!((once.answers, once.pongs), (vec![200, 302], 2));
    let (mut o, mut talk) = (pbx(), Talk::default());
    talk.feed(&mut o, b"\r\n");
    assert_eq!(talk.pongs, 0);
    assert!(
        talk.framer.is_empty(),
        "half a ping is no message that has begun"
    );
    talk.feed(&mut o, b"\r");
    talk.feed(&mut o, b"\n");
    assert_eq!(talk.pongs, 1);
    for _ in 0..10_000 {
        talk.feed(&mut o, b"\r\n\r\n");
    }
    assert_eq!(talk.pongs, 10_001);
    talk.feed(&mut o, b"\n\n\n\n\n\r\r\r\r\r\r");
    talk.feed(&mut o, invite(YES, 1).as_bytes());
    assert_eq!(talk.answers, [302]);
}

#[test]
fn rule_26_a_header_or_body_without_end_is_refused_and_closed() {
    let mut endless = request("INVITE", YES, 1, &"X: yyyyyyyy\r\n".repeat(60));
    endless.truncate(endless.find("Content-Length").unwrap());
    endless.push_str(&format!("X: {}", "y".repeat(2 * limits::MESSAGE)));
    let one = talk(&endless);
    assert_eq!((one.answers, one.closed), (vec![513], true));
    let body = invite(YES, 1).replace("Content-Length: ", "Content-Length: 9999");
    let one = talk(&body);
    assert_eq!(
        (one.answers, one.closed),
        (vec![400], true),
        "more than 64 KiB of body"
    );
    let noise = talk(vec![b'x'; 1_000_000]);
    assert!(noise.closed && noise.answers.is_empty());
    let lines = talk("x\r\n".repeat(500_000));
    assert!(lines.closed && lines.answers.is_empty());
}

#[test]
fn rule_26_the_largest_body_passes_and_the_next_message_is_read() {
    let length = 64 * 1024;
    let empty = request("OPTIONS", "x", 1, "");
    let large = empty.replace("Content-Length: 0", &format!("Content-Length: {length}"));
    let text = format!("{large}{}{}", "b".repeat(length), invite(YES, 2));
    assert_eq!(talk(&text).answers, [200, 302]);
    let (mut o, mut talk) = (pbx(), Talk::default());
    for piece in text.as_bytes().chunks(1) {
        talk.feed(&mut o, piece);
    }
    assert_eq!(
        talk.answers,
        [200, 302],
        "octet by octet, without looking at each header again"
    );
}

#[test]
fn rule_26_an_emergency_call_gets_through_a_stream_that_breaks() {
    let mut o = pbx();
    let mut talk = Talk::default();
    talk.feed(
        &mut o,
        invite("911", 1)
            .replace("Content-Length: ", "X: ")
            .as_bytes(),
    );
    assert_eq!((talk.answers, talk.closed), (vec![302], true));
}

#[test]
fn rule_28_the_transport_of_the_via_changes_nothing() {
    for transport in ["TCP", "TLS", "TLS-SCTP", "WSS", "tls"] {
        let message = invite(YES, 1).replace("SIP/2.0/UDP", &format!("SIP/2.0/{transport}"));
        let reply = pbx().ask(message);
        assert_eq!(reply.status(), 302);
        assert!(reply.all("Via")[0].starts_with(&format!("SIP/2.0/{transport} ")));
    }
    assert_eq!(
        talk(invite(YES, 1).replace("sip:2125550123", "sips:2125550123")).answers,
        [302]
    );
}

/// The shell asks the server for clients only; who is one is decided by the source's address alone.
#[test]
fn rule_30_a_stranger_is_nobody_whatever_its_message_says() {
    let o = office_with("");
    let client = |address: &str| o.gate.policy().client_of(address.parse().unwrap());
    assert!(client("10.0.0.5").is_some() && client("::ffff:10.0.0.5").is_some());
    assert!(client("10.0.0.6").is_none() && client("2001:db8::6").is_none());
}
