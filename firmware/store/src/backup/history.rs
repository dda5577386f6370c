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

/// Puts a history in the place of the one that is there, which goes into the folder `aside` with its write-ahead log. No daemon
/// may run on the directory.
///
/// # Errors
/// A history that cannot be read, or a disk that takes nothing: [`take_back`] has the one of before back.
pub fn put(dir: &Path, octets: &[u8], aside: &Path) -> Result<(), BackupError> {
    let path = dir.join(db::FILE);
    let io = |e| failed(&path, &e);
    // Looked at in a directory of its own before anything is touched.
    let trial = aside.join("trial");
    disk::make_dir(&trial).map_err(io)?;
    disk::replace_file(&trial.join(db::FILE), octets).map_err(io)?;
    check(&trial)?;
    let mut suffixes = SUFFIXES.iter();
    suffixes
        .try_for_each(|suffix| moved(dir, aside, suffix))
        .map_err(io)?;
    disk::sync_parent(&aside.join(db::FILE)).map_err(io)?;
    fs::rename(trial.join(db::FILE), &path).map_err(io)?;
    disk::sync_parent(&path).map_err(io)
}

/// Has the history of before back out of the folder that [`put`] was given, as far as it had come; `was_there` says whether
/// there was one at all. May be done again.
///
/// # Errors
/// A disk that takes nothing.
pub fn take_back(dir: &Path, aside: &Path, was_there: bool) -> Result<(), BackupError> {
    let path = dir.join(db::FILE);
    // The database first: without its log it is sound, and the log is nothing without it.
    let mut suffixes = SUFFIXES.iter().rev();
    let back = suffixes.try_for_each(|suffix| match was_there {
        true => moved(aside, dir, suffix),
        false => gone(fs::remove_file(disk::with_suffix(&path, suffix))),
    });
    back.and_then(|()| disk::sync_parent(&path))
        .map_err(|e| failed(&path, &e))
}

/// Moves the history of before from the folder to beside the one that stands now, for a person to look at.
///
/// # Errors
/// A disk that takes nothing.
pub fn keep_aside(dir: &Path, aside: &Path) -> Result<(), BackupError> {
    let (from, path) = (aside.join(db::FILE), dir.join(db::FILE));
    let kept = disk::aside_name(&path);
    let moved = SUFFIXES.iter().try_for_each(|suffix| {
        let of = |path: &Path| disk::with_suffix(path, suffix);
        gone(fs::rename(of(&from), of(&kept)))
    });
    moved
        .and_then(|()| disk::sync_parent(&path))
        .map_err(|e| failed(&path, &e))
}

/// Of the files of a database: as they are moved away.
const SUFFIXES: [&str; 3] = ["-shm", "-wal", ""];

fn moved(from: &Path, to: &Path, suffix: &str) -> std::io::Result<()> {
    let of = |dir: &Path| disk::with_suffix(&dir.join(db::FILE), suffix);
    gone(fs::rename(of(from), of(to)))
}

/// What is not there need not be moved.
fn gone(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn failed(path: &Path, e: &std::io::Error) -> BackupError {
    BackupError::Machine(format!(
        "{}: {e}; the history stays as it was",
        path.display()
    ))
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
