//! The tables of `network.v1.db`.

use std::{collections::HashMap, net::IpAddr};

use rusqlite::{Connection, Row, params};
use trunkguard_core::{
    policy::HostName,
    pops::{
        Sighting,
        follow::{SavedAddress, SavedName, Snapshot},
        owner::{Decision, Subject},
    },
};

use super::{MOST_ADDRESSES, MOST_BANS, MOST_DECISIONS, MOST_NAMES, MOST_REASON, Pops, StoredBan};

pub(super) const SCHEMA: &str = "
    CREATE TABLE name (
        name TEXT PRIMARY KEY, ttl_s INTEGER NOT NULL, confirmed_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE address (
        name TEXT NOT NULL REFERENCES name (name), address TEXT NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (name, address)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sighting (
        address TEXT PRIMARY KEY, names TEXT NOT NULL, servers TEXT NOT NULL, agreed INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, rounds INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE decision (
        id INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE, approved INTEGER NOT NULL,
        unix_ms INTEGER NOT NULL, by TEXT NOT NULL
    ) STRICT;
    CREATE TABLE ban (
        address TEXT NOT NULL, service TEXT NOT NULL, reason TEXT NOT NULL,
        since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, times INTEGER NOT NULL, by_hand INTEGER NOT NULL,
        PRIMARY KEY (address, service)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ban_until ON ban (until_ms);
";

/// Everything in the file.
pub(super) struct All {
    pops: Pops,
    bans: Vec<StoredBan>,
}

pub(super) fn read_all(db: &Connection) -> rusqlite::Result<All> {
    Ok(All {
        pops: read_pops(db)?,
        bans: read_bans(db, i64::MIN)?,
    })
}

pub(super) fn write_all(db: &Connection, all: &All) -> rusqlite::Result<()> {
    write_pops(db, &all.pops.snapshot)?;
    for decision in &all.pops.decisions {
        write_decision(db, decision)?;
    }
    write_bans(db, &all.bans, i64::MIN)
}

pub(super) fn read_pops(db: &Connection) -> rusqlite::Result<Pops> {
    let mut addresses: HashMap<String, Vec<SavedAddress>> = HashMap::new();
    let found = rows(
        db,
        "SELECT name, address, first_ms, last_ms FROM address",
        |row| {
            let name: String = row.get(0)?;
            let address = parsed(row, 1)?;
            let saved = |address| SavedAddress {
                address,
                first_ms: row.get(2).unwrap_or_default(),
                last_ms: row.get(3).unwrap_or_default(),
            };
            Ok(address.map(|address| (name, saved(address))))
        },
    )?;
    for (name, saved) in found.into_iter().take(MOST_ADDRESSES) {
        addresses.entry(name).or_default().push(saved);
    }
    for of_a_name in addresses.values_mut() {
        of_a_name.sort_by_key(|saved| saved.address);
    }
    let names = rows(
        db,
        "SELECT name, ttl_s, confirmed_ms FROM name ORDER BY name",
        |row| {
            let text: String = row.get(0)?;
            let (ttl_s, confirmed_ms) = (row.get(1)?, row.get(2)?);
            Ok(HostName::parse(&text).ok().map(|name| SavedName {
                name,
                ttl_s,
                confirmed_ms,
                addresses: addresses.remove(&text).unwrap_or_default(),
            }))
        },
    )?;
    let snapshot = Snapshot {
        names,
        sightings: rows(
            db,
            "SELECT * FROM sighting ORDER BY first_ms, address",
            sighting,
        )?,
    };
    let decisions = rows(
        db,
        "SELECT subject, approved, unix_ms, by FROM decision ORDER BY id",
        |row| {
            let subject = Subject::parse(&row.get::<_, String>(0)?).ok();
            let (approved, unix_ms, by) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(subject.map(|subject| Decision {
                subject,
                approved,
                unix_ms,
                by,
            }))
        },
    )?;
    Ok(Pops {
        snapshot,
        decisions,
    })
}

fn sighting(row: &Row<'_>) -> rusqlite::Result<Option<Sighting>> {
    let (names, servers): (String, String) = (row.get("names")?, row.get("servers")?);
    let address = parsed(row, 0)?;
    let (agreed, rounds) = (row.get("agreed")?, row.get("rounds")?);
    let (first_ms, last_ms) = (row.get("first_ms")?, row.get("last_ms")?);
    Ok(address.map(|address| Sighting {
        address,
        names: names
            .split(' ')
            .filter_map(|n| HostName::parse(n).ok())
            .collect(),
        servers: servers.split(' ').filter_map(|s| s.parse().ok()).collect(),
        agreed,
        first_ms,
        last_ms,
        rounds,
    }))
}

pub(super) fn write_pops(db: &Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    db.execute_batch("DELETE FROM address; DELETE FROM name; DELETE FROM sighting;")?;
    let mut name = db.prepare("INSERT OR REPLACE INTO name VALUES (?1, ?2, ?3)")?;
    let mut address = db.prepare("INSERT OR REPLACE INTO address VALUES (?1, ?2, ?3, ?4)")?;
    let mut room = MOST_ADDRESSES;
    for saved in snapshot.names.iter().take(MOST_NAMES) {
        let text = saved.name.as_str();
        name.execute(params![text, saved.ttl_s, saved.confirmed_ms])?;
        for kept in saved.addresses.iter().take(room) {
            room -= 1;
            address.execute(params![
                text,
                kept.address.to_string(),
                kept.first_ms,
                kept.last_ms
            ])?;
        }
    }
    let mut sighting =
        db.prepare("INSERT OR REPLACE INTO sighting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for s in snapshot.sightings.iter().take(MOST_NAMES) {
        sighting.execute(params![
            s.address.to_string(),
            joined(&s.names),
            joined(&s.servers),
            s.agreed,
            s.first_ms,
            s.last_ms,
            s.rounds
        ])?;
    }
    Ok(())
}

pub(super) fn write_decision(db: &Connection, decision: &Decision) -> rusqlite::Result<()> {
    let subject = decision.subject.to_string();
    db.execute("DELETE FROM decision WHERE subject = ?1", [&subject])?;
    db.execute(
        "INSERT INTO decision (subject, approved, unix_ms, by) VALUES (?1, ?2, ?3, ?4)",
        params![subject, decision.approved, decision.unix_ms, decision.by],
    )?;
    db.execute(
        "DELETE FROM decision WHERE id NOT IN (SELECT id FROM decision ORDER BY id DESC LIMIT ?1)",
        [MOST_DECISIONS as i64],
    )?;
    Ok(())
}

pub(super) fn replace_decisions(db: &Connection, decisions: &[Decision]) -> rusqlite::Result<()> {
    db.execute("DELETE FROM decision", [])?;
    decisions
        .iter()
        .try_for_each(|decision| write_decision(db, decision))
}

pub(super) fn remove_decision(db: &Connection, subject: &Subject) -> rusqlite::Result<bool> {
    let removed = db.execute(
        "DELETE FROM decision WHERE subject = ?1",
        [subject.to_string()],
    )?;
    Ok(removed > 0)
}

pub(super) fn read_bans(db: &Connection, now_ms: i64) -> rusqlite::Result<Vec<StoredBan>> {
    let mut statement = db.prepare(
        "SELECT address, service, reason, since_ms, until_ms, times, by_hand FROM ban
         WHERE until_ms > ?1 ORDER BY until_ms DESC, address LIMIT ?2",
    )?;
    let mut rows = statement.query(params![now_ms, MOST_BANS as i64])?;
    let mut bans = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(address) = parsed(row, 0)? {
            bans.push(StoredBan {
                address,
                service: row.get(1)?,
                reason: row.get(2)?,
                since_ms: row.get(3)?,
                until_ms: row.get(4)?,
                times: row.get(5)?,
                by_hand: row.get(6)?,
            });
        }
    }
    Ok(bans)
}

pub(super) fn write_bans(db: &Connection, bans: &[StoredBan], now_ms: i64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM ban WHERE until_ms <= ?1", [now_ms])?;
    let mut insert =
        db.prepare("INSERT OR REPLACE INTO ban VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for ban in bans.iter().filter(|ban| ban.until_ms > now_ms) {
        let cut = |text: &str, most| text.chars().take(most).collect::<String>();
        insert.execute(params![
            ban.address.to_string(),
            cut(&ban.service, 16),
            cut(&ban.reason, MOST_REASON),
            ban.since_ms,
            ban.until_ms,
            ban.times,
            ban.by_hand
        ])?;
    }
    db.execute(
        "DELETE FROM ban WHERE (address, service) NOT IN (
            SELECT address, service FROM ban ORDER BY until_ms DESC LIMIT ?1
         ) AND (SELECT count(*) FROM ban) > ?1",
        [MOST_BANS as i64],
    )?;
    Ok(())
}

pub(super) fn remove_ban(
    db: &Connection,
    address: IpAddr,
    service: Option<&str>,
) -> rusqlite::Result<bool> {
    let removed = db.execute(
        "DELETE FROM ban WHERE address = ?1 AND (?2 IS NULL OR service = ?2)",
        params![address.to_string(), service],
    )?;
    Ok(removed > 0)
}

/// Rows that `read` makes something of.
fn rows<T>(
    db: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = db.prepare(query)?;
    let found = statement.query_map([], read)?;
    found.filter_map(Result::transpose).collect()
}

fn parsed(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<IpAddr>> {
    Ok(row.get_ref(column)?.as_str()?.parse().ok())
}

fn joined<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(" ")
}
