//! Looking for calls.

use std::{collections::HashMap, net::IpAddr};

use rusqlite::{Connection, params};
use serde::Serialize;
use trunkguard_core::{
    number::Kind,
    policy::{CountryCode, Mode},
    record::Record,
    verdict::{Level, Rule},
};

use super::{SCAN, report_damage};
use crate::journal::packed::Calls;

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
            approved: None,
            allowed: None,
            limit: 100,
        }
    }
}

impl Filter {
    fn takes(&self, client: &str, record: &Record) -> bool {
        let is = |wanted: &Option<String>, there: &str| wanted.as_ref().is_none_or(|w| w == there);
        let verdict = &record.verdict;
        record.unix_ms >= self.since_ms
            && is(&self.client, client)
            && is(&self.caller, &record.caller)
            && self
                .rule
                .is_none_or(|rule| rule == verdict.rule || record.first == Some(rule))
            && self.approved.is_none_or(|a| a == verdict.approved)
            && self.allowed.is_none_or(|a| a == verdict.allowed)
            && self.number.as_ref().is_none_or(|part| {
                let part = part.trim_start_matches('+');
                record.dialled.contains(part)
                    || record
                        .digits
                        .as_ref()
                        .is_some_and(|d| d.as_str().contains(part))
            })
    }
}

/// One decided call, or the refusals of an hour that mean the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
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
    fn new(client: &str, record: &Record, first_ms: i64, count: u64) -> Self {
        let Record { verdict, .. } = record;
        Call {
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

pub(super) fn find(
    connection: &Connection,
    clients: &HashMap<u32, String>,
    filter: &Filter,
) -> rusqlite::Result<Vec<Call>> {
    let limit = filter.limit.min(MOST_CALLS) as usize;
    let name = |client: u32| clients.get(&client).map_or("?", String::as_str);
    let mut found = Vec::new();
    if filter.approved != Some(false) {
        approved(connection, filter, limit, &name, &mut found)?;
    }
    if filter.approved != Some(true) {
        refused(connection, filter, limit, &name, &mut found)?;
    }
    found.sort_by_key(|call| std::cmp::Reverse(call.unix_ms));
    found.truncate(limit);
    Ok(found)
}

fn approved<'a>(
    connection: &Connection,
    filter: &Filter,
    limit: usize,
    name: &impl Fn(u32) -> &'a str,
    found: &mut Vec<Call>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT first_ms, packed FROM call WHERE last_ms >= ?1 AND id > (SELECT max(id) FROM call) - ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query(params![filter.since_ms, SCAN])?;
    while let Some(row) = rows.next()? {
        if found.len() >= limit {
            break;
        }
        let mut calls = Calls::new(row.get_ref(1)?.as_blob()?, row.get(0)?);
        let taken = calls
            .by_ref()
            .filter(|(client, record)| filter.takes(name(*client), record));
        found.extend(
            taken.map(|(client, record)| Call::new(name(client), &record, record.unix_ms, 1)),
        );
        report_damage(&calls);
    }
    Ok(())
}

fn refused<'a>(
    connection: &Connection,
    filter: &Filter,
    limit: usize,
    name: &impl Fn(u32) -> &'a str,
    found: &mut Vec<Call>,
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT first_ms, last_ms, count, packed FROM refusal WHERE last_ms >= ?1 ORDER BY last_ms DESC")?;
    let mut rows = statement.query(params![filter.since_ms])?;
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        if taken >= limit {
            break;
        }
        let count = row.get::<_, i64>(2)?.unsigned_abs();
        let mut calls = Calls::new(row.get_ref(3)?.as_blob()?, row.get(1)?);
        let matching = calls
            .by_ref()
            .filter(|(client, record)| filter.takes(name(*client), record));
        let first_ms = row.get(0)?;
        let before = found.len();
        found.extend(
            matching.map(|(client, record)| Call::new(name(client), &record, first_ms, count)),
        );
        taken += found.len() - before;
        report_damage(&calls);
    }
    Ok(())
}
