//! Set-ups as text, held by files. `UPDATE_GOLDEN=1 cargo test -p trunkguard-pbx` writes them anew; the difference is
//! then read before it is committed.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path};

use trunkguard_pbx::{Form, Language, Setup};

mod common;
use common::form;

/// What a variant's name says beside `PBX-METHOD`: fields that differ from the smallest form.
type Fields = &'static [(&'static str, &'static str)];

const VARIANTS: &[(&str, &str, Fields)] = &[
    ("asterisk-pjsip-redirect", "asterisk-pjsip", &[]),
    (
        "asterisk-pjsip-redirect-open",
        "asterisk-pjsip",
        &[("when_away", "open")],
    ),
    (
        "asterisk-pjsip-redirect-tcp",
        "asterisk-pjsip",
        &[("to_box", "tcp"), ("to_voipms", "tcp")],
    ),
    (
        "asterisk-pjsip-redirect-tls",
        "asterisk-pjsip",
        &[("to_box", "tls"), ("to_voipms", "tls")],
    ),
    (
        "asterisk-pjsip-redirect-iax2",
        "asterisk-pjsip",
        &[("to_voipms", "iax2")],
    ),
    (
        "asterisk-pjsip-redirect-address",
        "asterisk-pjsip",
        &[("login", "address")],
    ),
    (
        "asterisk-pjsip-redirect-all",
        "asterisk-pjsip",
        &[
            ("outside_prefix", "9"),
            ("area_code", "416"),
            ("caller_id", "6475550123"),
            ("own_trunk", "1002:100000_front"),
            ("emergency", "999 000"),
            ("country", "CA"),
            ("deny_code", "486"),
            ("prefix", "B17"),
        ],
    ),
    (
        "asterisk-pjsip-failover",
        "asterisk-pjsip",
        &[("method", "failover")],
    ),
    (
        "asterisk-pjsip-failover-open",
        "asterisk-pjsip",
        &[("method", "failover"), ("when_away", "open")],
    ),
    ("asterisk-chan-sip-redirect", "asterisk-chan-sip", &[]),
    (
        "asterisk-chan-sip-redirect-open",
        "asterisk-chan-sip",
        &[("when_away", "open")],
    ),
    (
        "asterisk-chan-sip-redirect-tcp",
        "asterisk-chan-sip",
        &[("to_box", "tcp"), ("to_voipms", "tcp")],
    ),
    (
        "asterisk-chan-sip-redirect-tls",
        "asterisk-chan-sip",
        &[("to_voipms", "tls")],
    ),
    (
        "asterisk-chan-sip-redirect-iax2",
        "asterisk-chan-sip",
        &[("to_voipms", "iax2")],
    ),
    (
        "asterisk-chan-sip-redirect-all",
        "asterisk-chan-sip",
        &[
            ("outside_prefix", "9"),
            ("area_code", "416"),
            ("own_trunk", "1002:100000_front"),
        ],
    ),
    (
        "asterisk-chan-sip-failover",
        "asterisk-chan-sip",
        &[("method", "failover")],
    ),
    (
        "asterisk-chan-sip-failover-open",
        "asterisk-chan-sip",
        &[("method", "failover"), ("when_away", "open")],
    ),
    ("freepbx-pjsip-redirect", "freepbx", &[]),
    (
        "freepbx-pjsip-redirect-open",
        "freepbx",
        &[("when_away", "open")],
    ),
    (
        "freepbx-pjsip-redirect-to-box-tls",
        "freepbx",
        &[("to_box", "tls")],
    ),
    (
        "freepbx-pjsip-redirect-tls",
        "freepbx",
        &[("to_voipms", "tls")],
    ),
    (
        "freepbx-pjsip-redirect-iax2",
        "freepbx",
        &[("to_voipms", "iax2")],
    ),
    (
        "freepbx-pjsip-redirect-all",
        "freepbx",
        &[
            ("outside_prefix", "9"),
            ("area_code", "416"),
            ("own_trunk", "1002:100000_front"),
            ("login", "address"),
        ],
    ),
    (
        "freepbx-pjsip-failover",
        "freepbx",
        &[("method", "failover"), ("when_away", "open")],
    ),
    (
        "freepbx-chan-sip-redirect",
        "freepbx",
        &[("driver", "chan-sip"), ("freepbx", "16")],
    ),
    (
        "freepbx-chan-sip-redirect-tls",
        "freepbx",
        &[
            ("driver", "chan-sip"),
            ("freepbx", "15"),
            ("to_voipms", "tls"),
        ],
    ),
    (
        "freepbx-chan-sip-redirect-iax2",
        "freepbx",
        &[
            ("driver", "chan-sip"),
            ("freepbx", "13"),
            ("to_voipms", "iax2"),
        ],
    ),
    (
        "freepbx-chan-sip-failover",
        "freepbx",
        &[
            ("driver", "chan-sip"),
            ("freepbx", "14"),
            ("method", "failover"),
            ("when_away", "open"),
            ("to_box", "tcp"),
        ],
    ),
    ("freeswitch-redirect", "freeswitch", &[]),
    (
        "freeswitch-redirect-open-tls",
        "freeswitch",
        &[
            ("when_away", "open"),
            ("to_voipms", "tls"),
            ("to_box", "tls"),
        ],
    ),
    (
        "freeswitch-redirect-all",
        "freeswitch",
        &[
            ("outside_prefix", "9"),
            ("area_code", "416"),
            ("own_trunk", "1002:100000_front"),
        ],
    ),
    (
        "freeswitch-failover",
        "freeswitch",
        &[("method", "failover")],
    ),
];

fn variant(pbx: &str, fields: Fields) -> Form {
    let more: Vec<(&str, &str)> = [("pbx", pbx)]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    form(&more)
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == text,
        "{} differs from what is rendered:\n{text}",
        path.display()
    );
}

#[test]
fn set_ups_are_as_the_golden_files_say() {
    for (name, pbx, fields) in VARIANTS {
        let answers = variant(pbx, fields).check().unwrap();
        let setup = Setup::new(&answers, Language::English);
        golden(&format!("{name}.txt"), &setup.readable(Language::English));
    }
    for (name, pbx, fields) in [
        (
            "french-freepbx.txt",
            "freepbx",
            &[("method", "failover"), ("when_away", "open")][..],
        ),
        (
            "french-asterisk-tls.txt",
            "asterisk-pjsip",
            &[("to_box", "tls"), ("to_voipms", "tls")][..],
        ),
        (
            "french-freeswitch.txt",
            "freeswitch",
            &[("login", "address")][..],
        ),
    ] {
        let answers = variant(pbx, fields).check().unwrap();
        let setup = Setup::new(&answers, Language::French);
        golden(name, &setup.readable(Language::French));
    }
    // None is left over.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let held: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut made: BTreeSet<String> = VARIANTS
        .iter()
        .map(|(name, ..)| format!("{name}.txt"))
        .collect();
    made.extend(
        [
            "french-freepbx.txt",
            "french-asterisk-tls.txt",
            "french-freeswitch.txt",
        ]
        .map(String::from),
    );
    assert_eq!(held, made);
}
