//! Forgetting: what is older than the owner wants, and what there is no room for.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::Options;

/// Rows deleted in one go: few, because answers wait meanwhile.
const STEP: usize = 128;
const MORE: Duration = Duration::from_millis(100);
const CALM: Duration = Duration::from_secs(600);
/// Rows of refusals kept, whatever their age.
const REFUSALS: i64 = 200_000;
/// A clock is believed when it has run evenly for so long: a box that wakes up in the year 2099
/// must not forget everything.
const TRUST: Duration = Duration::from_secs(3_600);
const JUMP_MS: i64 = 600_000;
const DAY_MS: i64 = 86_400_000;

pub(super) struct Retention {
    /// When to look next.
    pub due: Instant,
    clock: (i64, Instant),
    trusted_from: Instant,
}

impl Retention {
    pub fn new(now_ms: i64, now: Instant) -> Self {
        Retention {
            due: now + TRUST,
            clock: (now_ms, now),
            trusted_from: now + TRUST,
        }
    }

    /// Deletes a few rows where some are too many.
    pub fn step(
        &mut self,
        connection: &Connection,
        options: &Options,
        now_ms: i64,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let expected =
            self.clock.0 + now.saturating_duration_since(self.clock.1).as_millis() as i64;
        if now_ms.abs_diff(expected) > JUMP_MS.unsigned_abs() {
            self.trusted_from = now + TRUST;
        }
        self.clock = (now_ms, now);

        let tx = connection.unchecked_transaction()?;
        let mut deleted = 0;
        if now >= self.trusted_from {
            let oldest = now_ms - i64::from(options.history_days.max(1)) * DAY_MS;
            for table in ["call", "refusal"] {
                let first = format!("id IN (SELECT id FROM {table} ORDER BY id LIMIT {STEP})");
                deleted += tx.execute(
                    &format!("DELETE FROM {table} WHERE {first} AND last_ms < ?1"),
                    [oldest],
                )?;
            }
            tx.execute(
                "DELETE FROM incident WHERE last_ms < ?1 AND acknowledged_ms IS NOT NULL",
                [oldest],
            )?;
        }
        deleted += tx.execute(
            "DELETE FROM refusal WHERE id IN (SELECT id FROM refusal ORDER BY id LIMIT ?1)
             AND id <= (SELECT max(id) FROM refusal) - ?2",
            params![STEP as i64, REFUSALS],
        )?;
        if used(&tx)? > options.max_bytes {
            let first = |table: &str| {
                format!(
                    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT {STEP})"
                )
            };
            let calls = tx.execute(&first("call"), [])?;
            deleted += if calls > 0 {
                calls
            } else {
                tx.execute(&first("refusal"), [])?
            };
        }
        tx.commit()?;
        self.due = now + if deleted > 0 { MORE } else { CALM };
        Ok(())
    }
}

/// Octets in use; free pages are used again before the file grows.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(pages.max(0).unsigned_abs() * number("page_size")?.unsigned_abs())
}
