//! A definition as rows, and rows as a definition.

use rusqlite::{Connection, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use trunkguard_core::policy::{Definition, Mode, Name, NumberList, Prefix};

use crate::file::FORMAT;

/// Reads the whole policy.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Definition> {
    Ok(Definition {
        format: FORMAT,
        settings: value(Value::Object(pairs(connection, "setting")?))?,
        firewall: value(Value::Object(pairs(connection, "firewall")?))?,
        network: value(Value::Object(pairs(connection, "network")?))?,
        alerts: value(Value::Object(pairs(connection, "alerts")?))?,
        syslog: value(Value::Object(pairs(connection, "syslog")?))?,
        metrics: value(Value::Object(pairs(connection, "metrics")?))?,
        update: value(Value::Object(pairs(connection, "updating")?))?,
        policy: text(
            &connection.query_row("SELECT rules FROM everybody", [], |r| r.get::<_, String>(0))?,
        )?,
        clients: bodies(connection, "client")?,
        groups: bodies(connection, "caller_group")?,
        callers: bodies(connection, "caller")?,
        lists: lists(connection)?,
    })
}

/// Puts another policy in the place of the one that is there.
pub(super) fn write(connection: &Connection, definition: &Definition) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM setting; DELETE FROM firewall; DELETE FROM network; DELETE FROM alerts; DELETE FROM syslog; DELETE FROM metrics;
         DELETE FROM updating;         DELETE FROM client; DELETE FROM caller_group; DELETE FROM caller;
         DELETE FROM list_number; DELETE FROM list;",
    )?;
    let Definition {
        format: _,
        settings,
        firewall,
        network,
        alerts,
        syslog,
        metrics,
        update,
        policy,
        clients,
        groups,
        callers,
        lists,
    } = definition;
    write_pairs(connection, "setting", settings)?;
    write_pairs(connection, "firewall", firewall)?;
    write_pairs(connection, "network", network)?;
    write_pairs(connection, "alerts", alerts)?;
    write_pairs(connection, "syslog", syslog)?;
    write_pairs(connection, "metrics", metrics)?;
    write_pairs(connection, "updating", update)?;
    connection.execute("UPDATE everybody SET rules = ?1", [json(policy)?])?;
    write_bodies(connection, "client", clients)?;
    write_bodies(connection, "caller_group", groups)?;
    write_bodies(connection, "caller", callers)?;

    let mut insert_list =
        connection.prepare("INSERT INTO list (position, name) VALUES (?1, ?2)")?;
    let mut insert_number = connection
        .prepare("INSERT INTO list_number (list, position, number) VALUES (?1, ?2, ?3)")?;
    for (n, list) in (0i64..).zip(lists) {
        insert_list.execute((n, list.name.as_str()))?;
        for (position, number) in (0i64..).zip(&list.numbers) {
            insert_number.execute(params![n, position, number.to_string()])?;
        }
    }
    Ok(())
}

/// Changes the mode; answers whether it was another one.
pub(super) fn set_mode(connection: &Connection, mode: Mode) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "INSERT INTO setting (key, value) VALUES ('mode', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1 WHERE value <> ?1",
        [json(&mode)?],
    )?;
    Ok(changed > 0)
}

/// Notes the time of an edit. Never goes back, whatever the clock does.
pub(super) fn stamp(connection: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE meta SET value = max(?1, value + 1) WHERE key = 'changed'",
            [now_ms],
        )
        .map(drop)
}

/// The time of the last edit. Every version of the tables has it.
pub(super) fn changed(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT value FROM meta WHERE key = 'changed'", [], |r| {
        r.get(0)
    })
}

/// A table of keys and values, as the object that they make.
fn pairs(connection: &Connection, table: &str) -> rusqlite::Result<Map<String, Value>> {
    let mut statement = connection.prepare(&format!("SELECT key, value FROM {table}"))?;
    let mut rows = statement.query([])?;
    let mut pairs = Map::new();
    while let Some(row) = rows.next()? {
        pairs.insert(row.get(0)?, text(&row.get::<_, String>(1)?)?);
    }
    Ok(pairs)
}

fn write_pairs<T: Serialize>(
    connection: &Connection,
    table: &str,
    object: &T,
) -> rusqlite::Result<()> {
    let Value::Object(pairs) = serde_json::to_value(object).map_err(unwritable)? else {
        return Err(rusqlite::Error::InvalidQuery);
    };
    let mut insert =
        connection.prepare(&format!("INSERT INTO {table} (key, value) VALUES (?1, ?2)"))?;
    for (key, value) in pairs {
        insert.execute((key, value.to_string()))?;
    }
    Ok(())
}

fn bodies<T: DeserializeOwned>(connection: &Connection, table: &str) -> rusqlite::Result<Vec<T>> {
    let mut statement =
        connection.prepare(&format!("SELECT body FROM {table} ORDER BY position"))?;
    let mut rows = statement.query([])?;
    let mut bodies = Vec::new();
    while let Some(row) = rows.next()? {
        bodies.push(text(&row.get::<_, String>(0)?)?);
    }
    Ok(bodies)
}

fn write_bodies<T: Serialize>(
    connection: &Connection,
    table: &str,
    bodies: &[T],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare(&format!(
        "INSERT INTO {table} (position, body) VALUES (?1, ?2)"
    ))?;
    for (position, body) in (0i64..).zip(bodies) {
        insert.execute((position, json(body)?))?;
    }
    Ok(())
}

fn lists(connection: &Connection) -> rusqlite::Result<Vec<NumberList>> {
    let mut numbers =
        connection.prepare("SELECT number FROM list_number WHERE list = ?1 ORDER BY position")?;
    let mut statement = connection.prepare("SELECT position, name FROM list ORDER BY position")?;
    let mut rows = statement.query([])?;
    let mut lists = Vec::new();
    while let Some(row) = rows.next()? {
        let name = Name::parse(&row.get::<_, String>(1)?).map_err(unreadable)?;
        let mut list = NumberList {
            name,
            numbers: Vec::new(),
            file: None,
        };
        let mut found = numbers.query([row.get::<_, i64>(0)?])?;
        while let Some(number) = found.next()? {
            list.numbers
                .push(Prefix::parse(number.get_ref(0)?.as_str()?).map_err(unreadable)?);
        }
        lists.push(list);
    }
    Ok(lists)
}

fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

fn text<T: DeserializeOwned>(json: &str) -> rusqlite::Result<T> {
    serde_json::from_str(json).map_err(unreadable)
}

fn value<T: DeserializeOwned>(json: Value) -> rusqlite::Result<T> {
    serde_json::from_value(json).map_err(unreadable)
}

fn unwritable(e: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(e))
}

fn unreadable(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, e.into())
}
