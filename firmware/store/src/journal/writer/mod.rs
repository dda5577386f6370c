//! The thread that owns the history: takes what is queued, commits it, and says so.

mod failure;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use trunkguard_core::{policy::Name, transaction::Ticket};

use super::{
    Entry, Figures, Options, Outcome, Recovered,
    db::{self, Trouble},
    incidents::{self, Event, Incidents},
    known::{self, Known},
    queue::{Item, Queue, Taken},
    refusals::Refusals,
    retention::Retention,
    rows::Rows,
};
use crate::disk;

/// Tickets in one commit: more would make the first of them wait for the last.
const TICKETS: usize = 1_024;
/// What has no ticket is on disk so much later, with the nap of the queue within a second.
const BEHIND: Duration = Duration::from_millis(500);
/// After a commit that others waited for, the next one waits for those who were just answered: for this
/// part of what a commit takes, and never longer than this.
const GATHER: (u32, Duration) = (4, Duration::from_millis(5));
/// Octets without a ticket that make a commit of their own.
const BEHIND_OCTETS: usize = 512 << 10;
/// Octets that are kept while the disk fails: little enough to fit when a little room is made.
const KEPT_OCTETS: usize = 64 << 10;
/// Counts of refusals and incidents are on disk so much later.
const COUNTS: Duration = Duration::from_secs(10);
/// A failing disk is tried again so much later when nobody asks.
const RETRY: Duration = Duration::from_secs(2);
/// Calls of a client that no policy announced (row id 0 is no client's).
const NOBODY: u32 = 0;

pub(super) type Settled = Box<dyn FnMut(&[Ticket], Outcome) + Send>;

/// Figures that other threads read.
#[derive(Default)]
pub(super) struct Shared {
    stored: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
    commits: AtomicU64,
    open_incidents: AtomicU64,
    failing: AtomicBool,
}

impl Shared {
    pub fn read(&self) -> Figures {
        Figures {
            stored: self.stored.load(Relaxed),
            failed: self.failed.load(Relaxed),
            lost: self.lost.load(Relaxed),
            commits: self.commits.load(Relaxed),
            open_incidents: self.open_incidents.load(Relaxed),
            failing: self.failing.load(Relaxed),
        }
    }
}

pub(super) struct Writer {
    path: PathBuf,
    options: Options,
    shared: Arc<Shared>,
    settled: Settled,

    /// `None` while the file cannot be opened.
    connection: Option<Connection>,
    inode: u64,
    failing: Option<Failing>,

    names: Arc<[Name]>,
    clients: HashMap<Name, u32>,
    /// Row ids of `names`.
    index: Vec<u32>,
    new_clients: Vec<(u32, Name)>,

    /// Calls with a ticket, and their tickets.
    sure: Rows,
    tickets: Vec<Ticket>,
    /// Tickets in the last commit, and how long it took.
    answered: usize,
    took: Duration,
    /// Calls without.
    behind: Rows,
    behind_due: Option<Instant>,
    refusals: Refusals,
    incidents: Incidents,
    known: Known,
    counts_due: Option<Instant>,
    retention: Retention,
}

/// A disk that takes nothing.
struct Failing {
    since_ms: i64,
    retry: Instant,
    failed: u64,
    lost: u64,
    why: String,
}

impl Writer {
    pub fn open(
        dir: &Path,
        options: Options,
        shared: Arc<Shared>,
        settled: Settled,
    ) -> (Writer, Recovered) {
        let now = Instant::now();
        let mut writer = Writer {
            path: dir.join(db::FILE),
            options,
            shared,
            settled,
            connection: None,
            inode: 0,
            failing: None,
            names: Arc::new([]),
            clients: HashMap::new(),
            index: Vec::new(),
            new_clients: Vec::new(),
            sure: Rows::default(),
            tickets: Vec::with_capacity(TICKETS),
            answered: 0,
            took: Duration::ZERO,
            behind: Rows::default(),
            behind_due: None,
            refusals: Refusals::default(),
            incidents: Incidents::default(),
            known: Known::default(),
            counts_due: None,
            retention: Retention::new(disk::unix_ms(), now),
        };
        let problem = writer.attach(now).err().map(|trouble| match trouble {
            Trouble::Damaged(..) => writer.start_anew(&trouble, now),
            Trouble::Disk(why) => {
                writer.fail(now, &why);
                format!("the history is not written: {why}")
            }
        });
        let mut recovered = Recovered {
            problem,
            ..Recovered::default()
        };
        if let Some(connection) = &writer.connection
            && let Err(e) = known::recover(connection, &mut recovered)
        {
            tracing::warn!(error = %e, "what earlier calls taught cannot be read; first calls count as first again");
        }
        (writer, recovered)
    }

    /// Works until the queue is closed and empty.
    pub fn run(&mut self, queue: &Queue) {
        let mut items = queue.buffer();
        loop {
            self.gather(queue);
            let taken = queue.take(&mut items, self.due());
            let now = Instant::now();
            for item in &items {
                self.item(item, now);
            }
            items.clear();
            if !self.tickets.is_empty() || self.behind.octets() >= BEHIND_OCTETS {
                self.answered = self.tickets.len();
                self.commit(false, now);
                self.took = now.elapsed();
            }
            if taken == Taken::Closed {
                break;
            }
            self.tick(Instant::now());
        }
        self.commit(true, Instant::now());
    }

    /// Under load, calls that come while a commit waits for the disk go into the next one, and those
    /// that it answers come again at once. Without this the two would take turns for ever, and each
    /// call would wait for two commits (docs/decisions/one-writer.md). Nobody waits who is alone.
    fn gather(&mut self, queue: &Queue) {
        let answered = std::mem::take(&mut self.answered);
        let waiting = if answered > 0 { queue.calls() } else { 0 };
        if waiting > 0 {
            let patience = (self.took / GATHER.0).min(GATHER.1);
            queue.gather((waiting + answered).min(TICKETS), Instant::now() + patience);
        }
    }

    fn due(&self) -> Instant {
        let retry = self.failing.as_ref().map(|f| f.retry);
        let due = [self.behind_due, self.counts_due, retry]
            .into_iter()
            .flatten()
            .min();
        due.map_or(self.retention.due, |due| due.min(self.retention.due))
    }

    fn tick(&mut self, now: Instant) {
        let counts = self.counts_due.is_some_and(|due| due <= now);
        let retry = self.failing.as_ref().is_some_and(|f| f.retry <= now);
        if counts {
            self.look_for_file(now);
        }
        if counts || retry || self.behind_due.is_some_and(|due| due <= now) {
            self.commit(counts, now);
        }
        if self.retention.due <= now {
            self.retain(now);
        }
    }

    fn item(&mut self, item: &Item, now: Instant) {
        match item {
            Item::Call(entry) => self.call(entry, now),
            Item::Names(names) => {
                self.names = Arc::clone(names);
                self.index_clients();
                self.behind_due.get_or_insert(now + BEHIND);
            }
            Item::Raise { kind, text } => self.raise(kind, text, now),
            Item::Acknowledge(id) => self.acknowledge(*id, now),
            Item::Options(options) => {
                self.options = *options;
                self.retention.due = now;
            }
            Item::Flush(done) => {
                self.look_for_file(now);
                // Who asked may have gone.
                let _ = done.try_send(self.commit(true, now));
            }
        }
    }

    fn call(&mut self, entry: &Entry, now: Instant) {
        let Entry { record, ticket } = entry;
        let client = self
            .index
            .get(usize::from(record.client))
            .copied()
            .unwrap_or(NOBODY);
        self.incidents.add_call(client, record, now);
        self.counts_due.get_or_insert(now + COUNTS);
        if self.incidents.is_fresh() {
            self.behind_due.get_or_insert(now + BEHIND);
        }
        if !record.verdict.approved {
            self.refusals.add(client, record);
        } else if let Some(ticket) = ticket {
            self.sure.add(client, record);
            self.known.learn(client, record);
            self.tickets.push(*ticket);
            if self.tickets.len() == TICKETS {
                self.commit(false, now);
            }
        } else if self.connection.is_none()
            || (self.failing.is_some() && self.behind.octets() >= KEPT_OCTETS)
        {
            self.lose(1);
        } else {
            self.behind.add(client, record);
            self.known.learn(client, record);
            self.behind_due.get_or_insert(now + BEHIND);
        }
    }

    fn raise(&mut self, kind: &str, text: &str, now: Instant) {
        let event = Event {
            kind,
            client: NOBODY,
            caller: "",
            text,
            at_ms: disk::unix_ms(),
        };
        self.incidents.add(&event, now);
        self.behind_due.get_or_insert(now + BEHIND);
    }

    fn acknowledge(&mut self, id: Option<i64>, now: Instant) {
        // What is to be acknowledged must be there first.
        self.commit(true, now);
        let Some(connection) = &self.connection else {
            return;
        };
        let done = self
            .incidents
            .acknowledge(connection, id, disk::unix_ms(), now);
        if let Err(e) = done.and_then(|()| self.count_incidents()) {
            self.trouble(&Trouble::of(&self.path, &e), now);
        }
    }

    /// Writes what waits; with `counts`, also what is only counted. Settles the tickets. Answers
    /// whether all of it is on disk.
    fn commit(&mut self, counts: bool, now: Instant) -> bool {
        let mut written = self.write(counts, now);
        if let Err(trouble @ Trouble::Damaged(..)) = &written {
            self.start_anew(trouble, now);
            written = self.write(counts, now);
        }
        match written {
            Ok(()) => {
                self.behind_due = None;
                self.settle(Outcome::Stored);
                true
            }
            Err(trouble) => {
                self.trouble(&trouble, now);
                if self.behind.octets() > KEPT_OCTETS {
                    self.lose(self.behind.calls());
                    self.behind.clear();
                }
                // Later, and not at once again: a disk that fails is no reason to spin.
                self.behind_due = None;
                if counts {
                    self.counts_due = Some(now + COUNTS);
                }
                self.settle(Outcome::Failed);
                false
            }
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.sure.clear();
        if self.tickets.is_empty() {
            return;
        }
        if outcome == Outcome::Failed {
            self.shared
                .failed
                .fetch_add(self.tickets.len() as u64, Relaxed);
            if let Some(failing) = &mut self.failing {
                failing.failed += self.tickets.len() as u64;
            }
        }
        (self.settled)(&self.tickets, outcome);
        self.tickets.clear();
    }

    fn write(&mut self, counts: bool, now: Instant) -> Result<(), Trouble> {
        if self.connection.is_none() {
            self.attach(now)?;
        }
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let fresh = self.incidents.is_fresh() || (counts && self.incidents.is_dirty());
        let refusals = counts && self.refusals.is_dirty();
        let known = self.known.is_dirty();
        let calls = self.sure.calls() + self.behind.calls();
        if calls == 0
            && !fresh
            && !refusals
            && !known
            && self.new_clients.is_empty()
            && self.failing.is_none()
        {
            self.counts_due = if counts { None } else { self.counts_due };
            return Ok(());
        }
        let wrong = |e: rusqlite::Error| Trouble::of(&self.path, &e);
        let tx = connection.unchecked_transaction().map_err(wrong)?;
        let mut insert = || -> rusqlite::Result<()> {
            for (id, name) in &self.new_clients {
                tx.prepare_cached("INSERT INTO client (id, name) VALUES (?1, ?2)")?
                    .execute((id, name.as_str()))?;
            }
            if self.failing.is_some() {
                // A commit that writes nothing would prove nothing.
                tx.pragma_update(None, "user_version", db::VERSION)?;
            }
            self.behind.write(&tx)?;
            self.sure.write(&tx)?;
            if refusals {
                self.refusals.write(&tx)?;
            }
            if fresh {
                self.incidents.write(&tx)?;
            }
            if known {
                self.known.write(&tx)?;
            }
            Ok(())
        };
        insert().map_err(wrong)?;
        tx.commit().map_err(wrong)?;

        self.shared.stored.fetch_add(calls, Relaxed);
        self.shared.commits.fetch_add(1, Relaxed);
        self.new_clients.clear();
        self.behind.clear();
        if refusals {
            self.refusals.written();
        }
        // The calls are on disk whatever the next statements meet; damage will show again.
        let mut after = if known {
            self.known.written(connection)
        } else {
            Ok(())
        };
        if fresh {
            self.incidents.written(now);
            after = after.and_then(|()| self.count_incidents());
        }
        if let Err(e) = after {
            tracing::warn!(error = %e, "the history cannot be read back");
        }
        if counts {
            self.counts_due = None;
        }
        self.recovered(now);
        Ok(())
    }

    fn count_incidents(&self) -> rusqlite::Result<()> {
        if let Some(connection) = &self.connection {
            self.shared
                .open_incidents
                .store(incidents::open(connection)?, Relaxed);
        }
        Ok(())
    }

    fn retain(&mut self, now: Instant) {
        self.retention.due = now + COUNTS;
        let Some(connection) = &self.connection else {
            return;
        };
        if let Err(e) = self
            .retention
            .step(connection, &self.options, disk::unix_ms(), now)
        {
            self.trouble(&Trouble::of(&self.path, &e), now);
        }
    }
}
