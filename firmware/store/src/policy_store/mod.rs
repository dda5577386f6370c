//! The policy in SQLite: what `apply` and the page write, and what the daemon starts from.
//!
//! `policy.vN.db` belongs to version N of the tables. An update of the firmware migrates a copy, so
//! that the version before it, back after a rollback, finds its own file as it was. Beside it lies
//! `policy.vN.last-good.toml`, written at every edit, for the day on which the database is damaged.

mod open;
mod steps;
mod tables;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use trunkguard_core::policy::{Definition, Mode, Policy, Problem};

use crate::{disk, file};
use open::Found;

/// The stored policy. One per process is enough; more, in any process, see each other's edits.
pub struct PolicyStore {
    connection: Connection,
    last_good: PathBuf,
    lock: PathBuf,
    path: PathBuf,
    /// Why nothing can be written.
    read_only: Option<String>,
}

/// Where the policy that was opened comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There was none: this is the default policy.
    Fresh,
    /// As it was left.
    Loaded,
    /// Brought over from tables of an older version, which are still there.
    Migrated {
        /// The older version.
        from: u32,
    },
    /// The database was damaged and lies aside: this is the policy of the last edit.
    LastGood {
        /// What was wrong and where the damaged file is.
        why: String,
    },
    /// The database was damaged, and there was no last good policy either: this is the default one.
    Defaults {
        /// What was wrong and where the damaged file is.
        why: String,
    },
    /// The policy can be read, but nothing can be written.
    ReadOnly {
        /// The cause and the remedy.
        why: String,
    },
}

/// The version of the tables that this firmware writes.
pub(crate) fn newest_version() -> u32 {
    steps::STEPS.last().map_or(0, |step| step.version)
}

/// Why the policy cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is to be stored does not fit together.
    #[error("the policy does not fit together: {}", first(.0))]
    Invalid(Vec<Problem>),
    /// It is not what it was when it was read.
    #[error(
        "the policy has been changed since it was read; read it again and repeat the change on what it says now"
    )]
    Changed,
    /// The disk or the directory; says what to do.
    #[error("{0}")]
    Disk(String),
    /// The file is damaged.
    #[error(
        "{0} is damaged ({1}); restart Trunkguard, which moves it aside and takes up the last good policy"
    )]
    Damaged(PathBuf, String),
}

fn first(problems: &[Problem]) -> String {
    problems
        .first()
        .map_or_else(String::new, |p| format!("{}: {}", p.path, p.message))
}

impl StoreError {
    fn of(path: &Path, error: &rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            let message = format!(
                "two parts of the policy have one name ({error}); give each a name of its own"
            );
            return StoreError::Invalid(vec![Problem {
                path: "policy".into(),
                message,
            }]);
        }
        let (name, dir) = (path.display(), path.parent().unwrap_or(path).display());
        StoreError::Disk(match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => format!(
                "the disk of {dir} is full, and the policy was not changed; free some space on it"
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                format!(
                    "{name} cannot be written to ({error}); make {dir} and its files writable for Trunkguard"
                )
            }
            Some(ErrorCode::SystemIoFailure) => format!(
                "the disk of {dir} fails ({error}); check the disk or the card, and its free space"
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                format!("{name} is being edited by another process; try again")
            }
            _ => return StoreError::Damaged(path.into(), error.to_string()),
        })
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        let dir = path.parent().unwrap_or(path).display();
        StoreError::Disk(match error.kind() {
            std::io::ErrorKind::StorageFull => {
                format!("the disk of {dir} is full ({error}); free some space on it")
            }
            _ => format!(
                "{}: {error}; make {dir} and its files writable for Trunkguard",
                path.display()
            ),
        })
    }
}

impl PolicyStore {
    /// Opens the policy of a state directory, and makes both where there is none. Whatever is damaged
    /// is moved aside and replaced by the best there is; [`Origin`] says by what.
    ///
    /// # Errors
    /// When there is no policy to be read and none can be made.
    pub fn open(dir: &Path) -> Result<(PolicyStore, Origin), StoreError> {
        Self::open_as(dir, steps::STEPS)
    }

    fn open_as(dir: &Path, steps: &[steps::Step]) -> Result<(PolicyStore, Origin), StoreError> {
        let files = open::Files::new(dir, steps);
        let Found {
            connection,
            origin,
            read_only,
        } = open::open(&files)?;
        let store = PolicyStore {
            connection,
            last_good: files.last_good.clone(),
            lock: files.lock.clone(),
            path: files.path.clone(),
            read_only,
        };
        if store.read_only.is_none() && !(origin == Origin::Loaded && files.last_good.exists()) {
            store.keep_last_good();
        }
        Ok((store, origin))
    }

    /// The whole policy.
    ///
    /// # Errors
    /// When the file cannot be read, or was damaged since it was opened.
    pub fn definition(&self) -> Result<Definition, StoreError> {
        tables::read(&self.connection).map_err(|e| StoreError::of(&self.path, &e))
    }

    /// Stores another policy, all of it or nothing. On disk when this returns. Answers whether it
    /// differs from the one before.
    ///
    /// # Errors
    /// When the core refuses it, or the disk does.
    pub fn replace(&mut self, definition: &Definition) -> Result<bool, StoreError> {
        Policy::compile(definition).map_err(StoreError::Invalid)?;
        let definition = &Definition {
            format: file::FORMAT,
            ..definition.clone()
        };
        self.edit(|tx| {
            let changed = tables::read(tx)? != *definition;
            if changed {
                tables::write(tx, definition)?;
            }
            Ok(changed)
        })
    }

    /// As [`PolicyStore::replace`], where what is stored is still `before`.
    ///
    /// # Errors
    /// [`StoreError::Changed`] where it is not, and nothing is stored.
    pub fn replace_from(
        &mut self,
        before: &Definition,
        definition: &Definition,
    ) -> Result<bool, StoreError> {
        Policy::compile(definition).map_err(StoreError::Invalid)?;
        let definition = &Definition {
            format: file::FORMAT,
            ..definition.clone()
        };
        let mut is_before = true;
        let changed = self.edit(|tx| {
            let stored = tables::read(tx)?;
            is_before = stored == *before;
            let changes = is_before && stored != *definition;
            if changes {
                tables::write(tx, definition)?;
            }
            Ok(changes)
        })?;
        if is_before {
            Ok(changed)
        } else {
            Err(StoreError::Changed)
        }
    }

    /// Changes only the mode. Answers whether it was another one.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn set_mode(&mut self, mode: Mode) -> Result<bool, StoreError> {
        self.edit(|tx| tables::set_mode(tx, mode))
    }

    fn edit(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<bool>,
    ) -> Result<bool, StoreError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::Disk(why.clone()));
        }
        let wrong = |e| StoreError::of(&self.path, &e);
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(wrong)?;
        let changed = change(&tx).map_err(wrong)?;
        if changed {
            tables::stamp(&tx, disk::unix_ms()).map_err(wrong)?;
            tx.commit().map_err(wrong)?;
            self.keep_last_good();
        }
        Ok(changed)
    }

    /// The edit itself is stored; without this copy only a later damage would cost more.
    fn keep_last_good(&self) {
        let copy = || {
            // Read under the lock: of two edits at the same moment the later one is what stays.
            let _one_at_a_time =
                disk::lock(&self.lock).map_err(|e| StoreError::io(&self.lock, &e))?;
            let text = file::render(&self.definition()?);
            disk::replace_file(&self.last_good, text.as_bytes())
                .map_err(|e| StoreError::io(&self.last_good, &e))
        };
        if let Err(e) = copy() {
            tracing::warn!(error = %e, "the copy of the policy for emergencies is not up to date");
        }
    }
}
