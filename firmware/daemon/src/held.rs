//! Answers that wait until their approval is on disk.

use std::net::SocketAddr;

use trunkguard_core::transaction::Ticket;
use trunkguard_sip::read::Framing;

/// Answers that can wait at a time; a power of two. The journal takes about as many in one commit.
pub const PLACES: usize = 2_048;
/// The longest answer that can wait: any.
pub const LONGEST: usize = 8_192;
const _: () = assert!(LONGEST == crate::batch::ANSWER);
/// The longest request that is kept for a 100 Trying; a longer one gets none.
const LONGEST_REQUEST: usize = 2_048;
const PLACE: usize = LONGEST + LONGEST_REQUEST;
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

impl Route {
    /// How the request was cut out of what arrived.
    pub fn framing(self) -> Framing {
        match self {
            Route::Udp(_) => Framing::Datagram,
            Route::Stream(_) => Framing::Stream,
        }
    }
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What it waits for.
    pub ticket: Ticket,
    /// Where the request came from.
    pub from: SocketAddr,
    /// Where the answer goes.
    pub route: Route,
    /// Whose answer it is, where it leaves again until its ACK comes.
    pub repeats: Option<u128>,
    /// What refuses a call for this client, should the disk fail.
    pub refusal: u16,
}

struct Place {
    waiting: Waiting,
    since_ms: u64,
    excused: bool,
    answer: usize,
    request: usize,
    /// Which of the buffers holds both.
    buffer: u16,
}

/// Waiting answers, in memory taken once. Buffers that were never used are not resident, and the one
/// used last is the next to be used.
///
/// Tickets are numbered one after the other, so a ticket's low bits are its place: there is nothing to
/// look for. A place that is still taken means that the disk is thousands of calls behind.
pub struct Held {
    places: Box<[Option<Place>]>,
    bytes: Box<[u8]>,
    free: Vec<u16>,
}

impl Default for Held {
    fn default() -> Self {
        Held {
            places: (0..PLACES).map(|_| None).collect(),
            bytes: vec![0; PLACES * PLACE].into(),
            free: (0..PLACES as u16).rev().collect(),
        }
    }
}

fn place_of(ticket: Ticket) -> usize {
    ticket as usize % PLACES
}

impl Held {
    /// Keeps an answer, and the request for a 100 Trying. Answers whether it fitted.
    pub fn keep(&mut self, now_ms: u64, waiting: Waiting, answer: &[u8], request: &[u8]) -> bool {
        let index = place_of(waiting.ticket);
        if answer.len() > LONGEST || self.places[index].is_some() {
            return false;
        }
        let request = if request.len() > LONGEST_REQUEST {
            &[]
        } else {
            request
        };
        // There are as many buffers as places.
        let Some(buffer) = self.free.pop() else {
            return false;
        };
        let bytes = &mut self.bytes[buffer as usize * PLACE..][..PLACE];
        bytes[..answer.len()].copy_from_slice(answer);
        // Right behind the answer: one page of memory holds both.
        bytes[answer.len()..answer.len() + request.len()].copy_from_slice(request);
        self.places[index] = Some(Place {
            waiting,
            since_ms: now_ms,
            excused: request.is_empty(),
            answer: answer.len(),
            request: request.len(),
            buffer,
        });
        true
    }

    /// Takes an answer out, and the request that it answers (empty where that was too long to keep).
    pub fn release(&mut self, ticket: Ticket) -> Option<(Waiting, &[u8], &[u8])> {
        let index = place_of(ticket);
        let place = self.places[index].take_if(|place| place.waiting.ticket == ticket)?;
        self.free.push(place.buffer);
        let bytes = &self.bytes[place.buffer as usize * PLACE..][..PLACE];
        let (answer, request) = bytes.split_at(place.answer);
        Some((place.waiting, answer, &request[..place.request]))
    }

    /// Hands out the request of every answer that has waited for long, once, for a 100 Trying.
    pub fn impatient(&mut self, now_ms: u64, mut excuse: impl FnMut(Waiting, &[u8])) {
        if self.len() == 0 {
            return;
        }
        for place in self.places.iter_mut().flatten() {
            if !place.excused && now_ms.saturating_sub(place.since_ms) >= TRYING_AFTER_MS {
                place.excused = true;
                let request = place.buffer as usize * PLACE + place.answer;
                excuse(place.waiting, &self.bytes[request..][..place.request]);
            }
        }
    }

    /// Waiting now.
    pub fn len(&self) -> usize {
        PLACES - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(ticket: Ticket) -> Waiting {
        let from = SocketAddr::from(([10, 0, 0, 5], 5060));
        Waiting {
            ticket,
            from,
            route: Route::Udp(from),
            repeats: None,
            refusal: 603,
        }
    }

    #[test]
    fn an_answer_waits_is_excused_once_and_leaves() {
        let mut held = Held::default();
        assert!(held.keep(1_000, waiting(7), b"302", b"INVITE"));
        let mut excused = Vec::new();
        for now in [1_100, 1_150, 1_400] {
            held.impatient(now, |w, request| {
                excused.push((now, w.ticket, request.to_vec()))
            });
        }
        assert_eq!(excused, [(1_150, 7, b"INVITE".to_vec())]);
        assert_eq!(
            held.release(7),
            Some((waiting(7), &b"302"[..], &b"INVITE"[..]))
        );
        assert_eq!(held.release(7), None, "it has left");
        assert_eq!(held.len(), 0);
    }

    #[test]
    fn what_does_not_fit_is_said_and_room_is_used_again() {
        let mut held = Held::default();
        assert!(!held.keep(0, waiting(1), &[0; LONGEST + 1], b""));
        for ticket in 0..PLACES as u64 {
            assert!(held.keep(0, waiting(ticket), b"x", &[0; LONGEST_REQUEST + 1]));
        }
        assert!(!held.keep(0, waiting(99_999), b"x", b""));
        held.impatient(10_000, |_, _| panic!("the requests were too long to keep"));
        assert!(held.release(5).is_some());
        let next = 5 + PLACES as u64;
        assert!(held.keep(0, waiting(next), b"y", b""));
        assert_eq!(held.release(5), None, "its place is another's now");
        assert_eq!(
            held.release(next),
            Some((waiting(next), &b"y"[..], &b""[..]))
        );
    }
}
