//! A database that is small enough to be looked at whole: opened whatever state it is in. What is not told apart here
//! (the history is too large for it, the policy has versions to come from) opens its files itself.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::disk;

/// How much of the write-ahead log stays on disk after a checkpoint.
const KEEP_WAL: u32 = 1 << 20;

/// What tells one such file from every other.
pub(crate) struct Small {
    /// Its name in the state directory. The version is in the name, so that an older version of the firmware, back after a
    /// rollback, finds the file that it can read.
    pub file: &'static str,
    /// Four letters, as a number.
    pub application: i32,
    /// Its tables.
    pub schema: &'static [&'static str],
    /// KiB of memory for its pages.
    pub cache_kib: u32,
    /// Looks at what is in the tables: pages may be whole and rows not ours.
    pub look: fn(&Connection) -> rusqlite::Result<()>,
    /// What it means that the file was damaged: a sentence's end for the owner.
    pub lost: &'static str,
}

/// `user_version` of a file that this version reads.
const VERSION: i32 = 1;

enum Trouble {
    /// Moving the file aside helps.
    Damaged(String),
    /// Only time or a person helps.
    Disk(String),
}

impl Small {
    /// Opens it for writing, and makes it where there is none. A damaged one is moved aside and an empty one made; the
    /// second value says so.
    ///
    /// # Errors
    /// Why it cannot be written, and what to do.
    pub fn open(&self, path: &Path) -> Result<(Connection, Option<String>), String> {
        match self.for_writing(path) {
            Ok(connection) => Ok((connection, None)),
            Err(Trouble::Disk(why)) => Err(why),
            Err(Trouble::Damaged(what)) => {
                let said = self.aside(path, &what);
                match self.for_writing(path) {
                    Ok(connection) => Ok((connection, Some(said))),
                    Err(Trouble::Damaged(more) | Trouble::Disk(more)) => {
                        Err(format!("{said}; {more}"))
                    }
                }
            }
        }
    }

    /// Moves a damaged file aside, and says so.
    pub fn aside(&self, path: &Path, what: &str) -> String {
        let name = path.display();
        match disk::move_aside(path) {
            Ok(aside) => format!(
                "{name} was damaged ({what}) and is kept as {}; {}",
                aside.display(),
                self.lost
            ),
            Err(e) => format!("{name} is damaged ({what}) and cannot be moved aside ({e})"),
        }
    }

    /// An empty one in memory, for as long as none can be had on disk.
    #[allow(clippy::expect_used)]
    pub fn in_memory(&self) -> Connection {
        let empty = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_in_memory()?;
            connection.execute_batch(&self.schema.concat())?;
            connection.execute_batch("PRAGMA foreign_keys = ON;")?;
            Ok(connection)
        };
        // SQLite in memory with a fixed schema fails only without memory, which ends the process.
        empty().expect("an empty database in memory")
    }

    /// Opens it to be read, beside its writer. `None` where there is none.
    ///
    /// # Errors
    /// Why it cannot be read, and what to do.
    pub fn for_reading(&self, path: &Path) -> Result<Option<Connection>, String> {
        let missing =
            std::fs::metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if missing {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |name: &Path, flags| -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(name, flags)?;
            self.settle(&connection)?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        let connection = open(path, flags).or_else(|e| {
            // As in history::connect: on a read-only file system without a log there is none to index.
            let log = disk::with_suffix(path, "-wal");
            let plain = path
                .to_str()
                .filter(|p| !p.contains(['?', '#', '%']) && !log.exists());
            let name = format!("file:{}?immutable=1", plain.ok_or(e)?);
            open(Path::new(&name), flags | OpenFlags::SQLITE_OPEN_URI)
        });
        connection
            .and_then(|connection| self.check(&connection).map(|()| Some(connection)))
            .map_err(|e| words(path, &e))
    }

    fn for_writing(&self, path: &Path) -> Result<Connection, Trouble> {
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
            self.prepare(&mut connection)?;
            self.check(&connection)?;
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

    fn settle(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(&format!(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -{};",
            self.cache_kib
        ))
    }

    fn prepare(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.settle(connection)?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = {KEEP_WAL};"
        ))?;
        // Two processes may find an empty file at the same time; one makes the tables.
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let empty: bool =
            tx.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |r| r.get(0))?;
        if empty {
            tx.execute_batch(&self.schema.concat())?;
            tx.pragma_update(None, "application_id", self.application)?;
            tx.pragma_update(None, "user_version", VERSION)?;
        }
        tx.commit()
    }

    /// It is ours, whole, and of this version.
    fn check(&self, connection: &Connection) -> rusqlite::Result<()> {
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        let number = |name: &str| connection.pragma_query_value(None, name, |r| r.get::<_, i32>(0));
        let (application, version) = (number("application_id")?, number("user_version")?);
        let what = if found != "ok" {
            found
        } else if (application, version) != (self.application, VERSION) {
            format!("application {application:#x} version {version} is not of this version")
        } else {
            return (self.look)(connection);
        };
        let code = rusqlite::ffi::Error {
            code: ErrorCode::DatabaseCorrupt,
            extended_code: rusqlite::ffi::SQLITE_CORRUPT,
        };
        Err(rusqlite::Error::SqliteFailure(code, Some(what)))
    }
}

/// The file itself is at fault, and not the disk, the directory or another process.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None
    )
}

/// What an error means for the owner.
pub(crate) fn words(path: &Path, error: &rusqlite::Error) -> String {
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

/// Changes something, all of it or nothing; on disk when this returns.
///
/// # Errors
/// When the disk refuses it, and what to do; the state of before stays.
pub(crate) fn change<T>(
    connection: &mut Connection,
    path: &Path,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, String> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .and_then(|tx| {
            let answer = change(&tx)?;
            tx.commit()?;
            Ok(answer)
        })
        .map_err(|e| words(path, &e))
}
