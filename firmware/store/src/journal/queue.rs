//! The queue in front of the writer: bounded, in order, no allocation once it is made.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::SyncSender},
    time::{Duration, Instant},
};

use trunkguard_core::policy::Name;

use super::{Entry, Options};

/// Messages that are not calls (a policy was replaced, an incident to raise) and may wait beside a
/// full queue of calls. One that finds no room is refused.
const ASIDE: usize = 64;

/// Calls without a ticket wake the writer when so many wait.
const WAKE_AT: usize = 1_024;

/// Fewer of them wait so long for more.
const NAP: Duration = Duration::from_millis(250);

/// One message to the writer.
// A slot of a ring that is made once: the size of the largest is the size of all.
#[allow(clippy::large_enum_variant)]
pub(super) enum Item {
    /// A decided call.
    Call(Entry),
    /// The clients' names from here on.
    Names(Arc<[Name]>),
    /// An incident that is not a call.
    Raise { kind: String, text: String },
    /// The owner has seen an incident, or all.
    Acknowledge(Option<i64>),
    /// Settings have changed.
    Options(Options),
    /// Write everything and say so.
    Flush(SyncSender<bool>),
}

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
    wake_at: usize,
}

struct State {
    items: Vec<Item>,
    calls: usize,
    /// Something is there that must not wait.
    urgent: bool,
    sleep: Sleep,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sleep {
    /// The writer works and will look again.
    Awake,
    /// Something is there that may wait: it looks again by itself in a moment.
    Nap,
    /// Nothing is there: it sleeps until something comes, or for as long as it likes.
    Deep,
    /// It waits until so many calls are there.
    Gathering(usize),
}

/// What the writer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Messages, or nothing because the time is up.
    Items,
    /// Nothing more will come.
    Closed,
}

impl Queue {
    pub fn new(capacity: usize) -> Self {
        let items = Vec::with_capacity(capacity + ASIDE);
        let state = State {
            items,
            calls: 0,
            urgent: false,
            sleep: Sleep::Awake,
            closed: false,
        };
        Queue {
            state: Mutex::new(state),
            changed: Condvar::new(),
            capacity,
            wake_at: WAKE_AT.min(capacity.div_ceil(4)),
        }
    }

    /// A second buffer for [`Queue::take`] to swap.
    pub fn buffer(&self) -> Vec<Item> {
        Vec::with_capacity(self.capacity + ASIDE)
    }

    /// Moves calls from the front of `batch` into the queue; those that find no room stay in it.
    pub fn push(&self, batch: &mut Vec<Entry>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let fits = batch.len().min(self.capacity - state.calls);
        state.urgent |= batch[..fits].iter().any(|e| e.ticket.is_some());
        state.calls += fits;
        state.urgent |= state.calls >= self.wake_at;
        state.items.extend(batch.drain(..fits).map(Item::Call));
        self.wake(state);
    }

    /// Queues a message that is not a call. Answers whether there was room.
    pub fn send(&self, item: Item) -> bool {
        let mut state = self.lock();
        if state.closed || state.items.len() - state.calls >= ASIDE {
            return false;
        }
        state.items.push(item);
        state.urgent = true;
        self.wake(state);
        true
    }

    /// One wake-up per batch, and none while the writer is at work or may nap on.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wake = match state.sleep {
            Sleep::Awake => false,
            Sleep::Nap => state.urgent,
            Sleep::Deep => !state.items.is_empty(),
            Sleep::Gathering(calls) => state.calls >= calls,
        };
        if wake {
            state.sleep = Sleep::Awake;
        }
        drop(state);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Calls that are queued now.
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// Waits until so many calls are queued, and at most until `until`.
    pub fn gather(&self, calls: usize, until: Instant) {
        let mut state = self.lock();
        while state.calls < calls && !state.closed {
            let now = Instant::now();
            if until <= now {
                break;
            }
            state.sleep = Sleep::Gathering(calls);
            state = self
                .changed
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.sleep = Sleep::Awake;
    }

    /// Waits until something is queued that must not wait, and at most until `until`; what may wait
    /// waits for [`NAP`]. Then swaps everything that is queued into `items`, which must be empty.
    pub fn take(&self, items: &mut Vec<Item>, until: Instant) -> Taken {
        let mut state = self.lock();
        let mut deadline = until;
        while !state.urgent && !state.closed {
            let now = Instant::now();
            if state.items.is_empty() {
                state.sleep = Sleep::Deep;
            } else if state.sleep != Sleep::Nap {
                state.sleep = Sleep::Nap;
                deadline = until.min(now + NAP);
            }
            if deadline <= now {
                break;
            }
            state = self
                .changed
                .wait_timeout(state, deadline - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.sleep = Sleep::Awake;
        state.urgent = false;
        state.calls = 0;
        std::mem::swap(&mut state.items, items);
        if state.closed && items.is_empty() {
            Taken::Closed
        } else {
            Taken::Items
        }
    }

    /// Lets nothing more in; the writer ends when it has written what is there.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so a poisoned state is a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
