//! Reading the history, while its writer works or while nobody does.

mod call;
mod counts;
mod find;
mod key;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, params};
use serde::Serialize;
use trunkguard_core::{policy::CountryCode, record::Record, verdict::Rule};

pub use call::{Call, Filter, MOST_CALLS};
pub use counts::Counts;
pub use find::Found;
pub use key::{Cursor, Key};

use crate::{
    disk,
    journal::{KnownPhone, db, packed::Calls},
};

/// Rows looked through from the newest on. Each holds one call on a quiet day, and up to 256.
const SCAN: i64 = 400_000;

/// The history, read-only. Any number of them may be open, in any process.
pub struct History {
    /// `None` where there is no history yet: it is empty.
    connection: Option<Connection>,
    path: PathBuf,
}

/// Why the history cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {why}")]
pub struct HistoryError {
    path: PathBuf,
    why: String,
}

/// Something that its owner should know of, with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// For [`crate::journal::Journal::acknowledge`].
    pub id: i64,
    /// The name of a rule, or of what happened (`history-failed`).
    pub kind: String,
    /// The client, where it is about calls of one.
    pub client: Option<String>,
    /// The extension; `*` for many, empty for none.
    pub caller: String,
    /// The first number, or a sentence.
    pub text: String,
    /// ms since 1970.
    pub first_ms: i64,
    /// ms since 1970.
    pub last_ms: i64,
    /// Calls in it.
    pub count: u64,
    /// When its owner has seen it, ms since 1970.
    pub acknowledged_ms: Option<i64>,
}

/// Calls of a span of time, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Went through.
    pub approved: u64,
    /// Of those, against the policy (Detect).
    pub would_deny: u64,
    /// Of those that went through, calls that cost money.
    pub chargeable: u64,
    /// Emergency calls.
    pub emergency: u64,
    /// Did not go through.
    pub denied: u64,
}

impl History {
    /// Opens the history of a state directory.
    ///
    /// # Errors
    /// When there is a file that cannot be read. No file is an empty history.
    pub fn open(dir: &Path) -> Result<History, HistoryError> {
        let path = dir.join(db::FILE);
        let missing =
            std::fs::metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if missing {
            return Ok(History {
                connection: None,
                path,
            });
        }
        let connection = connect(&path).map_err(|why| HistoryError {
            path: path.clone(),
            why,
        })?;
        Ok(History {
            connection: Some(connection),
            path,
        })
    }

    fn wrong(&self, e: &rusqlite::Error) -> HistoryError {
        HistoryError {
            path: self.path.clone(),
            why: e.to_string(),
        }
    }

    /// Runs a query on the open history; an empty one answers with the default.
    fn with<T: Default>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        self.connection.as_ref().map_or_else(
            || Ok(T::default()),
            |c| query(c).map_err(|e| self.wrong(&e)),
        )
    }

    /// Calls that the filter lets through, newest first. Refusals of one caller, number and rule
    /// within an hour are one entry with a count.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls(&self, filter: &Filter) -> Result<Vec<Call>, HistoryError> {
        let mut calls: Vec<Call> = Vec::new();
        let mut cursor = None;
        loop {
            let rest = filter.limit.min(MOST_CALLS) as usize - calls.len();
            let found = self.page(
                &Filter {
                    limit: rest as u32,
                    ..filter.clone()
                },
                cursor.as_ref(),
            )?;
            calls.extend(found.calls);
            cursor = found.next;
            if cursor.is_none() || calls.len() >= filter.limit.min(MOST_CALLS) as usize {
                return Ok(calls);
            }
        }
    }

    /// The calls of [`History::calls`] a page at a time: `after` is where the page before ended. Looks through some megabytes
    /// of history and no more, so that an answer never takes long.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn page(&self, filter: &Filter, after: Option<&Cursor>) -> Result<Found, HistoryError> {
        self.with(|connection| find::page(connection, &clients(connection)?, filter, after))
    }

    /// One call. `None` where there is none (any more).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn call(&self, key: Key) -> Result<Option<Call>, HistoryError> {
        self.with(|connection| find::one(connection, &clients(connection)?, key))
    }

    /// Names of all clients that have calls, in alphabetical order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn clients(&self) -> Result<Vec<String>, HistoryError> {
        self.with(|connection| {
            let mut names: Vec<String> = clients(connection)?.into_values().collect();
            names.sort();
            Ok(names)
        })
    }

    /// The newest approved calls since `since_ms`, at most about `most`, oldest first give or
    /// take a second: what the core
    /// counts again after a restart, and what a suggested policy is made from.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_approved(
        &self,
        since_ms: i64,
        most: u64,
        mut each: impl FnMut(&str, &Record),
    ) -> Result<(), HistoryError> {
        self.with(|connection| {
            let clients = clients(connection)?;
            let first = first_row(connection, since_ms, most)?;
            let mut statement = connection.prepare(
                "SELECT first_ms, packed FROM call WHERE id >= ?1 AND last_ms >= ?2 ORDER BY id",
            )?;
            let mut rows = statement.query(params![first, since_ms])?;
            while let Some(row) = rows.next()? {
                let mut calls = Calls::new(row.get_ref(1)?.as_blob()?, row.get(0)?);
                for (client, record) in calls.by_ref().filter(|(_, r)| r.unix_ms >= since_ms) {
                    each(clients.get(&client).map_or("?", String::as_str), &record);
                }
                report_damage(&calls);
            }
            Ok(())
        })
    }

    /// The newest refusals since `since_ms`, at most `most`, newest first: each with the time of the first of those that mean
    /// the same, and how many they are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_refused(
        &self,
        since_ms: i64,
        most: u64,
        mut each: impl FnMut(&str, &Record, i64, u64),
    ) -> Result<(), HistoryError> {
        self.with(|connection| {
            let clients = clients(connection)?;
            let mut statement = connection.prepare(
                "SELECT first_ms, last_ms, count, packed FROM refusal WHERE last_ms >= ?1 ORDER BY last_ms DESC LIMIT ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![since_ms, most])?;
            while let Some(row) = rows.next()? {
                let (first_ms, count): (i64, i64) = (row.get(0)?, row.get(2)?);
                let mut calls = Calls::new(row.get_ref(3)?.as_blob()?, row.get(1)?);
                for (client, record) in calls.by_ref() {
                    let client = clients.get(&client).map_or("?", String::as_str);
                    each(client, &record, first_ms, count.unsigned_abs());
                }
                report_damage(&calls);
            }
            Ok(())
        })
    }

    /// Countries that clients had called before `before_ms`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn known_countries(
        &self,
        before_ms: i64,
    ) -> Result<Vec<(String, CountryCode)>, HistoryError> {
        self.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT client.name, country FROM known_country JOIN client ON client.id = known_country.client
                 WHERE since_ms < ?1",
            )?;
            let rows = statement.query_map([before_ms], |row| {
                Ok((row.get(0)?, CountryCode::parse(&row.get::<_, String>(1)?)))
            })?;
            // One that this version does not know is no country that a call can have.
            rows.filter_map(|row| match row {
                Ok((client, Ok(country))) => Some(Ok((client, country))),
                Ok((_, Err(_))) => None,
                Err(e) => Some(Err(e)),
            })
            .collect()
        })
    }

    /// Phones that callers had called from before `before_ms`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn known_phones(&self, before_ms: i64) -> Result<Vec<KnownPhone>, HistoryError> {
        self.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT client.name, caller, address, agent FROM known_phone JOIN client ON client.id = known_phone.client
                 WHERE since_ms < ?1",
            )?;
            let rows = statement.query_map([before_ms], |row| {
                let address = row.get::<_, String>(2)?.parse();
                Ok(address.ok().map(|address| KnownPhone {
                    client: row.get(0).unwrap_or_default(),
                    caller: row.get(1).unwrap_or_default(),
                    address,
                    agent: row.get(3).unwrap_or_default(),
                }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// Incidents, newest first, at most 10,000; or only those that nobody has acknowledged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn incidents(&self, only_open: bool, limit: u32) -> Result<Vec<Incident>, HistoryError> {
        let limit = limit.min(MOST_CALLS);
        self.with(|connection| {
            some_incidents(
                connection,
                "acknowledged_ms IS NULL OR NOT ?1 ORDER BY last_ms DESC LIMIT ?2",
                params![only_open, limit],
            )
        })
    }

    /// Incidents with a higher number than `after`, or that something was added to since `since_ms`: the
    /// newest 2,000, by number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn incidents_since(
        &self,
        after: i64,
        since_ms: i64,
    ) -> Result<Vec<Incident>, HistoryError> {
        self.with(|connection| {
            some_incidents(
                connection,
                "incident.id > ?1 OR last_ms >= ?2 ORDER BY incident.id DESC LIMIT 2000",
                params![after, since_ms],
            )
        })
    }

    /// How many incidents nobody has acknowledged, and the highest number of any.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_incidents(&self) -> Result<(u64, i64), HistoryError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) FILTER (WHERE acknowledged_ms IS NULL), coalesce(max(id), 0) FROM incident",
                [],
                |r| Ok((r.get::<_, i64>(0)?.unsigned_abs(), r.get(1)?)),
            )
        })
    }

    /// Counts the calls since `since_ms`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn totals(&self, since_ms: i64) -> Result<Totals, HistoryError> {
        let mut totals = Totals::default();
        self.each_approved(since_ms, u64::MAX, |_, record| {
            totals.approved += 1;
            totals.would_deny += u64::from(!record.verdict.allowed);
            totals.chargeable += u64::from(record.verdict.chargeable);
            totals.emergency += u64::from(record.verdict.rule == Rule::Emergency);
        })?;
        // An hour of refusals that began before belongs to the span in which it ended.
        let denied: i64 = self.with(|connection| {
            connection.query_row(
                "SELECT coalesce(sum(count), 0) FROM refusal WHERE last_ms >= ?1",
                [since_ms],
                |r| r.get(0),
            )
        })?;
        Ok(Totals {
            denied: denied.unsigned_abs(),
            ..totals
        })
    }
}

fn some_incidents(
    connection: &Connection,
    which: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Incident>> {
    let mut statement = connection.prepare(&format!(
        "SELECT incident.id, kind, client.name, caller, text, first_ms, last_ms, count, acknowledged_ms
         FROM incident LEFT JOIN client ON client.id = incident.client WHERE {which}"
    ))?;
    let rows = statement.query_map(values, |row| {
        Ok(Incident {
            id: row.get(0)?,
            kind: row.get(1)?,
            client: row.get(2)?,
            caller: row.get(3)?,
            text: row.get(4)?,
            first_ms: row.get(5)?,
            last_ms: row.get(6)?,
            count: row.get::<_, i64>(7)?.unsigned_abs(),
            acknowledged_ms: row.get(8)?,
        })
    })?;
    rows.collect()
}

fn connect(path: &Path) -> Result<Connection, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |name: &Path, flags| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(name, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cache_size = -1024;")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let opened = open(path, flags).or_else(|e| {
        // On a read-only file system SQLite cannot make its index of the log; without a log there is
        // nothing to index and nobody who writes.
        let log = disk::with_suffix(path, "-wal");
        let plain = path
            .to_str()
            .filter(|p| !p.contains(['?', '#', '%']) && !log.exists());
        match plain {
            Some(p) => open(
                Path::new(&format!("file:{p}?immutable=1")),
                flags | OpenFlags::SQLITE_OPEN_URI,
            )
            .map_err(|_| e),
            None => Err(e),
        }
    });
    let connection = opened.map_err(|e| e.to_string())?;
    let version: i32 = connection
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .map_err(|e| e.to_string())?;
    if version != db::VERSION {
        return Err(format!(
            "it has version {version}, and this Trunkguard reads version {}",
            db::VERSION
        ));
    }
    Ok(connection)
}

fn clients(connection: &Connection) -> rusqlite::Result<HashMap<u32, String>> {
    connection
        .prepare("SELECT id, name FROM client")?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect()
}

/// The row from which on there are `most` calls since `since_ms`.
fn first_row(connection: &Connection, since_ms: i64, most: u64) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare(
        "SELECT id, calls FROM call WHERE last_ms >= ?1 AND id > (SELECT max(id) FROM call) - ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query(params![since_ms, SCAN])?;
    let (mut first, mut calls) = (i64::MAX, 0);
    while let Some(row) = rows.next()? {
        first = row.get(0)?;
        calls += row.get::<_, u32>(1).map(u64::from)?;
        if calls >= most {
            break;
        }
    }
    Ok(first)
}

fn report_damage(calls: &Calls<'_>) {
    if !calls.is_whole() {
        tracing::warn!("a row of the history cannot be read and was passed over");
    }
}
