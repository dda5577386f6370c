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
    all: &'a [u8],
    /// Where the next line begins.
    at: usize,
    /// One search for all line ends: started anew for each line, it would cost more than the rest.
    ends: memchr::Memchr<'a>,
    ended: bool,
    folded: bool,
    /// Lines that end with CR and LF.
    with_cr: usize,
}

impl<'a> Lines<'a> {
    /// Of a message behind its first line.
    pub fn new(header: &'a [u8]) -> Self {
        Lines {
            all: header,
            at: 0,
            ends: memchr::memchr_iter(b'\n', header),
            ended: false,
            folded: false,
            with_cr: 0,
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

    /// Was a line folded?
    pub fn folded(&self) -> bool {
        self.folded
    }

    /// How many lines, the empty one too, ended with CR and LF.
    pub fn with_cr(&self) -> usize {
        self.with_cr
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended {
            return None;
        }
        let from = self.at;
        let mut end = self.ends.next()?;
        self.at = end + 1;
        while let Some(b' ' | b'\t') = self.all.get(self.at)
            && !matches!(self.all[from..end], [] | [b'\r'])
            && let Some(folded) = self.ends.next()
        {
            (end, self.at) = (folded, folded + 1);
            self.folded = true;
        }
        let mut line = &self.all[from..end];
        if let [without @ .., b'\r'] = line {
            line = without;
            self.with_cr += 1;
        }
        self.ended = line.is_empty();
        (!self.ended).then_some(line)
    }
}
