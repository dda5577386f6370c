//! The tables of `alerts.v1.db`.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use trunkguard_core::{
    alerts::{After, Content, Message, PER_HOUR, Told},
    time::Date,
};

use super::{Incident, MOST_DONE, MOST_TOLD, MOST_WAITING, Marks, Waiting};

pub(super) const SCHEMA: &str = "
    CREATE TABLE message (
        id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, made_ms INTEGER NOT NULL,
        -- alert, digest or test
        class TEXT NOT NULL, urgent INTEGER NOT NULL, body TEXT NOT NULL CHECK (json_valid(body))
    ) STRICT;
    CREATE TABLE delivery (
        message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, target TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'given-up')),
        tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, error TEXT,
        PRIMARY KEY (message, target)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX delivery_waiting ON delivery (message) WHERE state = 'waiting';
    CREATE TABLE told (
        incident INTEGER NOT NULL, first_ms INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (incident, first_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE channel (
        target TEXT PRIMARY KEY, accepted_ms INTEGER, failed_ms INTEGER, error TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE mark (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// The word in `message.class`.
fn class(content: &Content) -> &'static str {
    match content {
        Content::Alert { .. } => "alert",
        Content::Digest(_) => "digest",
        Content::Test => "test",
    }
}

pub(super) fn read_marks(db: &Connection) -> rusqlite::Result<Marks> {
    let mut read = db.prepare_cached("SELECT value FROM mark WHERE key = ?1")?;
    let mut mark = |key: &str| read.query_row([key], |r| r.get::<_, String>(0)).optional();
    Ok(Marks {
        seen: mark("seen")?.and_then(|text| text.parse().ok()),
        digest: mark("digest")?.and_then(|text| Date::try_from(text).ok()),
    })
}

pub(super) fn write_marks(db: &Connection, marks: &Marks) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO mark VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    )?;
    if let Some(seen) = marks.seen {
        write.execute(("seen", seen.to_string()))?;
    }
    if let Some(day) = marks.digest {
        write.execute(("digest", String::from(day)))?;
    }
    Ok(())
}

pub(super) fn read_told(db: &Connection) -> rusqlite::Result<HashMap<Incident, Told>> {
    let mut statement = db.prepare_cached("SELECT incident, first_ms, count, at_ms FROM told")?;
    let rows = statement.query_map([], |row| {
        let told = Told {
            count: row.get::<_, i64>(2)?.unsigned_abs(),
            at_ms: row.get(3)?,
        };
        Ok(((row.get(0)?, row.get(1)?), told))
    })?;
    rows.collect()
}

pub(super) fn write_told(db: &Connection, told: &[(Incident, Told)]) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO told VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (incident, first_ms) DO UPDATE SET count = ?3, at_ms = ?4",
    )?;
    for ((incident, first_ms), told) in told {
        let count = i64::try_from(told.count).unwrap_or(i64::MAX);
        write.execute(params![incident, first_ms, count, told.at_ms])?;
    }
    if !told.is_empty() {
        db.execute(
            "DELETE FROM told WHERE (incident, first_ms) IN (
                SELECT incident, first_ms FROM told ORDER BY at_ms DESC, incident DESC LIMIT -1 OFFSET ?1)",
            [MOST_TOLD as i64],
        )?;
    }
    Ok(())
}

pub(super) fn read_sent(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = db.prepare_cached(
        "SELECT made_ms FROM message WHERE class = 'alert' ORDER BY id DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([PER_HOUR as i64], |row| row.get(0))?;
    rows.collect()
}

pub(super) fn insert(
    db: &Connection,
    message: &Message,
    body: &str,
    targets: &[String],
) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO message (token, made_ms, class, urgent, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            message.token,
            message.unix_ms,
            class(&message.content),
            message.urgent,
            body
        ],
    )?;
    let id = db.last_insert_rowid();
    let mut delivery = db.prepare_cached(
        "INSERT INTO delivery (message, target, state, tries, next_ms, changed_ms) VALUES (?1, ?2, 'waiting', 0, ?3, ?3)",
    )?;
    for target in targets {
        delivery.execute(params![id, target, message.unix_ms])?;
    }
    // Those that are done with, but for the newest.
    db.execute(
        "DELETE FROM message WHERE id IN (
            SELECT id FROM message WHERE id NOT IN (SELECT message FROM delivery WHERE state = 'waiting')
            ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        [MOST_DONE as i64],
    )?;
    Ok(())
}

/// Gives up messages until one more has room.
pub(super) fn make_room(db: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    let waiting: i64 = db.query_row(
        "SELECT count(DISTINCT message) FROM delivery WHERE state = 'waiting'",
        [],
        |r| r.get(0),
    )?;
    let over = usize::try_from(waiting).unwrap_or(0) + 1;
    let over = over.saturating_sub(MOST_WAITING);
    for _ in 0..over {
        db.execute(
            "UPDATE delivery SET state = 'given-up', changed_ms = ?1, error = 'made room for newer alerts'
             WHERE state = 'waiting' AND message = (
                SELECT id FROM message WHERE id IN (SELECT message FROM delivery WHERE state = 'waiting')
                ORDER BY class <> 'digest', urgent, id LIMIT 1)",
            [now_ms],
        )?;
    }
    Ok(over)
}

pub(super) fn read_waiting(db: &Connection) -> rusqlite::Result<Vec<Waiting>> {
    let mut statement = db.prepare_cached(
        "SELECT id, target, tries, next_ms, body FROM delivery JOIN message ON message.id = delivery.message
         WHERE state = 'waiting' ORDER BY id, target",
    )?;
    let rows = statement.query_map([], |row| {
        let body: String = row.get(4)?;
        let Ok(message) = serde_json::from_str(&body) else {
            // Of a later version: it waits for that one, or for its two days.
            return Ok(None);
        };
        Ok(Some(Waiting {
            id: row.get(0)?,
            target: row.get(1)?,
            tries: row.get(2)?,
            next_ms: row.get(3)?,
            message,
        }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

pub(super) fn accepted(
    db: &Connection,
    id: i64,
    target: &str,
    now_ms: i64,
) -> rusqlite::Result<()> {
    db.execute(
        "UPDATE delivery SET state = 'accepted', tries = tries + 1, changed_ms = ?3, error = NULL
         WHERE message = ?1 AND target = ?2 AND state = 'waiting'",
        params![id, target, now_ms],
    )?;
    db.execute(
        "INSERT INTO channel (target, accepted_ms) VALUES (?1, ?2)
         ON CONFLICT (target) DO UPDATE SET accepted_ms = ?2, failed_ms = NULL, error = NULL",
        params![target, now_ms],
    )?;
    Ok(())
}

pub(super) fn failed(
    db: &Connection,
    id: i64,
    target: &str,
    why: &str,
    after: After,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let (state, next_ms) = match after {
        After::Again(next_ms) => ("waiting", next_ms),
        After::GivenUp => ("given-up", now_ms),
    };
    db.execute(
        "UPDATE delivery SET state = ?3, tries = tries + 1, next_ms = ?4, changed_ms = ?5, error = ?6
         WHERE message = ?1 AND target = ?2 AND state = 'waiting'",
        params![id, target, state, next_ms, now_ms, why],
    )?;
    db.execute(
        "INSERT INTO channel (target, failed_ms, error) VALUES (?1, ?2, ?3)
         ON CONFLICT (target) DO UPDATE SET failed_ms = ?2, error = ?3",
        params![target, now_ms, why],
    )?;
    Ok(())
}

pub(super) fn retarget(
    db: &Connection,
    targets: &[String],
    now_ms: i64,
) -> rusqlite::Result<usize> {
    let keep = serde_json::to_string(targets).unwrap_or_else(|_| "[]".into());
    let gone = db.execute(
        "UPDATE delivery SET state = 'given-up', changed_ms = ?2, error = 'the channel was removed'
         WHERE state = 'waiting' AND target NOT IN (SELECT value FROM json_each(?1))",
        params![keep, now_ms],
    )?;
    db.execute(
        "DELETE FROM channel WHERE target NOT IN (SELECT value FROM json_each(?1))",
        [&keep],
    )?;
    db.execute(
        "UPDATE delivery SET next_ms = ?1 WHERE state = 'waiting' AND next_ms > ?1",
        [now_ms],
    )?;
    Ok(gone)
}
