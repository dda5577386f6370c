//! What a PBX says of the phone behind it, in all its forms, and what a phone can do to it: it chooses
//! its own User-Agent, which the PBX copies into the header.
#![allow(clippy::unwrap_used)]

mod office;

use office::{Office, YES, office_with, request};
use trunkguard_core::request::Said;
use trunkguard_sip::{read::SaidHeaders, said};

fn tfps(value: &[u8]) -> Said<'_> {
    said::read(&SaidHeaders {
        tfps: Some(value),
        ..SaidHeaders::default()
    })
}

fn show(said: &Said<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if said.malformed {
        let nothing = said.caller.is_empty()
            && said.domain.is_empty()
            && said.user_agent.is_empty()
            && said.address.is_none()
            && said.calls.is_none();
        assert!(nothing, "no field of a malformed header is believed");
        return format!("{}: malformed", said.fields);
    }
    format!(
        "{}: {}|{}|{}|{}|{}",
        said.fields,
        text(said.caller),
        text(said.domain),
        said.address.map(|a| a.to_string()).unwrap_or_default(),
        text(said.user_agent),
        said.calls.map(|c| c.to_string()).unwrap_or_default(),
    )
}

#[test]
fn one_to_five_fields() {
    for (value, wanted) in [
        (
            "2001;pbx.example;192.168.1.7;Yealink SIP-T46U;1",
            "5: 2001|pbx.example|192.168.1.7|Yealink SIP-T46U|1",
        ),
        (
            "2001;pbx.example;192.168.1.7;Yealink",
            "4: 2001|pbx.example|192.168.1.7|Yealink|",
        ),
        (
            "2001;pbx.example;192.168.1.7",
            "3: 2001|pbx.example|192.168.1.7||",
        ),
        ("2001;pbx.example", "2: 2001|pbx.example|||"),
        // The `;` of the dial plan was not escaped: the PBX took the rest for a comment.
        ("2001", "1: 2001||||"),
        ("", "1: ||||"),
        (";;10.0.0.5;;1", "5: ||10.0.0.5||1"),
        (";;;;", "5: ||||"),
        (
            " 2001 ; pbx.example ;\t10.0.0.5 ; A phone ; 12 ",
            "5: 2001|pbx.example|10.0.0.5|A phone|12",
        ),
        ("+12125550199;;;;1", "5: +12125550199||||1"),
        ("*98#;;;;1", "5: *98#||||1"),
        ("alice.w_x-y;;;;9999", "5: alice.w_x-y||||9999"),
    ] {
        assert_eq!(show(&tfps(value.as_bytes())), wanted, "{value}");
    }
}

#[test]
fn a_user_agent_may_hold_semicolons() {
    for (value, wanted) in [
        (
            "2001;d;10.0.0.5;Zoiper;rv2.10;3",
            "5: 2001|d|10.0.0.5|Zoiper;rv2.10|3",
        ),
        ("2001;d;10.0.0.5;a;b;c;d;3", "5: 2001|d|10.0.0.5|a;b;c;d|3"),
        ("2001;d;10.0.0.5;;;3", "5: 2001|d|10.0.0.5|;|3"),
        ("2001;d;10.0.0.5;x;9;1", "5: 2001|d|10.0.0.5|x;9|1"),
    ] {
        assert_eq!(show(&tfps(value.as_bytes())), wanted, "{value}");
    }
    // Four fields and a `;` in the name: its last part stands where the count must be.
    assert_eq!(
        show(&tfps(b"2001;d;10.0.0.5;Zoiper;rv2.10")),
        "5: malformed"
    );
}

#[test]
fn addresses_in_all_spellings() {
    for (text, wanted) in [
        ("192.168.1.7", "192.168.1.7"),
        ("192.168.1.7:5060", "192.168.1.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:5060", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:5060", "fe80::1"),
        ("::ffff:10.0.0.5", "::ffff:10.0.0.5"),
        ("::1", "::1"),
    ] {
        let value = format!("2001;d;{text};ua;1");
        assert_eq!(
            show(&tfps(value.as_bytes())),
            format!("5: 2001|d|{wanted}|ua|1")
        );
    }
    for text in [
        "phone.example",
        "192.168.1",
        "192.168.1.7.8",
        "192.168.1.256",
        "192.168.1.7:x",
        "192.168.1.7:99999",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]x",
        "[2001:db8::7]:",
        "2001:db8::g",
        "192.168.1.7%eth0",
        "fe80::1%",
        "fe80::1%a b",
        "8.8.8.8, 10.0.0.5",
        "0x0a000005",
        "010.0.0.5",
        "\u{664}.1.1.1",
    ] {
        let value = format!("2001;d;{text};ua;1");
        assert_eq!(show(&tfps(value.as_bytes())), "5: malformed", "{text}");
    }
}

#[test]
fn forged_fields_make_the_whole_header_worthless() {
    for value in [
        "2001;x;8.8.8.8;10.0.0.5;ua;many",
        "2001;x;evil;10.0.0.5;ua;1",
        "2001;x;10.0.0.5;ua;0",
        "2001;x;10.0.0.5;ua;10000",
        "2001;x;10.0.0.5;ua;-1",
        "2001;x;10.0.0.5;ua;1x",
        "2001;x;10.0.0.5;ua;99999999999999999999999",
        "20 01;x;10.0.0.5;ua;1",
        "20/01;x;10.0.0.5;ua;1",
        "\"2001;x;10.0.0.5;ua;1",
        "2001@pbx;x;10.0.0.5;ua;1",
        "123456789012345678901234567890123;x;10.0.0.5;ua;1",
    ] {
        assert!(tfps(value.as_bytes()).malformed, "{value}");
    }
    assert!(
        !tfps(b"12345678901234567890123456789012;;;;").malformed,
        "32 are allowed"
    );
}

#[test]
fn octets_that_are_no_utf8_are_no_reason_to_refuse() {
    let said = tfps(b"2001;d;10.0.0.5;T\xe9l\xe9phone \xff\x80;2");
    assert_eq!(
        (said.user_agent, said.calls),
        (&b"T\xe9l\xe9phone \xff\x80"[..], Some(2))
    );
    assert!(tfps(b"20\xe901;d;10.0.0.5;ua;2").malformed);
    let mut message = request("INVITE", YES, 1, "P-tfps: 2001;d;10.0.0.31;T?l;1\r\n").into_bytes();
    let at = message.windows(3).position(|w| w == b"T?l").unwrap() + 1;
    message[at] = 0xe9;
    let record = pbx().ask(&message).record.unwrap();
    assert_eq!(
        (record.phone_agent.as_str(), record.said_calls),
        ("T?l", Some(1))
    );
}

fn pbx() -> Office {
    office_with("")
}

fn with(headers: &str) -> office::Reply {
    pbx().ask(request("INVITE", YES, 1, headers))
}

#[test]
fn older_headers_say_the_same() {
    let reply = with(
        "X-tfps: 2005@pbx.example\r\nP-Received: 10.0.0.31\r\nP-UA: Zoiper;rv2\r\nP-Calls: 3\r\n",
    );
    let record = reply.record.unwrap();
    assert_eq!(record.caller.as_str(), "2005");
    assert_eq!(record.phone, Some("10.0.0.31".parse().unwrap()));
    assert_eq!(
        (record.phone_agent.as_str(), record.said_calls),
        ("Zoiper;rv2", Some(3))
    );
    assert_eq!(record.said_fields, 5);
    let record = with("P-Source: 10.0.0.32\r\n").record.unwrap();
    assert_eq!(
        (record.phone, record.caller.as_str()),
        (Some("10.0.0.32".parse().unwrap()), "2001")
    );
    let record = with("P-Received: nonsense\r\nX-tfps: 2005@x\r\n")
        .record
        .unwrap();
    assert_eq!(
        (record.phone, record.caller.as_str()),
        (None, "2001"),
        "forged: From counts"
    );
}

/// chan_sip decodes `\r\n` in the value of SIPAddHeader: a User-Agent can hold whole headers.
#[test]
fn a_header_written_in_by_a_phone_is_tampering() {
    let mine = "P-tfps: 2001;d;10.0.0.31;Evil";
    for injected in [
        "\r\nP-tfps: 2001;d;10.0.0.99;Nice;1\r\n",
        "\r\np-TFPS: 2001;d;10.0.0.99;Nice;1\r\n",
        "\r\nX-tfps: 2009@d;1\r\n",
        "\r\nP-Received: 10.0.0.99;1\r\n",
        "\r\nP-Source: 10.0.0.99;1\r\n",
        "\r\nP-UA: Nice;1\r\n",
        "\r\nP-Calls: 1\r\n",
        "\r\nContact: <sip:2009@10.0.0.5>;1\r\n",
        "\r\nFrom: <sip:2009@x>;tag=1\r\n",
        "\r\nf: nonsense\r\n",
        "\r\nP-Asserted-Identity: <sip:1@x>\r\nP-Asserted-Identity: <sip:2@x>\r\n",
    ] {
        let reply = with(&format!("{mine}{injected}"));
        assert_eq!(
            (reply.status(), reply.rule()),
            (603, "tampering"),
            "{injected}"
        );
    }
    for older in [
        "X-tfps: a@b\r\n",
        "P-Received: 10.0.0.1\r\n",
        "P-UA: x\r\n",
        "P-Calls: 1\r\n",
    ] {
        assert_eq!(with(&older.repeat(2)).rule(), "tampering", "{older}");
    }
    assert_eq!(
        with("P-Received: 10.0.0.1\r\nP-Source: 10.0.0.1\r\n").rule(),
        "tampering"
    );
    // Headers of which one is allowed, and without which there is no call.
    for injected in [
        "\r\nCall-ID: x\r\n",
        "\r\nCSeq: 1 INVITE\r\n",
        "\r\nTo: <sip:1@x>\r\n",
    ] {
        let mut o = pbx();
        assert_eq!(
            o.status(request("INVITE", YES, 1, &format!("{mine}{injected}"))),
            400,
            "{injected}"
        );
        assert_eq!(o.gate.figures().decided, 0);
    }
    // In Detect nothing is refused, and it is still seen.
    let mut o = office::office(
        "settings = {durability = 'relaxed'}\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n",
    );
    let reply = o.ask(request(
        "INVITE",
        YES,
        1,
        &format!("{mine}\r\nP-tfps: x\r\n"),
    ));
    let verdict = reply.record.unwrap().verdict;
    assert!(verdict.approved && !verdict.allowed && verdict.rule.name() == "tampering");
}

#[test]
fn a_malformed_header_says_nothing_and_the_call_is_decided() {
    let record = with("P-tfps: 2009;x;evil;ua;1\r\n").record.unwrap();
    assert_eq!(record.caller.as_str(), "2001", "From counts");
    assert_eq!(
        (record.phone, record.said_calls, record.said_fields),
        (None, None, 5)
    );
}

#[test]
fn fields_that_arrived_are_remembered_for_the_owner() {
    let mut o = pbx();
    for (value, fields) in [("2001", 1), ("2001;d;10.0.0.31;ua;1", 5), ("2001;d", 2)] {
        o.ask(request(
            "INVITE",
            YES,
            fields.into(),
            &format!("P-tfps: {value}\r\n"),
        ));
        assert_eq!(o.uas.heard(0).unwrap().said_fields, fields);
    }
    assert_eq!(
        o.uas.heard(0).unwrap().user_agent.as_str(),
        "Asterisk PBX 16.28.0"
    );
    o.uas.forget_clients();
    assert!(o.uas.heard(0).is_none());
}

/// `SIPAddHeader` with a folded or long value.
#[test]
fn folded_and_long_values() {
    let record = with("P-tfps: 2001;d;\r\n 10.0.0.31;A\r\n\tphone;1\r\n")
        .record
        .unwrap();
    assert_eq!(record.phone, Some("10.0.0.31".parse().unwrap()));
    assert_eq!(record.said_calls, Some(1));
    let long = format!("P-tfps: 2001;d;10.0.0.31;{};1\r\n", "u".repeat(900));
    assert_eq!(with(&long).record.unwrap().said_calls, Some(1));
    let longer = format!("P-tfps: 2001;d;10.0.0.31;{};1\r\n", "u".repeat(1_100));
    assert_eq!(with(&longer).status(), 513);
}
