//! What a restore replaces, kept beside until everything is replaced: the way back where a step is refused, and where the power
//! goes in the middle (docs/decisions/restore-undo.md).
//!
//! `restore.new` is being made and means nothing. `restore.undo` is whole: whoever finds it, and nobody at work on it, takes
//! everything back. `restore.done` is a restore that stands, and is cleared away. Each of the three becomes the next by one
//! rename.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use trunkguard_store::{
    backup::{Backup, keep_history_aside, take_history_back},
    page_store::PageStore,
};

use super::{Wanted, What, make, restore};
use crate::{page::certificate, policy, tls};

const NEW: &str = "restore.new";
const UNDO: &str = "restore.undo";
const DONE: &str = "restore.done";

/// In it: what is replaced.
const WHAT: &str = "what.json";
/// In it: policy, decisions and accounts of before.
const BEFORE: &str = "before";
/// Files that are kept as they are; one that is missing was not there.
const FILES: [(&str, u32); 4] = [
    (certificate::PAIR, 0o600),
    (certificate::NAMES, 0o600),
    ("sips.key", 0o600),
    ("sips.crt", 0o644),
];

/// A restore under way. Held by a lock on its folder.
pub struct Undo {
    state: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    what: What,
    /// There was a history.
    history: bool,
}

impl Undo {
    /// Keeps everything that is to be replaced. From here on it is taken back, unless [`Undo::stands`].
    ///
    /// # Errors
    /// When another restore is under way, or the disk takes nothing.
    pub fn begin(state: &Path, what: What) -> anyhow::Result<Undo> {
        mend(state)?;
        let new = state.join(NEW);
        let made = DirBuilder::new().mode(0o700).create(&new);
        if [UNDO, NEW].iter().any(|name| is_held(&state.join(name))) {
            bail!("another restore is under way; wait for it");
        }
        made.with_context(|| format!("{}: cannot be written", new.display()))?;
        let lock = File::open(&new)?;
        lock.try_lock()?;
        if let Err(problem) = keep(state, &new, what) {
            let _ = fs::remove_dir_all(&new);
            return Err(problem);
        }
        lock.sync_all()?;
        fs::rename(&new, state.join(UNDO))?;
        sync(state)?;
        Ok(Undo {
            state: state.to_owned(),
            _lock: lock,
        })
    }

    /// Where the history of before goes.
    pub fn folder(&self) -> PathBuf {
        self.state.join(UNDO)
    }

    /// Everything is replaced: from here on it stays so.
    ///
    /// # Errors
    /// When that cannot be written down: then it is taken back.
    pub fn stands(self) -> anyhow::Result<()> {
        // What was renamed before this is on disk before it.
        sync(&self.state)?;
        fs::rename(self.folder(), self.state.join(DONE))?;
        sync(&self.state)?;
        if let Err(problem) = clear(&self.state) {
            warn!("{problem:#}; it is tried again at the next start");
        }
        Ok(())
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// What cannot be; it is tried again when the box starts, or somebody changes it.
    pub fn back(self) -> anyhow::Result<()> {
        take_back(&self.state)
    }
}

fn keep(state: &Path, folder: &Path, what: What) -> anyhow::Result<()> {
    let kept = Kept {
        what,
        history: state.join("history.v1.db").exists(),
    };
    let before = make(state, Wanted::default())?;
    tls::write(&folder.join(WHAT), &serde_json::to_vec(&kept)?, 0o600)?;
    tls::write(&folder.join(BEFORE), &before.plain()?, 0o600)?;
    for (name, _) in FILES {
        if let Some(octets) = read(&state.join(name))? {
            tls::write(&folder.join(name), &octets, 0o600)?;
        }
    }
    Ok(())
}

/// Takes back what a restore has left that did not come to its end, and clears away what is left of others. Does nothing where
/// somebody is at work on it, and nothing at all as a rule.
///
/// # Errors
/// What cannot be taken back; it stays for the next time.
pub fn mend(state: &Path) -> anyhow::Result<()> {
    if let Some(_lock) = held_now(&state.join(UNDO))? {
        take_back(state)?;
        info!("a restore that did not come to its end was taken back");
    }
    if let Some(_lock) = held_now(&state.join(NEW))? {
        fs::remove_dir_all(state.join(NEW))?;
    }
    if let Some(_lock) = held_now(&state.join(DONE))? {
        clear(state)?;
    }
    Ok(())
}

/// Looks every few seconds whether there is something to [`mend`]: what a restore leaves that was killed beside the daemon.
pub async fn watch(state: &Path) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        let is_left = |name: &&str| state.join(name).exists();
        if ![UNDO, NEW, DONE].iter().any(is_left) {
            continue;
        }
        // It asks the daemon itself, and waits for its answer.
        let folder = state.to_owned();
        match tokio::task::spawn_blocking(move || mend(&folder)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => warn!("a restore cannot be taken back: {problem:#}"),
            Err(problem) => warn!(%problem, "a restore was not looked after"),
        }
    }
}

fn take_back(state: &Path) -> anyhow::Result<()> {
    let folder = state.join(UNDO);
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))
    };
    let kept: Kept = serde_json::from_slice(&read(WHAT)?)?;
    let before = Backup::of_plain(&read(BEFORE)?)?;
    if kept.what.history {
        take_history_back(state, &folder, kept.history)?;
    }
    if kept.what.accounts {
        let (mut page, _) = PageStore::open(state)?;
        page.replace_accounts(&before.accounts)?;
    }
    if kept.what.certificates {
        for (name, mode) in FILES {
            put_file(&state.join(name), &folder.join(name), mode)?;
        }
    }
    if kept.what.pops {
        restore::decisions(state, &before.pops)?;
    }
    if kept.what.policy {
        policy::put_in_force(state, None, &before.policy)?;
    }
    sync(state)?;
    // By one rename: half a folder would be no way back.
    let _ = fs::remove_dir_all(state.join(NEW));
    fs::rename(&folder, state.join(NEW))?;
    Ok(fs::remove_dir_all(state.join(NEW))?)
}

fn put_file(path: &Path, kept: &Path, mode: u32) -> anyhow::Result<()> {
    match read(kept)? {
        Some(octets) => tls::write(path, &octets, mode),
        None => match fs::remove_file(path) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                Err(problem).with_context(|| format!("{}: cannot be removed", path.display()))
            }
            _ => Ok(()),
        },
    }
}

fn clear(state: &Path) -> anyhow::Result<()> {
    let folder = state.join(DONE);
    keep_history_aside(state, &folder)?;
    Ok(fs::remove_dir_all(folder)?)
}

/// A file; `None` where there is none.
fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(octets) => Ok(Some(octets)),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(problem).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

/// The lock on a folder; `None` where there is none, or somebody else holds it.
fn held_now(folder: &Path) -> anyhow::Result<Option<File>> {
    let lock = match File::open(folder) {
        Ok(lock) => lock,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    // Who held it may have been done with it meanwhile.
    let is_there = fs::metadata(folder)
        .is_ok_and(|there| lock.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
    Ok(is_there.then_some(lock))
}

fn is_held(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|lock| lock.try_lock().is_err())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
