//! What is to be done next about updates. Asked again and again; it keeps nothing.

use serde::{Deserialize, Serialize};

use super::report::{Activity, Offer, Source, Status};
use crate::policy::{Automatic, Update};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// After a start nothing is asked for so long, so that calls come first, and so long more by lot, so that not every box of a
/// town asks when its power comes back.
const FIRST: (i64, i64) = (3 * MINUTE, 27 * MINUTE);
/// Between questions, and so much more by lot.
const EVERY: (i64, i64) = (22 * HOUR, 4 * HOUR);
/// After one that failed; doubled each time.
const AGAIN: i64 = 10 * MINUTE;
/// The office has not called for so long, so that a restart hardly meets the next call.
const QUIET_S: u64 = 120;
/// A person may put an update off for so long at a time.
pub const LONGEST_POSTPONEMENT_S: i64 = 30 * DAY;

/// What the daemon remembers across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Nothing is installed by itself before this time, seconds since 1970.
    pub postponed_until_s: i64,
    /// The version that its owner was last told of.
    pub told: Option<super::Version>,
    /// The newest outcome that was told of: its time, seconds since 1970.
    pub told_outcome_s: i64,
}

/// What the daemon knows of now.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Seconds since 1970; none while the clock cannot be right.
    pub unix_s: Option<i64>,
    /// Minute of the day, by the office's clock.
    pub minute: Option<u16>,
    /// Calls that wait for their answer.
    pub waiting: usize,
    /// Seconds since the last call.
    pub quiet_s: u64,
    /// Seconds since the daemon's start.
    pub up_s: i64,
    /// A person wants it at once.
    pub wanted: bool,
}

/// When the next question is due, in seconds since the daemon's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Then.
    pub due_s: i64,
    /// Questions that failed, one after the other.
    pub failed: u32,
}

impl Schedule {
    /// After a start.
    pub fn first(lot: u64) -> Self {
        Schedule {
            due_s: spread(FIRST, lot),
            failed: 0,
        }
    }

    /// After a question.
    #[must_use]
    pub fn after(self, up_s: i64, worked: bool, lot: u64) -> Self {
        if worked {
            return Schedule {
                due_s: up_s + spread(EVERY, lot),
                failed: 0,
            };
        }
        let pause = (AGAIN << self.failed.min(7)).min(EVERY.0);
        Schedule {
            due_s: up_s + spread((pause, pause / 4), lot),
            failed: self.failed.saturating_add(1),
        }
    }
}

fn spread((least, more): (i64, i64), lot: u64) -> i64 {
    least + (lot % (more as u64 + 1)) as i64
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the server.
    Check,
    /// Fetch the bundle.
    Download,
    /// Write the other slot.
    Install,
    /// Restart into it.
    Restart,
    /// Nothing, because of this.
    Wait(Why),
}

/// Why nothing is done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// All is as it should be.
    Nothing,
    /// The policy says that the box does nothing by itself.
    Off,
    /// No server is named.
    NoServer,
    /// The clock cannot be right, and what is signed for a time cannot be judged.
    NoTime,
    /// Something is being done.
    Busy,
    /// The box runs on trial, or cannot take updates.
    NotNow,
    /// Somebody is to say that it is to be installed.
    ForAPerson,
    /// Other boxes go first.
    NotInShare,
    /// Put off.
    Postponed,
    /// Until the hours for it.
    Hours,
    /// Until nobody calls.
    Calls,
    /// The last try failed; until the next one.
    Again,
}

/// What next?
pub fn next(
    settings: &Update,
    status: &Status,
    memory: &Memory,
    schedule: Schedule,
    now: &Now,
) -> Step {
    if status.activity != Activity::Idle {
        return Step::Wait(Why::Busy);
    }
    if status.trial || status.problem.is_some() {
        return Step::Wait(Why::NotNow);
    }
    let install = settings.automatic == Automatic::Install;
    let in_hours = now
        .minute
        .is_some_and(|minute| settings.hours.contains(minute));
    // An update that is written is started, whoever wanted it: a box does not stay between two systems.
    if status.pending.is_some() {
        return match (now.wanted || in_hours, may_restart(settings, now)) {
            (false, _) => Step::Wait(Why::Hours),
            (true, false) => Step::Wait(Why::Calls),
            (true, true) => Step::Restart,
        };
    }
    let Some(unix_s) = now.unix_s else {
        return Step::Wait(Why::NoTime);
    };
    let postponed = unix_s < memory.postponed_until_s;
    if let Some(ready) = &status.ready {
        return match (ready.by, now.wanted) {
            (_, true) => Step::Install,
            (Source::Person, false) => Step::Wait(Why::ForAPerson),
            (Source::Server, false) if !install => Step::Wait(Why::ForAPerson),
            (Source::Server, false) if postponed => Step::Wait(Why::Postponed),
            (Source::Server, false) if !in_hours => Step::Wait(Why::Hours),
            (Source::Server, false) if now.waiting > 0 => Step::Wait(Why::Calls),
            (Source::Server, false) => Step::Install,
        };
    }
    if settings.url.is_none() && status.url.is_none() {
        return Step::Wait(Why::NoServer);
    }
    if settings.automatic == Automatic::Off && !now.wanted {
        return Step::Wait(Why::Off);
    }
    if now.up_s >= schedule.due_s {
        // Fetching begins with the same question. Asked alone it would work, and a bundle that is not what its pointer says would be
        // fetched every ten minutes.
        let fetches = |offer: &Offer| now.wanted || (install && offer.in_share && !postponed);
        return match &status.offer {
            Some(offer) if schedule.failed > 0 && fetches(offer) => Step::Download,
            _ => Step::Check,
        };
    }
    match &status.offer {
        None => Step::Wait(Why::Nothing),
        Some(_) if now.wanted => Step::Download,
        Some(_) if !install => Step::Wait(Why::ForAPerson),
        Some(offer) if !offer.in_share => Step::Wait(Why::NotInShare),
        Some(_) if postponed => Step::Wait(Why::Postponed),
        // A bundle that does not come is not asked for again at once: not every second, of every box.
        Some(_) if schedule.failed > 0 => Step::Wait(Why::Again),
        Some(_) => Step::Download,
    }
}

/// No call waits, and none came for a while. In the second half of the hours the while is not waited for any more: an office that
/// calls all night is to be renewed too. Nor where a person wants it now.
fn may_restart(settings: &Update, now: &Now) -> bool {
    let hours = settings.hours;
    let late = now.minute.is_some_and(|minute| {
        let of = |to: u16| (1_440 + to - hours.from.minutes()) % 1_440;
        of(minute) * 2 >= of(hours.to.minutes())
    });
    now.waiting == 0 && (now.wanted || late || now.quiet_s >= QUIET_S)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
