//! The digits of a telephone number, in one small value.

use core::fmt;

/// 1 to 15 digits of an E.164 number, without `+` (ITU-T E.164 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits {
    len: u8,
    digits: [u8; Digits::LONGEST],
}

impl Digits {
    /// The longest number that E.164 allows.
    pub const LONGEST: usize = 15;

    /// `None` unless there are 1 to 15 ASCII digits.
    pub fn new(digits: &[u8]) -> Option<Self> {
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut all = [0; Self::LONGEST];
        all.get_mut(..digits.len())?.copy_from_slice(digits);
        Some(Digits {
            len: digits.len() as u8,
            digits: all,
        })
    }

    /// The ASCII digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.len as usize]
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Is `front` how this number begins (or all of it)?
    pub fn starts_with(&self, front: &Digits) -> bool {
        self.as_bytes().starts_with(front.as_bytes())
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
