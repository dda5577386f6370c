//! The small grammar of SIP that everything else is made of (RFC 3261 25.1).

/// What an octet can be part of; looked up, as nearly every octet of a message is asked for it.
pub const TOKEN: u8 = 1;
/// Of a host's name or an IPv4 address. Names may hold `_`, as those of containers do.
pub const HOST: u8 = 2;
/// Of a display name without quotes: tokens and spaces; octets beyond ASCII are what phones put there.
pub const DISPLAY: u8 = 4;
/// Of a user part that stands for itself: nothing in it ends it or is escaped.
pub const PLAIN: u8 = 8;
/// Of a number in a Contact that is not escaped: unreserved (RFC 3261 25.1) and what no dial plan trips
/// over.
pub const DIAL: u8 = 16;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        let (alphanumeric, space) = (b.is_ascii_alphanumeric(), is_space(b));
        let mark = matches!(
            b,
            b'-' | b'.' | b'!' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        );
        let token = alphanumeric || mark || b == b'%';
        let mut class = 0;
        if token {
            class |= TOKEN;
        }
        if alphanumeric || matches!(b, b'-' | b'.' | b'_') {
            class |= HOST;
        }
        if token || space || b >= 0x80 {
            class |= DISPLAY;
        }
        if alphanumeric || mark {
            class |= PLAIN;
        }
        if alphanumeric || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'+') {
            class |= DIAL;
        }
        classes[i] = class;
        i += 1;
    }
    classes
};

/// Octets in front that are of this class.
pub fn span(class: u8, text: &[u8]) -> usize {
    let mut end = 0;
    while let Some(&b) = text.get(end)
        && CLASSES[b as usize] & class != 0
    {
        end += 1;
    }
    end
}

/// So many octets are looked at together.
const WORD: usize = 16;
type Word = u128;
const ONES: Word = Word::from_le_bytes([1; WORD]);

/// Marks the octets below `limit` (at most 128) in their highest bits: the lowest of them for sure, and
/// others only where one is (Hacker's Delight 6-1).
fn below(word: Word, limit: u8) -> Word {
    word.wrapping_sub(ONES * Word::from(limit)) & !word & (ONES << 7)
}

/// The same for octets that are `wanted`.
fn equal(word: Word, wanted: u8) -> Word {
    below(word ^ (ONES * Word::from(wanted)), 1)
}

/// Is anything marked in it? A word at a time, for texts too short for a search that is made for long
/// ones. May say so of less than a word where nothing is.
fn any(text: &[u8], marks: impl Fn(Word) -> Word) -> bool {
    let Some(last) = text.last_chunk() else {
        return true;
    };
    let (words, _) = text.as_chunks::<WORD>();
    let all =
        (words.iter().chain([last])).fold(0, |all, word| all | marks(Word::from_le_bytes(*word)));
    all != 0
}

/// Where an octet stands first that `marks` is sure of, and `is` tells one by one, for such texts.
#[inline]
fn first(text: &[u8], marks: impl Fn(Word) -> Word, is: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = text.as_chunks::<WORD>();
    for (i, word) in words.iter().enumerate() {
        let found = marks(Word::from_le_bytes(*word));
        if found != 0 {
            return Some(i * WORD + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|&b| is(b))?;
    Some(words.len() * WORD + in_rest)
}

/// Where `wanted` stands first.
#[inline]
pub fn position(wanted: u8, text: &[u8]) -> Option<usize> {
    first(text, |word| equal(word, wanted), |b| b == wanted)
}

/// Where the first control character stands. Hardly any line has one but those that end it.
#[inline]
pub fn first_control(text: &[u8]) -> Option<usize> {
    first(text, |word| below(word, b' '), |b| b < b' ')
}

/// White space of a header's value; a folded line is one (RFC 3261 7.3.1).
pub const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Is there white space in it?
pub fn has_space(text: &[u8]) -> bool {
    // Hardly anything else is below the printable octets.
    any(text, |word| below(word, b'!')) && text.iter().any(|&b| is_space(b))
}

/// Does it hold what would end a URI on the wire: white space, an angle bracket, a quote?
pub fn has_end_of_uri(text: &[u8]) -> bool {
    let marks =
        |word| below(word, b'!') | equal(word, b'<') | equal(word, b'>') | equal(word, b'"');
    let is = |&b: &u8| is_space(b) || matches!(b, b'<' | b'>' | b'"');
    any(text, marks) && text.iter().any(is)
}

/// Without white space at both ends.
#[inline]
pub fn trim(text: &[u8]) -> &[u8] {
    match text {
        // Nearly always there is none to take off.
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        _ => trim_spaces(text),
    }
}

fn trim_spaces(mut text: &[u8]) -> &[u8] {
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
    !text.is_empty() && span(TOKEN, text) == text.len()
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

/// One of [`Parameters`].
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    /// All of it, trimmed.
    pub text: &'a [u8],
    /// Its name, trimmed.
    pub name: &'a [u8],
    /// Its value, trimmed, where there is one.
    value: Option<&'a [u8]>,
}

impl<'a> Parameters<'a> {
    /// Each of them. Ends at an unclosed quote.
    pub fn each(self) -> impl Iterator<Item = Parameter<'a>> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (one, after) = first_parameter(rest?).ok()?;
            rest = after;
            Some(one)
        })
    }

    /// Shows each name and its value (empty where it has none). False when they are not all `token`
    /// or `token=value` (RFC 4475 3.1.2.1 has empty ones).
    pub fn walk(self, mut see: impl FnMut(&'a [u8], &'a [u8])) -> bool {
        let mut rest = self.0;
        while let Some(text) = rest {
            let Ok((one, after)) = first_parameter(text) else {
                return false;
            };
            if !is_token(one.name) || one.value.is_some_and(<[u8]>::is_empty) {
                return false;
            }
            see(one.name, one.value.unwrap_or_default());
            rest = after;
        }
        true
    }
}

/// The first parameter, and what stands behind its `;`.
fn first_parameter(text: &[u8]) -> Result<(Parameter<'_>, Option<&[u8]>), Unclosed> {
    // Mostly `token` or `token=token`, which is found in one pass.
    let name_end = span(TOKEN, text);
    let (name, behind) = text.split_at(name_end);
    let (value, behind) = match behind {
        [b'=', behind @ ..] => {
            let (value, behind) = behind.split_at(span(TOKEN, behind));
            (Some(value), behind)
        }
        _ => (None, behind),
    };
    let end = match behind {
        [] => Some(None),
        [b';', after @ ..] => Some(Some(after)),
        _ => None,
    };
    if let Some(after) = end {
        let text = &text[..text.len() - behind.len()];
        return Ok((Parameter { text, name, value }, after));
    }
    let (one, after) = split_outside(text, b';')?;
    let (name, value) = match memchr::memchr(b'=', one) {
        Some(at) => (&one[..at], Some(trim(&one[at + 1..]))),
        None => (one, None),
    };
    let one = Parameter {
        text: trim(one),
        name: trim(name),
        value,
    };
    Ok((one, after))
}

/// Decimal digits as a number, at most `most`.
pub fn number(text: &[u8], most: u64) -> Option<u64> {
    let mut value = 0u64;
    for b in text {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!text.is_empty() && value <= most).then_some(value)
}

/// An IPv4 address as it is nearly always written. What this does not take may be one all the same.
pub fn ipv4(text: &[u8]) -> Option<core::net::Ipv4Addr> {
    let (mut address, mut dots) = (0u32, 0);
    // The octet under way; none before its first digit.
    let mut octet = None;
    for &b in text {
        match (b, octet) {
            (b'0'..=b'9', None) => octet = Some(u32::from(b - b'0')),
            // No zero stands in front of another digit.
            (b'0'..=b'9', Some(front @ 1..=25)) => octet = Some(front * 10 + u32::from(b - b'0')),
            (b'.', Some(whole @ 0..=255)) if dots < 3 => {
                address = address << 8 | whole;
                (dots, octet) = (dots + 1, None);
            }
            _ => return None,
        }
    }
    match octet {
        Some(last @ 0..=255) if dots == 3 => Some((address << 8 | last).into()),
        _ => None,
    }
}

/// Percent-decodes once (RFC 3261 19.1.2), into `out` where there is something to decode. `None` when
/// an escape is broken or `out` is too small.
pub fn unescape<'o>(text: &'o [u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
    if span(PLAIN, text) == text.len() {
        return (text.len() <= out.len()).then_some(text);
    }
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

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    /// Texts of every short length, each octet in every place of them.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        (0..=50usize).flat_map(|len| {
            (0..len.max(1)).flat_map(move |at| {
                (0..=255).map(move |octet| {
                    let mut text: Vec<u8> = (0..len as u8).map(|i| b'a' + i).collect();
                    if let Some(place) = text.get_mut(at) {
                        *place = octet;
                    }
                    text
                })
            })
        })
    }

    #[test]
    fn many_octets_at_a_time_find_what_one_at_a_time_does() {
        for text in texts() {
            let space = text.iter().any(|&b| is_space(b));
            assert_eq!(has_space(&text), space, "{text:?}");
            let end = space || text.iter().any(|b| b"<>\"".contains(b));
            assert_eq!(has_end_of_uri(&text), end, "{text:?}");
            for wanted in [b':', b' ', 0, 0xff, b'c'] {
                let first = text.iter().position(|&b| b == wanted);
                assert_eq!(position(wanted, &text), first, "{wanted} in {text:?}");
            }
        }
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "0.0.0.0",
            "1.2.3.4",
            "255.255.255.255",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1..2.3",
            "1.2.3.",
            ".1.2.3",
            "1.2.3.4 ",
            "",
            "1.2.3.1000",
            "00.0.0.0",
            "::1",
        ] {
            assert_eq!(
                ipv4(text.as_bytes()),
                text.parse::<Ipv4Addr>().ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_are_taken_apart_in_whatever_form_they_stand() {
        let all = |text: &'static str| {
            let each = Parameters(Some(text.as_bytes())).each();
            let shown = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            each.map(|one| (shown(one.text), shown(one.name)))
                .collect::<Vec<_>>()
        };
        let pair = |text: &str, name: &str| (text.to_owned(), name.to_owned());
        assert_eq!(
            all("rport;branch=z9;x = \"a;b\" ; y=[::1];"),
            [
                pair("rport", "rport"),
                pair("branch=z9", "branch"),
                pair("x = \"a;b\"", "x"),
                pair("y=[::1]", "y"),
                pair("", ""),
            ]
        );
        for (text, sound) in [
            ("a;b=c", true),
            ("a;;b", false),
            ("a=", false),
            ("a b", false),
            ("a=\"", false),
        ] {
            assert_eq!(
                Parameters(Some(text.as_bytes())).walk(|_, _| {}),
                sound,
                "{text}"
            );
        }
    }
}
