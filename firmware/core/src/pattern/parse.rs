//! Taking a pattern apart, and saying what is wrong with it.

use alloc::{format, string::String};

use super::{Pattern, bit};

/// One position of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// One symbol of these, as bits.
    One(u64),
    /// `.`
    More,
    /// `!`
    Any,
}

impl Step {
    /// The smaller, the more specific; 0 is the end of a pattern.
    pub(super) fn rank(self) -> u8 {
        match self {
            Step::One(set) => set.count_ones() as u8,
            Step::More => 0xfd,
            Step::Any => 0xfe,
        }
    }

    /// Asterisk's order, total: by size of the set, then by its first symbol, then by the rest.
    pub(super) fn order(self) -> (u8, u32, u64) {
        let set = if let Step::One(set) = self { set } else { 0 };
        (self.rank(), set.trailing_zeros(), set)
    }
}

/// What is wrong, at which octet.
pub(super) struct Wrong {
    at: usize,
    what: &'static str,
}

/// The positions of a pattern, as far as it is right.
pub(super) struct Steps<'a> {
    text: &'a [u8],
    at: usize,
    /// Begins with `_`.
    pattern: bool,
}

impl<'a> Steps<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let pattern = text.starts_with('_');
        Steps {
            text: text.as_bytes(),
            at: usize::from(pattern),
            pattern,
        }
    }

    fn wrong(&self, at: usize, what: &'static str) -> Wrong {
        Wrong { at, what }
    }

    fn step(&mut self, symbol: u8) -> Result<Step, Wrong> {
        let at = self.at - 1;
        if !self.pattern {
            return match symbol {
                b'.' | b'!' | b'[' | b']' => {
                    Err(self.wrong(at, "belongs to a pattern; put `_` in front of the whole"))
                }
                _ => self.literal(symbol),
            };
        }
        match symbol {
            b'X' | b'x' => Ok(Step::One(range(b'0', b'9'))),
            b'Z' | b'z' => Ok(Step::One(range(b'1', b'9'))),
            b'N' | b'n' => Ok(Step::One(range(b'2', b'9'))),
            b'.' | b'!' if self.at < self.text.len() => Err(self.wrong(
                at,
                "stands for all the rest and must be the last character; take away what follows it",
            )),
            b'.' => Ok(Step::More),
            b'!' => Ok(Step::Any),
            b'[' => self.set(at).map(Step::One),
            b']' => Err(self.wrong(at, "has no `[` before it; put one there or take it out")),
            _ => self.literal(symbol),
        }
    }

    fn literal(&self, symbol: u8) -> Result<Step, Wrong> {
        match bit(symbol) {
            0 => Err(self.wrong(
                self.at - 1,
                "is nothing that can be dialled; write digits, letters, *, #, + or (after `_`) X, Z, N, [1-5], . and !",
            )),
            set => Ok(Step::One(set)),
        }
    }

    /// After `[`, which was at `open`.
    fn set(&mut self, open: usize) -> Result<u64, Wrong> {
        let rest = &self.text[self.at..];
        let Some(len) = rest.iter().position(|s| *s == b']') else {
            return Err(self.wrong(
                open,
                "is never closed; put a `]` after the last digit of the set",
            ));
        };
        let inner = &rest[..len];
        let mut set = 0;
        let mut at = 0;
        while at < len {
            let position = self.at + at;
            let first = inner[at];
            if bit(first) == 0 {
                return Err(self.wrong(
                    position,
                    "cannot stand here; a set has digits, letters, *, #, + and ranges such as 2-5",
                ));
            }
            if inner.get(at + 1) == Some(&b'-') {
                let last = inner.get(at + 2).copied().unwrap_or(0);
                if !same_sort(first, last) || last < first {
                    return Err(self.wrong(
                        position,
                        "begins a range that does not go up from one digit to another (or one letter); write it as 2-5",
                    ));
                }
                set |= range(first, last);
                at += 3;
            } else {
                set |= bit(first);
                at += 1;
            }
        }
        self.at += len + 1;
        if set == 0 {
            Err(self.wrong(
                open,
                "begins an empty set; write the digits that may stand here, such as [2-5]",
            ))
        } else {
            Ok(set)
        }
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let symbol = *self.text.get(self.at)?;
            self.at += 1;
            if symbol != b'-' {
                return Some(self.step(symbol));
            }
        }
    }
}

fn range(first: u8, last: u8) -> u64 {
    (first..=last).fold(0, |set, symbol| set | bit(symbol))
}

fn same_sort(a: u8, b: u8) -> bool {
    (a.is_ascii_digit() && b.is_ascii_digit())
        || (a.is_ascii_uppercase() && b.is_ascii_uppercase())
        || (a.is_ascii_lowercase() && b.is_ascii_lowercase())
}

/// Is it a pattern?
pub(super) fn check(text: &str) -> Result<(), String> {
    let shown = text.escape_debug();
    let mut positions = 0;
    for step in Steps::new(text) {
        let wrong = match step {
            Ok(_) => {
                positions += 1;
                continue;
            }
            Err(wrong) => wrong,
        };
        let character = text
            .char_indices()
            .take_while(|(at, _)| *at <= wrong.at)
            .count();
        let which = text
            .chars()
            .nth(character.saturating_sub(1))
            .unwrap_or_default();
        return Err(format!(
            "pattern `{shown}`: character {character}, `{}`, {}",
            which.escape_debug(),
            wrong.what
        ));
    }
    if positions == 0 {
        return Err(format!(
            "pattern `{shown}` is empty; write a number, or `_` and a pattern such as _011NX."
        ));
    }
    if positions > Pattern::LONGEST {
        return Err(format!(
            "pattern `{shown}` has {positions} positions; the most is {}",
            Pattern::LONGEST
        ));
    }
    let like_a_pattern = |s: u8| s.is_ascii_digit() || b"XNZxnz*#+-".contains(&s);
    if text.bytes().all(like_a_pattern) && text.bytes().any(|s| s.is_ascii_alphabetic()) {
        return Err(format!(
            "pattern `{shown}` would only match these letters; put `_` in front: `_{shown}`"
        ));
    }
    Ok(())
}
