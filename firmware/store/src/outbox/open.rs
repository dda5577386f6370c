//! Opening `alerts.v1.db`, whatever state it is in.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Outbox, tables};
use crate::disk;

/// Name of the file in the state directory; the version is in the name, as that of the history.
pub(super) const FILE: &str = "alerts.v1.db";
/// "TGa1".
const APPLICATION: i32 = 0x5447_6131;
/// `user_version` of a file that this version reads.
const VERSION: i32 = 1;
/// How much of the write-ahead log stays on disk after a checkpoint.
const KEEP_WAL: u32 = 1 << 20;

enum Trouble {
    /// Moving the file aside helps.
    Damaged(String),
    /// Only time or a person helps.
    Disk(String),
}

pub(super) fn open(dir: &Path) -> (Outbox, Option<String>) {
    let path = dir.join(FILE);
    let why = match for_writing(&path) {
        Ok(connection) => return (outbox(connection, path, None), None),
        Err(Trouble::Damaged(what)) => {
            let said = aside(&path, &what);
            match for_writing(&path) {
                Ok(connection) => return (outbox(connection, path, None), Some(said)),
                Err(Trouble::Damaged(more) | Trouble::Disk(more)) => format!("{said}; {more}"),
            }
        }
        Err(Trouble::Disk(why)) => why,
    };
    let why = format!("{why}; until then alerts that wait are kept in memory only");
    (outbox(in_memory(), path, Some(why.clone())), Some(why))
}

fn outbox(connection: Connection, path: PathBuf, problem: Option<String>) -> Outbox {
    Outbox {
        connection,
        path,
        problem,
    }
}

fn aside(path: &Path, what: &str) -> String {
    let name = path.display();
    match disk::move_aside(path) {
        Ok(aside) => format!(
            "{name} was damaged ({what}) and is kept as {}; alerts that waited in it are lost",
            aside.display()
        ),
        Err(e) => format!("{name} is damaged ({what}) and cannot be moved aside ({e})"),
    }
}

#[allow(clippy::expect_used)]
fn in_memory() -> Connection {
    let empty = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(tables::SCHEMA)?;
        connection.execute_batch("PRAGMA foreign_keys = ON;")?;
        Ok(connection)
    };
    // SQLite in memory with a fixed schema fails only without memory, which ends the process.
    empty().expect("an empty database in memory")
}

pub(super) fn for_reading(path: &Path) -> Result<Option<Outbox>, String> {
    let missing = std::fs::metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
    if missing {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).and_then(|connection| {
        settle(&connection)?;
        check(&connection)?;
        Ok(connection)
    });
    match connection {
        Ok(connection) => Ok(Some(outbox(connection, path.to_owned(), None))),
        Err(e) => Err(words(path, &e)),
    }
}

fn for_writing(path: &Path) -> Result<Connection, Trouble> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let io = |e: std::io::Error| {
        Trouble::Disk(format!(
            "{}: {e}; make {} writable for Trunkguard and free some space on its disk",
            path.display(),
            dir.display()
        ))
    };
    disk::make_dir(dir)
        .and_then(|()| disk::make_private(path))
        .map_err(io)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|mut connection| {
        prepare(&mut connection)?;
        check(&connection)?;
        // Writes once, so that a disk that takes nothing shows now.
        connection.pragma_update(None, "user_version", VERSION)?;
        Ok(connection)
    });
    opened.map_err(|e| {
        if is_damage(&e) {
            Trouble::Damaged(e.to_string())
        } else {
            Trouble::Disk(words(path, &e))
        }
    })
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -512;",
    )
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    settle(connection)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = {KEEP_WAL};"
    ))?;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let empty: bool = tx.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |r| r.get(0))?;
    if empty {
        tx.execute_batch(tables::SCHEMA)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}

/// It is ours, whole, and of this version; the file is small enough to look at all of it.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    let number = |name: &str| connection.pragma_query_value(None, name, |r| r.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let what = if found != "ok" {
        found
    } else if (application, version) != (APPLICATION, VERSION) {
        format!("application {application:#x} version {version} is not of this version")
    } else {
        return Ok(());
    };
    let code = rusqlite::ffi::Error {
        code: ErrorCode::DatabaseCorrupt,
        extended_code: rusqlite::ffi::SQLITE_CORRUPT,
    };
    Err(rusqlite::Error::SqliteFailure(code, Some(what)))
}

/// The file itself is at fault, and not the disk, the directory or another process.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None
    )
}

/// What an error means for the owner.
pub(super) fn words(path: &Path, error: &rusqlite::Error) -> String {
    let (name, dir) = (path.display(), path.parent().unwrap_or(path).display());
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            format!("the disk of {dir} is full, and {name} was not changed; free some space on it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!(
                "{name} cannot be used ({error}); make {dir} and its files readable and writable for Trunkguard"
            )
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!(
                "the disk of {dir} fails ({error}); check the disk or the card, and its free space"
            )
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{name} is being changed by another process; try again")
        }
        _ => format!("{name} is damaged ({error}); restart Trunkguard, which moves it aside"),
    }
}
