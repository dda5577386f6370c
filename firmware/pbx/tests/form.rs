//! What a person may type.
#![allow(clippy::unwrap_used)]

use trunkguard_pbx::{Form, Language};

mod common;
use common::form;

fn wrong(fields: &[(&str, &str)]) -> Vec<&'static str> {
    match form(fields).check() {
        Ok(_) => Vec::new(),
        Err(wrong) => {
            let french = form(fields).check_in(Language::French).unwrap_err();
            assert_eq!(wrong.len(), french.len());
            for (e, f) in wrong.iter().zip(&french) {
                assert_eq!(e.field, f.field);
                assert!(
                    e.message != f.message && !f.message.ends_with("corrigez-le"),
                    "{f:?}"
                );
            }
            wrong.iter().map(|w| w.field).collect()
        }
    }
}

#[test]
fn an_empty_form_names_all_that_is_missing_at_once() {
    let wrong = Form::default().check().unwrap_err();
    let fields: Vec<&str> = wrong.iter().map(|w| w.field).collect();
    assert_eq!(
        fields,
        ["pbx", "did", "the_box", "pbx_address", "account", "pop"]
    );
}

#[test]
fn each_field_refuses_what_it_cannot_be() {
    for (field, bad, good) in [
        (
            "pbx",
            &["3cx", "FreePBX"][..],
            &["freepbx", "freeswitch"][..],
        ),
        ("method", &["503"], &["failover", "redirect"]),
        ("to_box", &["sctp"], &["tcp", "udp"]),
        ("to_voipms", &["sip"], &["iax2", "tls"]),
        ("login", &["ip"], &["address"]),
        (
            "the_box",
            &[
                "box",
                "192.168.1.20:",
                "192.168.1.20:0",
                "192.168.1.20:70000",
                "0.0.0.0",
                "224.0.0.1",
                "::1",
                "192.168.1.0/24",
            ],
            &["10.0.0.1", "10.0.0.1:5070"],
        ),
        (
            "pbx_address",
            &["255.255.255.255", "pbx.example.com"],
            &["10.0.0.2"],
        ),
        (
            "account",
            &[
                "100000#1",
                "100000_",
                "office",
                "100000_a b",
                "100000_a;b",
                "1",
                "100000_a\nb",
            ],
            &["100000", "100000_Office2"],
        ),
        (
            "pop",
            &[
                "montreal10",
                "192.0.2.1",
                "montreal10.voip.ms.example.com",
                "x;.voip.ms",
            ],
            &["Atlanta1.VoIP.ms"],
        ),
        (
            "did",
            &[
                "14165551234",
                "416-555-1234",
                "416 555 1234",
                "0165551234",
                "4161551234",
                "2115551234",
                "416555123",
            ],
            &["4165551234"],
        ),
        ("caller_id", &["1001"], &["6475550123", ""]),
        ("ring", &["x", "1", "123456789", "10;1"], &["1001"]),
        (
            "context",
            &["a b", "a]b", "a;b"],
            &["from-internal", "phones_1"],
        ),
        ("country", &["ca", "XX", "*", "USA"], &["CA"]),
        ("area_code", &["41", "911", "4166", "016"], &["416", ""]),
        ("outside_prefix", &["x", "12345", "#9"], &["9", ""]),
        ("when_away", &["maybe"], &["open"]),
        ("deny_code", &["503", "200", "abc"], &["486", "608"]),
        ("prefix", &["A0", "X00", "0AA"], &["B01"]),
        ("emergency", &["1234567", "a", "1"], &["999", "999,000 112"]),
        (
            "own_trunk",
            &["1002", "1002:", "x:100000_front", "1002:100000_office"],
            &["1002:100000_front"],
        ),
    ] {
        for text in bad {
            assert_eq!(wrong(&[(field, text)]), [field], "{text:?}");
        }
        for text in good {
            assert_eq!(wrong(&[(field, text)]), [] as [&str; 0], "{field} {text:?}");
        }
    }
    assert_eq!(wrong(&[("freepbx", "17")]), ["freepbx"]);
    assert_eq!(wrong(&[("pbx", "freepbx"), ("freepbx", "12")]), ["freepbx"]);
    assert_eq!(wrong(&[("pbx", "freepbx"), ("driver", "sip")]), ["driver"]);
    assert_eq!(wrong(&[("name", &"x".repeat(300))]), ["name"]);
}

#[test]
fn what_does_not_go_together_is_named() {
    for (fields, field) in [
        (
            &[
                ("pbx", "freepbx"),
                ("freepbx", "17"),
                ("driver", "chan-sip"),
            ][..],
            "driver",
        ),
        (&[("pbx", "freeswitch"), ("to_voipms", "iax2")], "to_voipms"),
        (&[("pbx", "asterisk-chan-sip"), ("to_box", "tls")], "to_box"),
        (
            &[("pbx", "freepbx"), ("to_box", "tls"), ("to_voipms", "tls")],
            "to_box",
        ),
        (&[("pbx", "freepbx"), ("method", "failover")], "when_away"),
        (
            &[
                ("pbx", "freepbx"),
                ("method", "failover"),
                ("when_away", "open"),
                ("deny_code", "603"),
            ],
            "deny_code",
        ),
        (&[("method", "failover"), ("to_box", "tcp")], "method"),
        (&[("the_box", "192.168.1.10")], "the_box"),
        (&[("country", "GB"), ("area_code", "416")], "area_code"),
        (
            &[("to_voipms", "iax2"), ("own_trunk", "1002:100000_front")],
            "own_trunk",
        ),
    ] {
        assert_eq!(wrong(fields), [field], "{fields:?}");
    }
}
