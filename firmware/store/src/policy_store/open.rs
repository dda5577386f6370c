//! Opening: the file of this version, or what comes nearest to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use trunkguard_core::policy::{Definition, Policy};

use super::{Origin, StoreError, steps::Step, tables};
use crate::{disk, file};

/// "TGp1".
const APPLICATION: i32 = 0x5447_7031;

/// The files of a state directory, as one version of the tables sees them.
pub(super) struct Files<'a> {
    dir: &'a Path,
    steps: &'a [Step],
    version: u32,
    pub path: PathBuf,
    pub last_good: PathBuf,
    /// Held while a process looks for the policy and makes or replaces a file.
    pub lock: PathBuf,
}

/// An open policy.
pub(super) struct Found {
    pub connection: Connection,
    pub origin: Origin,
    pub read_only: Option<String>,
}

impl<'a> Files<'a> {
    pub fn new(dir: &'a Path, steps: &'a [Step]) -> Self {
        let version = steps.last().map_or(0, |step| step.version);
        let path = database(dir, version);
        Files {
            dir,
            steps,
            version,
            path,
            last_good: dir.join(format!("policy.v{version}.last-good.toml")),
            lock: dir.join("policy.lock"),
        }
    }

    /// The newest file of an older version that can be read, and when it was last edited. Versions
    /// that are newer than this one are not guessed at.
    fn older(&self) -> Option<(u32, i64)> {
        (1..self.version).rev().find_map(|version| {
            let path = database(self.dir, version);
            let connection = path
                .exists()
                .then(|| connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE))?
                .ok()?;
            check(&connection, version).ok()?;
            Some((version, tables::changed(&connection).ok()?))
        })
    }
}

fn database(dir: &Path, version: u32) -> PathBuf {
    dir.join(format!("policy.v{version}.db"))
}

pub(super) fn open(files: &Files<'_>) -> Result<Found, StoreError> {
    match open_for_writing(files) {
        Err(StoreError::Disk(why)) => read_only(files, why),
        other => other,
    }
}

fn open_for_writing(files: &Files<'_>) -> Result<Found, StoreError> {
    disk::make_dir(files.dir).map_err(|e| StoreError::io(&files.path, &e))?;
    // The daemon and a first `apply` may start at the same moment; only one of them makes the file.
    let _one_at_a_time = disk::lock(&files.lock).map_err(|e| StoreError::io(&files.path, &e))?;
    if !files.path.exists() {
        let lost = files
            .last_good
            .exists()
            .then(|| format!("{} is not there any more", files.path.display()));
        return match (lost, files.older()) {
            (None, None) => fresh(files, &Definition::default(), Origin::Fresh),
            (None, Some((from, _))) => migrate(files, from),
            (Some(why), _) => restore(files, why),
        };
    }
    match load(files) {
        Ok(connection) => {
            let changed = tables::changed(&connection).unwrap_or(i64::MAX);
            match files.older() {
                // The older version was in use after this one: a rollback, an edit, an update.
                Some((from, edited)) if edited > changed => {
                    drop(connection);
                    let superseded = disk::with_suffix(&files.path, ".superseded");
                    fs::rename(&files.path, superseded)
                        .map_err(|e| StoreError::io(&files.path, &e))?;
                    migrate(files, from)
                }
                _ => Ok(Found {
                    connection,
                    origin: Origin::Loaded,
                    read_only: None,
                }),
            }
        }
        Err(StoreError::Damaged(path, what)) => {
            let aside =
                disk::move_aside(&files.path).map_err(|e| StoreError::io(&files.path, &e))?;
            restore(
                files,
                format!(
                    "{} was damaged ({what}) and is kept as {}",
                    path.display(),
                    aside.display()
                ),
            )
        }
        Err(other) => Err(other),
    }
}

/// Opens and checks the file of this version.
fn load(files: &Files<'_>) -> Result<Connection, StoreError> {
    let wrong = |e| StoreError::of(&files.path, &e);
    let connection = connect(&files.path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(wrong)?;
    check(&connection, files.version).map_err(wrong)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 200;")
        .map_err(wrong)?;
    readable(&connection).map_err(wrong)?;
    if connection.is_readonly("main").map_err(wrong)? {
        let dir = files.dir.display();
        return Err(StoreError::Disk(format!(
            "{dir} is read-only; make it and its files writable for Trunkguard"
        )));
    }
    Ok(connection)
}

/// Reads all of it once, so that damage shows now and not at the next edit.
fn readable(connection: &Connection) -> rusqlite::Result<Definition> {
    tables::changed(connection)?;
    tables::read(connection)
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

fn check(connection: &Connection, version: u32) -> rusqlite::Result<()> {
    let damaged = |what: String| {
        let code = rusqlite::ffi::Error {
            code: ErrorCode::DatabaseCorrupt,
            extended_code: rusqlite::ffi::SQLITE_CORRUPT,
        };
        Err(rusqlite::Error::SqliteFailure(code, Some(what)))
    };
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if found != "ok" {
        return damaged(found);
    }
    let number = |name: &str| connection.pragma_query_value(None, name, |r| r.get::<_, i32>(0));
    let (application, user_version) = (number("application_id")?, number("user_version")?);
    if application != APPLICATION || u32::try_from(user_version) != Ok(version) {
        return damaged(format!(
            "application {application:#x} version {user_version} in a file for version {version}"
        ));
    }
    Ok(())
}

/// After damage: the last good policy, else that of an older version, else the default one.
fn restore(files: &Files<'_>, why: String) -> Result<Found, StoreError> {
    let kept = fs::read_to_string(&files.last_good).map_err(|e| e.to_string());
    let last_good = kept.and_then(|text| {
        let definition = file::parse(&text, &files.last_good).map_err(|e| e.to_string())?;
        Policy::compile(&definition).map_err(|p| super::first(&p))?;
        Ok(definition)
    });
    match last_good {
        Ok(definition) => fresh(files, &definition, Origin::LastGood { why }),
        Err(no_copy) => {
            let why = format!(
                "{why}; the copy of the last good policy cannot be used either ({no_copy})"
            );
            match files.older() {
                Some((from, _)) => {
                    let found = migrate(files, from)?;
                    let why = format!("{why}; this is the policy of version {from}");
                    Ok(Found {
                        origin: Origin::LastGood { why },
                        ..found
                    })
                }
                None => fresh(files, &Definition::default(), Origin::Defaults { why }),
            }
        }
    }
}

fn fresh(files: &Files<'_>, definition: &Definition, origin: Origin) -> Result<Found, StoreError> {
    build(files, origin, |connection| {
        connection.pragma_update(None, "application_id", APPLICATION)?;
        up(connection, files.steps, 0)?;
        tables::write(connection, definition)?;
        tables::stamp(connection, disk::unix_ms())
    })
}

/// Copies the file of an older version and migrates the copy.
fn migrate(files: &Files<'_>, from: u32) -> Result<Found, StoreError> {
    let source = database(files.dir, from);
    let source = connect(&source, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|e| StoreError::of(&source, &e))?;
    build(files, Origin::Migrated { from }, |connection| {
        rusqlite::backup::Backup::new(&source, connection)?.run_to_completion(
            1_000,
            std::time::Duration::ZERO,
            None,
        )?;
        up(connection, files.steps, from)
    })
}

fn up(connection: &mut Connection, steps: &[Step], from: u32) -> rusqlite::Result<()> {
    let tx = connection.transaction()?;
    for step in steps.iter().filter(|step| step.version > from) {
        tx.execute_batch(step.sql)?;
        tx.pragma_update(None, "user_version", step.version)?;
    }
    tx.commit()
}

/// Makes the file of this version under another name and gives it its own when it is whole, checked
/// and on disk: whatever happens meanwhile, there is no half of it.
fn build(
    files: &Files<'_>,
    origin: Origin,
    fill: impl FnOnce(&mut Connection) -> rusqlite::Result<()>,
) -> Result<Found, StoreError> {
    let new = disk::with_suffix(&files.path, ".new");
    let io = |e: std::io::Error| StoreError::io(&files.path, &e);
    let sql = |e: rusqlite::Error| StoreError::of(&files.path, &e);
    let make = || -> Result<(), StoreError> {
        remove(&new)?;
        disk::make_private(&new).map_err(io)?;
        let mut connection = connect(&new, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql)?;
        fill(&mut connection).map_err(sql)?;
        // One file, without a log beside it, can be renamed.
        connection
            .execute_batch("PRAGMA journal_mode = DELETE;")
            .map_err(sql)?;
        check(&connection, files.version)
            .and_then(|()| readable(&connection))
            .map_err(sql)?;
        connection.close().map_err(|(_, e)| sql(e))?;
        fs::File::open(&new)
            .and_then(|file| file.sync_all())
            .map_err(io)?;
        for old in ["-wal", "-shm"] {
            // A log without its database, or of the one before, must not be played into this one.
            remove(&disk::with_suffix(&files.path, old))?;
        }
        fs::rename(&new, &files.path)
            .and_then(|()| disk::sync_parent(&files.path))
            .map_err(io)
    };
    if let Err(e) = make() {
        // Half a file must not take the room of a full disk.
        let _ = remove(&new);
        return Err(e);
    }
    Ok(Found {
        connection: load(files)?,
        origin,
        read_only: None,
    })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(path, &e)),
        _ => Ok(()),
    }
}

/// A disk that cannot be written to (an old card is read-only all at once) can often be read: calls
/// are still decided by their policy.
fn read_only(files: &Files<'_>, why: String) -> Result<Found, StoreError> {
    let found = |connection| {
        let (origin, read_only) = (Origin::ReadOnly { why: why.clone() }, Some(why.clone()));
        Ok(Found {
            connection,
            origin,
            read_only,
        })
    };
    let direct = connect(&files.path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|connection| {
        check(&connection, files.version)?;
        readable(&connection)?;
        Ok(connection)
    });
    if let Ok(connection) = direct {
        return found(connection);
    }
    let copy = fs::read_to_string(&files.last_good)
        .ok()
        .and_then(|text| file::parse(&text, &files.last_good).ok());
    let Some(definition) = copy else {
        return Err(StoreError::Disk(why));
    };
    let in_memory = || -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_in_memory()?;
        up(&mut connection, files.steps, 0)?;
        tables::write(&connection, &definition)?;
        Ok(connection)
    };
    found(in_memory().map_err(|e| StoreError::of(&files.path, &e))?)
}
