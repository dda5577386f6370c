//! The numbering plans: from country code and national number to country, area and kind.

use super::{
    Digits, Kind, NotANumber, Number,
    tables::{AREA_USES, AREAS, CODE_BY_FRONT, CODES, COST, COSTS, COUNTRIES, NEXT},
};
use crate::policy::CountryCode;

/// One country code.
pub(super) struct Code {
    pub(super) digits: &'static [u8],
    pub(super) whose: Whose,
    /// Length of the national number.
    pub(super) shortest: u8,
    pub(super) longest: u8,
    /// Where its patterns start in `NEXT`.
    pub(super) start: u16,
    /// Front of the national numbers of other territories than the main one, longest first.
    pub(super) leading: &'static [(&'static [u8], [u8; 2])],
}

/// Whose country code it is.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// The main country of the code.
    Country([u8; 2]),
    /// No country's: what its numbers are.
    Nobody(Kind),
}

/// What an area code of +1 is for.
#[derive(Clone, Copy)]
pub(super) enum AreaUse {
    In([u8; 2]),
    Personal([u8; 2]),
    Premium,
    TollFree,
}

/// Has the numbering plan such a country?
pub fn is_country(code: [u8; 2]) -> bool {
    country_name(code).is_some()
}

/// English short name of a country of the numbering plan.
pub fn country_name(code: [u8; 2]) -> Option<&'static str> {
    let at = COUNTRIES.binary_search_by_key(&code, |(c, _)| *c).ok()?;
    Some(COUNTRIES[at].1)
}

/// Is it an area code of +1 in use by the table (of any kind)? For settings such as the home area code.
pub fn is_assigned_area(area: u16) -> bool {
    area_use(area).is_some()
}

fn area_use(area: u16) -> Option<AreaUse> {
    let index = *AREAS.get(usize::from(area).checked_sub(200)?)?;
    AREA_USES.get(usize::from(index).checked_sub(1)?).copied()
}

/// Reads country code and national number.
pub(super) fn international(digits: &[u8], home: CountryCode) -> Result<Number, NotANumber> {
    let all = Digits::new(digits).ok_or(if digits.is_empty() {
        NotANumber::Empty
    } else {
        NotANumber::Length
    })?;
    let code = code_of(digits)?;
    let national = &digits[code.digits.len()..];
    if !(usize::from(code.shortest)..=usize::from(code.longest)).contains(&national.len()) {
        return Err(NotANumber::Length);
    }
    if code.digits == b"1" {
        return north_american(all, national, home);
    }
    let cost = cost(code.start, national);
    let (country, kind) = match code.whose {
        Whose::Nobody(kind) => (None, kind),
        Whose::Country(main) => {
            let other = code
                .leading
                .iter()
                .find(|(front, _)| national.starts_with(front));
            let country = CountryCode::new(other.map_or(main, |(_, territory)| *territory));
            let place = if country == home {
                Kind::Domestic
            } else {
                Kind::Abroad
            };
            (Some(country), cost.unwrap_or(place))
        }
    };
    Ok(Number {
        digits: all,
        country,
        area: None,
        kind,
    })
}

/// The country code in front. Three digits always tell: no code is the front of another.
fn code_of(digits: &[u8]) -> Result<&'static Code, NotANumber> {
    let front = digits.get(..3).ok_or(NotANumber::Length)?;
    let index = front.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0'));
    let row = CODE_BY_FRONT.get(index).copied().unwrap_or(0);
    usize::from(row)
        .checked_sub(1)
        .and_then(|i| CODES.get(i))
        .ok_or(NotANumber::Unassigned)
}

/// What a national number costs more for, by the compiled patterns.
fn cost(start: u16, national: &[u8]) -> Option<Kind> {
    let end = national.iter().fold(start, |state, d| {
        NEXT[usize::from(state)][usize::from(d - b'0')]
    });
    COSTS[usize::from(COST[usize::from(end)])]
}

/// `NXX NXX XXXX` (NANP: ATIS-0300055; N is 2 to 9).
fn north_american(
    digits: Digits,
    national: &[u8],
    home: CountryCode,
) -> Result<Number, NotANumber> {
    let area = national[..3]
        .iter()
        .fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    let usage = area_use(area).ok_or(NotANumber::Unassigned)?;
    if national[3] < b'2' {
        return Err(NotANumber::Unassigned);
    }
    let (country, kind) = match usage {
        AreaUse::TollFree => (None, Kind::TollFree),
        AreaUse::Premium => (None, Kind::Premium),
        AreaUse::Personal(country) => (Some(country), Kind::Personal),
        AreaUse::In(country) => (Some(country), within_area(country, &national[3..], home)),
    };
    Ok(Number {
        digits,
        country: country.map(CountryCode::new),
        area: Some(area),
        kind,
    })
}

/// Exchange and line within a geographic area code.
fn within_area(country: [u8; 2], line: &[u8], home: CountryCode) -> Kind {
    if line.starts_with(b"976") {
        return Kind::Premium;
    }
    let large = |c: [u8; 2]| c == *b"US" || c == *b"CA";
    // Not in the Caribbean: there the place says more about the price.
    if line == b"5551212" && large(country) {
        return Kind::Directory;
    }
    let of_the_us = |c: [u8; 2]| [*b"AS", *b"GU", *b"MP", *b"PR", *b"VI"].contains(&c);
    let home = home.letters();
    match country {
        same if same == home => Kind::Domestic,
        other if large(other) && (large(home) || of_the_us(home)) => Kind::UsCanada,
        // From outside +1, the US and Canada are countries like any other.
        other if large(other) && !is_north_american(home) => Kind::Abroad,
        _ => Kind::NanpAbroad,
    }
}

/// Is the country reached by +1?
pub(super) fn is_north_american(country: [u8; 2]) -> bool {
    AREA_USES
        .iter()
        .any(|u| matches!(u, AreaUse::In(c) if *c == country))
}
