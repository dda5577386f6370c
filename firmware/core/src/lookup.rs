//! Many numbers and prefixes, found in a time that does not depend on how many there are.

use alloc::{boxed::Box, vec, vec::Vec};

use crate::number::Digits;

/// Slots for every key: a number that is not there, as most are, is known for that after two or three.
const SLOTS_PER_KEY: usize = 2;

/// A set of whole numbers; 100,000 take 1.6 MB.
#[derive(Clone, Debug)]
pub struct NumberSet {
    table: Table,
}

impl NumberSet {
    /// Numbers that are given twice count once.
    pub fn new(numbers: impl IntoIterator<Item = Digits>) -> Self {
        NumberSet {
            table: Table::new(numbers.into_iter().map(|n| key(&n)).collect()),
        }
    }

    /// Is this number in the set?
    pub fn contains(&self, number: &Digits) -> bool {
        self.table.find(key(number)).is_some()
    }

    /// Different numbers.
    pub fn len(&self) -> usize {
        self.table.len
    }

    /// No number at all.
    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }
}

/// Prefixes, each with a value; the longest one in front of a number counts.
#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    table: Table,
    /// Beside the slots of the table; what stands beside an empty slot means nothing.
    values: Box<[T]>,
    /// Bit n: there are prefixes of n digits.
    lengths: u16,
}

impl<T: Copy> PrefixMap<T> {
    /// Where the same prefix is given twice, the first value stays.
    pub fn new(prefixes: impl IntoIterator<Item = (Digits, T)>) -> Self {
        let entries: Vec<(u64, T)> = prefixes
            .into_iter()
            .map(|(p, value)| (key(&p), value))
            .collect();
        let table = Table::new(entries.iter().map(|(k, _)| *k).collect());
        let lengths = entries
            .iter()
            .fold(0, |lengths, (k, _)| lengths | 1 << (k >> LENGTH_AT));
        let mut values: Box<[T]> = match entries.first() {
            Some((_, any)) => vec![*any; table.slots.len()].into(),
            None => Box::default(),
        };
        // Backwards, so that the first value is written last.
        for (key, value) in entries.iter().rev() {
            if let Some(slot) = table.find(*key) {
                values[slot] = *value;
            }
        }
        PrefixMap {
            table,
            values,
            lengths,
        }
    }

    /// The value of the longest prefix in front of `number` (or equal to it), and its digits.
    pub fn longest(&self, number: &Digits) -> Option<(T, usize)> {
        let digits = number.as_bytes();
        let mut keys = [0; Digits::LONGEST];
        let mut value = 0;
        for (index, digit) in digits.iter().enumerate() {
            value = value * 10 + u64::from(digit - b'0');
            keys[index] = packed(value, index + 1);
        }
        (1..=digits.len())
            .rev()
            .filter(|len| self.lengths & 1 << len != 0)
            .find_map(|len| {
                let slot = self.table.find(keys[len - 1])?;
                Some((self.values[slot], len))
            })
    }

    /// Different prefixes.
    pub fn len(&self) -> usize {
        self.table.len
    }

    /// No prefix at all.
    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }
}

/// Fifteen digits take 50 bits.
const LENGTH_AT: u32 = 50;

fn packed(value: u64, len: usize) -> u64 {
    (len as u64) << LENGTH_AT | value
}

/// The digits as one number that is never 0; zeros in front count.
fn key(digits: &Digits) -> u64 {
    let value = digits
        .as_bytes()
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    packed(value, digits.as_bytes().len())
}

/// Keys in open addressing; 0 is an empty slot, and there always is one.
#[derive(Clone, Debug)]
struct Table {
    slots: Box<[u64]>,
    len: usize,
}

impl Table {
    fn new(mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let mut slots = vec![0; keys.len() * SLOTS_PER_KEY + 1].into_boxed_slice();
        for key in &keys {
            let mut at = place(*key, slots.len());
            while slots[at] != 0 {
                at = if at + 1 == slots.len() { 0 } else { at + 1 };
            }
            slots[at] = *key;
        }
        Table {
            slots,
            len: keys.len(),
        }
    }

    fn find(&self, key: u64) -> Option<usize> {
        let mut at = place(key, self.slots.len());
        loop {
            match self.slots[at] {
                found if found == key => return Some(at),
                0 => return None,
                _ => {
                    at = if at + 1 == self.slots.len() {
                        0
                    } else {
                        at + 1
                    }
                }
            }
        }
    }
}

/// Where the search for a key begins (multiplicative hashing; Knuth, TAOCP 3, 6.4).
fn place(key: u64, slots: usize) -> usize {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    // Less than `slots`, so it fits.
    ((mixed * slots as u64) >> 32) as usize
}
