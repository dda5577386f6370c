//! Timer G (RFC 3261 17.2.1): a final answer to an INVITE over UDP leaves again until it is
//! acknowledged. Fixed memory: beyond [`PLACES`] the client's own retransmissions do.

use core::net::SocketAddr;
use std::collections::HashMap;

/// Answers that are repeated at a time.
pub const PLACES: usize = 512;
/// The longest answer that is repeated.
pub const LONGEST: usize = 1_232;
const T1_MS: u64 = 500;
const T2_MS: u64 = 4_000;
const TIMER_H_MS: u64 = 64 * T1_MS;

struct Place {
    transaction: u128,
    to: SocketAddr,
    len: usize,
    first_ms: u64,
    next_ms: u64,
    interval_ms: u64,
    bytes: Box<[u8]>,
}

/// Answers that wait for their ACK.
pub struct Repeats {
    places: Box<[Place]>,
    free: Vec<u16>,
    by_transaction: HashMap<u128, u16>,
    /// Nothing is due before.
    next_ms: u64,
}

impl Default for Repeats {
    fn default() -> Self {
        let place = || Place {
            transaction: 0,
            to: SocketAddr::from(([0, 0, 0, 0], 0)),
            len: 0,
            first_ms: 0,
            next_ms: 0,
            interval_ms: 0,
            bytes: vec![0; LONGEST].into(),
        };
        Repeats {
            places: (0..PLACES).map(|_| place()).collect(),
            free: (0..PLACES as u16).rev().collect(),
            by_transaction: HashMap::with_capacity(2 * PLACES),
            next_ms: u64::MAX,
        }
    }
}

impl Repeats {
    /// An answer has left; it leaves again until [`Repeats::acknowledged`].
    pub fn sent(&mut self, now_ms: u64, transaction: u128, to: SocketAddr, bytes: &[u8]) {
        if bytes.len() > LONGEST || self.by_transaction.contains_key(&transaction) {
            return;
        }
        let Some(index) = self.free.pop() else { return };
        let place = &mut self.places[index as usize];
        place.bytes[..bytes.len()].copy_from_slice(bytes);
        (place.transaction, place.to, place.len) = (transaction, to, bytes.len());
        (place.first_ms, place.interval_ms, place.next_ms) = (now_ms, T1_MS, now_ms + T1_MS);
        self.next_ms = self.next_ms.min(place.next_ms);
        self.by_transaction.insert(transaction, index);
    }

    /// The ACK has come.
    pub fn acknowledged(&mut self, transaction: u128) {
        if let Some(index) = self.by_transaction.remove(&transaction) {
            self.free.push(index);
        }
    }

    /// Hands out what is due.
    pub fn due(&mut self, now_ms: u64, mut send: impl FnMut(SocketAddr, &[u8])) {
        if now_ms < self.next_ms {
            return;
        }
        let (places, free) = (&mut self.places, &mut self.free);
        let mut next = u64::MAX;
        self.by_transaction.retain(|_, &mut index| {
            let place = &mut places[index as usize];
            if now_ms.saturating_sub(place.first_ms) >= TIMER_H_MS {
                free.push(index);
                return false;
            }
            if now_ms >= place.next_ms {
                send(place.to, &place.bytes[..place.len]);
                place.interval_ms = (place.interval_ms * 2).min(T2_MS);
                place.next_ms += place.interval_ms;
            }
            next = next.min(place.next_ms);
            true
        });
        self.next_ms = next;
    }

    /// Waiting for an ACK now.
    pub fn len(&self) -> usize {
        self.by_transaction.len()
    }

    /// Is nothing waiting?
    pub fn is_empty(&self) -> bool {
        self.by_transaction.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_leave_at_the_times_of_timer_g_and_stop_at_32_seconds() {
        let mut repeats = Repeats::default();
        repeats.sent(
            10_000,
            1,
            SocketAddr::from(([10, 0, 0, 5], 5060)),
            b"answer",
        );
        let mut times = Vec::new();
        for now in (10_000..60_000).step_by(50) {
            repeats.due(now, |_, _| times.push(now - 10_000));
        }
        assert_eq!(
            times,
            [
                500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
            ]
        );
        assert!(repeats.is_empty());
    }

    #[test]
    fn an_ack_ends_it_and_a_full_pool_takes_no_more() {
        let mut repeats = Repeats::default();
        for transaction in 0..2_000u128 {
            repeats.sent(
                0,
                transaction,
                SocketAddr::from(([10, 0, 0, 5], 5060)),
                b"answer",
            );
        }
        assert_eq!(repeats.len(), PLACES);
        (0..2_000).for_each(|t| repeats.acknowledged(t));
        repeats.due(600, |_, _| panic!("all were acknowledged"));
        assert!(repeats.is_empty());
    }
}
