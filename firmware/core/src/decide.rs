//! One call against the policy: rule after rule, in the order of [`Rule`], until one decides.
//!
//! Nothing is counted here; [`crate::gate`] does that with the verdict in hand. The same function
//! answers `trunkguard explain`, with a [`Trace`] that writes the path down.

use serde::{Deserialize, Serialize};

use crate::{
    counters::{CallerId, Counters, CountryId, PhoneId, Recent, SPANS, Spelling, Tally},
    number::{Dialled, Kind, NotANumber, Number},
    policy::{Action, Burst, Client, Destination, Mode, View},
    request::Request,
    time::Now,
    verdict::{Level, Rule, Verdict},
};

/// One call, as the rules see it.
pub struct Call<'a> {
    /// Who calls.
    pub who: CallerId,
    /// The PBX.
    pub client: &'a Client,
    /// The rules that hold for this caller.
    pub view: View<'a>,
    /// What the PBX sent.
    pub request: &'a Request<'a>,
    /// What the number is under the client's format.
    pub dialled: Result<Dialled, NotANumber>,
    /// What was dialled, as the figures know it.
    pub number: Spelling,
    /// The country that is called, where there is one.
    pub country: Option<CountryId>,
    /// The phone, where the PBX says which.
    pub phone: Option<PhoneId>,
}

/// Takes down the path of a decision.
pub trait Trace {
    /// A rule was asked.
    fn step(&mut self, rule: Rule, step: Step);
}

/// What a rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Switched off at this level.
    Off(Level),
    /// Nothing against the call; with a figure, and the one allowed, where the rule is a limit.
    Passed(Option<(u32, u32)>),
    /// Allows the destination: the other rules about destinations are not asked.
    Allows(Level),
    /// Decides for the call.
    Approves(Level),
    /// Decides against the call.
    Denies(Level),
    /// Something is new, which is worth an alert but no refusal.
    New(Level),
}

/// The trace that keeps nothing; it costs nothing.
pub struct NoTrace;
impl Trace for NoTrace {
    fn step(&mut self, _: Rule, _: Step) {}
}

/// A decision, and what was new about the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// `new-country` or `new-phone`, where the call was allowed all the same.
    pub first: Option<Rule>,
}

/// Limits of a caller or a client that decide, by span, in the order of the policy's figures.
const LIMIT_RULES: [Rule; SPANS] = [
    Rule::Simultaneous,
    Rule::PerMinute,
    Rule::PerHour,
    Rule::PerDay,
];

/// Decides one call.
pub fn decide(
    mode: Mode,
    assumed_ms: u64,
    counters: &Counters,
    now: &Now,
    call: &Call<'_>,
    trace: &mut impl Trace,
) -> Decided {
    let mut path = Path {
        call,
        trace,
        off: call.view.off(),
        first: None,
    };
    let (allowed, rule, level, figures) = match path.walk(mode, assumed_ms, counters, now) {
        Some(end) => end,
        None => (true, Rule::Default, Level::BuiltIn, None),
    };
    let first = path.first.filter(|_| allowed);
    let approved = allowed || (mode == Mode::Detect && rule != Rule::Loop);
    let chargeable = approved && is_chargeable(&call.dialled);
    Decided {
        verdict: Verdict {
            approved,
            allowed,
            rule,
            level,
            figures,
            chargeable,
        },
        first,
    }
}

/// Does this destination cost money? What is not understood might.
pub fn is_chargeable(dialled: &Result<Dialled, NotANumber>) -> bool {
    match dialled {
        Ok(Dialled::Emergency | Dialled::Service) => false,
        Ok(Dialled::Number(number)) => number.kind != Kind::TollFree,
        Err(_) => true,
    }
}

/// Does it leave home (the US and Canada are one)? What is not understood does.
pub fn is_abroad(dialled: &Result<Dialled, NotANumber>) -> bool {
    match dialled {
        Ok(Dialled::Emergency | Dialled::Service) => false,
        Ok(Dialled::Number(number)) => kind_is_abroad(number.kind),
        Err(_) => true,
    }
}

/// Does a number of this kind leave home? What costs extra counts as if it did.
pub fn kind_is_abroad(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Domestic | Kind::UsCanada | Kind::TollFree | Kind::Directory
    )
}

/// allowed, by which rule, set by whom, with which figures.
type End = (bool, Rule, Level, Option<(u32, u32)>);

struct Path<'a, T> {
    call: &'a Call<'a>,
    trace: &'a mut T,
    /// Rules that are switched off, as bits, and by whom.
    off: Option<(u32, Level)>,
    first: Option<Rule>,
}

impl<T: Trace> Path<'_, T> {
    fn walk(&mut self, mode: Mode, assumed_ms: u64, counters: &Counters, now: &Now) -> Option<End> {
        let number = match self.call.dialled {
            Ok(Dialled::Number(number)) => Some(number),
            _ => None,
        };
        self.first_things(mode, number.as_ref())
            .or_else(|| self.honesty())
            .or_else(|| self.phone())
            .or_else(|| number.and_then(|n| self.destination(&n)))
            .or_else(|| self.limits(assumed_ms, counters, now))
            .or_else(|| self.bursts(counters, now))
            .or_else(|| self.first_times(counters, number.as_ref()))
    }

    fn approve(&mut self, rule: Rule, level: Level) -> Option<End> {
        self.trace.step(rule, Step::Approves(level));
        Some((true, rule, level, None))
    }

    fn deny(&mut self, rule: Rule, level: Level) -> Option<End> {
        self.trace.step(rule, Step::Denies(level));
        Some((false, rule, level, None))
    }

    fn pass(&mut self, rule: Rule) -> Option<End> {
        self.trace.step(rule, Step::Passed(None));
        None
    }

    /// Is the rule on? Says so in the trace where it is not.
    fn on(&mut self, rule: Rule) -> bool {
        match self.off {
            Some((off, level)) if off & 1 << rule as u32 != 0 => {
                self.trace.step(rule, Step::Off(level));
                false
            }
            _ => true,
        }
    }

    /// What comes before any policy: a loop, an emergency, numbers always allowed, lockdown, calls
    /// that cost nothing.
    fn first_things(&mut self, mode: Mode, number: Option<&Number>) -> Option<End> {
        let call = self.call;
        if call
            .request
            .dialled
            .starts_with(&call.client.prefix.bytes())
        {
            return self.deny(Rule::Loop, Level::BuiltIn);
        }
        if call.dialled == Ok(Dialled::Emergency) {
            return self.approve(Rule::Emergency, Level::BuiltIn);
        }
        if let Some(level) = number.and_then(|n| call.view.always_allowed(&n.digits)) {
            return self.approve(Rule::AlwaysAllowed, level);
        }
        if mode == Mode::Lockdown {
            return self.deny(Rule::Lockdown, Level::Everybody);
        }
        if number.is_some_and(|n| n.kind == Kind::TollFree) {
            return self.approve(Rule::TollFree, Level::BuiltIn);
        }
        if call.dialled == Ok(Dialled::Service) {
            return self.approve(Rule::Service, Level::BuiltIn);
        }
        None
    }

    /// Is the request what the PBX wrote, and its number one?
    fn honesty(&mut self) -> Option<End> {
        if self.call.request.tampering.is_some() && self.on(Rule::Tampering) {
            return self.deny(Rule::Tampering, Level::BuiltIn);
        }
        if self.call.dialled.is_err() && self.on(Rule::NotANumber) {
            return self.deny(Rule::NotANumber, Level::BuiltIn);
        }
        None
    }

    /// Is the phone one that may call?
    fn phone(&mut self) -> Option<End> {
        let said = &self.call.request.said;
        if self.on(Rule::Scanner) {
            match self.call.view.scanner(said.user_agent) {
                Some(level) => return self.deny(Rule::Scanner, level),
                None => self.pass(Rule::Scanner),
            };
        }
        if self.on(Rule::Network)
            && let Some((networks, level)) = self.call.view.networks()
        {
            let inside = said
                .address
                .is_some_and(|a| networks.iter().any(|net| net.contains(&a.to_canonical())));
            if !inside {
                return self.deny(Rule::Network, level);
            }
            self.pass(Rule::Network);
        }
        None
    }

    /// Where the call goes: whole numbers, prefixes and patterns, kinds, countries.
    fn destination(&mut self, number: &Number) -> Option<End> {
        let view = self.call.view;
        let dialled = self.call.request.dialled;
        for rule in [Rule::Number, Rule::Prefix, Rule::Kind, Rule::Country] {
            if !self.on(rule) {
                continue;
            }
            let said = match rule {
                Rule::Number => view.number(&number.digits),
                Rule::Prefix => view.prefix(dialled, &number.digits),
                Rule::Kind => view.kind(number),
                _ => view.country(number),
            };
            match said {
                Destination::Allowed(level) => {
                    self.trace.step(rule, Step::Allows(level));
                    return None;
                }
                Destination::Blocked(level) => return self.deny(rule, level),
                Destination::Unsaid => self.pass(rule),
            };
        }
        None
    }

    /// How many calls: at the same time, in a minute, an hour, a day; of the caller and of the whole
    /// client; all of them and those abroad.
    fn limits(&mut self, assumed_ms: u64, counters: &Counters, now: &Now) -> Option<End> {
        let (view, who) = (self.call.view, self.call.who);
        let off_hours = !view.open(now.local);
        let tallies = [false, true].map(|whole_client| counters.tally(who, whole_client));
        let abroad = is_abroad(&self.call.dialled);
        for (span, rule) in LIMIT_RULES.into_iter().enumerate() {
            if !self.on(rule) {
                continue;
            }
            for (whole_client, only_abroad) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                if only_abroad && !abroad {
                    continue;
                }
                let Some((most, level)) = view.limit(whole_client, only_abroad, off_hours, span)
                else {
                    continue;
                };
                let count = |t: &Tally| t.count(now.mono_ms, only_abroad, span, assumed_ms);
                let before = tallies[usize::from(whole_client)].map_or(0, count);
                let had = match self.call.request.said.calls.map(u32::from) {
                    // The PBX counts the calls of all its callers, this one included: that is the
                    // client's figure, and no part of it can be greater.
                    Some(calls) if span == 0 && whole_client && !only_abroad => calls,
                    Some(calls) if span == 0 => calls.min(before + 1),
                    _ => before + 1,
                };
                if had > most {
                    self.trace.step(rule, Step::Denies(level));
                    return Some((false, rule, level, Some((had, most))));
                }
                self.trace.step(rule, Step::Passed(Some((had, most))));
            }
        }
        None
    }

    /// Bursts of numbers that people do not make.
    fn bursts(&mut self, counters: &Counters, now: &Now) -> Option<End> {
        let number = self.call.number;
        let recent = counters.recent(self.call.who);
        let view = self.call.view;
        type Count = fn(&Recent, u64, Spelling, Burst) -> u32;
        let rules: [(Rule, _, Count); 3] = [
            (Rule::SameNumber, view.same_number(), Recent::same),
            (Rule::Spellings, view.spellings(), Recent::spellings),
            (Rule::Sequential, view.sequential(), Recent::sequence),
        ];
        for (rule, set, count) in rules {
            let Some((burst, level)) = set else { continue };
            if !self.on(rule) {
                continue;
            }
            let had = recent.map_or(1, |r| count(r, now.mono_ms, number, burst));
            let most = u32::from(burst.calls);
            if had > most {
                self.trace.step(rule, Step::Denies(level));
                return Some((false, rule, level, Some((had, most))));
            }
            self.trace.step(rule, Step::Passed(Some((had, most))));
        }
        None
    }

    /// The first call to a country, or from a phone.
    fn first_times(&mut self, counters: &Counters, number: Option<&Number>) -> Option<End> {
        let view = self.call.view;
        if let Some((action, level)) = view.new_country()
            && let Some(country) = number
                .filter(|n| is_abroad(&Ok(Dialled::Number(**n))))
                .and_then(|n| n.country)
            && let Some(id) = self.call.country
            && self.on(Rule::NewCountry)
        {
            let known = counters.knows_country(id);
            // A country that the owner wrote down is not a surprise that has to be refused.
            let denies = action == Action::Deny && !view.country_is_named(country);
            if let Some(end) = self.first_time(Rule::NewCountry, level, known, denies) {
                return Some(end);
            }
        }
        if let Some((action, level)) = view.new_phone()
            && let Some(phone) = self.call.phone
            && self.on(Rule::NewPhone)
        {
            let known = !counters.is_new_phone(phone);
            return self.first_time(Rule::NewPhone, level, known, action == Action::Deny);
        }
        None
    }

    fn first_time(&mut self, rule: Rule, level: Level, known: bool, denies: bool) -> Option<End> {
        if known {
            return self.pass(rule);
        }
        if denies {
            return self.deny(rule, level);
        }
        self.trace.step(rule, Step::New(level));
        self.first.get_or_insert(rule);
        None
    }
}
