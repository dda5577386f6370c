//! A call in words, for every list that shows one.

use super::{Call, Explained};
use crate::{
    shell::urlencode,
    texts::{Calls, Lang, verdicts},
};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It went through.
    Approved,
    /// It went through, and the policy was against it (Detect).
    WouldRefuse,
    /// It did not.
    Refused,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 3] = [Verdict::Approved, Verdict::WouldRefuse, Verdict::Refused];

    /// Of a call that went through or not, with or against the policy.
    pub fn of(approved: bool, allowed: bool) -> Verdict {
        match (approved, allowed) {
            (true, true) => Verdict::Approved,
            (true, false) => Verdict::WouldRefuse,
            (false, _) => Verdict::Refused,
        }
    }

    /// In addresses and files.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Approved => "approved",
            Verdict::WouldRefuse => "would-refuse",
            Verdict::Refused => "refused",
        }
    }

    /// In words.
    pub fn text(self, t: &Calls) -> &'static str {
        match self {
            Verdict::Approved => t.approved,
            Verdict::WouldRefuse => t.would_refuse,
            Verdict::Refused => t.refused,
        }
    }

    /// The class of its tag; the text says the same.
    pub fn class(self) -> &'static str {
        match self {
            Verdict::Approved => "good",
            Verdict::WouldRefuse => "warn",
            Verdict::Refused => "bad",
        }
    }
}

/// A line of a list of calls.
pub struct Line {
    /// The call.
    pub call: Call,
    /// Its page.
    pub href: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The same in words.
    pub verdict_text: &'static str,
    /// The number, or what was dialled.
    pub number: String,
    /// Country and kind.
    pub place: String,
    /// The rule, for people.
    pub rule: &'static str,
    /// Why.
    pub reason: String,
    /// What would have to change.
    pub remedy: Option<&'static str>,
}

impl Line {
    /// In this language.
    pub fn new(call: Call, lang: Lang) -> Line {
        let verdict = Verdict::of(call.approved, call.allowed);
        let country = call.country.map(|code| verdicts::country(lang, code));
        let kind = call.kind.map(|kind| verdicts::kind(lang, kind).to_owned());
        let parts: Vec<String> = country.into_iter().chain(kind).collect();
        Line {
            href: format!("/calls/{}", urlencode(&call.key)),
            verdict,
            verdict_text: verdict.text(Calls::of(lang)),
            number: call.number.clone().unwrap_or_else(|| call.dialled.clone()),
            place: parts.join(", "),
            rule: verdicts::rule(lang, call.rule),
            reason: verdicts::reason(lang, call.rule, call.figures),
            remedy: (!call.allowed)
                .then(|| verdicts::remedy(lang, call.rule))
                .flatten(),
            call,
        }
    }
}

/// An explanation in words.
pub struct Told {
    /// What it would get.
    pub verdict: Verdict,
    /// The same in words.
    pub verdict_text: &'static str,
    /// Why.
    pub reason: String,
    /// What would have to change.
    pub remedy: Option<&'static str>,
    /// What the number is.
    pub destination: String,
    /// The mode.
    pub mode: &'static str,
    /// The rules in the order in which they were asked, with what each said.
    pub steps: Vec<(&'static str, String)>,
}

impl Told {
    /// In this language.
    pub fn new(explained: &Explained, lang: Lang) -> Told {
        let verdict = Verdict::of(explained.approved, explained.allowed);
        let steps = explained.steps.iter();
        Told {
            verdict,
            verdict_text: verdict.text(Calls::of(lang)),
            reason: verdicts::reason(lang, explained.rule, explained.figures),
            remedy: (!explained.allowed)
                .then(|| verdicts::remedy(lang, explained.rule))
                .flatten(),
            destination: verdicts::destination(lang, &explained.destination),
            mode: verdicts::mode(lang, explained.mode),
            steps: steps
                .map(|&(rule, step)| (verdicts::rule(lang, rule), verdicts::step(lang, step)))
                .collect(),
        }
    }
}
