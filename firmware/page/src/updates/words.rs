//! How things stand with updates, in words.

use trunkguard_core::{
    policy::Automatic,
    update::{
        Version,
        plan::Why,
        report::{Activity, End, Offer, Outcome, Source, Status},
    },
};

use super::View;
use crate::texts::{self, Lang, fill, plain};

/// Characters of a sentence that is shown.
const LONGEST: usize = 600;
/// A failure is news for so long.
const NEWS_S: i64 = 30 * 86_400;

/// A sentence and how it looks: `good`, `warn`, `bad`, or nothing of these.
pub struct Said {
    /// The class of its frame.
    pub class: &'static str,
    /// The sentence.
    pub text: String,
}

/// What is being done.
pub struct Progress {
    /// What.
    pub text: String,
    /// Of a hundred, where that is known.
    pub percent: Option<u64>,
}

/// What is offered.
pub struct Found {
    /// Version and size.
    pub title: String,
    /// What is new, in its maker's words.
    pub notes: String,
    /// It goes to other boxes first.
    pub later: bool,
}

/// What became of an update.
pub struct Ended {
    /// By the office's clock.
    pub at: String,
    /// Which.
    pub version: String,
    /// What became of it, in a word, and how that looks.
    pub end: Said,
    /// More.
    pub why: String,
}

/// What a person can do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Can {
    /// Ask the server.
    pub check: bool,
    /// Install, or restart into what is installed.
    pub install: bool,
    /// Put off.
    pub postpone: bool,
    /// Take that back.
    pub take_back: bool,
    /// Throw away what is here.
    pub discard: bool,
    /// Bring a file.
    pub upload: bool,
    /// Go back to this.
    pub rollback: Option<Version>,
}

impl Can {
    /// As things stand.
    pub fn of(view: &View, status: &Status) -> Can {
        let able = status.problem.is_none() && !status.trial;
        let idle = able && status.activity == Activity::Idle && !view.wanted;
        let is_there = status.offer.is_some() || status.ready.is_some() || status.pending.is_some();
        let waits = status.pending.is_some();
        Can {
            check: idle && !waits && (view.settings.url.is_some() || status.url.is_some()),
            install: idle && is_there,
            postpone: able && !waits && view.settings.automatic == Automatic::Install,
            take_back: view.postponed_until_s.is_some(),
            // What is fetched by itself is fetched again by itself: that is put off, not thrown away.
            discard: idle
                && (status.ready.as_ref()).is_some_and(|ready| {
                    ready.by == Source::Person || view.settings.automatic != Automatic::Install
                }),
            upload: idle && !waits,
            rollback: status.other.filter(|_| idle && !waits),
        }
    }
}

/// What the first page says of updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// This runs on trial.
    Trial(Version),
    /// This is installed and waits for the restart.
    Waiting(Version),
    /// This can be installed; a bundle that a person brought may have no number yet.
    Offered(Option<Version>),
    /// The last one did not do.
    Failed(Option<Version>),
}

/// The one thing about updates that is worth a line on the first page.
pub fn news(status: &Status, now_s: i64) -> Option<News> {
    if status.trial {
        return Some(News::Trial(status.version));
    }
    if let Some(pending) = &status.pending {
        return Some(News::Waiting(pending.version));
    }
    if let Some(ready) = &status.ready {
        return Some(News::Offered(ready.version));
    }
    if let Some(offer) = &status.offer {
        return Some(News::Offered(Some(offer.release.version)));
    }
    let last = status.outcomes.first()?;
    let is_news = last.end != End::Confirmed && now_s - last.at_s < NEWS_S;
    is_news.then_some(News::Failed(last.version))
}

/// What runs.
pub fn runs(status: &Status, t: &texts::Updates) -> String {
    match &status.slot {
        Some(slot) => fill(t.version_in_slot, &[&status.version, &plain(slot, 8)]),
        None => fill(t.version, &[&status.version]),
    }
}

/// How things stand, in a sentence.
pub fn lead(view: &View, status: &Status, lang: Lang) -> Said {
    let t = texts::Updates::of(lang);
    if let Some(problem) = &status.problem {
        let text = fill(t.cannot, &[&sentence(problem, lang)]);
        return Said { class: "bad", text };
    }
    if status.trial {
        let text = fill(t.on_trial, &[&status.version]);
        return Said {
            class: "warn",
            text,
        };
    }
    let text = match (&status.pending, &status.ready, &status.offer) {
        (Some(pending), ..) if pending.rollback => fill(t.goes_back, &[&pending.version]),
        (Some(pending), ..) => fill(t.installed, &[&pending.version]),
        (None, Some(ready), _) => match (ready.version, ready.by) {
            (Some(version), Source::Server) => fill(t.fetched, &[&version]),
            (Some(version), Source::Person) => fill(t.brought, &[&version]),
            (None, _) => t.brought_unnamed.to_owned(),
        },
        (None, None, Some(offer)) => fill(t.offered, &[&offer.release.version]),
        (None, None, None) => {
            if let Some(last) = (status.outcomes.first()).filter(|last| last.end != End::Confirmed)
            {
                let text = match last.version {
                    Some(version) => fill(t.last_failed, &[&version]),
                    None => t.last_failed_unnamed.into(),
                };
                return Said {
                    class: "warn",
                    text,
                };
            }
            let checked = status.checked.as_ref();
            let (class, text) = match checked.map(|checked| checked.problem.is_some()) {
                None => ("", t.not_asked),
                Some(true) => ("warn", t.not_known),
                Some(false) => ("good", t.up_to_date),
            };
            return Said {
                class,
                text: text.into(),
            };
        }
    };
    let is_busy = view.wanted || status.activity != Activity::Idle;
    let when = match is_busy {
        true => String::new(),
        false => format!(" {}", when(view, status, t)),
    };
    Said {
        class: "",
        text: format!("{text}{when}"),
    }
}

/// Why nothing is done now, or what comes next.
pub fn when(view: &View, status: &Status, t: &texts::Updates) -> String {
    let hours = view.settings.hours;
    let hours: [&dyn std::fmt::Display; 2] = [&hours.from, &hours.to];
    match view.why {
        Why::Nothing => t.nothing.into(),
        Why::Off => t.off.into(),
        Why::NoServer => t.no_server.into(),
        Why::NoTime => t.no_time.into(),
        Why::Busy => t.busy.into(),
        Why::NotNow => t.not_now.into(),
        Why::ForAPerson => t.for_a_person.into(),
        Why::NotInShare => t.not_in_share.into(),
        Why::Postponed => match view.postponed_until_s {
            Some(until_s) => fill(t.postponed, &[&(view.local)(until_s)]),
            None => t.busy.into(),
        },
        Why::Hours if status.pending.is_some() => fill(t.restarts_in_hours, &hours),
        Why::Hours => fill(t.in_hours, &hours),
        Why::Calls => t.calls.into(),
        Why::Again => t.again.into(),
    }
}

/// What is being done, if anything is.
pub fn progress(view: &View, status: &Status, t: &texts::Updates) -> Option<Progress> {
    let share = |octets: u64, of: u64| (octets.saturating_mul(100) / of.max(1)).min(100);
    let (text, percent) = match &status.activity {
        Activity::Idle if view.wanted => match view.why {
            Why::Calls => (t.calls.to_owned(), None),
            _ => (t.starting.to_owned(), None),
        },
        Activity::Idle => return None,
        Activity::Checking => (t.asking.to_owned(), None),
        Activity::Downloading { octets, of } => {
            let percent = share(*octets, *of);
            let text = fill(t.fetching, &[&percent, &megabytes(*of, t)]);
            (text, Some(percent))
        }
        Activity::Receiving { octets, of } => {
            let percent = share(*octets, *of);
            let text = fill(t.receiving, &[&percent, &megabytes(*of, t)]);
            (text, Some(percent))
        }
        Activity::Installing { percent, message } => {
            let percent = u64::from(*percent).min(100);
            let message = plain(message, 120);
            let text = fill(t.installing, &[&percent]);
            (format!("{text} {message}"), Some(percent))
        }
    };
    Some(Progress { text, percent })
}

/// What is offered.
pub fn found(offer: &Offer, t: &texts::Updates) -> Found {
    let lines: Vec<String> = (offer.notes.lines())
        .map(|line| plain(line, LONGEST))
        .collect();
    let size = megabytes(offer.size, t);
    Found {
        title: fill(t.version_of_size, &[&offer.release.version, &size]),
        notes: lines.join("\n").trim().to_owned(),
        later: !offer.in_share,
    }
}

/// What became of an update.
pub fn ended(outcome: &Outcome, at: String, lang: Lang) -> Ended {
    let t = texts::Updates::of(lang);
    let (class, word, why) = match &outcome.end {
        End::Confirmed => ("good", t.confirmed, fill(t.confirmed_why, &[&outcome.from])),
        End::CameBack { why } => (
            "bad",
            t.came_back,
            fill(t.came_back_why, &[&outcome.from, &sentence(why, lang)]),
        ),
        End::Failed { why } => (
            "bad",
            t.failed,
            fill(t.failed_why, &[&outcome.from, &sentence(why, lang)]),
        ),
    };
    Ended {
        at,
        version: outcome
            .version
            .map_or_else(|| t.no_version.into(), |version| version.to_string()),
        end: Said {
            class,
            text: word.into(),
        },
        why,
    }
}

/// What the server said when it was last asked, and when that was.
pub fn looked(view: &View, status: &Status, lang: Lang) -> Option<(String, Said)> {
    let t = texts::Updates::of(lang);
    let checked = status.checked.as_ref()?;
    let said = match &checked.problem {
        None => Said {
            class: "good",
            text: t.answered.into(),
        },
        Some(problem) => Said {
            class: "bad",
            text: sentence(problem, lang),
        },
    };
    Some(((view.local)(checked.at_s), said))
}

/// When the server is asked next, by itself.
pub fn next_look(view: &View, t: &texts::Updates) -> String {
    match view.next_check_s {
        None => t.never_by_itself.into(),
        Some(s) if s < 2 * 3_600 => fill(t.in_minutes, &[&(s.max(0) / 60 + 1)]),
        Some(s) => fill(t.in_some_hours, &[&(s / 3_600)]),
    }
}

/// What the box says of itself, in the visitor's language.
fn sentence(text: &str, lang: Lang) -> String {
    texts::said(&plain(text, LONGEST), lang)
}

fn megabytes(octets: u64, t: &texts::Updates) -> String {
    fill(t.megabytes, &[&octets.div_ceil(1_000_000)])
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
