//! Calls that are not on disk yet, packed into rows.

use rusqlite::{Connection, params};
use trunkguard_core::record::Record;

use super::packed::Row;

/// Rows whose memory is kept for the next calls: as many as one full commit needs.
const REUSED: usize = 64;

#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    used: usize,
    calls: u64,
    octets: usize,
}

impl Rows {
    pub fn add(&mut self, client: u32, record: &Record) {
        if self.used == 0 || self.rows[self.used - 1].is_full() {
            self.used += 1;
            if self.rows.len() < self.used {
                self.rows.push(Row::default());
            }
        }
        let row = &mut self.rows[self.used - 1];
        let before = row.octets.len();
        row.add(client, record);
        self.octets += row.octets.len() - before;
        self.calls += 1;
    }

    pub fn calls(&self) -> u64 {
        self.calls
    }

    pub fn octets(&self) -> usize {
        self.octets
    }

    pub fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO call (first_ms, last_ms, calls, packed) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for row in &self.rows[..self.used] {
            insert.execute(params![row.first_ms, row.last_ms, row.calls, row.octets])?;
        }
        Ok(())
    }

    pub fn clear(&mut self) {
        self.rows.truncate(REUSED);
        for row in &mut self.rows {
            row.clear();
        }
        (self.used, self.calls, self.octets) = (0, 0, 0);
    }
}
