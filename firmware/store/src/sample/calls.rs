//! Calls.

use proptest::option;
use proptest::prelude::*;
use trunkguard_core::{
    number::{Digits, Kind},
    policy::*,
    record::{Record, text},
    verdict::{Level, Rule, Verdict},
};

use super::definition::{country, kind};

/// Any record.
pub fn record() -> impl Strategy<Value = Record> {
    let rule = || (0..Rule::ALL.len()).prop_map(|n| Rule::ALL[n]);
    let mode = prop_oneof![
        Just(Mode::Detect),
        Just(Mode::Prevent),
        Just(Mode::Lockdown)
    ];
    let level = prop_oneof![
        Just(Level::BuiltIn),
        Just(Level::Everybody),
        Just(Level::Caller)
    ];
    let phone = option::of(prop_oneof![
        any::<[u8; 4]>().prop_map(std::net::IpAddr::from),
        any::<[u8; 16]>().prop_map(std::net::IpAddr::from),
    ]);
    let digits = option::of("[0-9]{1,15}".prop_map(|d| Digits::new(d.as_bytes()).unwrap()));
    let texts = ("[ -~]{0,32}", "[ -~]{0,40}", "[ -~]{0,40}");
    let number = (
        digits,
        option::of(country().prop_filter("a country", |c| *c != CountryCode::ANY)),
        option::of(kind()),
    );
    let verdict = (
        any::<[bool; 3]>(),
        rule(),
        level,
        option::of(any::<(u32, u32)>()),
    )
        .prop_map(
            |([approved, allowed, chargeable], rule, level, figures)| Verdict {
                approved,
                allowed,
                rule,
                level,
                figures,
                chargeable,
            },
        );
    (
        any::<i64>(),
        texts,
        number,
        verdict,
        mode,
        option::of(rule()),
        option::of(any::<u16>()),
        phone,
        0..=5u8,
    )
        .prop_map(
            |(
                unix_ms,
                (caller, dialled, agent),
                (digits, country, kind),
                verdict,
                mode,
                first,
                said_calls,
                phone,
                said_fields,
            )| Record {
                unix_ms,
                client: 0,
                caller: text(caller.as_bytes()),
                dialled: text(dialled.as_bytes()),
                digits,
                country,
                kind,
                mode,
                verdict,
                first,
                said_calls,
                phone,
                phone_agent: text(agent.as_bytes()),
                said_fields,
            },
        )
}

/// A call that was approved by default, costs money and goes to this number.
pub fn approved(client: u16, unix_ms: i64, caller: &str, number: &str) -> Record {
    let digits = number.trim_start_matches('+').as_bytes();
    Record {
        unix_ms,
        client,
        caller: text(caller.as_bytes()),
        dialled: text(format!("011{}", number.trim_start_matches('+')).as_bytes()),
        digits: Digits::new(digits),
        country: Some(CountryCode::new(if digits.starts_with(b"44") {
            *b"GB"
        } else {
            *b"DO"
        })),
        kind: Some(Kind::Abroad),
        mode: Mode::Prevent,
        verdict: Verdict {
            approved: true,
            allowed: true,
            rule: Rule::Default,
            level: Level::BuiltIn,
            figures: None,
            chargeable: true,
        },
        first: None,
        said_calls: None,
        phone: Some([192, 0, 2, 7].into()),
        phone_agent: text(b"Phone 1.0"),
        said_fields: 5,
    }
}

/// The same call, refused because of its country.
pub fn refused(client: u16, unix_ms: i64, caller: &str, number: &str) -> Record {
    let mut record = approved(client, unix_ms, caller, number);
    record.verdict = Verdict {
        approved: false,
        allowed: false,
        rule: Rule::Country,
        level: Level::Everybody,
        chargeable: false,
        figures: None,
    };
    record
}
