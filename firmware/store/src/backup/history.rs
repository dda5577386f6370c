//! The history of calls, as a file.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::BackupError;
use crate::{disk, history::History, journal::db};

/// Largest history that goes into a backup, in octets.
const LARGEST: u64 = 64 << 20;

/// A whole copy of the history, as of now; none where there is no history.
///
/// # Errors
/// A history that cannot be read, or is larger than a backup takes.
pub fn copy(dir: &Path) -> Result<Option<Vec<u8>>, BackupError> {
    let path = dir.join(db::FILE);
    if !path.exists() {
        return Ok(None);
    }
    let new = disk::with_suffix(&path, ".backup");
    let made = make(&path, &new);
    let _ = fs::remove_file(&new);
    made.map(Some)
}

fn make(path: &Path, new: &Path) -> Result<Vec<u8>, BackupError> {
    let wrong = |e: &dyn std::fmt::Display| {
        BackupError::Machine(format!(
            "{}: the history cannot be copied: {e}",
            path.display()
        ))
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| wrong(&e))?;
    let pages: u64 = connection
        .pragma_query_value(None, "page_count", |r| r.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|e| wrong(&e))?;
    let size: u64 = connection
        .pragma_query_value(None, "page_size", |r| r.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|e| wrong(&e))?;
    if pages.saturating_mul(size) > LARGEST {
        return Err(BackupError::Machine(format!(
            "the history has {} MiB, and a backup takes {} MiB of it; make the backup without it, or set settings.history_days lower",
            (pages * size) >> 20,
            LARGEST >> 20
        )));
    }
    // What a copy that was interrupted has left.
    let _ = fs::remove_file(new);
    let target = new
        .to_str()
        .ok_or_else(|| wrong(&"its path is not UTF-8"))?;
    connection
        .execute("VACUUM INTO ?1", [target])
        .map_err(|e| wrong(&e))?;
    fs::read(new).map_err(|e| wrong(&e))
}

/// Puts a history in the place of the one that is there, which is kept aside. No daemon may run on the directory.
///
/// # Errors
/// A history that cannot be read, or a disk that takes nothing: the one of before stays.
pub fn put(dir: &Path, octets: &[u8]) -> Result<(), BackupError> {
    let path = dir.join(db::FILE);
    let io = |e: std::io::Error| {
        BackupError::Machine(format!(
            "{}: {e}; the history stays as it was",
            path.display()
        ))
    };
    // Looked at in a directory of its own before anything is touched.
    let trial = dir.join("history.restored");
    let _ = fs::remove_dir_all(&trial);
    disk::make_dir(&trial).map_err(io)?;
    let sound = disk::replace_file(&trial.join(db::FILE), octets)
        .map_err(io)
        .and_then(|()| check(&trial));
    let _ = fs::remove_dir_all(&trial);
    sound?;
    if path.exists() {
        disk::move_aside(&path).map_err(io)?;
    }
    disk::replace_file(&path, octets).map_err(io)
}

fn check(dir: &Path) -> Result<(), BackupError> {
    let wrong = |e: &dyn std::fmt::Display| {
        BackupError::Contents(format!("its history cannot be read: {e}"))
    };
    let history = History::open(dir).map_err(|e| wrong(&e))?;
    history.totals(i64::MIN).map_err(|e| wrong(&e))?;
    history.incidents(false, 1).map_err(|e| wrong(&e))?;
    Ok(())
}
