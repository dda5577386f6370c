//! The generated tables: patterns compiled right, every country named, every area code there.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use trunkguard_core::{
    number::{
        Dialled, Digits,
        Format::{self, E164},
        Home, Kind, country_name, is_assigned_area, is_country, read,
    },
    policy::{CountryCode, Name},
};

const HOME: Home = Home {
    country: CountryCode::US,
    area_code: Some(212),
    outside_prefix: b"",
    emergency: &[],
};

/// National numbers, and what Python's `re` says of them (`tables/generate.py`).
const SAMPLES: &str = include_str!("../tables/samples.csv");
const AREAS: &str = include_str!("../tables/nanp_npa.csv");
const COUNTRIES: &str = include_str!("../tables/countries.csv");
const CODES: &str = include_str!("../tables/calling_codes.csv");

fn kind(number: &str) -> Option<Kind> {
    match read(number.as_bytes(), E164, &HOME) {
        Ok(Dialled::Number(n)) => Some(n.kind),
        _ => None,
    }
}

#[test]
fn compiled_patterns_say_what_the_expressions_say() {
    let (mut costly, mut plain) = (0, 0);
    for line in SAMPLES.lines().skip(1) {
        let [code, national, expected] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        // Too short or too long for the country, or for E.164: no number at all.
        let Some(kind) = kind(&format!("{code}{national}")) else {
            assert!(
                expected == "-" || code.len() + national.len() > 15,
                "{line}"
            );
            continue;
        };
        let by_code = matches!(
            code,
            "800" | "808" | "870" | "878" | "881" | "882" | "883" | "888" | "979"
        );
        match expected {
            "Premium" => assert_eq!(kind, Kind::Premium, "{line}"),
            "SharedCost" => assert_eq!(kind, Kind::SharedCost, "{line}"),
            "Personal" => assert_eq!(kind, Kind::Personal, "{line}"),
            _ if by_code => continue,
            _ => assert_eq!(kind, Kind::Abroad, "{line}"),
        }
        if expected == "-" {
            plain += 1
        } else {
            costly += 1
        }
    }
    assert!(costly > 1500 && plain > 1000, "{costly} {plain}");
}

#[test]
fn every_area_code_is_read() {
    let rows: Vec<Vec<&str>> = AREAS
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 468);
    for area in 0..=u16::MAX {
        let row = rows.iter().find(|r| r[0] == area.to_string());
        assert_eq!(is_assigned_area(area), row.is_some(), "{area}");
        let Some(row) = row else { continue };
        let Ok(Dialled::Number(number)) = read(format!("1{area}5550123").as_bytes(), E164, &HOME)
        else {
            panic!("{area}")
        };
        assert_eq!(number.area, Some(area));
        let expected = match (row[1], row[2]) {
            (_, "toll-free") => Kind::TollFree,
            (_, note) if note.starts_with("premium") => Kind::Premium,
            (_, note) if note.starts_with("personal") || note.starts_with("non-geographic") => {
                Kind::Personal
            }
            ("US", _) => Kind::Domestic,
            ("CA", _) => Kind::UsCanada,
            _ => Kind::NanpAbroad,
        };
        assert_eq!(number.kind, expected, "{area}");
        assert_eq!(
            number.country.map(|c| c.to_string()),
            (row[1] != "-").then(|| row[1].to_owned()),
            "{area}"
        );
    }
}

#[test]
fn every_country_has_a_name() {
    for line in COUNTRIES.lines().skip(1) {
        let (code, name) = line.split_once(',').unwrap();
        let code: [u8; 2] = code.as_bytes().try_into().unwrap();
        assert_eq!(country_name(code), Some(name));
        assert!(is_country(code));
    }
    for not in [*b"ZZ", *b"us", *b"* ", *b"00", *b"LH", [0, 0], [0xff, 0xff]] {
        assert!(!is_country(not) && country_name(not).is_none());
    }
    assert_eq!(country_name(*b"SO"), Some("Somalia"));
}

#[test]
fn every_country_code_is_read_and_no_other() {
    let codes: Vec<&str> = CODES
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap())
        .collect();
    assert_eq!(codes.len(), 215);
    for front in 0..1000 {
        let front = format!("{front:03}");
        let assigned = codes.iter().any(|c| front.starts_with(c));
        let any_length = (1..=15).any(|len| kind(&format!("{front}{}", "2".repeat(len))).is_some());
        // The front of +1 must also be an area code.
        assert!(
            any_length == assigned || (front.starts_with('1') && !any_length),
            "{front}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(
        dialled in prop_oneof![prop::collection::vec(any::<u8>(), 0..50).boxed(), "[0-9*#+().-]{0,40}".prop_map(String::into_bytes).boxed()],
        prefix in "[0-9*]{0,3}", area in prop::option::of(any::<u16>()), own in "[0-9*]{1,4}", country in prop::sample::select(vec!["US", "CA", "GB", "JM", "PR", "SX"]),
    ) {
        let emergency = [Name::parse(&own).unwrap()];
        let home = Home { country: CountryCode::parse(country).unwrap(), area_code: area, outside_prefix: prefix.as_bytes(), emergency: &emergency };
        for format in [Format::Dialled, E164, Format::Seed2] {
            if let Ok(Dialled::Number(n)) = read(&dialled, format, &home) {
                prop_assert!(n.digits.as_bytes().len() >= 4);
                prop_assert!(n.country.is_none_or(|c| is_country(c.letters())));
            }
            // An emergency number is one whatever else is set.
            prop_assert_eq!(read(own.as_bytes(), format, &home), Ok(Dialled::Emergency));
            prop_assert_eq!(read(b"911", format, &home), Ok(Dialled::Emergency));
        }
    }

    #[test]
    fn every_number_reads_back_in_every_format(number in "[1-9][0-9]{5,14}") {
        let Ok(Dialled::Number(read_once)) = read(number.as_bytes(), E164, &HOME) else { return Ok(()) };
        prop_assert_eq!(read_once.digits.as_str(), &number);
        for (format, spelled) in [
            (E164, format!("+{number}")), (Format::Seed2, format!("1{number}")), (Format::Dialled, format!("011{number}")),
            (Format::Dialled, format!("+{number}")), (Format::Dialled, format!("044{number}")),
        ] {
            prop_assert_eq!(read(spelled.as_bytes(), format, &HOME), Ok(Dialled::Number(read_once)), "{}", spelled);
        }
    }

    #[test]
    fn digits_keep_what_they_are_given(text in "[0-9]{1,15}", other in prop::collection::vec(any::<u8>(), 0..20)) {
        let digits = Digits::new(text.as_bytes()).unwrap();
        prop_assert_eq!(digits.as_bytes(), text.as_bytes());
        prop_assert_eq!(digits.to_string(), text);
        let right = (1..=15).contains(&other.len()) && other.iter().all(u8::is_ascii_digit);
        prop_assert_eq!(Digits::new(&other).map(|d| d.as_bytes().to_vec()), right.then_some(other));
    }
}
