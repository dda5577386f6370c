//! Every row of the table that ships, at its edges.
#![allow(clippy::unwrap_used)]

use trunkguard_core::time::Date;
use trunkguard_pbx::{
    Language,
    health::{Advice, Kind, Table, judge},
};

fn day(text: &str) -> Option<Date> {
    Date::try_from(text.to_owned()).ok()
}

fn of(agent: &str) -> Vec<Advice> {
    judge(
        agent,
        Table::built_in(),
        day("2026-11-26"),
        Language::English,
    )
}

fn has(version: &str, kind: Kind, id: &str) -> bool {
    of(&format!("FPBX-{version}(22.5.1)"))
        .iter()
        .any(|a| a.kind == kind && a.id.starts_with(id))
}

#[test]
fn versions_are_compared_at_every_edge() {
    for (id, open, fixed) in [
        (
            "CVE-2014-7235",
            &["2.8.1", "2.9.0.8", "2.10", "2.10.99", "2.11", "2.11.1.4"][..],
            &["2.9.0.9", "2.9.5", "2.11.1.5", "12.0.1"][..],
        ),
        (
            "CVE-2019-19006",
            &[
                "13.0.0",
                "13.0.197.13",
                "14.0.13.11",
                "15.0.16.26",
                "13.0.192.8",
                "14.0.13.2",
            ],
            &[
                "12.0.76.6",
                "13.0.197.14",
                "14.0.13.12",
                "14.0.13.23",
                "15.0.16.27",
                "16.0.1",
            ],
        ),
        (
            "CVE-2025-66039",
            &["16.0.33", "16.0.43", "17.0.22", "17.0.3"],
            &["15.0.16.81", "16.0.44", "16.0.100", "17.0.23", "18.0.1"],
        ),
    ] {
        for version in open {
            assert!(has(version, Kind::MayBeVulnerable, id), "{version} {id}");
        }
        for version in fixed {
            assert!(!has(version, Kind::MayBeVulnerable, id), "{version} {id}");
        }
    }
}

#[test]
fn modules_are_named_for_their_majors_only() {
    for (id, majors) in [
        ("Recordings", &[13][..]),
        ("CVE-2021-45461", &[15, 16]),
        ("CVE-2025-57819", &[15, 16, 17]),
        ("CVE-2025-61675", &[16, 17]),
        ("CVE-2025-64328", &[17]),
        ("CVE-2026-44238", &[16, 17]),
        ("CVE-2026-44237", &[17]),
        ("CVE-2026-26978", &[16, 17]),
    ] {
        for major in 12..=18 {
            // A fixed framework says nothing of a module.
            let version = format!("{major}.99.99");
            assert_eq!(
                has(&version, Kind::CannotBeSeen, id),
                majors.contains(&major),
                "{version} {id}"
            );
            assert!(!has(&version, Kind::MayBeVulnerable, id));
        }
    }
}

#[test]
fn the_end_of_support_is_a_day() {
    let ends = |agent: &str, on: Option<Date>| {
        let all = judge(agent, Table::built_in(), on, Language::English);
        all.iter()
            .filter(|a| a.kind == Kind::Ended)
            .map(|a| a.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ends("Asterisk PBX 20.1.0", day("2027-10-18")), [""; 0]);
    assert_eq!(
        ends("Asterisk PBX 20.1.0", day("2027-10-19")),
        ["Asterisk 20"]
    );
    assert_eq!(ends("Asterisk PBX 20.1.0", None), [""; 0]);
    assert_eq!(ends("Asterisk PBX 16.28.0~dfsg", None), ["Asterisk 16"]);
    assert_eq!(ends("Asterisk PBX 22.10.1", day("2026-11-26")), [""; 0]);
    assert_eq!(
        ends("FPBX-14.0.13.23(13.29.2)", None),
        ["FreePBX 14", "Asterisk 13"]
    );
    assert_eq!(ends("FPBX-15.0.1(22.1.0)", None), [""; 0]);
    assert_eq!(ends("FreeSWITCH-mod_sofia/1.10.7", None), [""; 0]);
}

#[test]
fn the_gravest_comes_first_and_says_what_to_do() {
    let found = of("FPBX-15.0.16.26(16.6.2)");
    assert_eq!(
        (found[0].id.as_str(), found[0].exploited),
        ("CVE-2019-19006", true)
    );
    assert!(
        found[0].what.contains("15.0.16.26 may be vulnerable")
            && found[0].remedy.contains("15.0.16.27")
    );
    assert!(
        found
            .iter()
            .all(|a| a.source.starts_with("https://") && !a.remedy.is_empty())
    );
    assert!(found.is_sorted_by_key(|a| a.kind));
    let webserver = of("FPBX-17.0.22(22.1.0)");
    assert!(
        webserver[0].what.contains("Authorization Type"),
        "{webserver:?}"
    );
    let french = judge(
        "FPBX-15.0.16.26(16.6.2)",
        Table::built_in(),
        None,
        Language::French,
    );
    assert!(
        french
            .iter()
            .zip(&found)
            .all(|(f, e)| f.id == e.id && f.what != e.what && f.remedy != e.remedy)
    );
    for unknown in ["", "My PBX", "friendly-scanner"] {
        assert_eq!(of(unknown), []);
    }
}
