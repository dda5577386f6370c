//! The small grammar of SIP that everything else is made of (RFC 3261 25.1).

/// White space of a header's value; a folded line is one (RFC 3261 7.3.1).
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without white space at both ends.
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// A token: a method, a parameter's name.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_token_octet(b))
}

/// An octet that a token may hold.
pub fn is_token_octet(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
}

/// A quote or an angle bracket that is never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclosed;

/// Splits at the first of `separator` that is neither in quotes nor in angle brackets. `None` as
/// second part when there is none.
///
/// # Errors
/// When quotes or brackets do not close.
pub fn split_outside(text: &[u8], separator: u8) -> Result<(&[u8], Option<&[u8]>), Unclosed> {
    // Mostly there is nothing to be inside of.
    match memchr::memchr3(separator, b'"', b'<', text) {
        None => return Ok((text, None)),
        Some(at) if text[at] == separator => return Ok((&text[..at], Some(&text[at + 1..]))),
        Some(_) => {}
    }
    let (mut quoted, mut bracketed, mut i) = (false, false, 0);
    while i < text.len() {
        match text[i] {
            b'\\' if quoted => i += 1,
            b'"' if !bracketed => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            b if b == separator && !quoted && !bracketed => {
                return Ok((&text[..i], Some(&text[i + 1..])));
            }
            _ => {}
        }
        i += 1;
    }
    if quoted || bracketed {
        Err(Unclosed)
    } else {
        Ok((text, None))
    }
}

/// All parts between separators, as [`split_outside`] finds them. An unclosed quote or bracket is
/// the last.
pub fn parts(text: &[u8], separator: u8) -> impl Iterator<Item = Result<&[u8], Unclosed>> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let split = split_outside(rest.take()?, separator);
        rest = split.ok().and_then(|(_, after)| after);
        Some(split.map(|(one, _)| one))
    })
}

/// Parameters `;name=value;name`, as they stand behind a URI or a Via, without the first `;`.
/// `None` where not even that stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters<'a>(pub Option<&'a [u8]>);

impl<'a> Parameters<'a> {
    /// Each of them: its text and its name, trimmed. Ends at an unclosed quote.
    pub fn each(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let all = self.0.map(|text| parts(text, b';'));
        all.into_iter()
            .flatten()
            .map_while(Result::ok)
            .map(|one| (trim(one), halves(one).0))
    }

    /// Shows each name and its value (empty where it has none). False when they are not all `token`
    /// or `token=value` (RFC 4475 3.1.2.1 has empty ones).
    pub fn walk(self, mut see: impl FnMut(&'a [u8], &'a [u8])) -> bool {
        let Some(text) = self.0 else { return true };
        parts(text, b';').all(|one| {
            let Ok(one) = one else { return false };
            let (name, value) = halves(one);
            if !is_token(name) || value.is_some_and(<[u8]>::is_empty) {
                return false;
            }
            see(name, value.unwrap_or_default());
            true
        })
    }
}

fn halves(one: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', one) {
        Some(at) => (trim(&one[..at]), Some(trim(&one[at + 1..]))),
        None => (trim(one), None),
    }
}

/// Decimal digits as a number, at most `most`.
pub fn number(text: &[u8], most: u64) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text.iter().try_fold(0u64, |n, d| {
        n.checked_mul(10)?.checked_add(u64::from(d - b'0'))
    })?;
    (value <= most).then_some(value)
}

/// Percent-decodes once (RFC 3261 19.1.2) into `out`. `None` when an escape is broken or `out` is
/// full.
pub fn unescape<'o>(text: &[u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
    let (mut i, mut len) = (0, 0);
    while i < text.len() {
        let byte = if text[i] == b'%' {
            let hex = |b: u8| (b as char).to_digit(16);
            let pair = (hex(*text.get(i + 1)?)?, hex(*text.get(i + 2)?)?);
            i += 2;
            (pair.0 * 16 + pair.1) as u8
        } else {
            text[i]
        };
        *out.get_mut(len)? = byte;
        len += 1;
        i += 1;
    }
    Some(&out[..len])
}
