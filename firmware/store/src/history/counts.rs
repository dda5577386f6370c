//! Counting calls by spans of time, for charts.

use rusqlite::params;
use serde::Serialize;

use super::{History, HistoryError, first_row, report_damage};
use crate::journal::packed::Calls;

/// Calls of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Went through, and the policy was for it.
    pub approved: u64,
    /// Went through, against the policy (Detect).
    pub would_refuse: u64,
    /// Did not go through.
    pub refused: u64,
}

/// Approved calls that are counted at most, the newest: an office has a thousandth of this in two weeks.
const MOST: u64 = 200_000;

impl History {
    /// Counts calls between each two of `edges` (ms since 1970, ascending). Refusals of an hour count where the last of them was.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts(&self, edges: &[i64]) -> Result<Vec<Counts>, HistoryError> {
        let (Some(&first), Some(&last)) = (edges.first(), edges.last()) else {
            return Ok(Vec::new());
        };
        let mut counts = vec![Counts::default(); edges.len() - 1];
        // Which span: as many edges as are not after it, less one.
        let span = |ms: i64| edges.partition_point(|edge| *edge <= ms).wrapping_sub(1);
        self.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT first_ms, packed FROM call WHERE id >= ?1 AND last_ms >= ?2 AND first_ms < ?3",
            )?;
            let begin = first_row(connection, first, MOST)?;
            let mut rows = statement.query(params![begin, first, last])?;
            while let Some(row) = rows.next()? {
                let mut calls = Calls::new(row.get_ref(1)?.as_blob()?, row.get(0)?);
                while let Some(front) = calls.front() {
                    if let Some(counts) = counts.get_mut(span(front.unix_ms)) {
                        match front.allowed {
                            true => counts.approved += 1,
                            false => counts.would_refuse += 1,
                        }
                    }
                    calls.pass();
                }
                report_damage(&calls);
            }
            Ok(())
        })?;
        let refusals: Vec<(i64, i64)> = self.with(|connection| {
            connection
                .prepare("SELECT last_ms, count FROM refusal WHERE last_ms >= ?1 AND last_ms < ?2")?
                .query_map(params![first, last], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        for (ms, count) in refusals {
            if let Some(counts) = counts.get_mut(span(ms)) {
                counts.refused += count.unsigned_abs();
            }
        }
        Ok(counts)
    }
}
