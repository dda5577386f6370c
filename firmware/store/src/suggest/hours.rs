//! Business hours: the shortest time of the week in which nearly all calls are made.

use trunkguard_core::{
    learnt::Reason,
    policy::{Clock, Hours, Weekday},
};

use super::Call;

const DAY: usize = 48;
const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];
/// Of 100 calls, so many are within business hours.
const WITHIN: usize = 98;
/// Half hours from which on a span says nothing any more.
const TOO_LONG: usize = 40;

/// Business hours that calls have shown.
pub(super) struct Office {
    pub hours: Hours,
    open: [bool; 7 * DAY],
}

impl Office {
    /// Is the office open in this half hour of the week?
    pub fn is_open(&self, slot: u16) -> bool {
        self.open.get(usize::from(slot)).copied().unwrap_or(true)
    }
}

/// The hours of these calls; `None` where they are made around the clock, or too few are known.
pub(super) fn of(calls: &[Call], reasons: &mut Vec<Reason>) -> Option<Office> {
    let mut week = [0usize; 7 * DAY];
    for slot in calls.iter().filter_map(|c| c.slot) {
        if let Some(calls) = week.get_mut(usize::from(slot)) {
            *calls += 1;
        }
    }
    let all: usize = week.iter().sum();
    if all < 20 {
        reasons.push(Reason::NoHours);
        return None;
    }
    let needed = (all * WITHIN).div_ceil(100);
    let Some((days, from, to)) =
        shortest(&week, needed).filter(|(_, from, to)| to - from < TOO_LONG)
    else {
        reasons.push(Reason::AroundTheClock);
        return None;
    };
    let clock = |slot: usize| format!("{:02}:{:02}", slot / 2, slot % 2 * 30);
    // A time of day in half hours, at most 24:00, is a clock's.
    let (from_clock, to_clock) = (
        Clock::parse(&clock(from)).ok()?,
        Clock::parse(&clock(to)).ok()?,
    );
    let mut open = [false; 7 * DAY];
    for day in days.iter().copied() {
        open[day * DAY + from..day * DAY + to].fill(true);
    }
    let inside: usize = week
        .iter()
        .zip(open)
        .filter(|(_, open)| *open)
        .map(|(calls, _)| calls)
        .sum();
    reasons.push(Reason::Hours {
        percent: inside * 100 / all,
        days: days.len(),
        from: from_clock,
        to: to_clock,
    });
    let hours = Hours {
        days: days.iter().map(|&day| WEEK[day]).collect(),
        from: from_clock,
        to: to_clock,
    };
    Some(Office { hours, open })
}

/// The fewest days of the week, the busiest first, and on all of them the shortest span, that hold
/// `needed` calls.
fn shortest(week: &[usize; 7 * DAY], needed: usize) -> Option<(Vec<usize>, usize, usize)> {
    let calls = |day: usize| week[day * DAY..(day + 1) * DAY].iter().sum::<usize>();
    let mut busiest: Vec<usize> = (0..7).collect();
    busiest.sort_by_key(|&day| (std::cmp::Reverse(calls(day)), day));
    let mut best: Option<(Vec<usize>, usize, usize)> = None;
    for count in 1..=7 {
        let mut days = busiest[..count].to_vec();
        days.sort_unstable();
        for from in 0..DAY {
            let mut held = 0;
            for to in from + 1..=DAY {
                held += days
                    .iter()
                    .map(|day| week[day * DAY + to - 1])
                    .sum::<usize>();
                if held >= needed {
                    let length = |days: usize, from: usize, to: usize| days * (to - from);
                    if best.as_ref().is_none_or(|(d, f, t)| {
                        length(days.len(), from, to) < length(d.len(), *f, *t)
                    }) {
                        best = Some((days.clone(), from, to));
                    }
                    break;
                }
            }
        }
    }
    best
}
