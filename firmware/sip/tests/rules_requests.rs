//! What the RFCs ask of a redirect server, rule by rule: what is served, refused, answered.
//! Rules 9 to 12, 17 to 23, 25, 27 and 29; rule 24 is in `rules_credentials.rs`.
#![allow(clippy::unwrap_used)]

mod office;

use office::{NO, Office, YES, invite, office_with, request};

fn pbx() -> Office {
    office_with("")
}

/// RFC 3261 8.3 against 8.2.2.3: a redirect server passes over option tags, and a verdict outranks a
/// 420, which a PBX could take for "next trunk".
#[test]
fn rule_09_require_never_replaces_a_verdict() {
    let require = "Require: 100rel, nothing\r\n";
    assert_eq!(pbx().status(request("INVITE", YES, 1, require)), 302);
    assert_eq!(pbx().status(request("INVITE", NO, 1, require)), 603);
    let reply = pbx().ask(request(
        "OPTIONS",
        "x",
        1,
        "Require: a\r\nRequire: b, c\r\n",
    ));
    assert_eq!(
        (reply.status(), reply.all("Unsupported")),
        (420, vec!["a".into(), "b, c".into()])
    );
    assert_eq!(pbx().status(request("REGISTER", "x", 1, require)), 420);
    assert_eq!(
        pbx().status(request("OPTIONS", "x", 1, "Require:\r\n")),
        200,
        "asks for nothing"
    );
    let mut o = pbx();
    o.status(invite(YES, 1));
    assert!(o.send(request("ACK", YES, 1, require)).is_none());
    assert_eq!(o.status(request("CANCEL", YES, 1, require)), 200);
}

/// RFC 3261 8.2.1, 12.2.2.
#[test]
fn rule_10_every_method_has_its_answer() {
    let in_dialog = |m: String| m.replace(">\r\nContact", ">;tag=x\r\nContact");
    for (method, fresh, dialog) in [
        ("BYE", 405, 481),
        ("INFO", 405, 481),
        ("UPDATE", 405, 481),
        ("PRACK", 405, 481),
        ("NOTIFY", 405, 481),
        ("REFER", 405, 481),
        ("SUBSCRIBE", 405, 405),
        ("MESSAGE", 405, 405),
        ("PUBLISH", 405, 405),
        ("invite", 501, 501),
        ("RE%47IST%45R", 501, 501),
        ("FOO", 501, 501),
    ] {
        let message = request(method, "x", 1, "");
        let reply = pbx().ask(&message);
        assert_eq!(reply.status(), fresh, "{method}");
        assert_eq!(
            reply.one("Allow"),
            "INVITE, ACK, CANCEL, OPTIONS, REGISTER",
            "{method}"
        );
        assert_eq!(
            pbx().status(in_dialog(message)),
            dialog,
            "{method} in a dialog"
        );
    }
    let re_invite = in_dialog(invite(YES, 1));
    let mut o = pbx();
    assert_eq!(o.status(&re_invite), 481);
    assert_eq!(o.gate.figures().decided, 0);
    assert_eq!(office_with("profile = 'failover'").status(&re_invite), 603);
}

/// RFC 3261 21.4.1, 18.3, 8.1.1.
#[test]
fn rule_11_what_is_malformed_hears_why() {
    let good = invite(YES, 1);
    let without = |name: &str| {
        let line = good
            .split_inclusive("\r\n")
            .find(|l| l.starts_with(name))
            .unwrap();
        good.replace(line, "")
    };
    for (message, why) in [
        (without("From"), "Missing From"),
        (without("To"), "Missing To"),
        (without("Call-ID"), "Missing Call-ID"),
        (without("CSeq"), "Missing CSeq"),
        (good.replace("CSeq: 102", "CSeq: 102x"), "Bad CSeq"),
        (good.replace("CSeq: 102", "CSeq: 2147483648"), "Bad CSeq"),
        (
            good.replace("102 INVITE", "102 invite"),
            "CSeq Method Does Not Match",
        ),
        (
            good.replace("Length: ", "Length: 9"),
            "Content-Length Exceeds Message",
        ),
        (good.replace("Length: ", "Length: -"), "Bad Content-Length"),
        (
            good.replace("Max-Forwards: 70", "Max-Forwards 70"),
            "Header Without Colon",
        ),
        (
            good.replace("Max-Forwards: 70", "Max-Forwards: 70\r\nMax-Forwards: 70"),
            "Bad Max-Forwards",
        ),
        (
            good.replace("SIP/2.0\r\nVia", "SIP/2.0\r\n Via"),
            "Header Starts With A Space",
        ),
        (good.replace("From: \"Alice\"", "From: \"Alice"), "Bad From"),
        (good.replace("To: <sip:", "To: <sip "), "Bad To"),
        (
            good.replace("UDP 10.0.0.5:5060", "UDP 10.0.0.5:x"),
            "Bad Via",
        ),
        (
            good.replace("UDP 10.0.0.5:5060", "UDP [::g]:5060"),
            "Bad Via",
        ),
        (good.replace("UDP 10.0.0.5:5060", "UDP a b:5060"), "Bad Via"),
        (good.replace("Call-ID: ", "Call-ID: a "), "Bad Call-ID"),
        (
            good.replace(" SIP/2.0\r\nVia", " HTTP/1.1\r\nVia"),
            "Bad Request-Line",
        ),
        (
            good.replace(
                "INVITE sip:2125550123@10.0.0.9:5060 SIP/2.0",
                "INVITE SIP/2.0",
            ),
            "Request-Line Is Not Whole",
        ),
    ] {
        let mut o = pbx();
        let reply = o.ask(&message);
        assert!(
            reply.text().starts_with(&format!("SIP/2.0 400 {why}\r\n")),
            "{why}: {}",
            reply.text()
        );
        assert_eq!(o.ask(&message).bytes, reply.bytes, "{why}");
        assert_eq!(o.gate.figures().decided, 0, "{why}");
        assert_eq!(
            office_with("profile = 'freepbx-trunk'").status(&message),
            486,
            "{why}"
        );
    }
}

#[test]
fn rule_11_what_cannot_be_answered_is_dropped() {
    let good = invite(YES, 1);
    let via = good.split_inclusive("\r\n").nth(1).unwrap();
    for message in [
        good.replace(via, "").into_bytes(),
        good.replace(via, "Via: \r\n").into_bytes(),
        good.replace("\r\n", "").into_bytes(),
        b"\r\n\r\n".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"".to_vec(),
        b"hello\r\n".to_vec(),
        good.replace(
            "INVITE sip:2125550123@10.0.0.9:5060 SIP/2.0",
            "SIP/2.0 200 OK",
        )
        .into_bytes(),
        good.replace(
            "INVITE sip:2125550123@10.0.0.9:5060 SIP/2.0",
            "sip/2.0 200 OK",
        )
        .into_bytes(),
    ] {
        assert!(
            pbx().send(&message).is_none(),
            "{}",
            String::from_utf8_lossy(&message)
        );
    }
}

/// A flood of what cannot be read does not become a flood of answers; calls are answered all the same.
#[test]
fn rule_11_refusals_are_limited_per_client_and_calls_are_not() {
    let mut o = pbx();
    let broken = |id| request("OPTIONS", "x", id, "").replace("CSeq: 102", "CSeq: x");
    let answers = (0..100).filter(|&id| o.send(broken(id)).is_some()).count();
    assert_eq!(answers, 20);
    assert_eq!(
        o.status(invite(YES, 1).replace("CSeq: 102", "CSeq: x")),
        400
    );
    assert_eq!(o.status(invite(YES, 2)), 302);
    o.pass_ms(1_000);
    assert!(o.send(broken(1)).is_some());
}

/// RFC 3261 8.2.2.1, 21.4.11, 21.4.13.
#[test]
fn rule_12_schemes_versions_and_lengths() {
    let uri = |uri: &str| invite(YES, 1).replacen(&format!("sip:{YES}@10.0.0.9:5060"), uri, 1);
    for (text, status) in [
        ("sips:2125550123@10.0.0.9", 302),
        ("SIP:2125550123@10.0.0.9", 302),
        ("tel:+12125550123", 302),
        ("tel:2125550123;phone-context=+1", 302),
        ("sip:+12125550123;phone-context=x@10.0.0.9;user=phone", 302),
        ("sip:2125550123:secret@10.0.0.9", 302),
        ("sip:2125550123@[2001:db8::9]:5060;transport=tls", 302),
        ("sip:2125550123@[2001:db8::9", 400),
        ("sip:2125550123@10.0.0.9?X=y", 400),
        ("sip:21255%5", 400),
        ("sip:2125550123@", 400),
        ("sip:2125550123@10.0.0.9:99999", 400),
        ("http://example.com", 416),
        ("urn:service:sos", 416),
        ("tel:", 400),
        (":x", 400),
        ("sip", 400),
    ] {
        assert_eq!(pbx().status(uri(text)), status, "{text}");
    }
    assert_eq!(
        pbx().status(uri(&format!("sip:{}@10.0.0.9", "1".repeat(300)))),
        414
    );
    assert_eq!(
        pbx().status(uri(&format!("sip:{}@10.0.0.9", "1".repeat(200)))),
        400,
        "no number is as long"
    );
    assert_eq!(
        pbx().status(invite(YES, 1).replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia")),
        505
    );
    assert_eq!(
        pbx().status(invite(YES, 1).replace(" SIP/2.0\r\nVia", " sip/2.0\r\nVia")),
        302
    );
    let body = request(
        "INVITE",
        YES,
        1,
        "Content-Type: application/nonsense\r\nContent-Encoding: x\r\n",
    );
    assert_eq!(pbx().status(body), 302, "nobody reads the body");
}

/// RFC 3261 20.10, 21.3.3. One bare Contact is what every PBX takes alike.
#[test]
fn rule_17_the_contact_of_a_redirect_octet_by_octet() {
    for (dialled, contact) in [
        ("2125550123", "<sip:A002125550123@10.0.0.5:5060>"),
        ("+12125550123", "<sip:A00+12125550123@10.0.0.5:5060>"),
        ("%2B12125550123", "<sip:A00+12125550123@10.0.0.5:5060>"),
        (
            "2125550123;phone-context=x",
            "<sip:A002125550123@10.0.0.5:5060>",
        ),
        ("12125550123", "<sip:A0012125550123@10.0.0.5:5060>"),
    ] {
        let reply = pbx().ask(invite(dialled, 1));
        assert_eq!(
            (reply.status(), reply.one("Contact").as_str()),
            (302, contact),
            "{dialled}"
        );
        assert!(reply.all("Expires").is_empty());
    }
    // In Detect everything is approved: what stands in the user part is what was dialled, escaped.
    for (dialled, contact) in [
        ("*43", "<sip:A00*43@10.0.0.5:5060>"),
        ("%2343", "<sip:A00%2343@10.0.0.5:5060>"),
        (
            "a%2Cb%3Ec%0D%0Ad%00",
            "<sip:A00a%2Cb%3Ec%0D%0Ad%00@10.0.0.5:5060>",
        ),
        ("4443", "<sip:A004443@10.0.0.5:5060>"),
    ] {
        let mut o = office::office(
            "settings = {mode = 'detect', durability = 'relaxed'}\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n",
        );
        assert_eq!(
            o.ask(invite(dialled, 1)).one("Contact"),
            contact,
            "{dialled}"
        );
    }
    for (host, contact) in [
        ("via", "<sip:A002125550123@10.0.0.5:5060>"),
        ("source", "<sip:A002125550123@10.0.0.5:5062>"),
        ("pbx.example:5080", "<sip:A002125550123@pbx.example:5080>"),
    ] {
        let mut o = office_with(&format!("contact_host = '{host}'"));
        o.source = "10.0.0.5:5062".parse().unwrap();
        assert_eq!(o.ask(invite(YES, 1)).one("Contact"), contact);
    }
}

/// RFC 3261 21.3: 301 would be cached, 305 is a proxy's, 380 is read by nobody.
#[test]
fn rule_18_a_redirect_is_a_302() {
    let reply = pbx().ask(invite(YES, 1));
    assert!(
        reply
            .text()
            .starts_with("SIP/2.0 302 Moved Temporarily\r\n")
    );
    let reply = office_with("profile = 'tfps-codes'").ask(invite(NO, 1));
    assert!(
        reply
            .text()
            .starts_with("SIP/2.0 302 Moved Temporarily\r\n")
    );
    assert!(
        reply.one("Contact").starts_with("<sip:R"),
        "{}",
        reply.text()
    );
}

/// RFC 3261 21.5.4: with Retry-After a client leaves us alone for that time.
#[test]
fn rule_19_a_503_that_approves_has_no_retry_after_and_no_contact() {
    for profile in ["failover", "freepbx-trunk"] {
        let mut o = office_with(&format!("profile = '{profile}'"));
        for id in 0..2 {
            let reply = o.ask(invite(YES, id));
            assert_eq!(reply.status(), 503);
            assert!(reply.all("Retry-After").is_empty() && reply.all("Contact").is_empty());
        }
    }
}

/// RFC 3261 21.6.2; what each PBX takes for a refusal is in docs/pbx.md.
#[test]
fn rule_20_a_refusal_has_the_code_of_the_client() {
    for (client, status, phrase) in [
        ("", 603, "Decline"),
        ("profile = 'failover'", 603, "Decline"),
        ("profile = 'freeswitch'", 603, "Decline"),
        ("profile = 'freepbx-trunk'", 486, "Busy Here"),
        ("deny_code = 600", 600, "Busy Everywhere"),
        ("profile = 'failover'\ndeny_code = 486", 486, "Busy Here"),
    ] {
        let reply = office_with(client).ask(invite(NO, 1));
        assert!(
            reply
                .text()
                .starts_with(&format!("SIP/2.0 {status} {phrase}\r\n")),
            "{client}"
        );
    }
}

/// RFC 8197, RFC 8688: only where the owner asks for them.
#[test]
fn rule_21_607_and_608_are_choices() {
    for (code, phrase) in [(607, "Unwanted"), (608, "Rejected")] {
        let reply = office_with(&format!("deny_code = {code}")).ask(invite(NO, 1));
        assert!(
            reply
                .text()
                .starts_with(&format!("SIP/2.0 {code} {phrase}\r\n"))
        );
    }
}

/// RFC 3326: a Reason would change what a PBX does next; the detail is in the history, not on the wire.
#[test]
fn rule_22_a_refusal_does_not_say_which_rule_it_was() {
    let text = pbx().ask(invite(NO, 1)).text().to_lowercase();
    for word in ["reason:", "warning:", "prefix", "policy", "error-info"] {
        assert!(!text.contains(word), "{text}");
    }
}

/// RFC 3261 10.3. It keeps nothing: Date needs a clock that is right, and the order of CSeq a memory.
#[test]
fn rule_23_a_registration_gets_its_own_contact_back() {
    let register = |contacts: &str| {
        request("REGISTER", "x", 1, "").replace("Contact: <sip:2001@10.0.0.5:5060>\r\n", contacts)
    };
    let expires = |m: String, value: &str| {
        m.replace("Max-Forwards", &format!("Expires: {value}\r\nMax-Forwards"))
    };
    for (message, status, contacts) in [
        (
            register("Contact: <sip:a@10.0.0.5>\r\n"),
            200,
            vec!["<sip:a@10.0.0.5>;expires=3600"],
        ),
        (
            register("m: sip:a@10.0.0.5;expires=120\r\n"),
            200,
            vec!["<sip:a@10.0.0.5>;expires=120"],
        ),
        (
            register("Contact: <sip:a@10.0.0.5>;expires=99999\r\n"),
            200,
            vec!["<sip:a@10.0.0.5>;expires=3600"],
        ),
        (
            register("Contact: <sip:a@10.0.0.5>;expires=soon\r\n"),
            200,
            vec!["<sip:a@10.0.0.5>;expires=3600"],
        ),
        (
            register(
                "Contact: \"A, B\" <sip:a@10.0.0.5>;q=0.5, <sip:b@10.0.0.5;lr>\r\nContact:\r\n <sip:c@10.0.0.5>;expires=0\r\n",
            ),
            200,
            vec![
                "<sip:a@10.0.0.5>;expires=3600",
                "<sip:b@10.0.0.5;lr>;expires=3600",
            ],
        ),
        (register(""), 200, vec![]),
        (
            expires(register("Contact: <sip:a@10.0.0.5>\r\n"), "0"),
            200,
            vec![],
        ),
        (expires(register("Contact: *\r\n"), "0"), 200, vec![]),
        (register("Contact: *\r\n"), 400, vec![]),
        (
            expires(register("Contact: *, <sip:a@b>\r\n"), "0"),
            400,
            vec![],
        ),
        (
            expires(register("Contact: *\r\nContact: <sip:a@b>\r\n"), "0"),
            400,
            vec![],
        ),
        (register("Contact: nothing\r\n"), 400, vec![]),
        (
            expires(register("Contact: <sip:a@10.0.0.5>\r\n"), "30"),
            423,
            vec![],
        ),
        (expires(register(""), "4294967296"), 400, vec![]),
        (register(&"Contact: <sip:a@b>\r\n".repeat(9)), 513, vec![]),
        (
            register(&format!("Contact: {}<sip:z@b>\r\n", "<sip:a@b>,".repeat(9))),
            400,
            vec![],
        ),
    ] {
        let mut o = pbx();
        let reply = o.ask(&message);
        let echoed = if status == 200 {
            reply.all("Contact")
        } else {
            vec![]
        };
        assert_eq!(
            (reply.status(), echoed),
            (status, contacts.iter().map(|c| c.to_string()).collect()),
            "{message}"
        );
        if status == 423 {
            assert_eq!(reply.one("Min-Expires"), "60");
        }
        assert!(o.uas.heard(0).is_some(), "the client has been heard");
    }
}

/// RFC 3325 5. Strangers never come this far; of a client each source is believed in this order.
#[test]
fn rule_25_the_caller_is_what_p_tfps_says_then_asserted_identity_then_from() {
    let caller = |headers: &str| {
        let reply = pbx().ask(request("INVITE", YES, 1, headers));
        reply.record.unwrap().caller.to_string()
    };
    assert_eq!(caller(""), "2001");
    assert_eq!(
        caller("P-Asserted-Identity: \"A\" <sip:2002@10.0.0.5>\r\n"),
        "2002"
    );
    assert_eq!(
        caller("P-Asserted-Identity: <sip:2002@10.0.0.5>\r\nP-tfps: 2003;;;;1\r\n"),
        "2003"
    );
    assert_eq!(
        caller("P-Asserted-Identity: <tel:+12125550199>\r\n"),
        "+12125550199"
    );
    assert_eq!(
        caller("P-Asserted-Identity: \"A, B\" <sip:2002@10.0.0.5>, <tel:+12125550199>\r\n"),
        "2002"
    );
    assert_eq!(
        caller("P-Asserted-Identity: nonsense\r\nP-tfps: ;;;;1\r\n"),
        "2001"
    );
}

#[test]
fn rule_25_an_identity_that_stands_twice_was_written_in() {
    let rule = |headers: &str| pbx().ask(request("INVITE", YES, 1, headers)).rule();
    let pai = "P-Asserted-Identity: <sip:2002@10.0.0.5>\r\n";
    assert_eq!(rule(&pai.repeat(2)), "tampering");
    assert_ne!(
        rule(&format!("{pai}P-Asserted-Identity: <tel:+12125550199>\r\n")),
        "tampering"
    );
    assert_eq!(rule("Contact: <sip:2001@10.0.0.6>\r\n"), "tampering");
    assert_eq!(rule("m: <sip:2001@10.0.0.6>\r\n"), "tampering");
    assert_eq!(rule("f: <sip:2009@10.0.0.5>;tag=1\r\n"), "tampering");
    let twice = request("OPTIONS", "x", 1, "f: <sip:2009@10.0.0.5>;tag=1\r\n");
    assert_eq!(pbx().status(twice), 400, "no call: nothing to decide");
}

/// RFC 3261 18.1.1, 21.5.7. A long body costs nothing; a long header does.
#[test]
fn rule_27_large_messages_are_bounded_and_answered_small() {
    let mut o = pbx();
    let headers = (0..3_000)
        .map(|i| format!("X-{i}: yyyyyyyyyyyy\r\n"))
        .collect::<String>();
    let reply = o.ask(request("INVITE", YES, 1, &headers));
    assert_eq!(reply.status(), 513);
    assert!(reply.bytes.len() < 700);
    let one = format!("X: {}\r\n", "y".repeat(60_000));
    assert_eq!(o.status(request("INVITE", YES, 2, &one)), 513);
    assert_eq!(
        o.status(request(
            "INVITE",
            YES,
            3,
            &format!("User-Agent: {}\r\n", "y".repeat(2_000))
        )),
        513
    );
    assert_eq!(
        o.status(request(
            "INVITE",
            YES,
            4,
            &format!("X: {}\r\n", "y".repeat(4_000))
        )),
        302,
        "nobody reads it"
    );
    let vias = "Via: SIP/2.0/UDP a\r\n".repeat(45);
    assert_eq!(o.status(request("INVITE", YES, 5, &vias)), 513);
    let long_vias = format!("Via: SIP/2.0/UDP a;x={}\r\n", "y".repeat(900)).repeat(7);
    assert_eq!(
        o.status(request("INVITE", YES, 6, &long_vias)),
        513,
        "an answer would be too long"
    );
    // Where an answer with all of them would not fit, the top one is there: a PBX knows its request by it.
    let counts: Vec<usize> = (175..200)
        .map(|long| {
            let vias = format!("v:SIP/2.0/UDP a;x={}\r\n", "y".repeat(long)).repeat(38);
            let bare = request("INVITE", YES, 8, &vias)
                .replace("Contact: <sip:2001@10.0.0.5:5060>\r\n", "")
                .replace("User-Agent: Asterisk PBX 16.28.0\r\n", "");
            let reply = o.ask(bare);
            assert_eq!(reply.status(), 513);
            assert!(reply.all("Via")[0].starts_with("SIP/2.0/UDP 10.0.0.5:5060;"));
            reply.all("Via").len()
        })
        .collect();
    assert!(counts.contains(&39) && counts.contains(&1), "{counts:?}");
    assert_eq!(o.gate.figures().decided, 1);
    let mut body = invite(YES, 7);
    body.push_str(&"a=x\r\n".repeat(12_000));
    assert_eq!(o.status(&body), 302);
    assert_eq!(
        office_with("profile = 'failover'").status(request("INVITE", YES, 1, &headers)),
        603
    );
}

/// RFC 3261 18.3. (dblreq of RFC 4475: `torture.rs`.)
#[test]
fn rule_29_what_follows_the_length_in_a_datagram_is_passed_over() {
    let mut o = pbx();
    let two = format!("{}{}", request("OPTIONS", "x", 1, ""), invite(YES, 2));
    let reply = o.ask(two);
    assert_eq!(
        (reply.status(), reply.one("CSeq")),
        (200, "102 OPTIONS".into())
    );
    assert_eq!(o.gate.figures().decided, 0);
}

/// An emergency call goes through whatever else is wrong with its message (docs/decisions).
#[test]
fn an_emergency_call_is_decided_whatever_else_is_wrong() {
    let good = invite("911", 1);
    for message in [
        good.clone(),
        good.replace("Length: ", "Length: 9"),
        good.replace("Length: ", "Length: -"),
        good.replace("Max-Forwards: 70", "Max-Forwards: 999"),
        good.replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia"),
        good.replace("From: \"Alice\"", "From: \"Alice"),
        good.replace("102 INVITE", "102 invite"),
        good.replace("UDP 10.0.0.5:5060", "UDP 10.0.0.5:x"),
        good.replace("sip:911@10.0.0.9:5060 SIP", "tel:911 SIP"),
        request("INVITE", "911", 1, "P-tfps: a;b;c\r\nP-tfps: a;b;c\r\n"),
        request(
            "INVITE",
            "911",
            1,
            "From: <sip:1@2>;tag=1\r\nRequire: x\r\n",
        ),
        good.trim_end().to_owned(),
        request(
            "INVITE",
            "911",
            1,
            &format!("Via: SIP/2.0/UDP a;x={}\r\n", "y".repeat(900)).repeat(8),
        ),
    ] {
        for (client, status) in [
            ("", 302),
            ("profile = 'failover'", 503),
            ("profile = 'freepbx-trunk'", 503),
            (
                "credentials = {username = 'pbx', password = 'correct horse'}",
                302,
            ),
        ] {
            let mut o = office_with(client);
            // Not under the limit of refusals either.
            (0..30).for_each(|i| drop(o.send(request("OPTIONS", "x", i, "").replace("102", "x"))));
            let reply = o.ask(&message);
            assert_eq!(
                (reply.status(), reply.rule()),
                (status, "emergency"),
                "{message}"
            );
            assert!(reply.ticket.is_none(), "it waits for no disk");
        }
    }
}

/// Where 503 approves, each other code is "next trunk" for some PBX.
#[test]
fn no_protocol_refusal_of_a_call_is_anything_but_the_deny_code() {
    let good = invite(YES, 1);
    for message in [
        good.replace("CSeq: 102", "CSeq: x"),
        good.replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia"),
        good.replacen("sip:", "http:", 1),
        good.replacen("sip:", "", 1),
        good.replacen(YES, &"1".repeat(400), 1),
        good.replace(">\r\nContact", ">;tag=x\r\nContact"),
        request("INVITE", YES, 1, &"X: y\r\n".repeat(100)),
    ] {
        assert_eq!(
            office_with("profile = 'failover'").status(&message),
            603,
            "{message}"
        );
        assert_eq!(
            office_with("profile = 'failover'\ndeny_code = 600").status(&message),
            600
        );
        assert_eq!(
            office_with("profile = 'freepbx-trunk'").status(&message),
            486
        );
        assert!(![302, 503].contains(&pbx().status(&message)));
    }
}
