//! The file `history.v1.db` and its connection for writing.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::disk;

/// Name of the file in the state directory. The version is in the name, so that an older version of
/// the firmware, back after a rollback, finds the history that it can read.
pub(crate) const FILE: &str = "history.v1.db";

/// "TGh1".
const APPLICATION: i32 = 0x5447_6831;

/// `user_version` of a file that this version reads.
pub(crate) const VERSION: i32 = 1;

/// How much of the write-ahead log stays on disk after a checkpoint.
const KEEP_WAL: u32 = 4 << 20;

const SCHEMA: &str = "
    CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE call (
        id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        calls INTEGER NOT NULL, packed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE refusal (
        id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        count INTEGER NOT NULL, packed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE incident (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, client INTEGER NOT NULL, caller TEXT NOT NULL,
        text TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        count INTEGER NOT NULL, acknowledged_ms INTEGER
    ) STRICT;
    CREATE INDEX incident_open ON incident (id) WHERE acknowledged_ms IS NULL;
    CREATE TABLE known_country (
        client INTEGER NOT NULL, country TEXT NOT NULL, since_ms INTEGER NOT NULL,
        PRIMARY KEY (client, country)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE known_phone (
        client INTEGER NOT NULL, caller TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL,
        since_ms INTEGER NOT NULL, PRIMARY KEY (client, caller, address, agent)
    ) STRICT, WITHOUT ROWID;
";

/// For the page, which looks for refusals by time. Beside [`SCHEMA`], because files of before have none; a version before
/// this one keeps it up to date all the same.
const BY_TIME: &str = "CREATE INDEX IF NOT EXISTS refusal_last ON refusal (last_ms)";

/// Why the history cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The file is no history of ours, or is damaged: moving it aside helps.
    #[error("{0} is damaged ({1})")]
    Damaged(PathBuf, String),
    /// The disk or the directory: only time or a person helps.
    #[error("{0}")]
    Disk(String),
}

impl Trouble {
    /// What an error of SQLite on this file means for its owner.
    pub fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let dir = path.parent().unwrap_or(path).display();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Trouble::Damaged(path.into(), error.to_string())
            }
            Some(ErrorCode::DiskFull) => {
                Trouble::Disk(format!("the disk of {dir} is full; free some space on it"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Trouble::Disk(format!(
                    "{} cannot be written to ({error}); make {dir} and its files writable for Trunkguard",
                    path.display()
                ))
            }
            Some(ErrorCode::SystemIoFailure) => Trouble::Disk(format!(
                "the disk of {dir} fails ({error}); check the disk or the card, and its free space"
            )),
            // A statement that does not fit the tables: not a file of this version.
            Some(ErrorCode::Unknown) | None => Trouble::Damaged(path.into(), error.to_string()),
            Some(_) => Trouble::Disk(format!(
                "{}: {error}; is another Trunkguard running on {dir}?",
                path.display()
            )),
        }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        let dir = path.parent().unwrap_or(path).display();
        let remedy = match error.kind() {
            std::io::ErrorKind::StorageFull => "free some space on its disk".into(),
            _ => format!("make {dir} writable for Trunkguard"),
        };
        Trouble::Disk(format!("{}: {error}; {remedy}", path.display()))
    }
}

/// Opens the history for its one writer, and makes it where there is none.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    let dir = path.parent().unwrap_or(Path::new("."));
    disk::make_dir(dir)
        .and_then(|()| disk::make_private(path))
        .map_err(|e| Trouble::io(path, &e))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|mut connection| {
        prepare(&mut connection)?;
        Ok(connection)
    });
    let connection = opened.map_err(|e| Trouble::of(path, &e))?;
    check(&connection, path)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.execute_batch(&format!(
        "PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = {KEEP_WAL}; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;"
    ))?;
    connection.set_prepared_statement_cache_capacity(32);
    let empty: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |r| r.get(0))?;
    if empty {
        let tx = connection.transaction()?;
        tx.execute_batch(SCHEMA)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
    }
    connection.execute_batch(BY_TIME)?;
    Ok(())
}

/// Cheap checks: it is ours, and both ends of every table can be read. Damage in between shows when
/// it is met; looking for it would take minutes on a large file and a slow card.
fn check(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    let look = || -> rusqlite::Result<(i32, i32)> {
        for table in ["client", "call", "refusal", "incident"] {
            let ends = format!(
                "SELECT * FROM {table} WHERE id IN (SELECT min(id) FROM {table} UNION SELECT max(id) FROM {table})"
            );
            let mut statement = connection.prepare(&ends)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        let number = |name: &str| connection.pragma_query_value(None, name, |r| r.get(0));
        Ok((number("application_id")?, number("user_version")?))
    };
    match look() {
        Ok((APPLICATION, VERSION)) => Ok(()),
        Ok((application, version)) => Err(Trouble::Damaged(
            path.into(),
            format!(
                "application {application:#x} version {version} is not a history of this version"
            ),
        )),
        Err(e) => Err(Trouble::of(path, &e)),
    }
}
