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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::db, sample};

    const NOW: i64 = 1_790_000_000_000;

    /// 1,000 rows, ten a day up to now, and as many refusals.
    fn filled(dir: &std::path::Path) -> Connection {
        let connection = db::open(&dir.join(db::FILE)).unwrap();
        let tx = connection.unchecked_transaction().unwrap();
        for n in 0..1_000i64 {
            let at = NOW - (1_000 - n) * DAY_MS / 10 + 7_200_000;
            let row = params![at, at, vec![1u8; 2_000]];
            tx.execute(
                "INSERT INTO call (first_ms, last_ms, calls, packed) VALUES (?1, ?2, 1, ?3)",
                row,
            )
            .unwrap();
            let row = params![at, at, vec![1u8; 100]];
            tx.execute(
                "INSERT INTO refusal (first_ms, last_ms, count, packed) VALUES (?1, ?2, 1, ?3)",
                row,
            )
            .unwrap();
        }
        tx.commit().unwrap();
        connection
    }

    fn rows(connection: &Connection, table: &str) -> i64 {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))
            .unwrap()
    }

    /// Steps until nothing is left to do, and answers when.
    fn settle(
        retention: &mut Retention,
        connection: &Connection,
        options: &Options,
        start: Instant,
        now_ms: i64,
    ) -> Instant {
        let mut now = start;
        loop {
            let before = rows(connection, "call") + rows(connection, "refusal");
            retention
                .step(
                    connection,
                    options,
                    now_ms + (now - start).as_millis() as i64,
                    now,
                )
                .unwrap();
            assert!(
                before - rows(connection, "call") - rows(connection, "refusal") <= 3 * STEP as i64,
                "too much in one go"
            );
            if retention.due > now + MORE {
                return now;
            }
            now = retention.due;
        }
    }

    #[test]
    fn old_calls_are_forgotten_in_small_steps_and_newer_ones_kept() {
        let dir = sample::memory_dir();
        let connection = filled(dir.path());
        let options = Options {
            history_days: 30,
            ..Options::default()
        };
        let start = Instant::now();
        let mut retention = Retention::new(NOW - TRUST.as_millis() as i64, start);
        settle(&mut retention, &connection, &options, start + TRUST, NOW);
        assert_eq!(
            (rows(&connection, "call"), rows(&connection, "refusal")),
            (300, 300)
        );
    }

    #[test]
    fn a_clock_that_jumps_forgets_nothing() {
        let dir = sample::memory_dir();
        let connection = filled(dir.path());
        let options = Options {
            history_days: 30,
            ..Options::default()
        };
        let start = Instant::now();
        // It wakes up in 2099 …
        let wrong = 4_070_000_000_000;
        let mut retention = Retention::new(wrong, start);
        retention
            .step(
                &connection,
                &options,
                wrong + 60_000,
                start + Duration::from_secs(60),
            )
            .unwrap();
        // … and is set right before the hour is over.
        retention
            .step(&connection, &options, NOW, start + Duration::from_secs(120))
            .unwrap();
        retention
            .step(
                &connection,
                &options,
                NOW + 3_500_000,
                start + Duration::from_secs(3_620),
            )
            .unwrap();
        assert_eq!(rows(&connection, "call"), 1_000);
        let later = start + Duration::from_secs(3_800);
        settle(
            &mut retention,
            &connection,
            &options,
            later,
            NOW + 3_680_000,
        );
        assert_eq!(
            rows(&connection, "call"),
            300,
            "after an hour of even running it is believed"
        );
    }

    #[test]
    fn the_oldest_calls_make_room_when_the_file_is_large() {
        let dir = sample::memory_dir();
        let connection = filled(dir.path());
        let options = Options {
            max_bytes: 1 << 20,
            history_days: 3_650,
            ..Options::default()
        };
        let start = Instant::now();
        let mut retention = Retention::new(NOW, start);
        settle(&mut retention, &connection, &options, start, NOW);
        assert!(used(&connection).unwrap() <= 1 << 20);
        let left = rows(&connection, "call");
        assert!((200..600).contains(&left), "{left}");
        let oldest: i64 = connection
            .query_row("SELECT min(id) FROM call", [], |r| r.get(0))
            .unwrap();
        assert_eq!(oldest, 1_000 - left + 1);
    }
}
