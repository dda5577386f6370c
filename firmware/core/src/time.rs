//! Time as the shells hand it in.

use serde::{Deserialize, Serialize};

/// One reading of the machine's clocks, taken once per batch of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never steps. It starts at [`Now::ORIGIN_MS`] or later, so that
    /// calls of the last two days, read back from the journal, have a place before it.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01 UTC. May jump; used for the journal only.
    pub unix_ms: i64,
    /// Civil time where the office is, or `None` while the clock is not plausible.
    pub local: Option<Local>,
}

impl Now {
    /// The least value of [`Now::mono_ms`]: two days.
    pub const ORIGIN_MS: u64 = 2 * 24 * 3_600_000;
}

/// Civil time in the office's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The calendar day.
    pub date: Date,
    /// 0 = Monday … 6 = Sunday.
    pub weekday: u8,
    /// Minutes since midnight, 0 … 1439.
    pub minute: u16,
}

/// A calendar day, written `2026-12-25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "alloc::string::String", try_from = "alloc::string::String")]
pub struct Date {
    /// 1970 … 9999.
    pub year: u16,
    /// 1 … 12.
    pub month: u8,
    /// 1 … 31.
    pub day: u8,
}

impl From<Date> for alloc::string::String {
    fn from(d: Date) -> Self {
        alloc::format!("{:04}-{:02}-{:02}", d.year, d.month, d.day)
    }
}

impl TryFrom<alloc::string::String> for Date {
    type Error = alloc::string::String;

    fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
        let wrong = || alloc::format!("`{text}` is not a day; write it as 2026-12-25");
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            parts
                .next()
                .filter(|p| p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse::<u16>().ok())
                .ok_or_else(wrong)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        if year < 1970 || !(1..=12).contains(&month) || !(1..=last).contains(&day) {
            return Err(wrong());
        }
        Ok(Date {
            year,
            month: month as u8,
            day: day as u8,
        })
    }
}
