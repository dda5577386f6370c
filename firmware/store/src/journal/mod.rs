//! The history of calls: one thread owns `history.v1.db`; everybody else hands it messages.
//!
//! A call whose answer waits for the disk carries a ticket. All tickets that are queued when the
//! writer looks are committed together, with one fsync, and then handed back. What carries no
//! ticket is written at most a second later.

pub(crate) mod db;
mod incidents;
mod keyed;
mod known;
pub(crate) mod packed;
mod queue;
mod refusals;
mod retention;
mod rows;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::Path,
    sync::{Arc, mpsc::sync_channel},
    thread::JoinHandle,
};

use trunkguard_core::{
    policy::{CountryCode, Name},
    record::Record,
    transaction::Ticket,
    unseen::is_unseen,
};

use queue::{Item, Queue};

/// Calls that may wait in the queue unless [`Options`] say otherwise.
pub const CAPACITY: usize = 8_192;

/// How much is kept, and how much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Days after which a call is forgotten; `settings.history_days`.
    pub history_days: u16,
    /// Octets that the file may have; the oldest calls are forgotten beyond.
    pub max_bytes: u64,
    /// Calls that may wait in the queue. As many again may be in the writer's hands.
    pub capacity: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            history_days: 90,
            max_bytes: 512 << 20,
            capacity: CAPACITY,
        }
    }
}

/// One decided call on its way to the disk.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call.
    pub record: Record,
    /// Its answer waits until this is handed back.
    pub ticket: Option<Ticket>,
}

/// What became of tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The calls are on disk.
    Stored,
    /// They are not, and will not be: the disk is full, read-only or broken. The shell decides what
    /// to answer; if it wants the call in the history later, it pushes it again without a ticket.
    Failed,
}

/// What an earlier run left, for the core to go on from.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Countries that each client has called.
    pub countries: Vec<(String, CountryCode)>,
    /// Phones that callers have called from.
    pub phones: Vec<KnownPhone>,
    /// Why there is less than there was, or no history at all: one sentence for the owner.
    pub problem: Option<String>,
}

/// A phone that a caller has called from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPhone {
    /// Name of the client.
    pub client: String,
    /// The extension.
    pub caller: String,
    /// The phone's address.
    pub address: std::net::IpAddr,
    /// The phone's User-Agent, or empty.
    pub agent: String,
}

/// What the journal has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls on disk.
    pub stored: u64,
    /// Calls with a ticket that could not be stored.
    pub failed: u64,
    /// Calls without a ticket that were lost.
    pub lost: u64,
    /// Commits, each with one fsync.
    pub commits: u64,
    /// Incidents that nobody has acknowledged.
    pub open_incidents: u64,
    /// The disk takes nothing at the moment.
    pub failing: bool,
}

/// The handle of the history's writer. Dropping it writes what is queued and ends the thread.
pub struct Journal {
    queue: Arc<Queue>,
    figures: Arc<writer::Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the history in the state directory and starts its writer.
    ///
    /// `settled` is called on the writer's thread with the tickets of each commit; it must not block.
    /// A history that cannot be used is moved aside, and a directory that cannot be written to makes
    /// every ticket [`Outcome::Failed`] until it can: [`Recovered::problem`] says so.
    ///
    /// # Errors
    /// Only when the thread cannot be started.
    pub fn open(
        dir: &Path,
        options: Options,
        settled: impl FnMut(&[Ticket], Outcome) + Send + 'static,
    ) -> std::io::Result<(Journal, Recovered)> {
        let queue = Arc::new(Queue::new(options.capacity));
        let figures = Arc::new(writer::Shared::default());
        let (mut writer, recovered) =
            writer::Writer::open(dir, options, Arc::clone(&figures), Box::new(settled));
        let thread = {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name("journal".into())
                .spawn(move || {
                    let _closes = CloseOnDrop(&queue);
                    writer.run(&queue);
                })?
        };
        Ok((
            Journal {
                queue,
                figures,
                thread: Some(thread),
            },
            recovered,
        ))
    }

    /// Hands decided calls over, without waiting and without allocating. What finds no room stays in
    /// `batch`, in order; the caller answers for it (no answer leaves, or it is counted as lost).
    pub fn push(&self, batch: &mut Vec<Entry>) {
        self.queue.push(batch);
    }

    /// Says what clients the records from here on mean: names in the order of the policy.
    /// Answers whether there was room; there is unless 64 messages wait.
    pub fn announce(&self, clients: Arc<[Name]>) -> bool {
        self.queue.send(Item::Names(clients))
    }

    /// Raises an incident that is not a call (`journal-full`, `policy-restored` …), or adds one to it
    /// if it is open. Answers whether there was room.
    pub fn raise(&self, kind: &str, text: &str) -> bool {
        self.queue.send(Item::Raise {
            kind: cut(kind, 32),
            text: cut(text, 400),
        })
    }

    /// Marks an incident, or all of them, as seen.
    pub fn acknowledge(&self, incident: Option<i64>) -> bool {
        self.queue.send(Item::Acknowledge(incident))
    }

    /// Changes how much is kept. `capacity` stays what it was.
    pub fn set_options(&self, options: Options) -> bool {
        self.queue.send(Item::Options(options))
    }

    /// Waits until everything pushed so far is on disk, refusals and incidents too. For the end of
    /// the process, for `status`, and for tests; not for the thread that answers calls.
    /// Answers whether it is.
    pub fn flush(&self) -> bool {
        let (done, wait) = sync_channel(1);
        self.queue.send(Item::Flush(done)) && wait.recv().unwrap_or(false)
    }

    /// What has been done so far.
    pub fn figures(&self) -> Figures {
        self.figures.read()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

/// A writer that has ended must not leave a queue that takes calls for ever.
struct CloseOnDrop<'a>(&'a Queue);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|c| !is_unseen(*c)).take(most).collect()
}
