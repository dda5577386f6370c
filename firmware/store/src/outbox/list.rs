//! What there is to see of the outbox.

use rusqlite::Connection;
use serde::Serialize;
use trunkguard_core::alerts::Message;

/// One message with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number.
    pub id: i64,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// `alert`, `digest` or `test`.
    pub class: String,
    /// It leaves in quiet hours too.
    pub urgent: bool,
    /// What it says; `None` where a later version made it.
    pub message: Option<Message>,
    /// To whom.
    pub deliveries: Vec<Delivery>,
}

/// A message to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The channel, and for e-mail the address.
    pub target: String,
    /// What became of it.
    pub state: State,
    /// Tries so far.
    pub tries: u32,
    /// When it is tried next, in milliseconds since 1970; where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<i64>,
    /// When its state changed last, or it was tried last.
    pub changed_ms: i64,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Not taken yet.
    Waiting,
    /// Taken.
    Accepted,
    /// Never to be taken.
    GivenUp,
}

/// How a target does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// The channel, and for e-mail the address.
    pub target: String,
    /// When it took something last, in milliseconds since 1970.
    pub accepted_ms: Option<i64>,
    /// When it last did not, since then.
    pub failed_ms: Option<i64>,
    /// Why not.
    pub error: Option<String>,
    /// Messages that wait for it.
    pub waiting: u32,
    /// When the oldest of those was made, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

pub(super) fn lines(db: &Connection) -> rusqlite::Result<Vec<Line>> {
    let mut of_message = db.prepare(
        "SELECT target, state, tries, next_ms, changed_ms, error FROM delivery WHERE message = ?1 ORDER BY target",
    )?;
    let mut statement =
        db.prepare("SELECT id, made_ms, class, urgent, body FROM message ORDER BY id DESC")?;
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let deliveries = of_message.query_map([id], |row| {
            let state = match row.get_ref(1)?.as_str()? {
                "waiting" => State::Waiting,
                "accepted" => State::Accepted,
                _ => State::GivenUp,
            };
            let next_ms = row.get(3)?;
            Ok(Delivery {
                target: row.get(0)?,
                state,
                tries: row.get(2)?,
                next_ms: (state == State::Waiting).then_some(next_ms),
                changed_ms: row.get(4)?,
                error: row.get(5)?,
            })
        })?;
        lines.push(Line {
            id,
            made_ms: row.get(1)?,
            class: row.get(2)?,
            urgent: row.get(3)?,
            message: serde_json::from_str(row.get_ref(4)?.as_str()?).ok(),
            deliveries: deliveries.collect::<rusqlite::Result<_>>()?,
        });
    }
    Ok(lines)
}

pub(super) fn channels(db: &Connection) -> rusqlite::Result<Vec<Channel>> {
    let mut statement = db.prepare(
        "WITH line AS (
            SELECT target, count(*) AS waiting, min(made_ms) AS oldest_ms FROM delivery
            JOIN message ON message.id = delivery.message WHERE state = 'waiting' GROUP BY target)
         SELECT target, accepted_ms, failed_ms, error, coalesce(waiting, 0), oldest_ms
         FROM channel FULL JOIN line USING (target) ORDER BY target",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Channel {
            target: row.get(0)?,
            accepted_ms: row.get(1)?,
            failed_ms: row.get(2)?,
            error: row.get(3)?,
            waiting: row.get(4)?,
            oldest_ms: row.get(5)?,
        })
    })?;
    rows.collect()
}
