//! Lines of a message: what ends them, what folds them (RFC 3261 7.3.1).

/// A line without its end, and what is behind it. `None` when no line ends here. A lone LF ends a
/// line too: nobody sends one on purpose, and taking it for text would hide headers.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// Header lines, folded ones whole, up to the empty line.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Lines<'a> {
    /// Of a message behind its first line.
    pub fn new(header: &'a [u8]) -> Self {
        Lines {
            rest: header,
            ended: false,
        }
    }

    /// What has not been taken; behind the empty line that is the body.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Has the empty line come?
    pub fn ended(&self) -> bool {
        self.ended
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended {
            return None;
        }
        let all = self.rest;
        let (line, mut after) = split_line(all)?;
        self.rest = after;
        if line.is_empty() {
            self.ended = true;
            return None;
        }
        let mut end = line.len();
        while let [b' ' | b'\t', ..] = after
            && let Some((folded, next)) = split_line(after)
        {
            end = all.len() - after.len() + folded.len();
            after = next;
        }
        self.rest = after;
        Some(&all[..end])
    }
}
