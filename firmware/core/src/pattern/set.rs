//! Many patterns as rows of bits, so that a call costs about the same with ten of them and with ten
//! thousand, whatever they are.

use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};

use super::{Pattern, Specificity, Step, bit, symbols};

/// Symbols that have a bit in a step's set, and one more for all that have none.
const SYMBOLS: usize = 40;

/// Places in which patterns can tell symbols apart.
const PLACES: usize = Pattern::LONGEST;

/// Lengths that patterns can tell apart: 0 to `PLACES`, and longer.
const LENGTHS: usize = PLACES + 2;

/// Patterns, each with a value. Matching allocates nothing.
///
/// The patterns stand in order, the most specific first, one bit for each. A row of bits says which
/// of them take a given symbol in a given place, or end at a given length. What matches is what is
/// left of all rows together, and the first bit left is the answer. A second, 64 times shorter row
/// says where the first has bits at all, so that most of the rows are never read; at worst n/64
/// words are, for every symbol dialled.
#[derive(Clone, Debug)]
pub struct PatternSet<T> {
    /// Which row: by place and symbol, and behind those by length.
    which: Box<[u16]>,
    rows: Rows,
    values: Box<[(T, Specificity)]>,
}

impl<T: Copy> PatternSet<T> {
    /// Where the same pattern is given twice, the first value stays.
    pub fn new<'a>(patterns: impl IntoIterator<Item = (&'a Pattern, T)>) -> Self {
        let mut sorted: Vec<Entry<T>> = patterns.into_iter().map(Entry::new).collect();
        // Stable, so that the first of equal ones stays first.
        sorted.sort_by(|a, b| a.order().cmp(b.order()));
        sorted.dedup_by(|later, first| later.steps == first.steps);

        let mut which = vec![0; PLACES * SYMBOLS + LENGTHS];
        let mut rows = Rows::new(sorted.len());
        let mut by_symbol = vec![0; rows.words * SYMBOLS];
        for place in 0..PLACES {
            by_symbol.fill(0);
            for (index, entry) in sorted.iter().enumerate() {
                for symbol in members(entry.takes(place)) {
                    by_symbol[symbol * rows.words + index / 64] |= 1 << (index % 64);
                }
            }
            for symbol in 0..SYMBOLS {
                which[place * SYMBOLS + symbol] =
                    rows.add(&by_symbol[symbol * rows.words..][..rows.words]);
            }
        }
        let mut ends = vec![0; rows.words];
        for length in 0..LENGTHS {
            ends.fill(0);
            for (index, entry) in sorted.iter().enumerate() {
                ends[index / 64] |= u64::from(entry.ends_at(length)) << (index % 64);
            }
            which[PLACES * SYMBOLS + length] = rows.add(&ends);
        }
        rows.finish();
        let values = sorted
            .iter()
            .map(|entry| (entry.value, entry.specificity))
            .collect();
        PatternSet {
            which: which.into(),
            rows,
            values,
        }
    }

    /// The value of the most specific pattern that matches, and how specific that is. Separators in
    /// `dialled` are passed over, as [`Pattern::matches`] does.
    pub fn matches(&self, dialled: &[u8]) -> Option<(T, Specificity)> {
        let mut chosen = [0; PLACES + 1];
        let mut length = 0;
        for symbol in symbols(dialled).take(PLACES + 1) {
            if length < PLACES {
                chosen[length] = self.which[length * SYMBOLS + symbol_index(symbol)];
            }
            length += 1;
        }
        let places = length.min(PLACES);
        chosen[places] = self.which[PLACES * SYMBOLS + length];
        self.values
            .get(self.rows.first_common(&chosen[..=places])?)
            .copied()
    }

    /// Different patterns in the set.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// No pattern at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Rows of bits, each different one once.
#[derive(Clone, Debug)]
struct Rows {
    /// Of a row, and of its summary.
    words: usize,
    summary_words: usize,
    bits: Vec<u64>,
    summaries: Vec<u64>,
    /// Only while the set is made.
    known: BTreeMap<Box<[u64]>, u16>,
}

impl Rows {
    fn new(patterns: usize) -> Self {
        let words = patterns.div_ceil(64);
        let summary_words = words.div_ceil(64);
        Rows {
            words,
            summary_words,
            bits: Vec::new(),
            summaries: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    fn add(&mut self, row: &[u64]) -> u16 {
        if let Some(number) = self.known.get(row) {
            return *number;
        }
        // There are not more rows than entries in `which`.
        let number = self.known.len() as u16;
        self.known.insert(row.into(), number);
        self.bits.extend_from_slice(row);
        for words in row.chunks(64) {
            let summary = words
                .iter()
                .enumerate()
                .fold(0, |s, (i, word)| s | u64::from(*word != 0) << i);
            self.summaries.push(summary);
        }
        number
    }

    fn finish(&mut self) {
        self.known.clear();
        self.bits.shrink_to_fit();
        self.summaries.shrink_to_fit();
    }

    /// The first bit that all these rows have.
    fn first_common(&self, chosen: &[u16]) -> Option<usize> {
        let common = |bits: &[u64], words: usize, word: usize| {
            let mut left = u64::MAX;
            for row in chosen {
                left &= bits[usize::from(*row) * words + word];
                if left == 0 {
                    break;
                }
            }
            left
        };
        for summary_word in 0..self.summary_words {
            let mut maybe = common(&self.summaries, self.summary_words, summary_word);
            while maybe != 0 {
                let word = summary_word * 64 + maybe.trailing_zeros() as usize;
                let found = common(&self.bits, self.words, word);
                if found != 0 {
                    return Some(word * 64 + found.trailing_zeros() as usize);
                }
                maybe &= maybe - 1;
            }
        }
        None
    }
}

/// A pattern while the set is made.
struct Entry<T> {
    steps: Vec<Step>,
    value: T,
    specificity: Specificity,
}

impl<T> Entry<T> {
    fn new((pattern, value): (&Pattern, T)) -> Self {
        Entry {
            steps: pattern.steps().collect(),
            value,
            specificity: pattern.specificity(),
        }
    }

    /// The most specific first: as [`Pattern::order`], where the end sorts before every step.
    fn order(&self) -> impl Iterator<Item = (u8, u32, u64)> {
        self.steps.iter().map(|step| step.order())
    }

    /// The symbols that it takes in a place, as bits; all of them behind `.` and `!`.
    fn takes(&self, place: usize) -> u64 {
        match (self.steps.get(place), self.steps.last()) {
            (Some(Step::One(set)), _) => *set,
            (_, Some(Step::More | Step::Any)) => u64::MAX,
            _ => 0,
        }
    }

    /// Can so many symbols be all that was dialled? `PLACES + 1` stands for any more.
    fn ends_at(&self, length: usize) -> bool {
        match self.steps.last() {
            Some(Step::More) => length >= self.steps.len(),
            Some(Step::Any) => length + 1 >= self.steps.len(),
            _ => length == self.steps.len(),
        }
    }
}

/// Indexes of the bits in a set.
fn members(set: u64) -> impl Iterator<Item = usize> {
    let mut left = set & ((1 << SYMBOLS) - 1);
    core::iter::from_fn(move || {
        let first = left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
        (first < SYMBOLS).then_some(first)
    })
}

fn symbol_index(symbol: u8) -> usize {
    SYMBOL_INDEX[symbol as usize].into()
}

static SYMBOL_INDEX: [u8; 256] = {
    let mut index = [SYMBOLS as u8 - 1; 256];
    let mut symbol = 0;
    while symbol < 256 {
        let bit = bit(symbol as u8);
        if bit != 0 {
            index[symbol] = bit.trailing_zeros() as u8;
        }
        symbol += 1;
    }
    index
};
