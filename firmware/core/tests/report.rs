//! The report, word by word. `GOLDEN=write cargo test -p trunkguard-core --test report` writes the files.
#![allow(clippy::unwrap_used)]

use std::{fs, net::Ipv4Addr, path::Path};

use trunkguard_core::{
    policy::Mode,
    report::{Fate, Figure, Given, Report, Sampler, report, words},
};

/// IPv4 and UDP, or TCP with SYN.
fn packet(from: &str, to: &str, tcp: bool, port: u16) -> Vec<u8> {
    let mut packet = vec![
        0x45,
        0,
        0,
        40,
        0,
        1,
        0,
        0,
        64,
        if tcp { 6 } else { 17 },
        0,
        0,
    ];
    packet.extend(from.parse::<Ipv4Addr>().unwrap().octets());
    packet.extend(to.parse::<Ipv4Addr>().unwrap().octets());
    packet.extend(40_000u16.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
    packet
}

/// What a week in front of a PBX looks like.
fn sampler() -> Sampler {
    let (mut sampler, pbx) = (Sampler::new(), "192.168.1.5");
    for i in 0..30 {
        let scanner = format!("198.51.100.{i}");
        sampler.add(i, "outside-sip", &packet(&scanner, pbx, false, 5_060));
    }
    for i in 0..40 {
        sampler.add(i, "outside-sip", &packet("203.0.113.7", pbx, false, 5_060));
        sampler.add(
            i,
            "box-sip",
            &packet("192.168.1.9", "192.168.1.2", false, 5_060),
        );
    }
    for (rule, from, to, tcp, port) in [
        ("outside-other", "203.0.113.80", pbx, true, 443),
        ("outside-other", "203.0.113.80", pbx, true, 22),
        ("pbx-sip", pbx, "198.51.100.9", false, 5_060),
        ("pbx-udp", pbx, "198.51.100.9", false, 12_000),
    ] {
        sampler.add(50, rule, &packet(from, to, tcp, port));
    }
    sampler
}

const FIGURES: [(&str, u64); 12] = [
    ("pops-in", 312),
    ("pops-out", 208),
    ("outside-sip", 1_204),
    ("outside-rtp", 0),
    ("outside-other", 77),
    ("outside-spoofed", 1),
    ("pbx-sip", 12),
    ("pbx-udp", 3),
    ("box-sip", 40),
    ("box-other", 1_234_567),
    ("outside-banned", 5_000),
    ("rule-of-tomorrow", 2),
];

fn made(mode: Mode, figures: &[(&str, u64)], sampler: &Sampler) -> Report {
    let figures: Vec<Figure> = (figures.iter())
        .map(|&(name, packets)| Figure {
            name,
            packets,
            bytes: packets * 400,
        })
        .collect();
    report(&Given {
        mode,
        since_s: Some(7 * 86_400),
        figures: &figures,
        sampler,
    })
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{}", path.display());
}

#[test]
fn detect_says_what_prevent_would_drop() {
    let report = made(Mode::Detect, &FIGURES, &sampler());
    golden("report-detect.txt", &report.to_string());
}

#[test]
fn prevent_says_what_was_dropped() {
    let report = made(Mode::Prevent, &FIGURES, &sampler());
    golden("report-prevent.txt", &report.to_string());
}

#[test]
fn a_quiet_firewall_says_so() {
    let report = made(
        Mode::Detect,
        &[("outside-sip", 0), ("pops-in", 1)],
        &Sampler::new(),
    );
    golden("report-quiet.txt", &report.to_string());
}

#[test]
fn a_report_is_the_same_as_json() {
    let report = made(Mode::Detect, &FIGURES, &sampler());
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn what_the_mode_decides_has_a_remedy_each() {
    for rule in [
        "outside-sip",
        "outside-rtp",
        "outside-other",
        "outside-spoofed",
        "outside-invalid",
        "pbx-sip",
        "pbx-udp",
        "pbx-other",
    ] {
        let words = words(rule);
        assert!(
            words.fate == Fate::Decided && !words.remedy.is_empty(),
            "{rule}"
        );
    }
}
