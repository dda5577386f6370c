//! Many numbers and prefixes, found in a time that does not depend on how many there are.

use hashbrown::HashTable;

use crate::number::Digits;

/// A set of whole numbers; 100,000 take 1.2 MB. Most calls go to a
/// number that is not in it, and an eighth of that memory tells.
#[derive(Clone, Debug)]
pub struct NumberSet {
    table: Table<()>,
}

impl NumberSet {
    /// Numbers that are given twice count once.
    pub fn new(numbers: impl IntoIterator<Item = Digits>) -> Self {
        NumberSet {
            table: Table::new(numbers.into_iter().map(|n| (key(&n), ()))),
        }
    }

    /// Is this number in the set?
    pub fn contains(&self, number: &Digits) -> bool {
        self.table.find(key(number)).is_some()
    }

    /// Different numbers.
    pub fn len(&self) -> usize {
        self.table.0.len()
    }

    /// No number at all.
    pub fn is_empty(&self) -> bool {
        self.table.0.is_empty()
    }
}

/// Prefixes, each with a value; the longest one in front of a number counts.
#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    table: Table<T>,
    /// Bit n: there are prefixes of n digits.
    lengths: u16,
}

impl<T: Copy> PrefixMap<T> {
    /// Where the same prefix is given twice, the first value stays.
    pub fn new(prefixes: impl IntoIterator<Item = (Digits, T)>) -> Self {
        let table = Table::new(prefixes.into_iter().map(|(p, value)| (key(&p), value)));
        let lengths = (table.0.iter()).fold(0, |lengths, (k, _)| lengths | 1 << (k >> LENGTH_AT));
        PrefixMap { table, lengths }
    }

    /// The value of the longest prefix in front of `number` (or equal to it), and its digits.
    pub fn longest(&self, number: &Digits) -> Option<(T, usize)> {
        let (mut value, mut longest) = (0, None);
        for (index, digit) in number.as_bytes().iter().enumerate() {
            value = value * 10 + u64::from(digit - b'0');
            let len = index + 1;
            if self.lengths & 1 << len != 0
                && let Some(found) = self.table.find(packed(value, len))
            {
                longest = Some((found, len));
            }
        }
        longest
    }

    /// Different prefixes.
    pub fn len(&self) -> usize {
        self.table.0.len()
    }

    /// No prefix at all.
    pub fn is_empty(&self) -> bool {
        self.table.0.is_empty()
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

/// Keys with a value each.
#[derive(Clone, Debug)]
struct Table<T>(HashTable<(u64, T)>);

impl<T: Copy> Table<T> {
    /// Where the same key is given twice, the first value stays.
    fn new(entries: impl IntoIterator<Item = (u64, T)>) -> Self {
        let mut table = HashTable::new();
        for (key, value) in entries {
            let same = |&(k, _): &(u64, T)| k == key;
            table
                .entry(hash(key), same, |&(k, _)| hash(k))
                .or_insert((key, value));
        }
        table.shrink_to_fit(|&(k, _)| hash(k));
        Table(table)
    }

    fn find(&self, key: u64) -> Option<T> {
        self.0
            .find(hash(key), |&(k, _)| k == key)
            .map(|&(_, value)| value)
    }
}

/// Multiplicative hashing (Knuth, TAOCP 3, 6.4). Not keyed: who may edit the policy chooses the keys.
fn hash(key: u64) -> u64 {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
