//! Times as the office writes them.

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};
use trunkguard_page::{Answer, Problem};

use super::{Office, refused};
use crate::policy;

/// The office's time zone.
pub struct Times(TimeZone);

impl Office {
    /// Times in the office's zone.
    pub(super) fn times(&self) -> Answer<Times> {
        let zone = policy::zone(self.state()).map_err(|problem| refused(&problem))?;
        Ok(Times(zone))
    }
}

impl Times {
    fn at(&self, unix_ms: i64) -> Option<Zoned> {
        let at = Timestamp::from_millisecond(unix_ms).ok()?;
        Some(at.to_zoned(self.0.clone()))
    }

    fn format(&self, unix_ms: i64, how: &str) -> String {
        self.at(unix_ms)
            .map_or_else(|| "?".into(), |at| at.strftime(how).to_string())
    }

    /// `2026-11-26 14:03:22`.
    pub fn second(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-11-26 14:03`.
    pub fn minute(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%Y-%m-%d %H:%M")
    }

    /// `14:03:22.123`.
    pub fn millisecond(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%H:%M:%S%.3f")
    }

    /// RFC 3339.
    pub fn iso(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%Y-%m-%dT%H:%M:%S%:z")
    }

    /// ms since 1970 at which a day begins that somebody has typed; `None` for an empty text.
    ///
    /// # Errors
    /// What is no day.
    pub fn day(&self, text: &str, after: i64) -> Answer<Option<i64>> {
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || {
            Problem::Refused(format!(
                "`{text}` is no day; write it as year-month-day, such as 2026-11-26"
            ))
        };
        let day: Date = text.parse().map_err(|_| wrong())?;
        let day = day.checked_add(after.days()).map_err(|_| wrong())?;
        let begin = day.to_zoned(self.0.clone()).map_err(|_| wrong())?;
        Ok(Some(begin.timestamp().as_millisecond()))
    }

    /// Where the last `count` hours begin and the last one ends, as ms since 1970.
    pub fn hours(&self, now_ms: i64, count: i64) -> Vec<i64> {
        const HOUR_MS: i64 = 3_600_000;
        // Where clocks are half an hour off, hours begin at :30 of UTC.
        let offset = self.at(now_ms).map_or(0, |at| at.offset().seconds());
        let offset_ms = i64::from(offset) * 1_000;
        let end = (now_ms + offset_ms).div_euclid(HOUR_MS) * HOUR_MS - offset_ms + HOUR_MS;
        (0..=count).map(|n| end - (count - n) * HOUR_MS).collect()
    }

    /// `14:00`.
    pub fn hour(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%H:00")
    }

    /// Where the last `count` days begin and today ends; days of 23 and 25 hours among them.
    pub fn days(&self, now_ms: i64, count: i64) -> Vec<i64> {
        let Some(now) = self.at(now_ms) else {
            return Vec::new();
        };
        let days = (0..=count).filter_map(|n| {
            let day = now.date().checked_add((n - count + 1).days()).ok()?;
            let begin = day.to_zoned(self.0.clone()).ok()?;
            Some(begin.timestamp().as_millisecond())
        });
        days.collect()
    }

    /// `11-26`.
    pub fn month_day(&self, unix_ms: i64) -> String {
        self.format(unix_ms, "%m-%d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-01, on which Toronto's clocks go back, at noon.
    const NOON: i64 = 1_793_552_400_000;

    #[test]
    fn days_and_hours_are_those_of_the_office() {
        let times = Times(TimeZone::get("America/Toronto").unwrap());
        assert_eq!(times.second(NOON), "2026-11-01 12:00:00");
        assert_eq!(times.iso(NOON), "2026-11-01T12:00:00-05:00");
        let days = times.days(NOON, 2);
        let labels: Vec<_> = days.iter().map(|ms| times.month_day(*ms)).collect();
        assert_eq!(labels, ["10-31", "11-01", "11-02"]);
        assert_eq!(days[2] - days[1], 25 * 3_600_000, "a day of 25 hours");
        let hours = times.hours(NOON + 1, 24);
        assert_eq!((hours.len(), times.hour(hours[23]).as_str()), (25, "12:00"));
        assert!(hours[24] > NOON + 1 && hours[23] <= NOON + 1);
        let kathmandu = Times(TimeZone::get("Asia/Kathmandu").unwrap());
        let hours = kathmandu.hours(NOON, 2);
        assert_eq!(kathmandu.second(hours[1]), "2026-11-01 22:00:00");
    }

    #[test]
    fn a_day_is_typed_as_a_day_or_refused() {
        let times = Times(TimeZone::get("America/Toronto").unwrap());
        let begin = times.day("2026-11-01", 0).unwrap().unwrap();
        let end = times.day("2026-11-01", 1).unwrap().unwrap();
        assert_eq!(end - begin, 25 * 3_600_000);
        assert_eq!(times.day("", 0).unwrap(), None);
        for wrong in ["yesterday", "2026-13-01", "9999-12-31x"] {
            assert!(times.day(wrong, 0).is_err(), "{wrong}");
        }
        assert!(times.day("9999-12-31", 1).is_err());
    }
}
