//! What the page keeps: who may log in, and who did what. File `page.v1.db` in the state directory.
//!
//! The process that serves the page writes it, and `trunkguard token` beside it. A damaged file is moved aside and an empty one made: then nobody can
//! log in until somebody in front of the box sets a password again, which is what a damaged list of passwords should mean.

mod tokens;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Row, params};
use trunkguard_core::unseen::is_unseen;

use crate::{
    disk,
    small::{self, Small},
};
pub use tokens::{MOST_TOKENS, StoredToken};

const SMALL: Small = Small {
    file: "page.v1.db",
    // "TGw1".
    application: 0x5447_7731,
    schema: &[SCHEMA, tokens::SCHEMA],
    cache_kib: 512,
    look: |connection| {
        connection.prepare("SELECT name, role, hash, totp FROM account")?;
        connection.prepare("SELECT id, at_ms, who, source, what, detail FROM deed")?;
        Ok(())
    },
    lost: "nobody can log in to the page until a password is set at the box again",
};
/// Accounts at most.
pub const MOST_ACCOUNTS: u32 = 16;
/// Lines of the audit log that are kept; the oldest make room.
const MOST_DEEDS: u32 = 20_000;

const SCHEMA: &str = "
    CREATE TABLE account (
        name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 32), role TEXT NOT NULL, hash TEXT NOT NULL, totp TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE deed (
        id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL,
        what TEXT NOT NULL, detail TEXT NOT NULL
    ) STRICT;
";

/// Who may log in, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAccount {
    /// 1 to 32 characters.
    pub name: String,
    /// A word of the page.
    pub role: String,
    /// The password's hash (PHC string).
    pub hash: String,
    /// The key of its one-time codes (base32), where it has one.
    pub totp: Option<String>,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeed {
    /// Its number; later lines have higher ones.
    pub id: i64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub who: String,
    /// From where.
    pub from: IpAddr,
    /// What, in a word.
    pub what: String,
    /// More of it.
    pub detail: String,
}

/// Why something was not kept or cannot be read. Says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// There are too many.
    #[error("there are {MOST_ACCOUNTS} accounts already; remove one first")]
    Full,
    /// There is no such token.
    #[error("there is no such token")]
    NoToken,
    /// Another has this name.
    #[error("there is a token of this name already; choose another name, or remove that one first")]
    TokenExists,
    /// There are too many.
    #[error("there are {MOST_TOKENS} tokens already; remove one first")]
    TokensFull,
    /// The disk or the file.
    #[error("{0}")]
    Disk(String),
}

/// The store.
pub struct PageStore {
    connection: Connection,
    path: PathBuf,
}

impl PageStore {
    /// Opens the file in a state directory, and makes both where there is none. A damaged one is moved aside; the second
    /// value says so.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub fn open(dir: &Path) -> Result<(PageStore, Option<String>), PageError> {
        let path = dir.join(SMALL.file);
        let (connection, said) = SMALL.open(&path).map_err(PageError::Disk)?;
        Ok((PageStore { connection, path }, said))
    }

    fn wrong(&self, e: &rusqlite::Error) -> PageError {
        PageError::Disk(small::words(&self.path, e))
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn accounts(&self) -> Result<Vec<StoredAccount>, PageError> {
        let read = || -> rusqlite::Result<Vec<StoredAccount>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT name, role, hash, totp FROM account ORDER BY name")?;
            statement
                .query_map([], |row| {
                    Ok(StoredAccount {
                        name: row.get(0)?,
                        role: row.get(1)?,
                        hash: row.get(2)?,
                        totp: row.get(3)?,
                    })
                })?
                .collect()
        };
        read().map_err(|e| self.wrong(&e))
    }

    /// Adds an account, or replaces the one of this name. On disk when this returns.
    ///
    /// # Errors
    /// When there are [`MOST_ACCOUNTS`] others, or the disk takes nothing.
    pub fn put(&mut self, account: &StoredAccount) -> Result<(), PageError> {
        let mut write = || -> rusqlite::Result<bool> {
            let tx = self.connection.transaction()?;
            let others: u32 = tx.query_row(
                "SELECT count(*) FROM account WHERE name <> ?1",
                [&account.name],
                |r| r.get(0),
            )?;
            if others >= MOST_ACCOUNTS {
                return Ok(false);
            }
            tx.execute(
                "INSERT OR REPLACE INTO account (name, role, hash, totp) VALUES (?1, ?2, ?3, ?4)",
                params![account.name, account.role, account.hash, account.totp],
            )?;
            tx.commit()?;
            Ok(true)
        };
        match write() {
            Ok(true) => Ok(()),
            Ok(false) => Err(PageError::Full),
            Err(e) => Err(self.wrong(&e)),
        }
    }

    /// Puts these accounts in place of all others, all of them or none. On disk when this returns.
    ///
    /// # Errors
    /// When there are more than [`MOST_ACCOUNTS`], or the disk takes nothing.
    pub fn replace_accounts(&mut self, accounts: &[StoredAccount]) -> Result<(), PageError> {
        if accounts.len() > MOST_ACCOUNTS as usize {
            return Err(PageError::Full);
        }
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction()?;
            tx.execute("DELETE FROM account", [])?;
            for account in accounts {
                tx.execute(
                    "INSERT INTO account (name, role, hash, totp) VALUES (?1, ?2, ?3, ?4)",
                    params![account.name, account.role, account.hash, account.totp],
                )?;
            }
            tx.commit()
        };
        write().map_err(|e| self.wrong(&e))
    }

    /// Takes an account away.
    ///
    /// # Errors
    /// When there is none of this name, or the disk takes nothing.
    pub fn remove(&mut self, name: &str) -> Result<(), PageError> {
        match self
            .connection
            .execute("DELETE FROM account WHERE name = ?1", [name])
        {
            Ok(0) => Err(PageError::NoAccount),
            Ok(_) => Ok(()),
            Err(e) => Err(self.wrong(&e)),
        }
    }

    /// Adds a line to the audit log. Its texts are cut at 400 characters, and lose control characters.
    ///
    /// # Errors
    /// When the disk takes nothing.
    pub fn note(
        &mut self,
        who: &str,
        from: IpAddr,
        what: &str,
        detail: &str,
    ) -> Result<(), PageError> {
        let clean = |text: &str| {
            text.chars()
                .filter(|c| !is_unseen(*c))
                .take(400)
                .collect::<String>()
        };
        let mut write =
            || -> rusqlite::Result<()> {
                let tx = self.connection.transaction()?;
                tx.execute(
                "INSERT INTO deed (at_ms, who, source, what, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![disk::unix_ms(), clean(who), from.to_string(), clean(what), clean(detail)],
            )?;
                tx.execute(
                    "DELETE FROM deed WHERE id <= ?1",
                    [tx.last_insert_rowid() - i64::from(MOST_DEEDS)],
                )?;
                tx.commit()
            };
        write().map_err(|e| self.wrong(&e))
    }

    /// Lines of the audit log before this one (or the newest), the newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn deeds(&self, before: Option<i64>, limit: u32) -> Result<Vec<StoredDeed>, PageError> {
        let read = || -> rusqlite::Result<Vec<StoredDeed>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, at_ms, who, source, what, detail FROM deed WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            statement
                .query_map(params![before, limit.min(1_000)], deed)?
                .collect()
        };
        read().map_err(|e| self.wrong(&e))
    }
}

fn deed(row: &Row<'_>) -> rusqlite::Result<StoredDeed> {
    let from: String = row.get(3)?;
    Ok(StoredDeed {
        id: row.get(0)?,
        at_ms: row.get(1)?,
        who: row.get(2)?,
        from: from
            .parse()
            .unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()),
        what: row.get(4)?,
        detail: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> StoredAccount {
        StoredAccount {
            name: name.into(),
            role: "owner".into(),
            hash: "$argon2id$x".into(),
            totp: None,
        }
    }

    #[test]
    fn accounts_stay_are_replaced_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, problem) = PageStore::open(dir.path()).unwrap();
        assert_eq!(problem, None);
        store.put(&account("maria")).unwrap();
        let other = StoredAccount {
            hash: "$argon2id$y".into(),
            totp: Some("ABC".into()),
            ..account("maria")
        };
        store.put(&other).unwrap();
        drop(store);
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        assert_eq!(store.accounts().unwrap(), [other]);
        assert_eq!(store.remove("paul"), Err(PageError::NoAccount));
        store.remove("maria").unwrap();
        assert!(store.accounts().unwrap().is_empty());
        for n in 0..MOST_ACCOUNTS {
            store.put(&account(&n.to_string())).unwrap();
        }
        assert_eq!(store.put(&account("one too many")), Err(PageError::Full));
        store.put(&account("3")).unwrap();
    }

    #[test]
    fn the_log_keeps_what_was_done_last() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        let from = "10.0.0.9".parse().unwrap();
        for n in 0..5 {
            store
                .note("maria", from, "mode", &format!("prevent\r\n{n}"))
                .unwrap();
        }
        let newest = store.deeds(None, 2).unwrap();
        assert_eq!(
            newest
                .iter()
                .map(|deed| deed.detail.as_str())
                .collect::<Vec<_>>(),
            ["prevent4", "prevent3"]
        );
        assert_eq!((newest[0].from, newest[0].who.as_str()), (from, "maria"));
        let older = store.deeds(Some(newest[1].id), 100).unwrap();
        assert_eq!(older.len(), 3);
    }

    #[test]
    fn a_damaged_file_lies_aside_and_nobody_has_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        store.put(&account("maria")).unwrap();
        drop(store);
        std::fs::write(
            dir.path().join(SMALL.file),
            "no database at all, and long enough to be looked at",
        )
        .unwrap();
        let (store, problem) = PageStore::open(dir.path()).unwrap();
        assert!(store.accounts().unwrap().is_empty());
        assert!(
            problem
                .unwrap()
                .contains("until a password is set at the box again")
        );
    }
}
