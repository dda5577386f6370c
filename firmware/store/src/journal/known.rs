//! What the first-time rules must remember over a restart: countries of a client, phones of a caller.

use std::{collections::HashSet, net::IpAddr};

use rusqlite::{Connection, params};
use trunkguard_core::{policy::CountryCode, record::Record};

use super::{
    KnownPhone, Recovered,
    keyed::{AsIs, Keys},
};

/// Phones remembered; twice what the core holds. The oldest quarter makes room.
const PHONES: usize = 16_384;

#[derive(Default)]
pub(super) struct Known {
    seen: HashSet<u64, AsIs>,
    keys: Keys,
    countries: Vec<(u32, CountryCode, i64)>,
    phones: Vec<Phone>,
    written_phones: usize,
}

/// A phone that is not on disk yet.
struct Phone {
    client: u32,
    caller: heapless::String<32>,
    address: IpAddr,
    agent: heapless::String<40>,
    since_ms: i64,
}

impl Known {
    /// Reads what a file remembers.
    pub fn attach(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.seen.clear();
        let mut statement = connection.prepare("SELECT client, country FROM known_country")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let country: String = row.get(1)?;
            if let Ok(country) = CountryCode::parse(&country) {
                self.seen.insert(self.country_key(row.get(0)?, country));
            }
        }
        let mut statement =
            connection.prepare("SELECT client, caller, address, agent FROM known_phone")?;
        let mut rows = statement.query([])?;
        self.written_phones = 0;
        while let Some(row) = rows.next()? {
            let (caller, address, agent): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            if let Ok(address) = address.parse() {
                self.seen
                    .insert(self.phone_key(row.get(0)?, &caller, address, &agent));
            }
            self.written_phones += 1;
        }
        Ok(())
    }

    fn country_key(&self, client: u32, country: CountryCode) -> u64 {
        self.keys.of((client, country))
    }

    fn phone_key(&self, client: u32, caller: &str, address: IpAddr, agent: &str) -> u64 {
        self.keys.of((client, caller, address, agent))
    }

    /// Learns from an approved call that cost money; the core does the same.
    pub fn learn(&mut self, client: u32, record: &Record) {
        if !record.verdict.chargeable {
            return;
        }
        if let Some(country) = record.country
            && self.seen.insert(self.country_key(client, country))
        {
            self.countries.push((client, country, record.unix_ms));
        }
        if let Some(address) = record.phone
            && self.phones.len() < PHONES
            && self.seen.insert(self.phone_key(
                client,
                &record.caller,
                address,
                &record.phone_agent,
            ))
        {
            self.phones.push(Phone {
                client,
                caller: record.caller.clone(),
                address,
                agent: record.phone_agent.clone(),
                since_ms: record.unix_ms,
            });
        }
    }

    pub fn is_dirty(&self) -> bool {
        !self.countries.is_empty() || !self.phones.is_empty()
    }

    pub fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT OR IGNORE INTO known_country VALUES (?1, ?2, ?3)")?;
        for (client, country, since) in &self.countries {
            insert.execute(params![client, country.as_str(), since])?;
        }
        let mut insert = connection
            .prepare_cached("INSERT OR IGNORE INTO known_phone VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for Phone {
            client,
            caller,
            address,
            agent,
            since_ms,
        } in &self.phones
        {
            insert.execute(params![
                client,
                caller.as_str(),
                address.to_string(),
                agent.as_str(),
                since_ms
            ])?;
        }
        if self.written_phones + self.phones.len() > PHONES {
            connection.execute(
                "DELETE FROM known_phone WHERE (client, caller, address, agent) NOT IN
                 (SELECT client, caller, address, agent FROM known_phone ORDER BY since_ms DESC LIMIT ?1)",
                [(PHONES / 4 * 3) as i64],
            )?;
        }
        Ok(())
    }

    /// The transaction with [`Known::write`] in it is committed.
    pub fn written(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.written_phones += self.phones.len();
        self.countries.clear();
        self.phones.clear();
        if self.written_phones > PHONES {
            self.attach(connection)
        } else {
            Ok(())
        }
    }
}

/// Reads what an earlier run has learned, newest phones first.
pub(super) fn recover(connection: &Connection, recovered: &mut Recovered) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare("SELECT client.name, country FROM known_country JOIN client ON client.id = known_country.client")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let country: String = row.get(1)?;
        if let Ok(country) = CountryCode::parse(&country) {
            recovered.countries.push((row.get(0)?, country));
        }
    }
    let mut statement = connection.prepare(
        "SELECT client.name, caller, address, agent FROM known_phone
         JOIN client ON client.id = known_phone.client ORDER BY since_ms DESC",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let address: String = row.get(2)?;
        if let Ok(address) = address.parse() {
            let phone = KnownPhone {
                client: row.get(0)?,
                caller: row.get(1)?,
                address,
                agent: row.get(3)?,
            };
            recovered.phones.push(phone);
        }
    }
    Ok(())
}
