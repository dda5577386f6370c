//! The 49 messages of RFC 4475 through the whole server, with a real gate behind it: what comes back
//! is what the RFC says of each. Where it leaves a choice, the stricter one is taken unless it would
//! refuse what real PBXs send; the reason stands in the table.
#![allow(clippy::unwrap_used)]

mod office;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use office::{Office, office_with};
use sha2::{Digest as _, Sha256};

use Expected::{Decided, Nothing, Status};

/// What comes back.
enum Expected {
    /// Nothing: a response, or no SIP.
    Nothing,
    /// This status, and no call was decided.
    Status(u16),
    /// A call to this was decided. None of the messages dials a telephone number, so that the
    /// policy refuses them with 603.
    Decided(&'static str),
}

const TABLE: &[(&str, Expected, &str)] = &[
    // 3.1.1 valid messages
    (
        "wsinv",
        Status(481),
        "3.1.1.1: white space everywhere is right; its To names a dialog that is not here",
    ),
    (
        "intmeth",
        Status(501),
        "3.1.1.2: a method of all characters, not known",
    ),
    (
        "esc01",
        Decided("sips:user@example.com"),
        "3.1.1.3: decoded once",
    ),
    ("escnull", Status(200), "3.1.1.4: %00 is part of the user"),
    (
        "esc02",
        Status(501),
        "3.1.1.5: RE%47IST%45R is not REGISTER",
    ),
    (
        "lwsdisp",
        Status(200),
        "3.1.1.6: no space between name and bracket",
    ),
    ("longreq", Decided("user"), "3.1.1.7: 34 Vias, long values"),
    (
        "dblreq",
        Status(200),
        "3.1.1.8: what follows the length is passed over",
    ),
    ("semiuri", Status(200), "3.1.1.9: `;` in the user part"),
    (
        "transports",
        Status(200),
        "3.1.1.10: transports not known in Via",
    ),
    (
        "mpart01",
        Status(405),
        "3.1.1.11: read; MESSAGE is not served here",
    ),
    ("unreason", Nothing, "3.1.1.12: a response"),
    ("noreason", Nothing, "3.1.1.13: a response"),
    // 3.1.2 invalid messages
    ("badinv01", Status(400), "3.1.2.1: empty parameters in Via"),
    ("clerr", Status(400), "3.1.2.2: longer than the datagram"),
    ("ncl", Status(400), "3.1.2.3: negative length"),
    ("scalar02", Status(400), "3.1.2.4: numbers too large"),
    ("scalarlg", Nothing, "3.1.2.5: a response"),
    ("quotbal", Status(400), "3.1.2.6: a quote left open in To"),
    (
        "ltgtruri",
        Status(400),
        "3.1.2.7: brackets around the Request-URI; no PBX sends them",
    ),
    ("lwsruri", Status(400), "3.1.2.8: spaces in the Request-URI"),
    (
        "lwsstart",
        Status(400),
        "3.1.2.9: two spaces in the request line; no PBX sends them",
    ),
    (
        "trws",
        Status(400),
        "3.1.2.10: spaces behind the version; no PBX sends them",
    ),
    (
        "escruri",
        Status(400),
        "3.1.2.11: headers in the Request-URI",
    ),
    (
        "baddate",
        Decided("user"),
        "3.1.2.12: 400 or ignore; a call is not lost for the time zone of a header that nobody reads",
    ),
    (
        "regbadct",
        Status(400),
        "3.1.2.13: `?` in a Contact without brackets",
    ),
    (
        "badaspec",
        Status(400),
        "3.1.2.14: spaces inside the brackets of To",
    ),
    (
        "baddn",
        Status(400),
        "3.1.2.15: as archived the empty line is missing",
    ),
    ("badvers", Status(505), "3.1.2.16: SIP/7.0"),
    (
        "mismatch01",
        Status(400),
        "3.1.2.17: CSeq of another method",
    ),
    (
        "mismatch02",
        Status(400),
        "3.1.2.18: 501 or 400; the mismatch comes first",
    ),
    ("bigcode", Nothing, "3.1.2.19: a response"),
    // 3.2 to 3.4
    (
        "badbranch",
        Status(200),
        "3.2.1: a branch of the cookie alone",
    ),
    ("insuf", Status(400), "3.3.1: no From, To, Call-ID"),
    ("unkscm", Status(416), "3.3.2: a scheme that nobody knows"),
    ("novelsc", Status(416), "3.3.3: a scheme that is no SIP"),
    (
        "unksm2",
        Status(404),
        "3.3.4: To names no address of record",
    ),
    ("bext01", Status(420), "3.3.5: Require"),
    (
        "invut",
        Decided("user"),
        "3.3.6: 415 or read no body; a redirect reads none (RFC 3261 8.3)",
    ),
    (
        "regaut01",
        Status(200),
        "3.3.7: 401 where credentials are asked for, see below",
    ),
    ("multi01", Status(400), "3.3.8: headers twice"),
    ("mcl01", Status(400), "3.3.9: two lengths"),
    ("bcast", Nothing, "3.3.10: a response"),
    ("zeromf", Status(200), "3.3.11: Max-Forwards 0 ends here"),
    (
        "cparam01",
        Status(200),
        "3.3.12: a parameter of the Contact",
    ),
    ("cparam02", Status(200), "3.3.13: a parameter of its URI"),
    (
        "regescrt",
        Status(200),
        "3.3.14: headers in the Contact's URI are kept",
    ),
    (
        "sdp01",
        Decided("user"),
        "3.3.15: 406 or read no body; the answer has none",
    ),
    ("inv2543", Decided("UserB"), "3.4.1: of RFC 2543"),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475")
}

fn message(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.dat"))).unwrap()
}

fn pbx() -> Office {
    office_with("")
}

#[test]
fn every_message_gets_what_the_rfc_says() {
    let mut wrong = String::new();
    for (name, expected, why) in TABLE {
        let reply = pbx().send(message(name));
        let got = match &reply {
            None => "nothing".to_owned(),
            Some(reply) if reply.record.is_some() => {
                format!("{} for {}", reply.status(), reply.dialled())
            }
            Some(reply) => reply.status().to_string(),
        };
        let wanted = match expected {
            Nothing => "nothing".to_owned(),
            Status(status) => status.to_string(),
            Decided(dialled) => format!("603 for {dialled}"),
        };
        if got != wanted {
            let text = reply.map(|r| r.text()).unwrap_or_default();
            writeln!(wrong, "{name}: {got}, not {wanted} ({why})\n{text}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_table_names_every_message_and_the_messages_are_the_archived_ones() {
    let sums: BTreeMap<String, String> = fs::read_to_string(folder().join("SHA256SUMS"))
        .unwrap()
        .lines()
        .map(|line| {
            let (sum, file) = line.split_once("  ").unwrap();
            (file.to_owned(), sum.to_owned())
        })
        .collect();
    let mut named: Vec<String> = TABLE.iter().map(|(n, ..)| format!("{n}.dat")).collect();
    named.sort();
    assert_eq!(named, sums.keys().cloned().collect::<Vec<_>>());
    assert_eq!(named.len(), 49);
    for (file, sum) in &sums {
        let bytes = fs::read(folder().join(file)).unwrap();
        let mut got = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(got, "{byte:02x}").unwrap();
        }
        assert_eq!(&got, sum, "{file}");
    }
}

#[test]
fn a_display_name_that_needs_quotes_is_refused_for_itself() {
    let whole = [message("baddn"), b"\r\n".to_vec()].concat();
    let reply = pbx().ask(&whole);
    assert_eq!(reply.status(), 400);
    assert!(
        reply.text().starts_with("SIP/2.0 400 Bad From\r\n"),
        "{}",
        reply.text()
    );
}

#[test]
fn a_message_without_its_empty_line_says_so() {
    let reply = pbx().ask(message("baddn"));
    assert!(
        reply
            .text()
            .starts_with("SIP/2.0 400 Header Does Not End\r\n")
    );
}

#[test]
fn vias_come_back_all_and_in_order() {
    let reply = pbx().ask(message("longreq"));
    let hosts: Vec<String> = reply
        .all("Via")
        .iter()
        .map(|via| via.split([' ', ';']).nth(1).unwrap().to_owned())
        .collect();
    let mut wanted: Vec<String> = (1..=33)
        .rev()
        .map(|n| format!("sip{n}.example.com"))
        .collect();
    wanted.push("host.example.com".into());
    assert_eq!(hosts, wanted);
}

#[test]
fn white_space_does_not_survive_as_line_ends() {
    let reply = pbx().ask(message("wsinv"));
    let text = reply.text();
    assert!(text.contains("Via: SIP  /   2.0   /UDP"), "{text}");
    assert!(
        text.contains(";received=10.0.0.5"),
        "sent-by is another address: {text}"
    );
    assert_eq!(reply.all("Via").len(), 3);
    assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
    assert_eq!(
        reply.one("CSeq").split_whitespace().collect::<Vec<_>>(),
        ["0009", "INVITE"]
    );
}

#[test]
fn the_second_request_of_a_datagram_is_not_executed() {
    let mut office = pbx();
    let reply = office.ask(message("dblreq"));
    assert!(
        reply
            .one("Call-ID")
            .starts_with("dblreq.0ha0isndaksdj99sdfafnl3lk233412")
    );
    assert_eq!(office.gate.figures().decided, 0, "the second is an INVITE");
}

#[test]
fn contacts_of_a_registration_come_back_as_they_were() {
    for (name, wanted) in [
        (
            "escnull",
            &[
                "<sip:%00@host5.example.com>",
                "<sip:%00%00@host5.example.com>",
            ][..],
        ),
        ("cparam01", &["<sip:+19725552222@gw1.example.net>"]),
        (
            "cparam02",
            &["<sip:+19725552222@gw1.example.net;unknownparam>"],
        ),
        (
            "regescrt",
            &["<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"],
        ),
    ] {
        let got = pbx().ask(message(name)).all("Contact");
        let wanted: Vec<String> = wanted.iter().map(|c| format!("{c};expires=3600")).collect();
        assert_eq!(got, wanted, "{name}");
    }
}

#[test]
fn options_that_nobody_supports_are_named() {
    let reply = pbx().ask(message("bext01"));
    assert_eq!(
        reply.one("Unsupported"),
        "nothingSupportsThis, nothingSupportsThisEither"
    );
}

#[test]
fn credentials_of_a_scheme_that_nobody_knows_are_none() {
    let mut office = office_with("credentials = {username = 'pbx', password = 'correct horse'}");
    let reply = office.ask(message("regaut01"));
    assert_eq!(reply.status(), 401);
    assert_eq!(reply.all("WWW-Authenticate").len(), 2);
}

/// Where 503 approves, no refusal for a reason of protocol may look like anything but a refusal.
#[test]
fn no_invite_slips_through_a_pbx_that_fails_over() {
    for (profile, deny) in [("failover", 603), ("freepbx-trunk", 486)] {
        for (name, _, _) in TABLE {
            let bytes = message(name);
            if !bytes.starts_with(b"INVITE ") {
                continue;
            }
            let reply = office_with(&format!("profile = '{profile}'")).ask(&bytes);
            assert_eq!(reply.status(), deny, "{name} for {profile}");
        }
    }
}
