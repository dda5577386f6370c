//! Refused calls, counted: one row per client, caller, number and rule in an hour, written every
//! few seconds, so that a flood of refusals neither fills nor wears out the card.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use trunkguard_core::record::{Record, text};

use super::{
    keyed::{AsIs, Keys},
    packed::Row,
};

/// Distinct refusals of the last hour that are told apart. The next ones are counted per client
/// and rule, and after [`MERGED`] of those, per rule.
const APART: usize = 4_096;
const MERGED: usize = 1_024;
const HOUR_MS: i64 = 3_600_000;

#[derive(Default)]
pub(super) struct Refusals {
    kept: HashMap<u64, Refusal, AsIs>,
    keys: Keys,
    next_id: i64,
    dirty: usize,
    /// The hour in which refusals arrive now.
    hour: i64,
    row: Row,
}

struct Refusal {
    id: i64,
    client: u32,
    /// The first of them, with the time of the newest.
    record: Record,
    first_ms: i64,
    count: u64,
    dirty: bool,
}

impl Refusals {
    /// Takes up the numbering of a file.
    pub fn attach(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.next_id =
            connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM refusal", [], |r| {
                r.get(0)
            })?;
        // Rows of another file: what is not written yet is written there, under new numbers.
        self.kept.retain(|_, r| r.dirty);
        for refusal in self.kept.values_mut() {
            refusal.id = self.next_id;
            self.next_id += 1;
        }
        Ok(())
    }

    pub fn add(&mut self, client: u32, record: &Record) {
        let hour = record.unix_ms.div_euclid(HOUR_MS);
        self.hour = hour;
        let rule = record.verdict.rule;
        let number = record
            .digits
            .as_ref()
            .map_or(record.dialled.as_bytes(), |d| d.as_bytes());
        let mut key = self
            .keys
            .of((hour, rule, client, record.caller.as_bytes(), number));
        let mut merged = false;
        if self.kept.len() >= APART && !self.kept.contains_key(&key) {
            merged = true;
            key = self.keys.of((hour, rule, client));
            if self.kept.len() >= APART + MERGED && !self.kept.contains_key(&key) {
                key = self.keys.of((hour, rule));
            }
        }
        let next_id = &mut self.next_id;
        let refusal = self.kept.entry(key).or_insert_with(|| {
            let id = *next_id;
            *next_id += 1;
            let mut record = record.clone();
            if merged {
                record.caller = text(b"*");
                record.dialled = text(b"*");
                record.digits = None;
            }
            Refusal {
                id,
                client,
                first_ms: record.unix_ms,
                record,
                count: 0,
                dirty: false,
            }
        });
        refusal.count += 1;
        refusal.record.unix_ms = refusal.record.unix_ms.max(record.unix_ms);
        self.dirty += usize::from(!refusal.dirty);
        refusal.dirty = true;
    }

    /// Is there something to write?
    pub fn is_dirty(&self) -> bool {
        self.dirty > 0
    }

    pub fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO refusal (id, first_ms, last_ms, count, packed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET last_ms = ?3, count = ?4, packed = ?5",
        )?;
        for refusal in self.kept.values().filter(|r| r.dirty) {
            self.row.clear();
            self.row.add(refusal.client, &refusal.record);
            let count = i64::try_from(refusal.count).unwrap_or(i64::MAX);
            upsert.execute(params![
                refusal.id,
                refusal.first_ms,
                refusal.record.unix_ms,
                count,
                self.row.octets
            ])?;
        }
        Ok(())
    }

    /// The transaction with [`Refusals::write`] in it is committed. Forgets what no new refusal can
    /// be added to.
    pub fn written(&mut self) {
        let hour = self.hour;
        self.kept.retain(|_, refusal| {
            refusal.dirty = false;
            refusal.record.unix_ms.div_euclid(HOUR_MS) == hour
        });
        self.dirty = 0;
    }
}
