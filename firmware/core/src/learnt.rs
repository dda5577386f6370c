//! What was learnt from the calls of an office, as values: why a policy is proposed as it is. `Display` is the English sentence.

use alloc::string::String;
use core::fmt;
use serde::{Serialize, Serializer};

use crate::{
    number::Kind,
    policy::{Clock, CountryCode},
    verdict::Rule,
};

/// Why something is proposed, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What it was made from.
    MadeFrom {
        /// Calls.
        calls: usize,
        /// Extensions that made them.
        extensions: usize,
        /// Days on which they were made.
        days: usize,
    },
    /// That is little.
    Little,
    /// A country that was called.
    Country {
        /// Which.
        country: CountryCode,
        /// How often.
        calls: usize,
        /// On how many days.
        days: usize,
        /// What follows.
        then: Then,
    },
    /// Calls to a kind that costs extra; it is not allowed by itself.
    Costly {
        /// Which.
        kind: Kind,
        /// How many.
        calls: u32,
    },
    /// Calls that looked like an attack.
    LeftOut {
        /// The rule that they met.
        rule: Rule,
        /// How many.
        calls: u32,
    },
    /// Too few calls for business hours.
    NoHours,
    /// Calls are made around the clock.
    AroundTheClock,
    /// When the office is open.
    Hours {
        /// Of 100 calls, so many are made then.
        percent: usize,
        /// Days a week.
        days: usize,
        /// From.
        from: Clock,
        /// To.
        to: Clock,
    },
    /// The busiest extension.
    Busiest {
        /// Which.
        extension: String,
        /// In a day.
        per_day: u32,
        /// In an hour.
        per_hour: u32,
        /// In a minute.
        per_minute: u32,
        /// At a time.
        simultaneous: u32,
    },
    /// The most calls abroad of an extension in a day.
    Abroad {
        /// In a day.
        per_day: u32,
    },
    /// The most calls of an extension in a day outside of business hours.
    OffHours {
        /// In a day.
        per_day: u32,
        /// Of them abroad.
        abroad: u32,
    },
    /// The whole office.
    Total {
        /// In a day.
        per_day: u32,
        /// At a time.
        simultaneous: u32,
    },
}

/// What follows for a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is home.
    Home,
    /// It is allowed.
    Allowed,
    /// Too few to tell.
    TooFew,
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `1 call`, `2 calls`.
struct Counted(usize, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{s}", self.0, self.1)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::MadeFrom {
                calls,
                extensions,
                days,
            } => write!(
                f,
                "Made from {} of {} on {}.",
                Counted(*calls, "call"),
                Counted(*extensions, "extension"),
                Counted(*days, "day")
            ),
            Reason::Little => {
                f.write_str("That is little: let it learn for a week or two, and compare.")
            }
            Reason::Country {
                country,
                calls,
                days,
                then,
            } => {
                let (calls, days) = (Counted(*calls, "call"), Counted(*days, "day"));
                let then = match then {
                    Then::Home => "; it is home.",
                    Then::Allowed => ": allowed.",
                    Then::TooFew => ": too few to tell; add it if it was yours.",
                };
                write!(f, "{country}: {calls} on {days}{then}")
            }
            Reason::Costly { kind, calls } => write!(
                f,
                "{calls} calls to numbers of the kind \"{}\": allow it with allow.kinds if you need it.",
                kind.name()
            ),
            Reason::LeftOut { rule, calls } => write!(
                f,
                "{calls} calls were left out: they met the rule {} and looked like an attack.",
                rule.name()
            ),
            Reason::NoHours => f.write_str("Too few calls to tell business hours."),
            Reason::AroundTheClock => {
                f.write_str("Calls are made around the clock: no business hours are proposed.")
            }
            Reason::Hours {
                percent,
                days,
                from,
                to,
            } => write!(
                f,
                "{percent} of 100 calls are made on {days} {} a week from {from} to {to}.",
                if *days == 1 { "day" } else { "days" }
            ),
            Reason::Busiest {
                extension,
                per_day,
                per_hour,
                per_minute,
                simultaneous,
            } => write!(
                f,
                "The busiest extension ({extension}) made {per_day} calls in a day, {per_hour} in an hour and {per_minute} in a minute, {simultaneous} of them at a time."
            ),
            Reason::Abroad { per_day } => {
                write!(
                    f,
                    "Abroad, an extension made at most {per_day} calls in a day."
                )
            }
            Reason::OffHours { per_day, abroad } => write!(
                f,
                "Outside those hours, at most {per_day} calls in a day, {abroad} of them abroad."
            ),
            Reason::Total {
                per_day,
                simultaneous,
            } => write!(
                f,
                "The whole office made {per_day} calls in a day, {simultaneous} of them at a time."
            ),
        }
    }
}
