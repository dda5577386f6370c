//! Opening `alerts.v1.db`, whatever state it is in.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Outbox, tables};
use crate::small::Small;

pub(super) const SMALL: Small = Small {
    file: "alerts.v1.db",
    // "TGa1".
    application: 0x5447_6131,
    schema: &[tables::SCHEMA],
    cache_kib: 512,
    // Messages may be many, and a row that cannot be read is met when it is sent.
    look: |_| Ok(()),
    lost: "alerts that waited in it are lost",
};

pub(super) fn open(dir: &Path) -> (Outbox, Option<String>) {
    let path = dir.join(SMALL.file);
    match SMALL.open(&path) {
        Ok((connection, said)) => (outbox(connection, path, None), said),
        Err(why) => {
            let why = format!("{why}; until then alerts that wait are kept in memory only");
            (
                outbox(SMALL.in_memory(), path, Some(why.clone())),
                Some(why),
            )
        }
    }
}

fn outbox(connection: Connection, path: PathBuf, problem: Option<String>) -> Outbox {
    Outbox {
        connection,
        path,
        problem,
    }
}

pub(super) fn for_reading(dir: &Path) -> Result<Option<Outbox>, String> {
    let path = dir.join(SMALL.file);
    let found = SMALL.for_reading(&path)?;
    Ok(found.map(|connection| outbox(connection, path, None)))
}
