//! When the daily digest is made.

use crate::{
    policy::Digest,
    time::{Date, Local},
};

/// What to do about today's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet, or it is done.
    Wait,
    /// Note this day as that of the last one, and make none: the box has only begun to look.
    Skip(Date),
    /// Make it, and note the day.
    Make(Date),
}

/// Before any digest.
const NEVER: Date = Date {
    year: 1970,
    month: 1,
    day: 1,
};

/// `last` is the day of the last digest. A box that was off at the time makes it when it is back, once;
/// while the time is not known, there is none.
pub fn digest(setting: Digest, now: Option<Local>, last: Option<Date>) -> Step {
    let (Digest::At(at), Some(now)) = (setting, now) else {
        return Step::Wait;
    };
    let due = now.minute >= at.minutes();
    match last {
        Some(last) if last == now.date => Step::Wait,
        Some(_) if due => Step::Make(now.date),
        Some(_) => Step::Wait,
        // Set up after the hour: the first is tomorrow's.
        None if due => Step::Skip(now.date),
        None => Step::Skip(NEVER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Clock;

    fn on(day: u8, minute: u16) -> Option<Local> {
        Some(Local {
            date: date(day),
            weekday: 0,
            minute,
        })
    }

    fn date(day: u8) -> Date {
        Date {
            year: 2026,
            month: 11,
            day,
        }
    }

    #[test]
    fn there_is_one_a_day() {
        let at = Digest::At(Clock::parse("07:30").unwrap());
        let mut last = None;
        let mut made = alloc::vec::Vec::new();
        // Every minute of four days, the second of them with the box off until noon.
        for day in 1..=4 {
            for minute in (0..1_440).filter(|m| day != 2 || *m >= 720) {
                match digest(at, on(day, minute), last) {
                    Step::Wait => {}
                    Step::Skip(date) => last = Some(date),
                    Step::Make(date) => {
                        made.push((day, minute));
                        last = Some(date);
                    }
                }
            }
        }
        assert_eq!(made, [(1, 450), (2, 720), (3, 450), (4, 450)]);
    }

    #[test]
    fn a_box_that_is_set_up_makes_its_first_when_it_is_next_time_for_it() {
        let at = Digest::At(Clock::parse("07:30").unwrap());
        assert_eq!(digest(at, on(1, 449), None), Step::Skip(NEVER));
        assert_eq!(digest(at, on(1, 449), Some(NEVER)), Step::Wait);
        assert_eq!(digest(at, on(1, 450), Some(NEVER)), Step::Make(date(1)));
        assert_eq!(digest(at, on(1, 451), Some(date(1))), Step::Wait);
        assert_eq!(digest(at, on(1, 450), None), Step::Skip(date(1)));
        assert_eq!(digest(at, None, Some(date(1))), Step::Wait);
        assert_eq!(digest(Digest::Off, on(2, 451), Some(date(1))), Step::Wait);
    }
}
