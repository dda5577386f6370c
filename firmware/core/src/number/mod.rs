//! Telephone numbers by declared format (stub; the numbers helper fills it).
use core::fmt;
use serde::{Deserialize, Serialize};

/// 1 to 15 digits of an E.164 number, without `+` (ITU-T E.164 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits {
    len: u8,
    digits: [u8; 15],
}

impl Digits {
    /// `None` unless there are 1 to 15 ASCII digits.
    pub fn new(digits: &[u8]) -> Option<Self> {
        if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut all = [0; 15];
        all[..digits.len()].copy_from_slice(digits);
        Some(Digits { len: digits.len() as u8, digits: all })
    }

    /// The ASCII digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.len as usize]
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a client writes numbers. Declared, never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As dialled at VoIP.ms.
    #[default]
    Dialled,
    /// Country code and number, with or without `+`.
    E164,
    /// What the seed's `${EXTEN:2}` leaves of 011…: a `1`, then country code and number.
    #[serde(rename = "seed-2")]
    Seed2,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// In the home country.
    Domestic,
    /// In Canada for an office in the US, and the other way round.
    UsCanada,
    /// +1, but another country (Caribbean) or a US territory.
    NanpAbroad,
    /// Any other country.
    Abroad,
    /// Costs extra.
    Premium,
    /// Costs shared with the called party.
    SharedCost,
    /// Free for the caller.
    TollFree,
    /// Follows a person (+1 5XX, +878 …); price unknown.
    Personal,
    /// Satellite networks (+870, +881).
    Satellite,
    /// International networks (+882, +883, +888).
    GlobalNetwork,
    /// Directory enquiries and the like (411).
    Directory,
}

/// A number with what the tables say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Country code and national number.
    pub digits: Digits,
    /// ISO 3166-1 alpha-2; `None` for numbers of no country (+800, +870 …).
    pub country: Option<crate::policy::CountryCode>,
    /// The area code of a +1 number.
    pub area: Option<u16>,
    /// What it is.
    pub kind: Kind,
}

/// What was dialled, under the client's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// Emergency (911, 933, 988, 112 and the owner's).
    Emergency,
    /// A service of VoIP.ms: 4443, 4747, 4XXX, *xx, ***XXX.
    Service,
    /// A telephone number.
    Number(Number),
}

/// Why it is not a number under the client's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANumber {
    /// Nothing there.
    Empty,
    /// A character that no number has.
    Character,
    /// Not of a length that the format has, or longer than E.164 allows.
    Length,
    /// No such country code or area code.
    Unassigned,
    /// Seven digits, and no home area code is set.
    NoAreaCode,
    /// Right in another format, but not in the declared one.
    OtherFormat,
}

/// Where the office is, and how its client dials.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The home country.
    pub country: crate::policy::CountryCode,
    /// Completes seven digits.
    pub area_code: Option<u16>,
    /// Left in front by the dial plan, or empty.
    pub outside_prefix: &'a [u8],
    /// The owner's emergency numbers.
    pub emergency: &'a [crate::policy::Name],
}

/// Reads what was dialled.
///
/// # Errors
/// Says why it is not a number under this format.
pub fn read(dialled: &[u8], format: Format, home: &Home<'_>) -> Result<Dialled, NotANumber> {
    let _ = (dialled, format, home);
    Err(NotANumber::Empty)
}

/// Has the numbering plan such a country?
pub fn is_country(code: [u8; 2]) -> bool {
    code.iter().all(u8::is_ascii_uppercase)
}
