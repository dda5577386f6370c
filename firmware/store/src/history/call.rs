//! What calls to look for, and what is known of one.

use std::net::IpAddr;

use serde::Serialize;
use trunkguard_core::{
    number::Kind,
    policy::{CountryCode, Mode},
    record::Record,
    verdict::{Level, Rule},
};

use super::Key;

/// Most calls that are answered at once.
pub const MOST_CALLS: u32 = 10_000;

/// What calls to look for; what is left out lets every call through.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Name of the client.
    pub client: Option<String>,
    /// The extension.
    pub caller: Option<String>,
    /// Part of the number, as dialled or with its country code.
    pub number: Option<String>,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// Not before, ms since 1970.
    pub since_ms: i64,
    /// Not after, ms since 1970.
    pub until_ms: i64,
    /// Did it go through?
    pub approved: Option<bool>,
    /// Was the policy for it? Differs from `approved` in Detect.
    pub allowed: Option<bool>,
    /// So many, up to [`MOST_CALLS`].
    pub limit: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            client: None,
            caller: None,
            number: None,
            rule: None,
            since_ms: i64::MIN,
            until_ms: i64::MAX,
            approved: None,
            allowed: None,
            limit: 100,
        }
    }
}

impl Filter {
    pub(super) fn takes(&self, client: &str, record: &Record) -> bool {
        let is = |wanted: &Option<String>, there: &str| wanted.as_ref().is_none_or(|w| w == there);
        let verdict = &record.verdict;
        (self.since_ms..=self.until_ms).contains(&record.unix_ms)
            && is(&self.client, client)
            && is(&self.caller, &record.caller)
            && self
                .rule
                .is_none_or(|rule| rule == verdict.rule || record.first == Some(rule))
            && self.approved.is_none_or(|a| a == verdict.approved)
            && self.allowed.is_none_or(|a| a == verdict.allowed)
            && self.number.as_ref().is_none_or(|part| {
                let part = digits_of(part);
                record.dialled.contains(part)
                    || record
                        .digits
                        .as_ref()
                        .is_some_and(|d| d.as_str().contains(part))
            })
    }
}

/// The part of a number that is looked for: numbers are kept without their `+`.
pub(super) fn digits_of(part: &str) -> &str {
    part.trim_start_matches('+')
}

/// One decided call, or the refusals of an hour that mean the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Where it stands in the history.
    pub key: Key,
    /// ms since 1970; of refusals the last.
    pub unix_ms: i64,
    /// ms since 1970 of the first of several refusals.
    pub first_ms: i64,
    /// How many; 1 unless they are refusals.
    pub count: u64,
    /// Name of the client at the time.
    pub client: String,
    /// The extension; `*` for many.
    pub caller: String,
    /// What the PBX sent; `*` for many.
    pub dialled: String,
    /// `+442071838750`, where it is a number.
    pub number: Option<String>,
    /// Its country.
    pub country: Option<CountryCode>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// The mode at the time.
    pub mode: Mode,
    /// It went through.
    pub approved: bool,
    /// The policy was for it.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Rule,
    /// Who set it.
    pub level: Level,
    /// The figure that was met and the one allowed.
    pub figures: Option<(u32, u32)>,
    /// It costs money.
    pub chargeable: bool,
    /// What was seen for the first time.
    pub first: Option<Rule>,
    /// Calls that the PBX counted.
    pub said_calls: Option<u16>,
    /// Fields of P-tfps that arrived; 1 to 4 mean that the dial plan does not escape the `;`.
    pub said_fields: u8,
    /// The phone's address.
    pub phone: Option<IpAddr>,
    /// The phone's User-Agent.
    pub phone_agent: String,
}

impl Call {
    pub(super) fn new(key: Key, client: &str, record: &Record, first_ms: i64, count: u64) -> Self {
        let Record { verdict, .. } = record;
        Call {
            key,
            unix_ms: record.unix_ms,
            first_ms,
            count,
            client: client.into(),
            caller: record.caller.as_str().into(),
            dialled: record.dialled.as_str().into(),
            number: record.digits.map(|d| format!("+{d}")),
            country: record.country,
            kind: record.kind,
            mode: record.mode,
            approved: verdict.approved,
            allowed: verdict.allowed,
            rule: verdict.rule,
            level: verdict.level,
            figures: verdict.figures,
            chargeable: verdict.chargeable,
            first: record.first,
            said_calls: record.said_calls,
            said_fields: record.said_fields,
            phone: record.phone,
            phone_agent: record.phone_agent.as_str().into(),
        }
    }
}
