//! Incidents: one row for many calls that mean the same, so that an owner gets one alert with a
//! count and not a thousand.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};
use trunkguard_core::{alerts, record::Record};

use super::keyed::{AsIs, Keys};

/// Incidents that are told apart at a time; beyond, they are counted per kind.
const APART: usize = 1_024;

/// An incident ends when nothing was added to it for so long, and an acknowledged one so long after
/// its owner has seen it.
const QUIET: Duration = Duration::from_secs(3_600);

/// Incidents kept on disk; the oldest make room.
const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Incidents {
    live: HashMap<u64, Incident, AsIs>,
    keys: Keys,
    next_id: i64,
    /// Some have a new count.
    counted: bool,
    /// Some are not on disk at all.
    fresh: bool,
}

struct Incident {
    id: i64,
    kind: String,
    client: u32,
    caller: String,
    text: String,
    first_ms: i64,
    last_ms: i64,
    count: u64,
    touched: Instant,
    acknowledged: Option<Instant>,
    dirty: bool,
}

/// What happened, for [`Incidents::add`].
pub(super) struct Event<'a> {
    pub kind: &'a str,
    pub client: u32,
    pub caller: &'a str,
    pub text: &'a str,
    pub at_ms: i64,
}

impl Incidents {
    /// Goes on with the incidents of a file that are not over yet.
    pub fn attach(
        &mut self,
        connection: &Connection,
        now_ms: i64,
        now: Instant,
    ) -> rusqlite::Result<()> {
        self.next_id =
            connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM incident", [], |r| {
                r.get(0)
            })?;
        let unwritten: Vec<Incident> = self
            .live
            .drain()
            .map(|(_, i)| i)
            .filter(|i| i.dirty)
            .collect();
        let mut statement = connection.prepare(
            "SELECT id, kind, client, caller, text, first_ms, last_ms, count FROM incident
             WHERE last_ms BETWEEN ?1 AND ?2 AND acknowledged_ms IS NULL ORDER BY id DESC LIMIT ?3",
        )?;
        let mut rows = statement.query(params![
            now_ms - QUIET.as_millis() as i64,
            now_ms,
            APART as i64
        ])?;
        while let Some(row) = rows.next()? {
            let incident = Incident {
                id: row.get(0)?,
                kind: row.get(1)?,
                client: row.get(2)?,
                caller: row.get(3)?,
                text: row.get(4)?,
                first_ms: row.get(5)?,
                last_ms: row.get(6)?,
                count: row.get::<_, i64>(7)?.unsigned_abs(),
                touched: now,
                acknowledged: None,
                dirty: false,
            };
            self.live.insert(
                self.key(&incident.kind, incident.client, &incident.caller),
                incident,
            );
        }
        for incident in unwritten {
            let key = self.key(&incident.kind, incident.client, &incident.caller);
            let id = self.next_id;
            self.next_id += 1;
            self.live.insert(key, Incident { id, ..incident });
        }
        Ok(())
    }

    fn key(&self, kind: &str, client: u32, caller: &str) -> u64 {
        self.keys.of((kind, client, caller))
    }

    /// Adds a call, where it means an incident.
    pub fn add_call(&mut self, client: u32, record: &Record, now: Instant) {
        let Some(kind) = alerts::of_call(record) else {
            return;
        };
        let text = record
            .digits
            .as_ref()
            .map_or(record.dialled.as_str(), |d| d.as_str());
        self.add(
            &Event {
                kind,
                client,
                caller: &record.caller,
                text,
                at_ms: record.unix_ms,
            },
            now,
        );
    }

    /// Adds to the open incident of this kind, client and caller, or opens one.
    pub fn add(&mut self, event: &Event<'_>, now: Instant) {
        let &Event {
            kind,
            mut client,
            mut caller,
            text,
            at_ms,
        } = event;
        let mut key = self.key(kind, client, caller);
        if self.live.len() >= APART && !self.live.contains_key(&key) {
            (client, caller) = (0, "*");
            key = self.key(kind, client, caller);
        }
        if let Some(incident) = self.live.get_mut(&key)
            && now.saturating_duration_since(incident.touched) < QUIET
            && incident.acknowledged.is_none_or(|seen| {
                // Who has seen to one call for help has not seen to the next.
                kind != alerts::EMERGENCY_CALL && now.saturating_duration_since(seen) < QUIET
            })
        {
            incident.count += 1;
            incident.last_ms = incident.last_ms.max(at_ms);
            incident.touched = now;
            incident.dirty = true;
            self.counted = true;
            return;
        }
        let incident = Incident {
            id: self.next_id,
            kind: kind.into(),
            client,
            caller: caller.into(),
            text: text.into(),
            first_ms: at_ms,
            last_ms: at_ms,
            count: 1,
            touched: now,
            acknowledged: None,
            dirty: true,
        };
        self.next_id += 1;
        self.live.insert(key, incident);
        self.fresh = true;
    }

    /// An incident is not on disk yet: its owner should not wait.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    pub fn is_dirty(&self) -> bool {
        self.fresh || self.counted
    }

    pub fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO incident (id, kind, client, caller, text, first_ms, last_ms, count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET last_ms = ?7, count = ?8",
        )?;
        for i in self.live.values().filter(|i| i.dirty) {
            let count = i64::try_from(i.count).unwrap_or(i64::MAX);
            upsert.execute(params![
                i.id, i.kind, i.client, i.caller, i.text, i.first_ms, i.last_ms, count
            ])?;
        }
        if self.fresh {
            connection.execute(
                "DELETE FROM incident WHERE id <= ?1",
                [self.next_id - 1 - KEPT as i64],
            )?;
        }
        Ok(())
    }

    /// The transaction with [`Incidents::write`] in it is committed.
    pub fn written(&mut self, now: Instant) {
        self.live.retain(|_, incident| {
            incident.dirty = false;
            now.saturating_duration_since(incident.touched) < QUIET
        });
        self.fresh = false;
        self.counted = false;
    }

    /// Marks one, or all, as seen by the owner.
    pub fn acknowledge(
        &mut self,
        connection: &Connection,
        id: Option<i64>,
        now_ms: i64,
        now: Instant,
    ) -> rusqlite::Result<()> {
        connection.execute(
            "UPDATE incident SET acknowledged_ms = ?2 WHERE acknowledged_ms IS NULL AND (?1 IS NULL OR id = ?1)",
            params![id, now_ms],
        )?;
        for incident in self
            .live
            .values_mut()
            .filter(|i| id.is_none_or(|id| id == i.id))
        {
            incident.acknowledged.get_or_insert(now);
        }
        Ok(())
    }
}

/// Incidents that nobody has acknowledged.
pub(super) fn open(connection: &Connection) -> rusqlite::Result<u64> {
    let open: i64 = connection.query_row(
        "SELECT count(*) FROM incident WHERE acknowledged_ms IS NULL",
        [],
        |r| r.get(0),
    )?;
    Ok(open.unsigned_abs())
}
