//! Messages that are almost right, by the hundred thousand: no panic, at most one small answer to who
//! asked, the same for the same octets. `TRUNKGUARD_MUTATIONS=5000000` makes as many.
#![allow(clippy::unwrap_used)]

mod corpus;

use std::{collections::BTreeMap, path::PathBuf};

use corpus::{ASTERISK, Bench, DETECT, Outcome, POLICY, Random, messages};
use trunkguard_sip::read::Framing;

/// What breaks readers: limits, separators, other headers, other spellings.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b"\0",
    b"\"",
    b"\\",
    b"\\\"",
    b"<",
    b">",
    b";",
    b";;",
    b",",
    b":",
    b"=",
    b"?",
    b"@",
    b"%",
    b"%00",
    b"%0d%0a",
    b"[",
    b"]",
    b"[::1]",
    b"[2001:db8::1]:5060",
    b" ",
    b"\t",
    b"*",
    b"\xff",
    b"\xc3\xa9",
    b"-1",
    b"0",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"99999999999999999999",
    b"sip:",
    b"sips:",
    b"tel:",
    b"urn:service:sos",
    b"911",
    b"A00",
    b"z9hG4bK",
    b";rport",
    b";received=1.2.3.4",
    b";branch=",
    b";tag=",
    b";maddr=198.51.100.1",
    b";expires=",
    b";q=0.5",
    b"SIP/2.0",
    b"INVITE",
    b"ACK",
    b"CANCEL",
    b"OPTIONS",
    b"REGISTER",
    b"BYE",
    b"SIP/2.0 200 OK\r\n",
    b"Via: SIP/2.0/UDP a\r\n",
    b"v: SIP/2.0/UDP b\r\n",
    b"From: <sip:1@2>;tag=3\r\n",
    b"To: <sip:1@2>\r\n",
    b"Contact: *\r\n",
    b"Contact: <sip:a@b>\r\n",
    b"CSeq: 1 INVITE\r\n",
    b"Call-ID: x\r\n",
    b"l: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Require: x\r\n",
    b"Expires: 0\r\n",
    b"P-tfps: 1;2;3;4;5\r\n",
    b"X-tfps: a@b\r\n",
    b"Authorization: Digest \r\n",
    b"P-Asserted-Identity: <sip:9@9>\r\n",
    b"%s%n%x",
];

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut message = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(message.len() + 1);
        match random.below(10) {
            0 | 1 if !message.is_empty() => {
                let at = at % message.len();
                message[at] ^= 1 << random.below(8);
            }
            2 if !message.is_empty() => {
                let at = at % message.len();
                message[at] = random.next() as u8;
            }
            3 | 4 => {
                let word = WORDS[random.below(WORDS.len())];
                message.splice(at..at, word.iter().copied());
            }
            5 => {
                let end = (at + random.below(40)).min(message.len());
                message.drain(at..end);
            }
            6 => message.truncate(at),
            7 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let to = (from + random.below(400)).min(other.len());
                message.splice(at..at, other[from..to].iter().copied());
            }
            8 => {
                // Just below, at and just above what is allowed of anything.
                const LENGTHS: [usize; 12] = [
                    31, 32, 33, 127, 128, 129, 255, 257, 1_023, 1_025, 8_192, 40_000,
                ];
                let octet = b"a1%;,<\"\\: \0\xff"[random.below(12)];
                let run = vec![octet; LENGTHS[random.below(LENGTHS.len())]];
                message.splice(at..at, run);
            }
            _ => repeat_lines(random, &mut message),
        }
        message.truncate(65_535);
    }
    message
}

/// A header again, once or very often.
fn repeat_lines(random: &mut Random, message: &mut Vec<u8>) {
    let lines: Vec<&[u8]> = message.split_inclusive(|&b| b == b'\n').collect();
    let which = random.below(lines.len());
    let times = [1, 1, 2, 50, 500][random.below(5)];
    let Some(line) = lines.get(which) else { return };
    let at: usize = lines[..which].iter().map(|l| l.len()).sum();
    let copies = line.repeat(times);
    message.splice(at..at, copies);
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475");
    let mut seeds = messages(&folder);
    assert_eq!(seeds.len(), 49);
    // As often as all the others: this is what comes in, and what a mutation of goes far.
    (0..24).for_each(|_| seeds.extend(ASTERISK.map(|m| m.as_bytes().to_vec())));
    seeds
}

fn count() -> u64 {
    std::env::var("TRUNKGUARD_MUTATIONS").map_or(200_000, |n| n.parse().expect("a number"))
}

#[test]
fn no_datagram_breaks_the_server() {
    let (mut bench, seeds, mut random) =
        (Bench::new(POLICY), seeds(), Random(0x7472_756e_6b67_7561));
    let mut detect = Bench::new(DETECT);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for i in 0..count() {
        let message = mutate(&mut random, &seeds);
        let client = (i % u64::from(bench.clients())) as u16;
        let outcome = bench.check(client, &message, Framing::Datagram);
        *outcomes.entry(format!("{outcome:?}")).or_default() += 1;
        detect.check(0, &message, Framing::Datagram);
    }
    println!("{outcomes:#?}");
    // The mutations reach every kind of answer; else they would prove little.
    for wanted in [
        Outcome::Silent,
        Outcome::Decided(302),
        Outcome::Decided(603),
        Outcome::Decided(503),
        Outcome::Answered(200),
        Outcome::Answered(400),
        Outcome::Answered(401),
        Outcome::Answered(405),
        Outcome::Answered(420),
        Outcome::Answered(481),
        Outcome::Answered(486),
        Outcome::Answered(501),
        Outcome::Answered(505),
        Outcome::Answered(513),
    ] {
        assert!(
            outcomes.contains_key(&format!("{wanted:?}")),
            "{wanted:?}: {outcomes:?}"
        );
    }
}

#[test]
fn no_stream_breaks_the_server() {
    let (mut bench, seeds, mut random) =
        (Bench::new(POLICY), seeds(), Random(0x6672_616d_6572_7321));
    let mut messages = 0;
    for _ in 0..count() / 10 {
        let mut bytes = Vec::new();
        for _ in 0..=random.below(3) {
            let whole = random.below(2) == 0;
            if whole {
                bytes.extend_from_slice(ASTERISK[random.below(2)].as_bytes());
            } else {
                bytes.extend(mutate(&mut random, &seeds));
            }
        }
        let most = [1, 3, 40, 1_500, 100_000][random.below(5)];
        let mut sizes = Random(random.next() | 1);
        messages += bench.stream(0, &bytes, || 1 + sizes.below(most));
    }
    assert!(messages as u64 > count() / 20, "{messages}");
}

/// What broke a version of it once, a file each: found by hand, by the tests here or by `make fuzz`.
#[test]
fn nothing_breaks_it_again() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/found");
    let mut bench = Bench::new(POLICY);
    let mut detect = Bench::new(DETECT);
    let found = messages(&folder);
    assert!(found.len() >= 5);
    for message in found {
        for client in 0..bench.clients() {
            bench.check(client, &message, Framing::Datagram);
        }
        detect.check(0, &message, Framing::Datagram);
        bench.stream(0, &message, || 1);
    }
}

/// Time grows with the length and no faster: a message that is all of one thing, short and long.
#[test]
fn nothing_takes_more_than_its_length() {
    let start =
        "INVITE sip:2125550123@10.0.0.9 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n";
    for piece in [
        "X:y\r\n",
        " \r\n",
        "\"",
        "<",
        ";",
        "a;",
        ",",
        "\\",
        "Via: a\r\n",
        "To: \"\r\n",
        "\n",
        ":",
        "l:0\r\n ",
        "%41",
    ] {
        let time = |length: usize| {
            let message = format!("{start}To: {}", piece.repeat(length / piece.len()));
            let mut bench = Bench::new(POLICY);
            let runs = (0..5).map(|_| {
                let began = std::time::Instant::now();
                bench.check(0, message.as_bytes(), Framing::Datagram);
                began.elapsed()
            });
            runs.min().unwrap()
        };
        let (short, long) = (time(6_000), time(60_000));
        // Ten times the length; a square would be a hundred times. The rest is for the machine's noise.
        let limit = short * 40 + std::time::Duration::from_millis(50);
        assert!(long < limit, "{piece:?}: {short:?} and {long:?}");
    }
}
