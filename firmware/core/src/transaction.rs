//! INVITE server transactions (RFC 3261 17.2.1): each is decided once, and what was answered is
//! known for 32 s. Fixed memory; the oldest gives way when more than [`CAPACITY`] are alive.

use alloc::boxed::Box;

use crate::verdict::Answer;

/// Transactions kept: 500 calls a second for the whole 32 s, many times what an office makes, in
/// memory that stays in the processor's cache.
pub const CAPACITY: usize = 16_384;
/// Timer H: 64 times T1.
pub const LIFETIME_MS: u64 = 32_000;

/// Names a transaction for as long as it lives.
pub type Ticket = u64;

#[derive(Clone, Copy)]
struct Transaction {
    key: u128,
    merge: u128,
    at_ms: u64,
    answer: Answer,
    pending: bool,
}

/// A transaction in a chain of [`Transactions`]: the low half of its ticket, and a mark from its key
/// that tells it from nearly all others without a look at the transaction itself.
#[derive(Clone, Copy, Default)]
struct Link {
    ticket: u16,
    mark: u16,
}

/// Chains by key, and by merge key.
const BY_KEY: usize = 0;
const BY_MERGE: usize = 1;

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Decided before: the same answer again.
    Answered(Answer),
    /// Decided before, and its answer has not left.
    Pending,
    /// The same call by another way (RFC 3261 8.2.2.2).
    Merged,
    /// Never seen.
    New,
}

/// The table of transactions: a ring, in the order of their tickets, and chains through it by hash.
///
/// A chain begins with its newest transaction, and each names the one before. As the oldest of all is
/// always the next to go, nothing is ever taken out of a chain: it ends at the first ticket that is no
/// longer alive. To forget a transaction touches no memory at all, and to find that one is new touches
/// only the chains, which stay in the processor's nearer caches.
pub struct Transactions {
    ring: Box<[Transaction]>,
    /// Number of the oldest and of the next; `next - oldest` are alive.
    oldest: u64,
    next: u64,
    /// The newest of each chain.
    newest: Box<[[Link; 2]]>,
    /// Beside the ring: the one before it in its two chains.
    before: Box<[[Link; 2]]>,
    evicted: u64,
}

impl Default for Transactions {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Transactions {
    /// All memory is taken now. `capacity` is a power of two.
    pub fn with_capacity(capacity: usize) -> Self {
        let none = Transaction {
            key: 0,
            merge: 0,
            at_ms: 0,
            answer: Answer::Status(0),
            pending: false,
        };
        // Half as many as a link can tell apart, so that a dead one is taken for a live one only late,
        // and then found out by its key.
        let capacity = capacity.next_power_of_two().min(1 << 15);
        Transactions {
            ring: alloc::vec![none; capacity].into(),
            // Ticket 0 is dead from the start: a link to it is the end of a chain.
            oldest: 1,
            next: 1,
            newest: alloc::vec![[Link::default(); 2]; capacity].into(),
            before: alloc::vec![[Link::default(); 2]; capacity].into(),
            evicted: 0,
        }
    }

    fn place(&self, ticket: Ticket) -> usize {
        ticket as usize & (self.ring.len() - 1)
    }

    /// Where the chains of a key begin, and its mark in them.
    fn chain_of(&self, key: u128) -> (usize, u16) {
        // The shell's keys are keyed hashes: any of their bits will do.
        (key as usize & (self.newest.len() - 1), (key >> 64) as u16)
    }

    /// The newest transaction in a chain that is the wanted one.
    fn search(
        &self,
        chain: usize,
        key: u128,
        is: impl Fn(&Transaction) -> bool,
    ) -> Option<&Transaction> {
        let alive = (self.next - self.oldest) as u16;
        let (bucket, mark) = self.chain_of(key);
        let mut link = self.newest[bucket][chain];
        let mut age = 0;
        loop {
            // Ages grow along a chain; a link that was overtaken by the count of tickets ends it too.
            let older = (self.next as u16).wrapping_sub(link.ticket);
            if older <= age || older > alive {
                return None;
            }
            let place = self.place(link.ticket.into());
            if link.mark == mark && is(&self.ring[place]) {
                return Some(&self.ring[place]);
            }
            (age, link) = (older, self.before[place][chain]);
        }
    }

    /// What is known of this request.
    pub fn find(&self, key: u128, merge: u128) -> Known {
        match self.search(BY_KEY, key, |t| t.key == key) {
            Some(t) if t.pending => return Known::Pending,
            Some(t) => return Known::Answered(t.answer),
            None => {}
        }
        match self.search(BY_MERGE, merge, |t| t.merge == merge) {
            Some(_) => Known::Merged,
            None => Known::New,
        }
    }

    /// Is there such a transaction?
    pub fn contains(&self, key: u128) -> bool {
        self.search(BY_KEY, key, |t| t.key == key).is_some()
    }

    /// Keeps a new transaction. The caller has asked [`Transactions::find`] first.
    pub fn insert(
        &mut self,
        now_ms: u64,
        key: u128,
        merge: u128,
        answer: Answer,
        pending: bool,
    ) -> Ticket {
        self.expire(now_ms);
        if self.next - self.oldest == self.ring.len() as u64 {
            self.evicted += 1;
            self.oldest += 1;
        }
        let ticket = self.next;
        let place = self.place(ticket);
        for (chain, key) in [(BY_KEY, key), (BY_MERGE, merge)] {
            let (bucket, mark) = self.chain_of(key);
            let link = Link {
                ticket: ticket as u16,
                mark,
            };
            self.before[place][chain] = core::mem::replace(&mut self.newest[bucket][chain], link);
        }
        self.ring[place] = Transaction {
            key,
            merge,
            at_ms: now_ms,
            answer,
            pending,
        };
        self.next += 1;
        ticket
    }

    /// The answer may leave now; or leaves as another one. `None` when the transaction is gone.
    pub fn settle(&mut self, ticket: Ticket, answer: Option<Answer>) -> Option<Answer> {
        if !(self.oldest..self.next).contains(&ticket) {
            return None;
        }
        let place = self.place(ticket);
        let t = &mut self.ring[place];
        t.pending = false;
        t.answer = answer.unwrap_or(t.answer);
        Some(t.answer)
    }

    /// Forgets what is older than 32 s.
    pub fn expire(&mut self, now_ms: u64) {
        while self.oldest < self.next
            && now_ms.saturating_sub(self.ring[self.place(self.oldest)].at_ms) >= LIFETIME_MS
        {
            self.oldest += 1;
        }
    }

    /// Alive now.
    pub fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// None alive?
    pub fn is_empty(&self) -> bool {
        self.next == self.oldest
    }

    /// Forgotten before their 32 s were over, since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Answer = Answer::Redirect(*b"A00");

    #[test]
    fn a_request_is_new_once_and_known_for_32_seconds() {
        let mut all = Transactions::with_capacity(8);
        assert_eq!(all.find(1, 11), Known::New);
        let ticket = all.insert(0, 1, 11, YES, true);
        assert_eq!(all.find(1, 11), Known::Pending);
        assert_eq!(all.settle(ticket, None), Some(YES));
        assert_eq!(all.find(1, 11), Known::Answered(YES));
        assert_eq!(all.find(2, 11), Known::Merged, "same call, other branch");
        all.expire(31_999);
        assert_eq!(all.find(1, 11), Known::Answered(YES));
        all.expire(32_000);
        assert_eq!(all.find(1, 11), Known::New);
        assert_eq!(all.settle(ticket, None), None);
    }

    #[test]
    fn of_more_calls_than_tickets_are_told_apart_only_the_living_are_found() {
        let mut all = Transactions::with_capacity(8);
        let named = |i: u64| u128::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        for i in 1..200_000u64 {
            let key = named(i);
            assert_eq!(all.find(key, !key), Known::New, "{i}");
            all.insert(5, key, !key, YES, false);
            for (ago, known) in [(0, true), (7, true), (8, false), (65_536, false)] {
                let key = named(i.saturating_sub(ago));
                let known = known && i > ago;
                assert_eq!(all.contains(key), known, "{i} less {ago}");
                assert_eq!(all.find(1, !key) == Known::Merged, known, "{i} less {ago}");
            }
        }
    }

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let mut all = Transactions::with_capacity(8);
        for i in 0..100u128 {
            all.insert(5, i, 1_000 + i, YES, false);
        }
        assert_eq!((all.len(), all.evicted()), (8, 92));
        assert_eq!(all.find(91, 0), Known::New);
        assert_eq!(all.find(92, 0), Known::Answered(YES));
        assert!(all.contains(99));
    }
}
