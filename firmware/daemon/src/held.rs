//! Answers that wait until their approval is on disk.

use std::{collections::HashMap, net::SocketAddr};

use trunkguard_core::transaction::Ticket;

/// Answers that can wait at a time. The journal takes about as many in one commit.
pub const PLACES: usize = 2_048;
/// The longest answer that can wait, and the longest 100 Trying.
pub const LONGEST: usize = 1_408;
/// A client that has waited this long hears that its request has arrived (RFC 3261 17.2.1).
const TRYING_AFTER_MS: u64 = 150;

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Back by UDP, from the socket that the request came to.
    Udp(SocketAddr),
    /// Back on the connection with this number.
    Stream(u32),
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What it waits for.
    pub ticket: Ticket,
    /// Where it goes.
    pub route: Route,
    /// Whose answer it is.
    pub transaction: u128,
}

struct Place {
    ticket: Ticket,
    route: Route,
    transaction: u128,
    since_ms: u64,
    tried: bool,
    answer: usize,
    trying: usize,
    bytes: Box<[u8]>,
}

/// Waiting answers, in memory taken once.
pub struct Held {
    places: Box<[Place]>,
    free: Vec<u16>,
    by_ticket: HashMap<Ticket, u16>,
}

impl Default for Held {
    fn default() -> Self {
        let place = || Place {
            ticket: 0,
            route: Route::Stream(0),
            transaction: 0,
            since_ms: 0,
            tried: false,
            answer: 0,
            trying: 0,
            bytes: vec![0; 2 * LONGEST].into(),
        };
        Held {
            places: (0..PLACES).map(|_| place()).collect(),
            free: (0..PLACES as u16).rev().collect(),
            by_ticket: HashMap::with_capacity(PLACES * 2),
        }
    }
}

impl Held {
    /// Keeps an answer, and the 100 Trying that leaves if it has to wait for long (or an empty one).
    /// Answers whether it fitted.
    pub fn keep(&mut self, now_ms: u64, waiting: Waiting, answer: &[u8], trying: &[u8]) -> bool {
        let Waiting {
            ticket,
            route,
            transaction,
        } = waiting;
        if answer.len() > LONGEST || trying.len() > LONGEST {
            return false;
        }
        let Some(index) = self.free.pop() else {
            return false;
        };
        let place = &mut self.places[index as usize];
        place.bytes[..answer.len()].copy_from_slice(answer);
        place.bytes[LONGEST..LONGEST + trying.len()].copy_from_slice(trying);
        (place.ticket, place.route, place.since_ms, place.tried) =
            (ticket, route, now_ms, trying.is_empty());
        (place.answer, place.trying, place.transaction) = (answer.len(), trying.len(), transaction);
        self.by_ticket.insert(ticket, index);
        true
    }

    /// Takes an answer out.
    pub fn release(&mut self, ticket: Ticket, send: impl FnOnce(Waiting, &[u8])) {
        let Some(index) = self.by_ticket.remove(&ticket) else {
            return;
        };
        let place = &self.places[index as usize];
        let waiting = Waiting {
            ticket,
            route: place.route,
            transaction: place.transaction,
        };
        send(waiting, &place.bytes[..place.answer]);
        self.free.push(index);
    }

    /// Hands out the 100 Trying of every answer that has waited for long and has not had one.
    pub fn impatient(&mut self, now_ms: u64, mut send: impl FnMut(Route, &[u8])) {
        for &index in self.by_ticket.values() {
            let place = &mut self.places[index as usize];
            if !place.tried && now_ms.saturating_sub(place.since_ms) >= TRYING_AFTER_MS {
                place.tried = true;
                send(place.route, &place.bytes[LONGEST..LONGEST + place.trying]);
            }
        }
    }

    /// Waiting now.
    pub fn len(&self) -> usize {
        self.by_ticket.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_is_excused_once_and_leaves() {
        let mut held = Held::default();
        let waiting = Waiting {
            ticket: 7,
            route: Route::Stream(3),
            transaction: 70,
        };
        assert!(held.keep(1_000, waiting, b"302", b"100"));
        let mut sent = Vec::new();
        for now in [1_100, 1_150, 1_400] {
            held.impatient(now, |route, bytes| sent.push((now, route, bytes.to_vec())));
        }
        assert_eq!(sent, [(1_150, Route::Stream(3), b"100".to_vec())]);
        held.release(7, |out, bytes| {
            assert_eq!((out, bytes), (waiting, &b"302"[..]))
        });
        held.release(7, |_, _| panic!("it has left"));
        assert_eq!(held.len(), 0);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let mut held = Held::default();
        let waiting = |ticket| Waiting {
            ticket,
            route: Route::Stream(0),
            transaction: 0,
        };
        assert!(!held.keep(0, waiting(1), &[0; LONGEST + 1], b""));
        for ticket in 0..PLACES as u64 {
            assert!(held.keep(0, waiting(ticket), b"x", b""));
        }
        assert!(!held.keep(0, waiting(99_999), b"x", b""));
    }
}
