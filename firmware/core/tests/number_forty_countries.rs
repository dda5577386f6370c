//! The countries whose numbers look like numbers in the US or Canada once the seed's dial plan has
//! cut `011442071838750` with `${EXTEN:2}` to `1442071838750`: no declared format takes one for home.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use trunkguard_core::{
    number::{
        Dialled,
        Format::{self, Dialled as AsDialled, E164, Seed2},
        Home, Kind,
        NotANumber::{self, OtherFormat},
        Number, read,
    },
    policy::CountryCode,
};

/// For each of the forty a number that libphonenumber holds for valid (fixed, mobile, free or
/// premium): country code and national number, ten digits together.
const FORTY: [(&str, &str); 40] = [
    ("AE", "9718000052"),
    ("AT", "4312552755"),
    ("BE", "3212083927"),
    ("BT", "9752301248"),
    ("BW", "2672400281"),
    ("BZ", "5012002515"),
    ("CN", "8622950443"),
    ("CO", "5746001124"),
    ("CU", "5342145439"),
    ("DK", "4582117030"),
    ("EG", "2015030727"),
    ("GM", "2204200087"),
    ("HR", "3858000443"),
    ("HU", "3612085963"),
    ("ID", "6233517199"),
    ("IE", "3532201879"),
    ("IS", "3544101227"),
    ("KE", "2544212141"),
    ("KM", "2697401027"),
    ("LI", "4232010028"),
    ("LR", "2314603028"),
    ("LU", "3522207704"),
    ("MM", "9512505821"),
    ("MY", "6042074474"),
    ("NO", "4722007937"),
    ("NU", "6838881000"),
    ("NZ", "6462239881"),
    ("PA", "5072008223"),
    ("PE", "5142007105"),
    ("PW", "6802550103"),
    ("SC", "2484200206"),
    ("SE", "4632068512"),
    ("SG", "6562026060"),
    ("SI", "3868000073"),
    ("SO", "2522002509"),
    ("ST", "2392200511"),
    ("SV", "5038000082"),
    ("TH", "6616033471"),
    ("VU", "6785001123"),
    ("ZW", "2632014641"),
];

/// Countries of which the lengths alone would let some number look alike too.
const MORE_BY_LENGTH: [&str; 22] = [
    "AU", "BR", "CK", "GB", "IL", "IN", "IR", "JP", "KI", "KR", "NF", "NL", "PF", "PH", "PK", "PL",
    "PM", "RO", "TR", "VN", "WF", "ZA",
];

const HOME: Home = Home {
    country: CountryCode::US,
    area_code: Some(212),
    outside_prefix: b"",
    emergency: &[],
};

/// What is no telephone number at all (emergency, service) is unassigned here.
fn number(dialled: &str, format: Format) -> Result<Number, NotANumber> {
    match read(dialled.as_bytes(), format, &HOME)? {
        Dialled::Number(number) => Ok(number),
        _ => Err(NotANumber::Unassigned),
    }
}

fn at_home(number: &Number) -> bool {
    matches!(number.kind, Kind::Domestic | Kind::UsCanada)
}

/// From the tables alone: every ten digits `NXX 555 0123` that a US or Canadian office would take for
/// a number at home, and that are a number abroad with its country code in front.
fn look_alikes() -> Vec<(String, Number)> {
    let tens = (200..1000).map(|front| format!("{front}5550123"));
    let at_home_too =
        tens.filter(|ten| number(&format!("1{ten}"), AsDialled).is_ok_and(|n| at_home(&n)));
    at_home_too
        .filter_map(|ten| number(&ten, E164).ok().map(|n| (ten, n)))
        .collect()
}

#[test]
fn the_tables_know_them() {
    let found: BTreeSet<String> = look_alikes()
        .iter()
        .filter_map(|(_, n)| n.country)
        .map(|c| c.to_string())
        .collect();
    let forty: BTreeSet<String> = FORTY
        .iter()
        .map(|(country, _)| (*country).to_owned())
        .collect();
    assert_eq!(forty.len(), 40);
    assert!(forty.is_subset(&found), "{:?}", forty.difference(&found));
    let more: Vec<&str> = found.difference(&forty).map(String::as_str).collect();
    assert_eq!(more, MORE_BY_LENGTH);
}

#[test]
fn none_of_forty_becomes_domestic() {
    for (country, ten) in FORTY {
        let theirs = PHONE_NUMBER_UTIL.parse(format!("+{ten}"), None).unwrap();
        assert!(PHONE_NUMBER_UTIL.is_valid_number(&theirs), "{ten}");
        // What makes them dangerous: guessing would find a number at home.
        assert!(
            number(&format!("1{ten}"), AsDialled).is_ok_and(|n| at_home(&n)),
            "{ten}"
        );
        for (format, spelled) in [
            (Seed2, format!("1{ten}")),
            (E164, ten.into()),
            (E164, format!("+{ten}")),
            (AsDialled, format!("011{ten}")),
        ] {
            let read = number(&spelled, format)
                .unwrap_or_else(|why| panic!("{spelled} as {format:?}: {why:?}"));
            assert_eq!(
                read.country,
                Some(CountryCode::parse(country).unwrap()),
                "{spelled} as {format:?}"
            );
            assert_eq!(read.digits.as_str(), ten);
            assert!(!at_home(&read), "{spelled} as {format:?}");
        }
        // In another format than the declared one they are refused, where the digits can tell.
        for (format, spelled) in [
            (Seed2, ten.to_owned()),
            (Seed2, format!("+{ten}")),
            (Seed2, format!("011{ten}")),
            (E164, format!("011{ten}")),
        ] {
            assert!(number(&spelled, format).is_err(), "{spelled} as {format:?}");
        }
    }
}

#[test]
fn no_look_alike_becomes_domestic() {
    let all = look_alikes();
    assert!(all.len() > 100, "{}", all.len());
    for (ten, abroad) in all {
        assert!(!at_home(&abroad), "{ten}");
        assert_eq!(number(&format!("1{ten}"), Seed2), Ok(abroad), "{ten}");
        assert_eq!(number(&format!("011{ten}"), AsDialled), Ok(abroad), "{ten}");
        assert!(number(&ten, Seed2).is_err(), "{ten}");
    }
    assert_eq!(number("442071838750", AsDialled), Err(OtherFormat));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the digits: a number is at home only where country code 1 stands in its place.
    #[test]
    fn at_home_only_with_country_code_1(digits in "[0-9]{1,14}", access in prop::sample::select(vec!["011", "00", "044", "033", "+"])) {
        if number(&format!("1{digits}"), Seed2).is_ok_and(|n| at_home(&n)) {
            prop_assert!(digits.starts_with('1') && digits.len() == 11);
        }
        if read(digits.as_bytes(), E164, &HOME).is_ok_and(|d| matches!(d, Dialled::Number(n) if at_home(&n))) {
            prop_assert!(digits.starts_with('1') && digits.len() == 11);
        }
        if number(&format!("{access}{digits}"), AsDialled).is_ok_and(|n| at_home(&n)) {
            prop_assert!(digits.starts_with('1') && digits.len() == 11);
        }
    }

    /// The same, with digits that are nearly numbers.
    #[test]
    fn nor_with_numbers_that_nearly_are(ten in "[2-9][0-9]{2}[2-9][0-9]{6}") {
        for (format, access) in [(Seed2, "1"), (E164, ""), (E164, "+"), (AsDialled, "011"), (AsDialled, "+")] {
            let spelled = format!("{access}{ten}");
            prop_assert!(!number(&spelled, format).is_ok_and(|n| at_home(&n)), "{} as {:?}", spelled, format);
        }
    }
}
