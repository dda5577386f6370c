//! What the RFCs ask of a redirect server, rule by rule: transactions, copies, where answers go.
//! Rules 1 to 8 and 13 to 16; the others are in `rules_requests.rs` and `rules_streams.rs`.
#![allow(clippy::unwrap_used)]

mod office;

use std::{fs, net::SocketAddr};

use office::{NO, Office, PREVENT, YES, invite, office, office_with, pjsip_invite, request, uas};
use trunkguard_core::verdict::Answer;
use trunkguard_sip::{read::Framing, uas::Uas};

fn pbx() -> Office {
    office_with("")
}

fn ack(of: &str) -> String {
    of.replace("INVITE", "ACK")
        .replace(">\r\nContact", ">;tag=1\r\nContact")
}

/// RFC 3261 17.2.1, 8.2.6.1. Here: what the 100 looks like and for whom there is one. That it leaves
/// after 150 ms is a test of the daemon's `held.rs`.
#[test]
fn rule_01_a_100_trying_has_no_tag_and_repeats_the_timestamp() {
    let source: SocketAddr = "10.0.0.5:5062".parse().unwrap();
    let mut out = [0; 2048];
    let invite = invite(YES, 1).replace("Max-Forwards", "Timestamp: 54.5\r\nMax-Forwards");
    let len = Uas::trying(invite.as_bytes(), source, Framing::Datagram, &mut out).unwrap();
    let text = String::from_utf8(out[..len].to_vec()).unwrap();
    assert!(text.starts_with("SIP/2.0 100 Trying\r\n"), "{text}");
    assert!(text.contains("\r\nTimestamp: 54.5\r\n"));
    assert!(
        text.contains("\r\nTo: <sip:2125550123@10.0.0.9:5060>\r\n"),
        "no tag: {text}"
    );
    assert!(text.contains(";branch=z9hG4bK00000001;rport=5062;received=10.0.0.5\r\n"));
    assert!(text.ends_with("Content-Length: 0\r\n\r\n"));
    assert!(
        Uas::trying(
            b"INVITE sip:x SIP/2.0\r\n\r\n",
            source,
            Framing::Datagram,
            &mut out
        )
        .is_none()
    );
    // A final answer is there at once: nothing but it comes back.
    assert_eq!(pbx().status(&invite), 302);
}

/// RFC 3261 17.2.1.
#[test]
fn rule_02_a_retransmission_gets_the_same_octets_and_is_decided_once() {
    let mut o = office(&format!(
        "{PREVENT}policy = {{limits = {{per_day = 1}}}}\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n"
    ));
    let first = o.ask(invite(YES, 1));
    assert_eq!(first.status(), 302);
    for gap in [500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000] {
        o.pass_ms(gap);
        let again = o.ask(invite(YES, 1));
        assert_eq!(again.bytes, first.bytes);
        assert!(again.record.is_none(), "no second decision");
    }
    assert_eq!(o.gate.figures().decided, 1);
    assert_eq!(
        o.ask(invite(YES, 2)).rule(),
        "per-day",
        "one call was counted, not eight"
    );
    assert_eq!(o.ask(invite(NO, 3)).bytes, o.ask(invite(NO, 3)).bytes);
}

#[test]
fn rule_02_a_waiting_answer_is_not_given_away_early() {
    let mut o = office(
        "settings = {mode = 'prevent', area_code = 212}\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n",
    );
    let first = o.ask(invite(YES, 1));
    let ticket = first.ticket.expect("strict: it waits for the disk");
    assert!(o.send(invite(YES, 1)).is_none());
    assert!(matches!(
        o.gate.settle(ticket, None),
        Some(Answer::Redirect(_))
    ));
    assert_eq!(o.ask(invite(YES, 1)).bytes, first.bytes);
}

#[test]
fn rule_02_a_branch_used_again_for_another_number_is_another_call() {
    let mut o = pbx();
    assert_eq!(o.status(invite(YES, 1)), 302);
    let other = invite(YES, 1)
        .replace(YES, NO)
        .replace("CSeq: 102", "CSeq: 103");
    let reply = o.ask(&other);
    assert_eq!(reply.status(), 603, "{}", reply.text());
    let same_call = invite(YES, 1).replace(YES, "2125550124");
    assert_eq!(
        o.status(same_call),
        482,
        "same call by its names, another number"
    );
}

/// RFC 3261 17.2.1. The daemon calls `sent` for UDP only, and not for clients with
/// `retransmit = false`.
#[test]
fn rule_03_final_answers_leave_again_until_the_ack() {
    let mut o = pbx();
    let mut times = Vec::new();
    let start = o.now.mono_ms;
    let reply = o.ask(invite(YES, 1));
    o.uas.sent(start, reply.transaction, reply.to, &reply.bytes);
    for ms in (0..40_000).step_by(100) {
        o.uas.due(start + ms, |to, bytes| {
            assert_eq!((to, bytes), (reply.to, &reply.bytes[..]));
            times.push(ms);
        });
    }
    assert_eq!(
        times,
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );

    let reply = o.ask(invite(NO, 2));
    o.uas.sent(start, reply.transaction, reply.to, &reply.bytes);
    assert!(o.send(ack(&invite(NO, 2))).is_none());
    o.uas.due(start + 600, |_, _| panic!("it was acknowledged"));
}

/// RFC 3261 17.2.1, 17.1.1.3.
#[test]
fn rule_04_an_ack_is_never_answered() {
    let mut o = pbx();
    for id in 0..2_000 {
        assert!(o.send(ack(&invite(YES, id))).is_none(), "of no call");
    }
    assert!(
        o.send("ACK sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5\r\n\r\n")
            .is_none()
    );
    assert_eq!(o.gate.transactions().len(), 0);
    let mut asks = office_with("credentials = {username = 'pbx', password = 'correct horse'}");
    assert!(
        asks.send(ack(&invite(YES, 1))).is_none(),
        "not challenged (RFC 3261 22.1)"
    );
}

/// RFC 3261 8.2.6.2, 19.3.
#[test]
fn rule_05_the_to_tag_is_the_same_for_the_same_request_and_nobody_can_guess_it() {
    let tag = |boot: u64, message: &str| {
        let mut o = pbx();
        o.uas = uas(boot);
        let to = o.ask(message).one("To");
        to.split_once(";tag=").expect("a tag").1.to_owned()
    };
    assert_eq!(tag(1, &invite(YES, 1)), tag(1, &invite(YES, 1)));
    assert_ne!(
        tag(1, &invite(YES, 1)),
        tag(2, &invite(YES, 1)),
        "another boot"
    );
    assert_ne!(
        tag(1, &invite(YES, 1)),
        tag(1, &invite(YES, 2)),
        "another call"
    );
    assert_eq!(tag(1, &invite(YES, 1)).len(), 16);
    for method in ["OPTIONS", "REGISTER", "CANCEL", "BYE", "UNKNOWN"] {
        assert_eq!(tag(1, &request(method, "x", 1, "")).len(), 16, "{method}");
    }
    let with_tag = request("BYE", "x", 1, "").replace("\r\nContact", ";tag=theirs\r\nContact");
    assert_eq!(
        pbx().ask(with_tag).one("To"),
        "<sip:x@10.0.0.9:5060>;tag=theirs"
    );
}

/// RFC 3261 8.2.6.2. (All 34 Vias of longreq, in order: `torture.rs`.)
#[test]
fn rule_06_via_from_call_id_and_cseq_come_back_as_they_were() {
    let message = invite(YES, 7).replace(
        "Max-Forwards",
        "v: SIP/2.0/TCP b.example;branch=z9hG4bKb , SIP/2.0/TLS\r\n c.example;branch=z9hG4bKc\r\nMax-Forwards",
    );
    let reply = pbx().ask(message);
    assert_eq!(
        reply.all("Via"),
        [
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK00000007;rport=5060;received=10.0.0.5",
            "SIP/2.0/TCP b.example;branch=z9hG4bKb",
            "SIP/2.0/TLS   c.example;branch=z9hG4bKc",
        ]
    );
    assert_eq!(
        reply.one("From"),
        "\"Alice\" <sip:2001@10.0.0.5>;tag=as00000007"
    );
    assert_eq!(reply.one("Call-ID"), format!("{:032x}@10.0.0.5:5060", 7));
    assert_eq!(reply.one("CSeq"), "102 INVITE");
}

/// RFC 3261 18.2.1, 18.2.2, RFC 3581 4.
#[test]
fn rule_07_answers_go_to_the_source_and_never_where_a_header_points() {
    let via = |text: &str| {
        invite(YES, 1).replace(
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK00000001;rport",
            text,
        )
    };
    for (source, sent, to, back) in [
        (
            "10.0.0.5:5060",
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1",
            "10.0.0.5:5060",
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 192.168.1.2:5070;branch=z9hG4bK1;rport",
            "10.0.0.5:5062",
            "SIP/2.0/UDP 192.168.1.2:5070;branch=z9hG4bK1;rport=5062;received=10.0.0.5",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1",
            "10.0.0.5:5060",
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1",
            "10.0.0.5:5070",
            "SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP pbx.example:5070;branch=z9hG4bK1",
            "10.0.0.5:5070",
            "SIP/2.0/UDP pbx.example:5070;branch=z9hG4bK1;received=10.0.0.5",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 10.0.0.5:5070;maddr=198.51.100.7;branch=z9hG4bK1",
            "10.0.0.5:5070",
            "SIP/2.0/UDP 10.0.0.5:5070;maddr=198.51.100.7;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 198.51.100.7;received=198.51.100.8;rport=9;branch=z9hG4bK1",
            "10.0.0.5:5062",
            "SIP/2.0/UDP 198.51.100.7;rport=5062;branch=z9hG4bK1;received=10.0.0.5",
        ),
        (
            "[2001:db8::5]:5060",
            "SIP/2.0/UDP [2001:db8::5]:5060;branch=z9hG4bK1",
            "[2001:db8::5]:5060",
            "SIP/2.0/UDP [2001:db8::5]:5060;branch=z9hG4bK1",
        ),
        (
            "[2001:db8::5]:5060",
            "SIP/2.0/UDP [2001:db8::5060];branch=z9hG4bK1",
            "[2001:db8::5]:5060",
            "SIP/2.0/UDP [2001:db8::5060];branch=z9hG4bK1;received=2001:db8::5",
        ),
        (
            "[2001:db8::5]:5062",
            "SIP/2.0/UDP [2001:DB8:0::5];branch=z9hG4bK1;rport",
            "[2001:db8::5]:5062",
            "SIP/2.0/UDP [2001:DB8:0::5];branch=z9hG4bK1;rport=5062;received=2001:db8::5",
        ),
        (
            "[::ffff:10.0.0.5]:5062",
            "SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1",
            "[::ffff:10.0.0.5]:5070",
            "SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 10.0.0.5:0;branch=z9hG4bK1",
            "10.0.0.5:5060",
            "SIP/2.0/UDP 10.0.0.5:0;branch=z9hG4bK1",
        ),
        (
            "10.0.0.5:5062",
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;x=\"a;received=1\"",
            "10.0.0.5:5060",
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;x=\"a;received=1\"",
        ),
    ] {
        let mut o = pbx();
        o.source = source.parse().unwrap();
        let reply = o.ask(via(sent));
        assert_eq!(
            (reply.one("Via"), reply.to),
            (back.to_owned(), to.parse().unwrap()),
            "{source} {sent}"
        );
        assert_eq!(reply.status(), 302);
    }
}

/// RFC 3261 16.3; RFC 4475 3.3.11.
#[test]
fn rule_08_max_forwards_zero_ends_here_and_is_answered() {
    let zero = |m: String| m.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(pbx().status(zero(request("OPTIONS", "x", 1, ""))), 200);
    assert_eq!(pbx().status(zero(invite(YES, 1))), 302);
    assert_eq!(
        pbx().status(invite(YES, 1).replace("Max-Forwards: 70", "Max-Forwards: 256")),
        400
    );
}

/// RFC 3261 8.2.2.2.
#[test]
fn rule_13_a_call_by_two_ways_is_answered_once() {
    let mut o = pbx();
    assert_eq!(o.status(invite(YES, 1)), 302);
    let other_way = invite(YES, 1).replace("z9hG4bK00000001", "z9hG4bKother");
    assert_eq!(o.status(&other_way), 482);
    assert_eq!(o.gate.figures().decided, 1);
    o.pass_ms(33_000);
    assert_eq!(o.status(&other_way), 302, "the first is forgotten");
    let mut failover = office_with("profile = 'failover'");
    assert_eq!(failover.status(invite(YES, 1)), 503);
    assert_eq!(
        failover.status(&other_way),
        603,
        "482 would be the next trunk's call"
    );
    for (client, status) in [("", 302), ("profile = 'failover'", 503)] {
        let mut o = office_with(client);
        for branch in ["one", "two", "three"] {
            let reply =
                o.ask(invite("911", 1).replace("z9hG4bK00000001", &format!("z9hG4bK{branch}")));
            assert_eq!(
                (reply.status(), reply.rule()),
                (status, "emergency"),
                "{branch}"
            );
        }
    }
}

/// RFC 3261 8.3: never back to itself.
#[test]
fn rule_14_our_own_answer_that_comes_back_is_a_loop() {
    let reply = pbx().ask(invite("A00442071838750", 1));
    assert_eq!((reply.status(), reply.rule()), (482, "loop"));
    let escaped = pbx().ask(invite("%41%30%30442071838750", 1));
    assert_eq!((escaped.status(), escaped.rule()), (482, "loop"));
    let reply = office_with("profile = 'freepbx-trunk'").ask(invite("A00442071838750", 1));
    assert_eq!((reply.status(), reply.rule()), (486, "loop"));
}

/// RFC 3261 9.2.
#[test]
fn rule_15_cancel_is_200_for_a_known_call_and_changes_nothing() {
    let mut o = pbx();
    let answer = o.ask(invite(YES, 1));
    let cancel = invite(YES, 1).replace("INVITE", "CANCEL");
    let reply = o.ask(&cancel);
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.one("To"), answer.one("To"), "the same tag");
    assert_eq!(reply.one("CSeq"), "102 CANCEL");
    assert_eq!(o.ask(invite(YES, 1)).bytes, answer.bytes);
    assert_eq!(o.status(invite(YES, 2).replace("INVITE", "CANCEL")), 481);
    o.pass_ms(33_000);
    o.status(invite(YES, 3));
    assert_eq!(o.status(&cancel), 481, "forgotten");
}

/// RFC 3261 11.2.
#[test]
fn rule_16_options_says_what_is_served_and_is_cheap() {
    let mut o = pbx();
    let reply = o.ask(request("OPTIONS", "10.0.0.9", 1, ""));
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.one("Allow"), "INVITE, ACK, CANCEL, OPTIONS, REGISTER");
    assert_eq!(reply.one("Accept"), "application/sdp");
    assert_eq!(reply.one("Accept-Encoding"), "identity");
    assert_eq!(reply.one("Accept-Language"), "en");
    assert!(reply.text().contains("\r\nSupported:\r\n"));
    assert_eq!(reply.one("Content-Length"), "0");
    // As chan_sip and PJSIP qualify: without a user.
    let qualify =
        request("OPTIONS", "x", 2, "").replace("sip:x@10.0.0.9:5060 SIP", "sip:10.0.0.9 SIP");
    assert_eq!(o.status(&qualify), 200);
    assert_eq!(o.ask(&qualify).bytes, o.ask(&qualify).bytes);
    for id in 0..10_000 {
        assert_eq!(o.status(request("OPTIONS", "x", id, "")), 200, "no limit");
    }
    assert_eq!(o.gate.transactions().len(), 0);
}

/// The INVITE of PJSIP on the wire, and of RFC 2543, are calls like any other.
#[test]
fn every_pbx_is_understood() {
    let mut o = pbx();
    let reply = o.ask(pjsip_invite(YES, 1));
    assert_eq!(reply.status(), 302);
    assert_eq!(
        reply.one("Contact"),
        format!("<sip:A00{YES}@10.0.0.5:5060>")
    );
    assert_eq!(reply.record.as_ref().unwrap().said_fields, 5);
    let old = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/rfc4475/inv2543.dat"
    ))
    .unwrap();
    let first = o.ask(&old);
    assert_eq!(
        o.ask(&old).bytes,
        first.bytes,
        "a transaction without a branch"
    );
    assert_eq!(o.gate.figures().decided, 2);
}
