//! Alerts on their way out: what is to be sent to whom, until it was taken or given up. File `alerts.v1.db`
//! in the state directory.
//!
//! The daemon's thread `alerts` is its one writer. A message and the note that its incidents were told are
//! one transaction, and so is what became of a delivery: each message is sent at least once, and again only
//! where the power went between a server's answer and the note of it. Losing the file costs what waited in
//! it, so a damaged one is moved aside and an empty one made; where nothing can be written, messages are
//! kept in memory.

mod list;
mod open;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use trunkguard_core::{
    alerts::{After, Message, Told},
    time::Date,
};

use crate::small;

pub use list::{Channel, Delivery, Line, State};

/// Messages that wait. Where one more comes, the oldest digest gives way, else the oldest message that is
/// not urgent, else the oldest.
pub const MOST_WAITING: usize = 200;
/// Messages that are done with and still shown; older ones are forgotten.
pub const MOST_DONE: usize = 100;
/// Incidents of which it is known what was told.
pub const MOST_TOLD: usize = 10_000;
/// Octets of a message.
pub const LONGEST: usize = 128 << 10;
/// Characters of an error that are kept.
pub const MOST_ERROR: usize = 400;

/// The outbox.
pub struct Outbox {
    connection: Connection,
    path: PathBuf,
    /// Why nothing can be kept.
    problem: Option<String>,
}

/// An incident by its number and when it began: a history that was begun anew counts from 1 again.
pub type Incident = (i64, i64);

/// What planning goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The history's incidents up to this number are done with; `None` before the first look.
    pub seen: Option<i64>,
    /// The day of the last digest.
    pub digest: Option<Date>,
}

/// A delivery that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Number of the message.
    pub id: i64,
    /// To whom, by which channel.
    pub target: String,
    /// Tries so far.
    pub tries: u32,
    /// When it is tried next, in milliseconds since 1970.
    pub next_ms: i64,
    /// What is to be said.
    pub message: Message,
}

/// Why something was not kept or cannot be read. Says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OutboxError(String);

impl Outbox {
    /// Opens the file of a state directory, and makes both where there is none. Always gives an outbox that
    /// works; the second value says what is wrong with it, for an alert.
    pub fn open(dir: &Path) -> (Outbox, Option<String>) {
        open::open(dir)
    }

    /// Why nothing is kept on disk; `None` when all is well.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// What planning goes by.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn marks(&self) -> Result<Marks, OutboxError> {
        tables::read_marks(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// Notes what planning goes by.
    ///
    /// # Errors
    /// When the disk refuses it; the state of before stays.
    pub fn note(&mut self, marks: &Marks) -> Result<(), OutboxError> {
        self.write(|tx| tables::write_marks(tx, marks))
    }

    /// What was told of each incident.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn told(&self) -> Result<HashMap<Incident, Told>, OutboxError> {
        tables::read_told(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// When the newest alerts were made, in milliseconds since 1970: as many as may be made in an hour.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sent(&self) -> Result<Vec<i64>, OutboxError> {
        tables::read_sent(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// Keeps a message for these targets, and what is told by it, all of it or nothing. Answers how many
    /// messages gave way.
    ///
    /// # Errors
    /// When the disk refuses it, or the message is longer than [`LONGEST`].
    pub fn put(
        &mut self,
        message: &Message,
        targets: &[String],
        told: &[(Incident, Told)],
        marks: &Marks,
    ) -> Result<usize, OutboxError> {
        let body = serde_json::to_string(message).unwrap_or_default();
        if body.is_empty() || body.len() > LONGEST {
            return Err(OutboxError(format!(
                "a message of {} octets is not kept; {LONGEST} fit",
                body.len()
            )));
        }
        self.write(|tx| {
            let gave_way = tables::make_room(tx, message.unix_ms)?;
            tables::insert(tx, message, &body, targets)?;
            tables::write_told(tx, told)?;
            tables::write_marks(tx, marks)?;
            Ok(gave_way)
        })
    }

    /// Deliveries that wait, the oldest message first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting(&self) -> Result<Vec<Waiting>, OutboxError> {
        tables::read_waiting(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// A target has taken a message.
    ///
    /// # Errors
    /// When the disk refuses the note: the caller is not to send it again.
    pub fn accepted(&mut self, id: i64, target: &str, now_ms: i64) -> Result<(), OutboxError> {
        self.write(|tx| tables::accepted(tx, id, target, now_ms))
    }

    /// These deliveries failed, for one reason, all of it or nothing: number of the message, target, and what
    /// becomes of it.
    ///
    /// # Errors
    /// As [`Outbox::note`].
    pub fn failed(
        &mut self,
        deliveries: &[(i64, String, After)],
        why: &str,
        now_ms: i64,
    ) -> Result<(), OutboxError> {
        let why: String = why.chars().take(MOST_ERROR).collect();
        self.write(|tx| {
            let mut each = deliveries.iter();
            each.try_for_each(|(id, target, after)| {
                tables::failed(tx, *id, target, &why, *after, now_ms)
            })
        })
    }

    /// The targets are others now: what waits for one that is gone is given up, and the rest is tried at
    /// once, because what kept it may be corrected. Answers how many were given up.
    ///
    /// # Errors
    /// As [`Outbox::note`].
    pub fn retarget(&mut self, targets: &[String], now_ms: i64) -> Result<usize, OutboxError> {
        self.write(|tx| tables::retarget(tx, targets, now_ms))
    }

    /// Messages with what became of them, the newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<Line>, OutboxError> {
        list::lines(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// How each target does.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn channels(&self) -> Result<Vec<Channel>, OutboxError> {
        list::channels(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// One transaction. In memory it works too, so that a daemon without a disk is the same daemon.
    fn write<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, OutboxError> {
        small::change(&mut self.connection, &self.path, change).map_err(OutboxError)
    }

    fn wrong(&self, error: &rusqlite::Error) -> OutboxError {
        OutboxError(small::words(&self.path, error))
    }
}

/// Opens the file of a state directory for reading only; nothing is made, moved or repaired. For a
/// process that is not the daemon.
///
/// # Errors
/// When there is a file that cannot be read. No file is `None`.
pub fn read_only(dir: &Path) -> Result<Option<Outbox>, OutboxError> {
    open::for_reading(dir).map_err(OutboxError)
}
