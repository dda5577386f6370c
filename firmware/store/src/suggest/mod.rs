//! The learning report: a policy proposed from the calls that an office really makes.
//!
//! Pure: calls go in one by one, a proposal with its reasons comes out. It is a proposal; calls of
//! somebody who broke in during the days of learning would be in it, so that its reasons name every
//! country and figure for a person to read.

mod busiest;
mod hours;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use trunkguard_core::{
    decide::kind_is_abroad,
    learnt::{Reason, Then},
    number::Kind,
    policy::{CountryCode, LimitSet, Limits, Rules, Settings, Targets},
    record::Record,
    time::Local,
    verdict::Rule,
};

use busiest::Busiest;

/// Calls that are looked at; the newest, of [`crate::history::History::each_approved`].
pub const MOST: u64 = 500_000;

/// A country is the office's own when it was called on so many days …
const DAYS: usize = 2;
/// … or so often.
const CALLS: usize = 3;

/// Collects calls.
pub struct Learner {
    home: CountryCode,
    open_ms: i64,
    calls: Vec<Call>,
    callers: HashMap<(String, String), u32>,
    names: Vec<String>,
    clients: HashMap<String, u32>,
    days: BTreeSet<i32>,
    suspicious: BTreeMap<Rule, u32>,
    costly: BTreeMap<Kind, u32>,
}

/// What is kept of a call.
#[derive(Clone, Copy)]
struct Call {
    at_ms: i64,
    client: u32,
    caller: u32,
    day: i32,
    /// Half hour of the week from Monday midnight, where the local time is known.
    slot: Option<u16>,
    country: Option<CountryCode>,
    abroad: bool,
    said_calls: u16,
}

/// A proposed policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// For `[policy]`.
    pub rules: Rules,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Calls it was made from.
    pub calls: u64,
    /// Days on which they were made.
    pub days: u32,
}

impl Learner {
    /// A learner that has seen nothing, for a box with these settings.
    pub fn new(settings: &Settings) -> Self {
        Learner {
            home: settings.country,
            open_ms: i64::from(settings.assumed_call_minutes.max(1)) * 60_000,
            calls: Vec::new(),
            callers: HashMap::new(),
            names: Vec::new(),
            clients: HashMap::new(),
            days: BTreeSet::new(),
            suspicious: BTreeMap::new(),
            costly: BTreeMap::new(),
        }
    }

    /// Adds an approved call; `local` is when it was made where the office is. Calls that cost
    /// nothing, and those that looked like an attack, are only counted.
    pub fn add(&mut self, client: &str, record: &Record, local: Option<Local>) {
        if !record.verdict.chargeable || self.calls.len() as u64 >= MOST {
            return;
        }
        if !record.verdict.allowed && is_attack(record.verdict.rule) {
            *self.suspicious.entry(record.verdict.rule).or_default() += 1;
            return;
        }
        let ordinary = matches!(
            record.kind,
            Some(Kind::Domestic | Kind::UsCanada | Kind::NanpAbroad | Kind::Abroad)
        );
        if let Some(kind) = record.kind.filter(|_| !ordinary) {
            *self.costly.entry(kind).or_default() += 1;
        }
        let unix_day = i32::try_from(record.unix_ms.div_euclid(86_400_000)).unwrap_or_default();
        let day = local.map_or(unix_day, |l| {
            i32::from(l.date.year) * 372 + i32::from(l.date.month) * 31 + i32::from(l.date.day)
        });
        self.days.insert(day);
        let clients = self.clients.len() as u32;
        let client_index = *self.clients.entry(client.to_owned()).or_insert(clients);
        let names = &mut self.names;
        let caller = *self
            .callers
            .entry((client.to_owned(), record.caller.as_str().to_owned()))
            .or_insert_with(|| {
                names.push(record.caller.as_str().to_owned());
                names.len() as u32 - 1
            });
        self.calls.push(Call {
            at_ms: record.unix_ms,
            client: client_index,
            caller,
            day,
            slot: local.map(|l| u16::from(l.weekday % 7) * 48 + (l.minute / 30).min(47)),
            country: record.country.filter(|_| ordinary),
            abroad: record.kind.is_none_or(kind_is_abroad),
            said_calls: record.said_calls.unwrap_or(0),
        });
    }

    /// What would let these calls through, with some room, and little else.
    pub fn suggest(&self) -> Suggestion {
        let mut reasons = Vec::new();
        let days = self.days.len();
        reasons.push(Reason::MadeFrom {
            calls: self.calls.len(),
            extensions: self.names.len(),
            days,
        });
        if self.calls.len() < 50 || days < 5 {
            reasons.push(Reason::Little);
        }
        let mut rules = Rules {
            allow: self.countries(&mut reasons),
            ..Rules::default()
        };
        self.costly(&mut reasons);
        for (rule, calls) in &self.suspicious {
            reasons.push(Reason::LeftOut {
                rule: *rule,
                calls: *calls,
            });
        }
        if self.calls.is_empty() {
            return Suggestion {
                rules: Rules::default(),
                reasons,
                calls: 0,
                days: 0,
            };
        }
        let office = hours::of(&self.calls, &mut reasons);
        self.limits(&mut rules, office.as_ref(), &mut reasons);
        rules.hours = office.map(|office| vec![office.hours]);
        Suggestion {
            rules,
            reasons,
            calls: self.calls.len() as u64,
            days: days as u32,
        }
    }

    fn countries(&self, reasons: &mut Vec<Reason>) -> Targets {
        let mut seen: BTreeMap<CountryCode, (usize, BTreeSet<i32>)> = BTreeMap::new();
        for call in &self.calls {
            if let Some(country) = call.country {
                let (calls, days) = seen.entry(country).or_default();
                *calls += 1;
                days.insert(call.day);
            }
        }
        let mut allowed = vec![self.home];
        for (country, (calls, days)) in seen {
            let then = if country == self.home {
                Then::Home
            } else if days.len() >= DAYS || calls >= CALLS {
                allowed.push(country);
                Then::Allowed
            } else {
                Then::TooFew
            };
            reasons.push(Reason::Country {
                country,
                calls,
                days: days.len(),
                then,
            });
        }
        Targets {
            countries: Some(allowed),
            ..Targets::default()
        }
    }

    fn costly(&self, reasons: &mut Vec<Reason>) {
        for (&kind, &calls) in &self.costly {
            reasons.push(Reason::Costly { kind, calls });
        }
    }

    fn limits(&self, rules: &mut Rules, office: Option<&hours::Office>, reasons: &mut Vec<Reason>) {
        let is_off =
            |call: &Call| office.is_some_and(|o| call.slot.is_some_and(|slot| !o.is_open(slot)));
        let busiest = |of_client: bool, takes: &dyn Fn(&Call) -> bool| {
            Busiest::of(&self.calls, of_client, self.open_ms, takes)
        };
        let all = busiest(false, &|_| true);
        let abroad = busiest(false, &|c| c.abroad);
        let total = busiest(true, &|_| true);

        rules.limits = LimitSet {
            simultaneous: Some(room(all.simultaneous, 2)),
            per_minute: Some(room(all.per_minute, 5)),
            per_hour: Some(room(all.per_hour, 20)),
            per_day: Some(room(all.per_day, 50)),
            ..LimitSet::default()
        };
        let name = self.names.get(all.who as usize).map_or("?", String::as_str);
        reasons.push(Reason::Busiest {
            extension: name.into(),
            per_day: all.per_day,
            per_hour: all.per_hour,
            per_minute: all.per_minute,
            simultaneous: all.simultaneous,
        });
        if abroad.per_day > 0 {
            rules.limits.abroad = Limits {
                simultaneous: Some(room(abroad.simultaneous, 2)),
                per_minute: None,
                per_hour: Some(room(abroad.per_hour, 3)),
                per_day: Some(room(abroad.per_day, 5)),
            };
            reasons.push(Reason::Abroad {
                per_day: abroad.per_day,
            });
        }
        if office.is_some() {
            let off = busiest(false, &is_off);
            let off_abroad = busiest(false, &|c| is_off(c) && c.abroad);
            rules.limits.off_hours = Limits {
                per_hour: Some(room(off.per_hour, 5)),
                per_day: Some(room(off.per_day, 10)),
                ..Limits::default()
            };
            reasons.push(Reason::OffHours {
                per_day: off.per_day,
                abroad: off_abroad.per_day,
            });
            if off_abroad.per_day > 0 {
                rules.limits.abroad_off_hours = Limits {
                    simultaneous: Some(1),
                    per_day: Some(room(off_abroad.per_day, 1)),
                    ..Limits::default()
                };
            }
        }
        rules.total = LimitSet {
            simultaneous: Some(room(total.simultaneous, 4)),
            per_hour: Some(room(total.per_hour, 40)),
            per_day: Some(room(total.per_day, 100)),
            ..LimitSet::default()
        };
        reasons.push(Reason::Total {
            per_day: total.per_day,
            simultaneous: total.simultaneous,
        });
    }
}

impl Suggestion {
    /// The proposal as the part of a policy file, with its reasons in front.
    pub fn render(&self) -> String {
        #[derive(Serialize)]
        struct Part<'a> {
            policy: &'a Rules,
        }
        let mut out = String::from(
            "# Proposed by trunkguard suggest: read it, change it, and put it in your policy file.\n",
        );
        for reason in &self.reasons {
            out.push_str(&format!("# {reason}\n"));
        }
        out.push('\n');
        // Rules have a form in TOML: the tests of the policy file walk them all.
        out.push_str(
            &toml::to_string_pretty(&Part {
                policy: &self.rules,
            })
            .unwrap_or_default(),
        );
        out
    }
}

/// Rules that calls of the office's own people do not meet.
fn is_attack(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::Loop
            | Rule::Tampering
            | Rule::NotANumber
            | Rule::Scanner
            | Rule::Network
            | Rule::SameNumber
            | Rule::Spellings
            | Rule::Sequential
    )
}

/// Half as much again, in round figures, and never less than what a quiet week should not forbid.
fn room(seen: u32, least: u32) -> u32 {
    let more = seen.saturating_add(seen.div_ceil(2)).max(least);
    let step = match more {
        0..=20 => 1,
        21..=100 => 5,
        _ => 10,
    };
    more.div_ceil(step).saturating_mul(step)
}
