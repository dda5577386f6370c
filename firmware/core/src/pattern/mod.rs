//! Asterisk dial patterns: `_011NX.` and the like.
//!
//! | | matches |
//! |---|---|
//! | `X` | 0 to 9 |
//! | `Z` | 1 to 9 |
//! | `N` | 2 to 9 |
//! | `[13-5]` | 1, 3, 4 or 5 |
//! | `.` | one or more of anything; the last character |
//! | `!` | nothing or more of anything; the last character |
//! | digits, letters, `*`, `#`, `+` | themselves, letters in either case |
//! | `-` | nothing: it is only there to be read |
//!
//! Without `_` in front it is one number or name and no pattern. (Asterisk 20, `main/pbx.c`,
//! `ext_cmp_pattern_pos`.)

mod parse;
mod set;

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

use parse::{Step, Steps};
pub use set::PatternSet;

/// An Asterisk pattern such as `_011NX.`, known to be right.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Positions of a pattern, `.` and `!` included. No format's number has more symbols.
    pub const LONGEST: usize = 32;

    /// # Errors
    /// Says which character is wrong, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::check(text)?;
        Ok(Pattern(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does it match? The separators of RFC 3966 (`-`, `.`, `(`, `)`) in `dialled` are passed over, as
    /// [`crate::number::read`] does, so that none of them makes a way around a blocked pattern.
    pub fn matches(&self, dialled: &[u8]) -> bool {
        let mut symbols = symbols(dialled);
        for step in self.steps() {
            match step {
                Step::One(set) if symbols.next().is_some_and(|s| set & bit(s) != 0) => {}
                Step::One(_) => return false,
                Step::More => return symbols.next().is_some(),
                Step::Any => return true,
            }
        }
        symbols.next().is_none()
    }

    /// How specific it is.
    pub fn specificity(&self) -> Specificity {
        let mut ranks = [0; Self::LONGEST];
        for (rank, step) in ranks.iter_mut().zip(self.steps()) {
            *rank = step.rank();
        }
        Specificity(ranks)
    }

    /// Orders patterns as a [`PatternSet`] does; the greater is the more specific. Beyond
    /// [`Specificity`], sets of the same size come in the order of their first symbols.
    pub fn order(&self, other: &Self) -> core::cmp::Ordering {
        other.ranked_steps().cmp(self.ranked_steps())
    }

    /// Ends with what sorts before every step.
    fn ranked_steps(&self) -> impl Iterator<Item = (u8, u32, u64)> {
        self.steps().map(Step::order).chain([(0, 0, 0)])
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        // Whoever made the pattern has checked that no step is an error.
        Steps::new(&self.0).map_while(Result::ok)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        parse::check(&text)?;
        Ok(Pattern(text))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.0
    }
}

/// How specific a pattern is; the greater is the more specific. As in Asterisk: where two patterns
/// first differ, the one with fewer possible symbols is; `.` and then `!` come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specificity([u8; Pattern::LONGEST]);

impl Specificity {
    /// Of a prefix written as `+` and `digits` digits: the same as the pattern `_+…!`.
    pub fn of_prefix(digits: usize) -> Self {
        let mut ranks = [0; Pattern::LONGEST];
        let plus_and_digits = (digits + 1).min(Pattern::LONGEST - 1);
        ranks[..plus_and_digits].fill(1);
        ranks[plus_and_digits] = Step::Any.rank();
        Specificity(ranks)
    }
}

impl PartialOrd for Specificity {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Specificity {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

/// What was dialled, without separators.
fn symbols(dialled: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let separates = |s: &u8| matches!(s, b'-' | b'.' | b'(' | b')');
    dialled.iter().copied().filter(move |s| !separates(s))
}

/// Every symbol that a pattern can name has one bit, in the order of ASCII; others have none.
const fn bit(symbol: u8) -> u64 {
    let index = match symbol {
        b'#' => 0,
        b'*' => 1,
        b'+' => 2,
        b'0'..=b'9' => 3 + symbol - b'0',
        b'A'..=b'Z' => 13 + symbol - b'A',
        b'a'..=b'z' => 13 + symbol - b'a',
        _ => return 0,
    };
    1 << index
}
