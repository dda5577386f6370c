//! When the disk fails, the file is damaged, or somebody takes it away: calls go on.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use rusqlite::Connection;
use trunkguard_core::policy::Name;

use super::{BEHIND, Failing, RETRY, Writer};
use crate::{
    disk,
    journal::db::{self, Trouble},
};

impl Writer {
    /// Opens the file and goes on with what it holds.
    pub(super) fn attach(&mut self, now: Instant) -> Result<(), Trouble> {
        let connection = db::open(&self.path)?;
        let take_up = |writer: &mut Self| -> rusqlite::Result<bool> {
            writer.refusals.attach(&connection)?;
            writer.incidents.attach(&connection, disk::unix_ms(), now)?;
            writer.known.attach(&connection)?;
            writer.take_clients(&connection)
        };
        let same = take_up(self).map_err(|e| Trouble::of(&self.path, &e))?;
        self.inode = inode(&self.path);
        self.connection = Some(connection);
        if let Err(e) = self.count_incidents() {
            tracing::warn!(error = %e, "open incidents cannot be counted");
        }
        if same {
            return Ok(());
        }
        // What waits was packed with the row ids of another file.
        self.lose(self.behind.calls());
        self.behind.clear();
        Err(Trouble::Disk(format!(
            "{} was replaced by another history while Trunkguard ran",
            self.path.display()
        )))
    }

    /// Row ids of the clients: those of the file, or, for a new file, those in use. Answers whether
    /// the ids in use still hold.
    fn take_clients(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut there = HashMap::new();
        let mut statement = connection.prepare("SELECT id, name FROM client")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Ok(name) = Name::parse(&row.get::<_, String>(1)?) {
                there.insert(name, row.get(0)?);
            }
        }
        if there.is_empty() {
            self.new_clients = self
                .clients
                .iter()
                .map(|(name, id)| (*id, name.clone()))
                .collect();
            return Ok(true);
        }
        let same = self.clients.is_empty();
        self.clients = there;
        self.new_clients.clear();
        self.index_clients();
        Ok(same)
    }

    /// Gives every announced name its row id.
    pub(super) fn index_clients(&mut self) {
        let names = Arc::clone(&self.names);
        let mut next = self.clients.values().max().map_or(1, |id| id + 1);
        self.index.clear();
        for name in names.iter() {
            let id = self.clients.get(name).copied().unwrap_or_else(|| {
                self.clients.insert(name.clone(), next);
                self.new_clients.push((next, name.clone()));
                next += 1;
                next - 1
            });
            self.index.push(id);
        }
    }

    /// Does what helps against this trouble.
    pub(super) fn trouble(&mut self, trouble: &Trouble, now: Instant) {
        match trouble {
            Trouble::Damaged(..) => drop(self.start_anew(trouble, now)),
            Trouble::Disk(why) => self.fail(now, why),
        }
    }

    /// Moves a damaged file aside and begins another one. Answers what its owner should know.
    pub(super) fn start_anew(&mut self, trouble: &Trouble, now: Instant) -> String {
        self.connection = None;
        let told = match disk::move_aside(&self.path) {
            Ok(aside) => format!(
                "{trouble}; it is kept as {} and a new history was begun",
                aside.display()
            ),
            Err(e) => {
                let why = format!(
                    "{trouble} and cannot be moved aside ({e}); make its directory writable for Trunkguard"
                );
                self.fail(now, &why);
                return why;
            }
        };
        tracing::error!("{told}");
        self.raise("history-damaged", &told, now);
        if let Err(again) = self.attach(now) {
            self.fail(now, &again.to_string());
        }
        told
    }

    /// Notes that the disk takes nothing, once, and when to try again.
    pub(super) fn fail(&mut self, now: Instant, why: &str) {
        self.shared.failing.store(true, Relaxed);
        let failing = self.failing.get_or_insert_with(|| {
            tracing::error!("calls are not recorded: {why}");
            Failing {
                since_ms: disk::unix_ms(),
                retry: now,
                failed: 0,
                lost: 0,
                why: why.into(),
            }
        });
        failing.retry = now + RETRY;
    }

    /// Counts calls without a ticket that will not be recorded.
    pub(super) fn lose(&mut self, calls: u64) {
        self.shared.lost.fetch_add(calls, Relaxed);
        if let Some(failing) = &mut self.failing {
            failing.lost += calls;
        }
    }

    /// The disk takes what it is given: if it did not before, its owner hears of it.
    pub(super) fn recovered(&mut self, now: Instant) {
        let Some(Failing {
            since_ms,
            failed,
            lost,
            why,
            ..
        }) = self.failing.take()
        else {
            return;
        };
        self.shared.failing.store(false, Relaxed);
        let seconds = (disk::unix_ms() - since_ms).max(0) / 1_000;
        let told = format!(
            "for {seconds} s the history could not be written; {failed} approvals and {lost} other calls are not in it: {why}"
        );
        tracing::warn!("{told}");
        self.raise("history-failed", &told, now);
    }

    /// A file that was removed or replaced would take calls and keep none.
    pub(super) fn look_for_file(&mut self, now: Instant) {
        if self.connection.is_none() || inode(&self.path) == self.inode {
            return;
        }
        self.connection = None;
        let told = format!(
            "{} was taken away while Trunkguard ran; a new history was begun",
            self.path.display()
        );
        tracing::error!("{told}");
        self.raise("history-removed", &told, now);
        self.behind_due = Some(now + BEHIND);
    }
}

/// 0 where there is no file.
fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.ino())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        journal::{Entry, Options, Outcome, writer::Shared},
        sample,
    };

    #[test]
    fn a_disk_that_fails_is_tried_now_and_then_and_not_all_the_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let settled = move |tickets: &[u64], outcome| {
            teller.lock().unwrap().push((tickets.to_vec(), outcome))
        };
        // A file where the directory should be.
        let (mut writer, recovered) = Writer::open(
            &file.path().join("state"),
            Options::default(),
            Arc::new(Shared::default()),
            Box::new(settled),
        );
        assert!(
            recovered
                .problem
                .unwrap()
                .contains("writable for Trunkguard")
        );

        let mut now = Instant::now();
        let entry = |record, ticket| Entry { record, ticket };
        writer.call(
            &entry(sample::refused(0, 1, "101", "+18095550100"), None),
            now,
        );
        writer.call(
            &entry(sample::approved(0, 1, "102", "+18095550100"), None),
            now,
        );
        writer.call(
            &entry(sample::approved(0, 1, "103", "+18095550100"), Some(7)),
            now,
        );
        assert!(!writer.commit(false, now));
        assert_eq!(*told.lock().unwrap(), [(vec![7], Outcome::Failed)]);
        let mut looks = 0;
        let end = now + Duration::from_secs(60);
        while now < end {
            let due = writer.due();
            assert!(due > now, "due again at once");
            now = due;
            writer.tick(now);
            looks += 1;
        }
        assert!((5..=60).contains(&looks), "{looks} looks in a minute");
    }
}
