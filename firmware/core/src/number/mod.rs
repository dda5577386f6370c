//! Telephone numbers: what was dialled, under the client's declared format.
//!
//! The format is never guessed. `14722345678` is a number in Norway from one PBX and one in the US
//! from another, and nothing but the owner's word tells which.

mod digits;
mod plan;
mod read;
#[rustfmt::skip]
mod tables;

use serde::{Deserialize, Serialize};

pub use digits::Digits;
pub use plan::{country_name, is_assigned_area, is_country};
pub use read::read;

/// How a client writes numbers. Declared, never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As dialled at VoIP.ms: `NXXNXXXXXX`, `1NXXNXXXXXX`, seven digits with the home area code,
    /// `011…`, `00…`, `044…` and `033…` (routes), `+…`, `411`, and the services.
    #[default]
    Dialled,
    /// Country code and number, with or without `+`.
    E164,
    /// What the seed's `${EXTEN:2}` leaves of 011…: a `1`, then country code and number. The `1` is
    /// never taken for the country code of North America.
    #[serde(rename = "seed-2")]
    Seed2,
}

/// What a number is. What costs more or nothing comes before where it is: a premium number abroad is
/// `Premium`. Whether a call leaves the country, [`Number::country`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// In the home country.
    Domestic,
    /// In Canada for an office in the US, and the other way round. For an office in a territory of
    /// the US, both.
    UsCanada,
    /// +1, but another country (Caribbean) or a US territory.
    NanpAbroad,
    /// Any other country.
    Abroad,
    /// Costs extra: +1 900, exchange 976, +979, and the premium numbers of each country.
    Premium,
    /// Costs shared with the called party: +808, and those of each country.
    SharedCost,
    /// Free for the caller: +1 8YY and +800. Free numbers of other countries are not free from here.
    TollFree,
    /// Follows a person (+1 5XX, +1 6XX, +878, +44 70 …); price unknown.
    Personal,
    /// Satellite networks (+870, +881).
    Satellite,
    /// International networks (+882, +883, +888).
    GlobalNetwork,
    /// Directory enquiries and the like: 411, and 555-1212 in every area code of the US and Canada.
    Directory,
}

impl Kind {
    /// The name in policies and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Domestic => "domestic",
            Kind::UsCanada => "us-canada",
            Kind::NanpAbroad => "nanp-abroad",
            Kind::Abroad => "abroad",
            Kind::Premium => "premium",
            Kind::SharedCost => "shared-cost",
            Kind::TollFree => "toll-free",
            Kind::Personal => "personal",
            Kind::Satellite => "satellite",
            Kind::GlobalNetwork => "global-network",
            Kind::Directory => "directory",
        }
    }

    /// All of them.
    pub const ALL: [Kind; 11] = [
        Kind::Domestic,
        Kind::UsCanada,
        Kind::NanpAbroad,
        Kind::Abroad,
        Kind::Premium,
        Kind::SharedCost,
        Kind::TollFree,
        Kind::Personal,
        Kind::Satellite,
        Kind::GlobalNetwork,
        Kind::Directory,
    ];
}

/// A number with what the tables say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Country code and national number. `1411` for 411, which is dialled without a country code.
    pub digits: Digits,
    /// ISO 3166-1 alpha-2; `None` for numbers of no country (+800, +870, +1 800 …).
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
    /// A service without charge: VoIP.ms's own (4443, 4747, 4XXX, *xx, ***XXX) and the three-digit
    /// ones of North America (211, 311, 511, 611, 711, 811; 47 CFR 52.15, CRTC).
    Service,
    /// A telephone number.
    Number(Number),
}

/// Why it is not a number under the client's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotANumber {
    /// Nothing there.
    Empty,
    /// A character that no number has, or one where it cannot be.
    Character,
    /// Not of a length that the format or the country has, or longer than E.164 allows.
    Length,
    /// No such country code, area code or exchange.
    Unassigned,
    /// Seven digits, and no home area code is set.
    NoAreaCode,
    /// Right in another format, but not in the declared one: the setting is probably wrong.
    OtherFormat,
}

/// Where the office is, and how its client dials.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The home country.
    pub country: crate::policy::CountryCode,
    /// Completes seven digits.
    pub area_code: Option<u16>,
    /// Left in front by the dial plan, or empty. Taken off wherever it is in front.
    pub outside_prefix: &'a [u8],
    /// The owner's emergency numbers, as dialled.
    pub emergency: &'a [crate::policy::Name],
}
