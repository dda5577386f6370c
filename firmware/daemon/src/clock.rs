//! The machine's clocks, read once per batch.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use nix::time::{ClockId, clock_gettime};
use trunkguard_core::time::{Date, Local, Now};

/// A clock before this day has never been set: there is no battery on the board.
const PLAUSIBLE_UNIX_S: i64 = 1_767_225_600; // 2026-01-01

/// Reads the clocks in the office's time zone.
#[derive(Clone)]
pub struct Clock {
    zone: Arc<TimeZone>,
    start: Duration,
    civil: Option<Civil>,
}

/// Civil time is the same for a whole minute: it is worked out once in it.
#[derive(Clone, Copy)]
struct Civil {
    unix_minute: i64,
    local: Option<Local>,
}

impl Clock {
    /// `zone` is an IANA name.
    ///
    /// # Errors
    /// When there is no such time zone.
    pub fn new(zone: &str) -> Result<Self, String> {
        let zone = TimeZone::get(zone).map_err(|_| {
            format!("there is no time zone `{zone}`; write an IANA name such as America/New_York")
        })?;
        Ok(Clock {
            zone: Arc::new(zone),
            start: monotonic(),
            civil: None,
        })
    }

    /// The same clock in another time zone.
    pub fn with_zone_of(&self, other: &Clock) -> Self {
        Clock {
            zone: other.zone.clone(),
            start: self.start,
            civil: None,
        }
    }

    /// Now.
    pub fn now(&mut self) -> Now {
        let unix = clock_gettime(ClockId::CLOCK_REALTIME).map_or(Duration::ZERO, Duration::from);
        let unix_ms = unix.as_millis() as i64;
        let mono = monotonic().saturating_sub(self.start);
        Now {
            mono_ms: Now::ORIGIN_MS + mono.as_millis() as u64,
            unix_ms,
            local: self.local(unix_ms),
        }
    }

    /// The same instant with the calendar set to `at` (for `explain --at`).
    pub fn now_at(&mut self, at: Timestamp) -> Now {
        Now {
            unix_ms: at.as_millisecond(),
            local: self.local(at.as_millisecond()),
            ..self.now()
        }
    }

    /// The office's time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn local(&mut self, unix_ms: i64) -> Option<Local> {
        let unix_minute = unix_ms.div_euclid(60_000);
        match self.civil {
            Some(civil) if civil.unix_minute == unix_minute => civil.local,
            _ => {
                let local = civil(&self.zone, unix_ms);
                self.civil = Some(Civil { unix_minute, local });
                local
            }
        }
    }
}

/// Since boot, suspended time included.
fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// Can this be the time? A board without a battery begins in the past.
pub fn is_plausible(unix_ms: i64) -> bool {
    unix_ms >= PLAUSIBLE_UNIX_S * 1_000
}

fn civil(zone: &TimeZone, unix_ms: i64) -> Option<Local> {
    if !is_plausible(unix_ms) {
        return None;
    }
    let civil = Timestamp::from_millisecond(unix_ms)
        .ok()?
        .to_zoned(zone.clone());
    Some(Local {
        date: Date {
            year: u16::try_from(civil.year()).ok()?,
            month: civil.month() as u8,
            day: civil.day() as u8,
        },
        weekday: civil.weekday().to_monday_zero_offset() as u8,
        minute: civil.hour() as u16 * 60 + civil.minute() as u16,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_time_follows_the_zone_and_its_summer_time() {
        let zone = Clock::new("America/New_York").expect("a zone").zone;
        let at = |text: &str| text.parse::<Timestamp>().expect("a time").as_millisecond();
        let local = civil(&zone, at("2026-07-03T03:30:00Z")).expect("a plausible time");
        assert_eq!(
            (
                local.date.month,
                local.date.day,
                local.weekday,
                local.minute
            ),
            (7, 2, 3, 23 * 60 + 30)
        );
        let local = civil(&zone, at("2026-12-03T03:30:00Z")).expect("a plausible time");
        assert_eq!(local.minute, 22 * 60 + 30, "an hour less in winter");
        assert_eq!(
            civil(&zone, at("1970-01-01T00:10:00Z")),
            None,
            "a clock that was never set"
        );
        assert!(Clock::new("America/Gotham").is_err());
    }

    #[test]
    fn the_clock_starts_two_days_in_and_does_not_step_back() {
        let mut clock = Clock::new("UTC").expect("a zone");
        let first = clock.now();
        let second = clock.now();
        assert!(first.mono_ms >= Now::ORIGIN_MS && second.mono_ms >= first.mono_ms);
    }
}
