//! Opening `network.v1.db`, whatever state it is in.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{NetworkStore, tables};
use crate::small::Small;

pub(super) const SMALL: Small = Small {
    file: "network.v1.db",
    // "TGn1".
    application: 0x5447_6e31,
    schema: &[tables::SCHEMA],
    cache_kib: 1_024,
    look: |connection| tables::read_all(connection).map(drop),
    lost: "bans and decisions on PoPs are lost, and the built-in allow-list holds",
};

pub(super) fn open(dir: &Path) -> (NetworkStore, Option<String>) {
    let path = dir.join(SMALL.file);
    match SMALL.open(&path) {
        Ok((connection, said)) => (store(connection, path, None), said),
        Err(why) => {
            let why = format!("{why}; until then bans and PoPs are kept in memory only");
            let connection = in_memory(&path);
            (store(connection, path, Some(why.clone())), Some(why))
        }
    }
}

fn store(connection: Connection, path: PathBuf, problem: Option<String>) -> NetworkStore {
    NetworkStore {
        connection,
        path,
        problem,
    }
}

/// What the file says, in memory: it can be read when it cannot be written.
pub(super) fn in_memory(path: &Path) -> Connection {
    let empty = SMALL.in_memory();
    let all = SMALL.for_reading(path).ok().flatten();
    if let Some(all) = all.and_then(|from| tables::read_all(&from).ok())
        && tables::write_all(&empty, &all).is_err()
    {
        return SMALL.in_memory();
    }
    empty
}

pub(super) fn for_reading(dir: &Path) -> Result<Option<NetworkStore>, String> {
    let path = dir.join(SMALL.file);
    let found = SMALL.for_reading(&path)?;
    Ok(found.map(|connection| store(connection, path, None)))
}
