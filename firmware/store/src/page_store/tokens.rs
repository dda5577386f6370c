//! Tokens of the HTTP API: who may ask without a browser. Only their SHA-256 is kept.

use rusqlite::{OptionalExtension, Row, params};

use super::{PageError, PageStore};
use crate::disk;

/// Tokens at most.
pub const MOST_TOKENS: u32 = 64;
/// The last use is kept to the hour: a token that is used every second must not wear out the flash.
const USED_STEP_MS: i64 = 3_600_000;

pub(super) const SCHEMA: &str = "
    CREATE TABLE token (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64), role TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), made_ms INTEGER NOT NULL, expires_ms INTEGER, used_ms INTEGER
    ) STRICT;
";

/// A token, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// What it is for; 1 to 64 characters.
    pub name: String,
    /// A word of the page.
    pub role: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// ms since 1970.
    pub made_ms: i64,
    /// It is worth nothing from then on, ms since 1970.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the hour, ms since 1970.
    pub used_ms: Option<i64>,
}

impl PageStore {
    /// All tokens, by name; those that have expired too.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tokens(&self) -> Result<Vec<StoredToken>, PageError> {
        let read = || -> rusqlite::Result<Vec<StoredToken>> {
            self.connection
                .prepare_cached(
                    "SELECT name, role, hash, made_ms, expires_ms, used_ms FROM token ORDER BY name",
                )?
                .query_map([], token)?
                .collect()
        };
        read().map_err(|e| self.wrong(&e))
    }

    /// The token with this SHA-256, unless it has expired. Notes that it was used.
    ///
    /// # Errors
    /// When the file cannot be read. A use that cannot be noted is no error.
    pub fn use_token(&mut self, hash: &[u8; 32]) -> Result<Option<StoredToken>, PageError> {
        let now_ms = disk::unix_ms();
        let found = self
            .connection
            .prepare_cached(
                "SELECT name, role, hash, made_ms, expires_ms, used_ms FROM token WHERE hash = ?1 AND coalesce(expires_ms > ?2, 1)",
            )
            .and_then(|mut statement| statement.query_row(params![hash, now_ms], token).optional())
            .map_err(|e| self.wrong(&e))?;
        if let Some(token) = &found
            && token
                .used_ms
                .is_none_or(|used_ms| (now_ms - used_ms).abs() >= USED_STEP_MS)
        {
            let noted = self.connection.execute(
                "UPDATE token SET used_ms = ?2 WHERE hash = ?1",
                params![hash, now_ms],
            );
            if let Err(problem) = noted {
                tracing::debug!(%problem, "the use of a token was not noted");
            }
        }
        Ok(found)
    }

    /// Adds a token.
    ///
    /// # Errors
    /// When there are [`MOST_TOKENS`] others, one has this name, or the disk takes nothing.
    pub fn add_token(&mut self, token: &StoredToken) -> Result<(), PageError> {
        let mut write = || -> rusqlite::Result<Result<(), PageError>> {
            let tx = self.connection.transaction()?;
            let (all, same): (u32, u32) = tx.query_row(
                "SELECT count(*), count(*) FILTER (WHERE name = ?1) FROM token",
                [&token.name],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            if same > 0 {
                return Ok(Err(PageError::TokenExists));
            }
            if all >= MOST_TOKENS {
                return Ok(Err(PageError::TokensFull));
            }
            tx.execute(
                "INSERT INTO token (name, role, hash, made_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![token.name, token.role, token.hash, token.made_ms, token.expires_ms],
            )?;
            tx.commit()?;
            Ok(Ok(()))
        };
        write().map_err(|e| self.wrong(&e))?
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// When there is none of this name, or the disk takes nothing.
    pub fn remove_token(&mut self, name: &str) -> Result<(), PageError> {
        match self
            .connection
            .execute("DELETE FROM token WHERE name = ?1", [name])
        {
            Ok(0) => Err(PageError::NoToken),
            Ok(_) => Ok(()),
            Err(e) => Err(self.wrong(&e)),
        }
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<StoredToken> {
    Ok(StoredToken {
        name: row.get(0)?,
        role: row.get(1)?,
        hash: row.get(2)?,
        made_ms: row.get(3)?,
        expires_ms: row.get(4)?,
        used_ms: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, hash: u8, expires_ms: Option<i64>) -> StoredToken {
        StoredToken {
            name: name.into(),
            role: "read".into(),
            hash: [hash; 32],
            made_ms: 1,
            expires_ms,
            used_ms: None,
        }
    }

    #[test]
    fn tokens_stay_are_found_by_their_hash_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        store.add_token(&token("nagios", 1, None)).unwrap();
        assert_eq!(
            store.add_token(&token("nagios", 2, None)),
            Err(PageError::TokenExists)
        );
        drop(store);
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        assert_eq!(store.use_token(&[2; 32]).unwrap(), None);
        let found = store.use_token(&[1; 32]).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.used_ms), ("nagios", None));
        let used_ms = store.tokens().unwrap()[0].used_ms.unwrap();
        assert!(used_ms > 1);
        store.use_token(&[1; 32]).unwrap();
        assert_eq!(
            store.tokens().unwrap()[0].used_ms,
            Some(used_ms),
            "within the hour nothing is written"
        );
        assert_eq!(store.remove_token("other"), Err(PageError::NoToken));
        store.remove_token("nagios").unwrap();
        assert_eq!(store.use_token(&[1; 32]).unwrap(), None);
    }

    #[test]
    fn one_that_has_expired_is_worth_nothing_and_there_are_not_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        let now_ms = disk::unix_ms();
        store.add_token(&token("old", 1, Some(now_ms - 1))).unwrap();
        store
            .add_token(&token("new", 2, Some(now_ms + 60_000)))
            .unwrap();
        assert_eq!(store.use_token(&[1; 32]).unwrap(), None);
        assert!(store.use_token(&[2; 32]).unwrap().is_some());
        for n in 2..MOST_TOKENS {
            store
                .add_token(&token(&n.to_string(), n as u8 + 1, None))
                .unwrap();
        }
        assert_eq!(
            store.add_token(&token("more", 99, None)),
            Err(PageError::TokensFull)
        );
    }
}
