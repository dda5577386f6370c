//! Numbers that libphonenumber holds for valid have the same country and kind here.
//!
//! It is the source of the tables, but another release of it and another way to look things up:
//! it tries the expressions of every territory, the tables here go by leading digits.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};
use trunkguard_core::{
    number::{Dialled, Format, Home, Kind, Number, read},
    policy::CountryCode,
};

const TYPES: [PhoneNumberType; 9] = [
    PhoneNumberType::FixedLine,
    PhoneNumberType::Mobile,
    PhoneNumberType::TollFree,
    PhoneNumberType::PremiumRate,
    PhoneNumberType::SharedCost,
    PhoneNumberType::VoIP,
    PhoneNumberType::PersonalNumber,
    PhoneNumberType::Pager,
    PhoneNumberType::UAN,
];

/// Where the answers differ, and why: front of the number, theirs, ours.
const KNOWN: [(&str, &str, &str); 13] = [
    // A number that follows a person here; they call the whole of +878 VoIP.
    ("+878", "001 VoIP", "-- Personal"),
    // Canada's 6XX belong to no place; they call some VoIP.
    ("+1600", "CA VoIP", "CA Personal"),
    ("+1622", "CA VoIP", "CA Personal"),
    ("+1633", "CA VoIP", "CA Personal"),
    // Canada's seven-digit numbers cannot be dialled from abroad.
    ("+1310", "CA UAN", "Length"),
    // No exchange begins with 0 or 1; their expression is wider than the plan.
    ("+1809", "DO TollFree", "Unassigned"),
    ("+1829", "DO TollFree", "Unassigned"),
    ("+1849", "DO TollFree", "Unassigned"),
    // Guadeloupe, Saint Martin and Saint Barthélemy share ranges.
    ("+590", "BL FixedLine", "GP Abroad"),
    ("+590", "MF FixedLine", "GP Abroad"),
    // British premium numbers are of no island's; premium either way.
    ("+449", "GG PremiumRate", "GB Premium"),
    // Their release is newer than the tables: an area code and a premium range opened since.
    ("+1273", "CA FixedLineOrMobile", "Unassigned"),
    ("+351762", "PT PremiumRate", "PT Abroad"),
];

fn ours(number: &str) -> Result<Number, String> {
    let home = Home {
        country: CountryCode::US,
        area_code: None,
        outside_prefix: b"",
        emergency: &[],
    };
    match read(number.as_bytes(), Format::E164, &home) {
        Ok(Dialled::Number(number)) => Ok(number),
        Ok(other) => Err(format!("{other:?}")),
        Err(why) => Err(format!("{why:?}")),
    }
}

/// A small generator, the same numbers in every run (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The number as text, where libphonenumber holds it for valid and reads it back as it is.
fn valid(text: &str) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(text, None).ok()?;
    let same = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164) == text;
    (same && PHONE_NUMBER_UTIL.is_valid_number(&number)).then_some(number)
}

/// Valid numbers like `example`: with other digits in some of the last places.
fn relatives(example: &str, random: &mut Random, found: &mut BTreeMap<String, PhoneNumber>) {
    for _ in 0..60 {
        let mut digits = example.as_bytes().to_vec();
        let places = digits.len() - 2;
        for _ in 0..=random.below(6) {
            let place = digits.len() - 1 - random.below(places as u64) as usize;
            digits[place] = b'0' + random.below(10) as u8;
        }
        let text = String::from_utf8(digits).unwrap();
        if let Some(number) = valid(&text) {
            found.insert(text, number);
        }
    }
}

fn sample() -> BTreeMap<String, PhoneNumber> {
    let mut random = Random(1);
    let mut found = BTreeMap::new();
    let mut regions: Vec<_> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    regions.sort_by_key(|r| r.to_string());
    assert!(regions.len() > 240);
    for region in regions {
        for kind in TYPES {
            if let Ok(example) =
                PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind)
            {
                let text = PHONE_NUMBER_UTIL
                    .format(&example, PhoneNumberFormat::E164)
                    .into_owned();
                relatives(&text, &mut random, &mut found);
            }
        }
    }
    let mut networks: Vec<_> = PHONE_NUMBER_UTIL
        .get_supported_global_network_calling_codes()
        .collect();
    networks.sort_unstable();
    for code in networks {
        let example = PHONE_NUMBER_UTIL
            .get_example_number_for_non_geo_entity(code)
            .unwrap();
        let text = PHONE_NUMBER_UTIL
            .format(&example, PhoneNumberFormat::E164)
            .into_owned();
        relatives(&text, &mut random, &mut found);
    }
    found
}

fn shown(ours: &Result<Number, String>) -> String {
    match ours {
        Ok(n) => format!(
            "{} {:?}",
            n.country.as_ref().map_or("--", |c| c.as_str()),
            n.kind
        ),
        Err(why) => why.clone(),
    }
}

fn agree(region: &str, kind: PhoneNumberType, ours: &Number) -> bool {
    let own = ours.country.as_ref().map_or("001", |c| c.as_str());
    // The free and the 900 numbers of +1 belong to no one country here.
    let shared = ours.area.is_some() && matches!(ours.kind, Kind::TollFree | Kind::Premium);
    let same_country = own == region || (shared && own == "001");
    let same_kind = match kind {
        PhoneNumberType::PremiumRate => ours.kind == Kind::Premium,
        PhoneNumberType::SharedCost => ours.kind == Kind::SharedCost,
        PhoneNumberType::PersonalNumber => ours.kind == Kind::Personal,
        PhoneNumberType::TollFree if ours.area.is_some() => ours.kind == Kind::TollFree,
        _ => !matches!(ours.kind, Kind::Premium | Kind::SharedCost | Kind::Personal),
    };
    same_country && same_kind
}

#[test]
fn countries_and_kinds_agree() {
    let sample = sample();
    assert!(sample.len() > 25_000, "{}", sample.len());
    let mut wrong: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for (text, number) in &sample {
        let region = PHONE_NUMBER_UTIL
            .get_region_for_number(number)
            .map_or("001".to_owned(), |r| r.to_string());
        let kind = PHONE_NUMBER_UTIL.get_number_type(number);
        let own = ours(text);
        if own.as_ref().is_ok_and(|n| agree(&region, kind, n)) {
            continue;
        }
        let (theirs, own) = (format!("{region} {kind:?}"), shown(&own));
        if !KNOWN
            .iter()
            .any(|(front, t, o)| text.starts_with(front) && *t == theirs && *o == own)
        {
            wrong.entry((theirs, own)).or_default().push(text);
        }
    }
    let line = |((theirs, own), numbers): (&(String, String), &Vec<&str>)| {
        format!(
            "{theirs}, here {own}: {} such as {:?}\n",
            numbers.len(),
            &numbers[..numbers.len().min(4)]
        )
    };
    assert!(
        wrong.is_empty(),
        "of {} numbers:\n{}",
        sample.len(),
        wrong.iter().map(line).collect::<String>()
    );
}
