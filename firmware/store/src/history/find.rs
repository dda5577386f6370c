//! Looking for calls: approved ones and refusals, merged by time, the newest first.

use std::collections::{HashMap, VecDeque};

use memchr::memmem::Finder;
use rusqlite::{Connection, OptionalExtension, Rows, params};

use super::{
    Cursor, Filter, Key, SCAN,
    call::{Call, MOST_CALLS, digits_of},
    report_damage,
};
use crate::{
    codes::Coded,
    journal::packed::{Calls, Front},
};

/// Octets of history that one page looks through: half a million calls.
const LOOK: usize = 32 << 20;
/// What a row costs beside its octets.
const ROW: usize = 32;
/// Calls of one row are of one commit, and so of one second; more than this apart, the clock was set in between.
const SLACK_MS: i64 = 60_000;

/// A page of calls.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The calls, newest first.
    pub calls: Vec<Call>,
    /// Where the next page begins. There may be no call on it: it begins where enough was looked through, too.
    pub next: Option<Cursor>,
}

pub(super) fn page(
    connection: &Connection,
    clients: &HashMap<u32, String>,
    filter: &Filter,
    after: Option<&Cursor>,
) -> rusqlite::Result<Found> {
    let after = after.copied().unwrap_or_default();
    let look = Look::new(clients, filter);
    let limit = filter.limit.min(MOST_CALLS) as usize;

    let newest = match after.approved {
        Some((row, _)) => row,
        None => end(connection, "max")?,
    };
    let mut statement = connection.prepare(
        "SELECT id, first_ms, packed FROM call
         WHERE id <= ?1 AND id > ?1 - ?2 AND last_ms >= ?3 AND first_ms <= ?4 ORDER BY id DESC",
    )?;
    let latest = filter.until_ms.saturating_add(SLACK_MS);
    let rows = statement.query(params![newest, SCAN, filter.since_ms, latest])?;
    let mut approved = Approved {
        rows: (filter.approved != Some(false)).then_some(rows),
        waiting: VecDeque::new(),
        done: after.approved,
    };

    let mut statement = connection.prepare(
        "SELECT id, first_ms, last_ms, count, packed FROM refusal
         WHERE last_ms BETWEEN ?1 AND ?2 AND (last_ms, id) < (?3, ?4) ORDER BY last_ms DESC, id DESC",
    )?;
    let (ms, row) = after.refused.unwrap_or((i64::MAX, i64::MAX));
    let rows = statement.query(params![filter.since_ms, filter.until_ms, ms, row])?;
    let mut refused = Refused {
        rows: (filter.approved != Some(true)).then_some(rows),
        waiting: None,
        done: after.refused,
    };

    let mut left = LOOK;
    let mut calls = Vec::new();
    let more = loop {
        let one = approved.peek(&look, &mut left)?;
        let other = refused.peek(&look, &mut left)?;
        if left == 0 {
            break true;
        }
        let approved_first = match (one, other) {
            (None, None) => break false,
            (Some(one), Some(other)) => one >= other,
            (one, None) => one.is_some(),
            (None, Some(_)) => false,
        };
        if calls.len() >= limit {
            break true;
        }
        calls.extend(if approved_first {
            approved.take()
        } else {
            refused.take()
        });
    };
    // Rows that are too many for one look.
    let beyond = approved.rows.is_none()
        && filter.approved != Some(false)
        && newest - SCAN >= end(connection, "min")?;
    if beyond && !more {
        approved.done = Some((newest - SCAN, u16::MAX));
    }
    // Within a commit, calls that waited for it stand behind those that did not, whatever their times.
    calls.sort_by_key(|call: &Call| std::cmp::Reverse(call.unix_ms));
    Ok(Found {
        calls,
        next: (more || beyond).then_some(Cursor {
            approved: approved.done,
            refused: refused.done,
        }),
    })
}

/// The newest or oldest row of calls; 0 where there is none.
fn end(connection: &Connection, which: &str) -> rusqlite::Result<i64> {
    let sql = format!("SELECT coalesce({which}(id), 0) FROM call");
    connection.query_row(&sql, [], |row| row.get(0))
}

pub(super) fn one(
    connection: &Connection,
    clients: &HashMap<u32, String>,
    key: Key,
) -> rusqlite::Result<Option<Call>> {
    let name = |client: u32| clients.get(&client).map_or("?", String::as_str);
    match key {
        Key::Approved(row, place) => {
            let sql = "SELECT first_ms, packed FROM call WHERE id = ?1";
            let read = |row: &rusqlite::Row<'_>| {
                let mut calls = Calls::new(row.get_ref(1)?.as_blob()?, row.get(0)?);
                let call = calls.nth(usize::from(place));
                Ok(call.map(|(client, r)| Call::new(key, name(client), &r, r.unix_ms, 1)))
            };
            let found = connection.query_row(sql, [row], read).optional()?;
            Ok(found.flatten())
        }
        Key::Refused(row) => {
            let sql = "SELECT first_ms, last_ms, count, packed FROM refusal WHERE id = ?1";
            let read = |row: &rusqlite::Row<'_>| {
                let count = row.get::<_, i64>(2)?.unsigned_abs();
                let mut calls = Calls::new(row.get_ref(3)?.as_blob()?, row.get(1)?);
                let (call, first_ms) = (calls.next(), row.get(0)?);
                Ok(call.map(|(client, r)| Call::new(key, name(client), &r, first_ms, count)))
            };
            let found = connection.query_row(sql, [row], read).optional()?;
            Ok(found.flatten())
        }
    }
}

/// A filter, made ready for many rows.
struct Look<'a> {
    clients: &'a HashMap<u32, String>,
    filter: &'a Filter,
    /// Texts that a row must have somewhere, or no call of it is wanted: most rows need not be unpacked.
    needles: Vec<Finder<'static>>,
    /// Row ids of the client that is looked for.
    ids: Option<Vec<u32>>,
    /// The number on disk of the rule that is looked for.
    rule: Option<u8>,
}

impl<'a> Look<'a> {
    fn new(clients: &'a HashMap<u32, String>, filter: &'a Filter) -> Self {
        let texts = [
            filter.number.as_deref().map(digits_of),
            filter.caller.as_deref(),
        ];
        let texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
        Look {
            clients,
            filter,
            ids: (filter.client.as_ref()).map(|wanted| {
                let named = clients.iter().filter(|(_, name)| *name == wanted);
                named.map(|(id, _)| *id).collect()
            }),
            rule: filter.rule.map(Coded::code),
            needles: texts
                .map(|text| Finder::new(text.as_bytes()).into_owned())
                .collect(),
        }
    }

    fn may_be_in(&self, packed: &[u8]) -> bool {
        self.needles
            .iter()
            .all(|needle| needle.find(packed).is_some())
    }

    /// Can a call be wanted that has this in front? The rest of it is looked at only then.
    fn may_be(&self, front: &Front) -> bool {
        let filter = self.filter;
        (filter.since_ms..=filter.until_ms).contains(&front.unix_ms)
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&front.client))
            && (self.rule).is_none_or(|rule| rule == front.rule || front.first)
            && filter.approved.is_none_or(|a| a == front.approved)
            && filter.allowed.is_none_or(|a| a == front.allowed)
    }

    fn name(&self, client: u32) -> &str {
        self.clients.get(&client).map_or("?", String::as_str)
    }
}

/// Approved calls, the newest first.
struct Approved<'a> {
    rows: Option<Rows<'a>>,
    waiting: VecDeque<Call>,
    /// The last one that was handed out, or passed over.
    done: Option<(i64, u16)>,
}

impl Approved<'_> {
    /// When the next one was.
    fn peek(&mut self, look: &Look<'_>, left: &mut usize) -> rusqlite::Result<Option<i64>> {
        while self.waiting.is_empty()
            && *left > 0
            && let Some(rows) = &mut self.rows
        {
            let Some(row) = rows.next()? else {
                self.rows = None;
                break;
            };
            let (id, first_ms, packed) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob()?);
            *left = left.saturating_sub(packed.len() + ROW);
            let before = match self.done {
                Some((row, place)) if row == id => place,
                _ => u16::MAX,
            };
            if look.may_be_in(packed) {
                let mut calls = Calls::new(packed, first_ms);
                // A row holds 256 calls at most.
                for place in 0..before {
                    let Some(front) = calls.front() else { break };
                    if !look.may_be(&front) {
                        calls.pass();
                        continue;
                    }
                    let Some((client, record)) = calls.next() else {
                        break;
                    };
                    let name = look.name(client);
                    if look.filter.takes(name, &record) {
                        let key = Key::Approved(id, place);
                        let call = Call::new(key, name, &record, record.unix_ms, 1);
                        self.waiting.push_front(call);
                    }
                }
                report_damage(&calls);
            }
            if self.waiting.is_empty() {
                self.done = Some((id, 0));
            }
        }
        Ok(self.waiting.front().map(|call| call.unix_ms))
    }

    fn take(&mut self) -> Option<Call> {
        let call = self.waiting.pop_front()?;
        if let Key::Approved(row, place) = call.key {
            self.done = Some((row, place));
        }
        Some(call)
    }
}

/// Refusals, the newest first.
struct Refused<'a> {
    rows: Option<Rows<'a>>,
    waiting: Option<Call>,
    done: Option<(i64, i64)>,
}

impl Refused<'_> {
    fn peek(&mut self, look: &Look<'_>, left: &mut usize) -> rusqlite::Result<Option<i64>> {
        while self.waiting.is_none()
            && *left > 0
            && let Some(rows) = &mut self.rows
        {
            let Some(row) = rows.next()? else {
                self.rows = None;
                break;
            };
            let (id, last_ms, packed) = (row.get(0)?, row.get(2)?, row.get_ref(4)?.as_blob()?);
            *left = left.saturating_sub(packed.len() + ROW);
            if look.may_be_in(packed) {
                let mut calls = Calls::new(packed, last_ms);
                let (count, first_ms) = (row.get::<_, i64>(3)?.unsigned_abs(), row.get(1)?);
                self.waiting = calls.next().and_then(|(client, record)| {
                    let name = look.name(client);
                    let call = || Call::new(Key::Refused(id), name, &record, first_ms, count);
                    look.filter.takes(name, &record).then(call)
                });
                report_damage(&calls);
            }
            if self.waiting.is_none() {
                self.done = Some((last_ms, id));
            }
        }
        Ok(self.waiting.as_ref().map(|call| call.unix_ms))
    }

    fn take(&mut self) -> Option<Call> {
        let call = self.waiting.take()?;
        if let Key::Refused(row) = call.key {
            self.done = Some((call.unix_ms, row));
        }
        Some(call)
    }
}
