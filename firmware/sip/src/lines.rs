//! Lines of a message: what ends them, what folds them (RFC 3261 7.3.1).

use crate::text::first_control;

/// A line without its end, and what is behind it. `None` when no line ends here. A lone LF ends a
/// line too: nobody sends one on purpose, and taking it for text would hide headers.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// Header lines, folded ones whole, up to the empty line.
pub(crate) struct Lines<'a> {
    all: &'a [u8],
    /// Where the next line begins.
    at: usize,
    ended: bool,
    flat: bool,
}

impl<'a> Lines<'a> {
    /// Of a message behind its first line.
    pub fn new(header: &'a [u8]) -> Self {
        Lines {
            all: header,
            at: 0,
            ended: false,
            flat: true,
        }
    }

    /// What has not been taken; behind the empty line that is the body.
    pub fn rest(&self) -> &'a [u8] {
        &self.all[self.at..]
    }

    /// Has the empty line come?
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Is no line so far folded, and does none hold a CR?
    pub fn flat(&self) -> bool {
        self.flat
    }

    /// Takes the lines that go on with the one that ended at `end`; where the last of them ends.
    #[cold]
    fn folded(&mut self, mut end: usize) -> usize {
        while let Some(b' ' | b'\t') = self.all.get(self.at)
            && let Some((folded, next)) = self.end(self.at)
        {
            (end, self.at) = (folded, next);
            self.flat = false;
        }
        end
    }

    /// Where the line ends that goes on at `from`, and where the next begins.
    #[inline(always)]
    fn end(&mut self, mut from: usize) -> Option<(usize, usize)> {
        loop {
            let at = from + first_control(&self.all[from..])?;
            match self.all[at..] {
                [b'\r', b'\n', ..] => return Some((at, at + 2)),
                [b'\n', ..] => return Some((at, at + 1)),
                [b'\r', ..] => self.flat = false,
                _ => {}
            }
            from = at + 1;
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended {
            return None;
        }
        let from = self.at;
        let (mut end, next) = self.end(from)?;
        self.at = next;
        if end == from {
            self.ended = true;
            return None;
        }
        if let Some(b' ' | b'\t') = self.all.get(next) {
            end = self.folded(end);
        }
        Some(&self.all[from..end])
    }
}
