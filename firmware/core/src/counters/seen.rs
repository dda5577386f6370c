//! Things seen before, in bounded memory: the oldest is forgotten when a new one needs its place.

use alloc::boxed::Box;
use hashbrown::HashTable;

/// A set of 64-bit keys that holds the newest `capacity` of them.
pub struct Seen {
    ring: Box<[u64]>,
    next: usize,
    len: usize,
    index: HashTable<u32>,
}

impl Seen {
    /// An empty set; all its memory is taken now.
    pub fn new(capacity: usize) -> Self {
        Seen {
            ring: alloc::vec![0; capacity].into(),
            next: 0,
            len: 0,
            index: HashTable::with_capacity(capacity + 1),
        }
    }

    /// Is it there?
    pub fn contains(&self, key: u64) -> bool {
        self.index
            .find(key, |&i| self.ring[i as usize] == key)
            .is_some()
    }

    /// Adds it. Answers whether it was new.
    pub fn insert(&mut self, key: u64) -> bool {
        if self.contains(key) {
            return false;
        }
        if self.len == self.ring.len() {
            let old = self.ring[self.next];
            let place = self.next as u32;
            if let Ok(entry) = self.index.find_entry(old, |&i| i == place) {
                entry.remove();
            }
        } else {
            self.len += 1;
        }
        self.ring[self.next] = key;
        let ring = &self.ring;
        self.index
            .insert_unique(key, self.next as u32, |&i| ring[i as usize]);
        self.next = (self.next + 1) % self.ring.len();
        true
    }

    /// How many it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Does it hold none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut seen = Seen::new(100);
        for key in 0..1_000u64 {
            assert!(seen.insert(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        assert_eq!(seen.len(), 100);
        assert!(seen.contains(999u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        assert!(!seen.contains(899u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        assert!(!seen.insert(950u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    }
}
