//! The kinds of incident, and what becomes of each unless its owner says otherwise.

use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::{record::Record, verdict::Rule};

/// Somebody has called for help. Told without a wait, and each time (docs/alerts.md says why).
pub const EMERGENCY_CALL: &str = "emergency-call";
/// What becomes of an incident of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Told at once, in quiet hours too.
    Urgent,
    /// Told at once, after quiet hours.
    Now,
    /// Told in the daily digest only.
    Digest,
    /// Never told; the list of incidents has it.
    Off,
}

impl When {
    /// The word in the policy file.
    pub const fn name(self) -> &'static str {
        match self {
            When::Urgent => "urgent",
            When::Now => "now",
            When::Digest => "digest",
            When::Off => "off",
        }
    }
}

/// Every kind, in the order of the documents: calls for help, then calls by the rule that was against them, then the
/// box. Urgent is, beside those for help, what costs money or opens the office while everybody sleeps.
pub const KINDS: [(&str, When); 36] = [
    (EMERGENCY_CALL, When::Urgent),
    ("country", When::Urgent),
    ("kind", When::Urgent),
    ("prefix", When::Now),
    ("number", When::Now),
    ("simultaneous", When::Urgent),
    ("per-minute", When::Urgent),
    ("per-hour", When::Urgent),
    ("per-day", When::Urgent),
    ("same-number", When::Now),
    ("spellings", When::Urgent),
    ("sequential", When::Urgent),
    ("tampering", When::Urgent),
    ("scanner", When::Urgent),
    ("network", When::Urgent),
    ("new-country", When::Now),
    ("new-phone", When::Digest),
    ("not-a-number", When::Digest),
    ("lockdown", When::Digest),
    ("loop", When::Now),
    ("firewall", When::Urgent),
    ("firewall-changed", When::Urgent),
    ("pop-dead", When::Now),
    ("pop-elsewhere", When::Now),
    ("pop-answers", When::Digest),
    ("box-network", When::Now),
    ("restored", When::Now),
    ("state-in-memory", When::Now),
    ("journal-full", When::Now),
    ("history-damaged", When::Now),
    ("history-failed", When::Now),
    ("history-removed", When::Now),
    ("alerts-undelivered", When::Now),
    ("update-failed", When::Now),
    ("update-available", When::Digest),
    ("updated", When::Digest),
];

/// The kind of incident that a call is, if it is one.
pub fn of_call(record: &Record) -> Option<&'static str> {
    match record.first {
        _ if !record.verdict.allowed => Some(record.verdict.rule.name()),
        Some(first) => Some(first.name()),
        None if record.verdict.rule == Rule::Emergency && !is_crisis_line(&record.dialled) => {
            Some(EMERGENCY_CALL)
        }
        None => None,
    }
}

/// 988, the line for people in a crisis: whoever calls it does not want the office told.
fn is_crisis_line(dialled: &str) -> bool {
    let mut digits = dialled.chars().rev().filter(char::is_ascii_digit);
    [digits.next(), digits.next(), digits.next()] == ['8', '8', '9'].map(Some)
}

/// A kind that the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Kind(u8);

impl Kind {
    /// Of this name.
    pub fn named(name: &str) -> Option<Kind> {
        let at = KINDS.iter().position(|(known, _)| *known == name)?;
        u8::try_from(at).ok().map(Kind)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Kind> {
        (0..KINDS.len() as u8).map(Kind)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        KINDS[usize::from(self.0)].0
    }

    /// What becomes of it unless its owner says otherwise.
    pub fn default_when(self) -> When {
        KINDS[usize::from(self.0)].1
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl From<Kind> for String {
    fn from(kind: Kind) -> String {
        kind.name().into()
    }
}
impl TryFrom<String> for Kind {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Kind::named(&text).ok_or_else(|| {
            format!(
                "`{}` is not a kind of incident; docs/alerts.md has the table",
                text.escape_debug()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_raises_an_incident_is_a_kind() {
        let silent = [
            Rule::Emergency,
            Rule::AlwaysAllowed,
            Rule::TollFree,
            Rule::Service,
            Rule::Default,
        ];
        for &rule in Rule::ALL.iter().filter(|rule| !silent.contains(rule)) {
            assert!(Kind::named(rule.name()).is_some(), "{}", rule.name());
        }
    }

    #[test]
    fn a_call_for_help_is_told_but_not_one_to_the_crisis_line() {
        for (dialled, is) in [
            ("988", true),
            ("9988", true),
            ("+9-8-8", true),
            ("911", false),
            ("112", false),
            ("88", false),
            ("", false),
        ] {
            assert_eq!(is_crisis_line(dialled), is, "{dialled}");
        }
        assert_eq!(
            Kind::named(EMERGENCY_CALL).map(Kind::default_when),
            Some(When::Urgent)
        );
    }

    #[test]
    fn names_are_read_back() {
        for kind in Kind::all() {
            assert_eq!(Kind::try_from(String::from(kind)), Ok(kind));
        }
        assert!(Kind::try_from(String::from("nothing")).is_err());
        assert_eq!(Kind::all().count(), KINDS.len());
    }
}
