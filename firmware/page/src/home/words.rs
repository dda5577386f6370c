//! The box's state in words.

use trunkguard_core::{
    alerts::words,
    policy::{Language, Mode},
};

use super::{Alert, Firewall, Home, Pbx, Pop};
use crate::{
    texts::{self, Lang, fill, verdicts},
    updates::News,
};

/// All of it in one sentence.
pub fn sentence(home: &Home, lang: Lang) -> String {
    let t = texts::Home::of(lang);
    let mode = verdicts::mode(lang, home.mode);
    let today = home.days.last().cloned().unwrap_or_default();
    let calls = today.approved + today.would_refuse + today.refused;
    let (text, against) = match home.mode {
        Mode::Detect => (t.today_detect, today.would_refuse + today.refused),
        Mode::Prevent | Mode::Lockdown => (t.today, today.refused),
    };
    let begin = match (home.problems.is_empty(), home.open_alerts) {
        (true, 0) => t.well.to_owned(),
        (true, alerts) => fill(t.well_but, &[&alerts]),
        (false, _) => t.look.to_owned(),
    };
    format!("{begin} {}", fill(text, &[&mode, &calls, &against]))
}

/// What the mode does.
pub fn what(mode: Mode, t: &texts::Home) -> &'static str {
    match mode {
        Mode::Detect => t.detect_what,
        Mode::Prevent => t.prevent_what,
        Mode::Lockdown => t.lockdown_what,
    }
}

/// What an installer has yet to do.
pub fn hints(home: &Home, t: &texts::Home) -> Vec<String> {
    let mut hints = Vec::new();
    if home.pbxs.is_empty() {
        hints.push(t.hint_no_pbx.to_owned());
    }
    for pbx in home.pbxs.iter().filter(|pbx| pbx.heard_s.is_none()) {
        hints.push(fill(t.hint_silent, &[&pbx.name]));
    }
    if home.mode == Mode::Detect && home.days.iter().any(|day| day.approved > 0) {
        hints.push(t.hint_detect.to_owned());
    }
    hints
}

/// An update.
pub struct UpdateLine {
    /// What of it.
    pub text: String,
    /// How that looks.
    pub class: &'static str,
}

impl UpdateLine {
    /// In this language.
    pub fn new(news: &News, lang: Lang) -> UpdateLine {
        let t = texts::Updates::of(lang);
        let (class, text) = match news {
            News::Trial(version) => ("warn", fill(t.news_trial, &[version])),
            News::Waiting(version) => ("", fill(t.news_waiting, &[version])),
            News::Offered(Some(version)) => ("", fill(t.news_offered, &[version])),
            News::Offered(None) => ("", t.news_brought.to_owned()),
            News::Failed(Some(version)) => ("bad", fill(t.news_failed, &[version])),
            News::Failed(None) => ("bad", t.news_failed_unnamed.to_owned()),
        };
        UpdateLine { text, class }
    }
}

/// An alert.
pub struct AlertLine {
    /// What happened.
    pub what: &'static str,
    /// To whom, its number or sentence, how often, and when.
    pub rest: String,
}

impl AlertLine {
    /// In this language.
    pub fn new(alert: &Alert, lang: Lang) -> AlertLine {
        let language = match lang {
            Lang::En => Language::En,
            Lang::Fr => Language::Fr,
        };
        let times = match alert.count {
            0 | 1 => String::new(),
            many => format!("{many} ×"),
        };
        let client = alert.client.as_deref().unwrap_or_default();
        let text = texts::said(&alert.text, lang);
        let mut rest = vec![client, &alert.caller, &text, &times, &alert.at];
        rest.retain(|part| !part.is_empty());
        AlertLine {
            what: words(&alert.kind, language).title,
            rest: rest.join(" · "),
        }
    }
}

/// What protects the PBX.
pub struct FirewallWords {
    /// What is in force.
    pub state: &'static str,
    /// Its class.
    pub class: &'static str,
    /// Packets that did not pass.
    pub dropped: String,
}

impl FirewallWords {
    /// In words.
    pub fn new(firewall: &Firewall, t: &'static texts::Home) -> FirewallWords {
        let (state, class) = match (firewall.loads, firewall.in_force, firewall.enforces) {
            (false, ..) => (t.firewall_none, "warn"),
            (true, false, _) => (t.firewall_broken, "bad"),
            (true, true, false) => (t.firewall_counts, "warn"),
            (true, true, true) => (t.firewall_drops, "good"),
        };
        let dropped = if firewall.enforces {
            t.dropped
        } else {
            t.would_drop
        };
        FirewallWords {
            state,
            class,
            dropped: fill(dropped, &[&firewall.dropped]),
        }
    }
}

/// A PoP.
pub struct PopLine {
    /// Its host name and city.
    pub name: String,
    /// How it answers.
    pub answers: String,
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
    /// Chosen, nearest.
    pub notes: String,
}

impl PopLine {
    /// In words.
    pub fn new(pop: &Pop, t: &texts::Home) -> PopLine {
        let (answers, class) = match (pop.dead, pop.round_trip_us) {
            (true, _) => (t.pop_dead.to_owned(), "bad"),
            (false, None) => (t.pop_unknown.to_owned(), "warn"),
            (false, Some(us)) => {
                // Half a millisecond is no difference that anybody hears.
                let ms = us.saturating_add(500) / 1_000;
                let class = if pop.loss_percent > 0 { "warn" } else { "good" };
                let text = match pop.loss_percent {
                    0 => fill(t.pop_ms, &[&ms]),
                    loss => fill(t.pop_ms_loss, &[&ms, &loss]),
                };
                (text, class)
            }
        };
        let notes: Vec<&str> = [(pop.chosen, t.pop_chosen), (pop.recommended, t.pop_best)]
            .into_iter()
            .filter_map(|(holds, text)| holds.then_some(text))
            .collect();
        PopLine {
            name: match pop.city.as_str() {
                "" => pop.name.clone(),
                city => format!("{city} ({})", pop.name),
            },
            answers,
            class,
            notes: notes.join(", "),
        }
    }
}

/// A PBX.
pub struct PbxLine {
    /// Its name and profile.
    pub name: String,
    /// When it was heard of.
    pub heard: String,
    /// `good` or `warn`.
    pub class: &'static str,
    /// What it calls itself.
    pub agent: String,
}

impl PbxLine {
    /// In words.
    pub fn new(pbx: &Pbx, t: &texts::Home) -> PbxLine {
        /// A PBX qualifies its trunk every minute or two.
        const LATE_S: u64 = 600;
        let (heard, class) = match pbx.heard_s {
            None => (t.never_heard.to_owned(), "warn"),
            Some(s) => (
                fill(t.heard, &[&span(s)]),
                if s < LATE_S { "good" } else { "warn" },
            ),
        };
        PbxLine {
            name: format!("{} ({})", pbx.name, pbx.profile),
            heard,
            class,
            agent: pbx.agent.clone(),
        }
    }
}

/// A span of time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
