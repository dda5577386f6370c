//! URIs: just enough of them to find the user, the host and what is wrong (RFC 3261 19.1, RFC 3966).

use crate::text::{Parameters, is_space, split_outside, trim};

/// A URI, taken apart but not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// `sip`, `sips` or `tel`.
    pub scheme: Scheme,
    /// User part without password; of a `tel:` URI the number. Not decoded.
    pub user: &'a [u8],
    /// Host, and port where there is one.
    pub host: &'a [u8],
}

/// Schemes that a call can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
}

/// Why it is no URI for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadUri {
    /// Another scheme: 416.
    Scheme,
    /// Not of the form.
    Form,
}

impl<'a> Uri<'a> {
    /// Reads a URI. Headers (`?…`) are passed over where `headers` says that they may stand.
    ///
    /// # Errors
    /// Another scheme, or no URI.
    pub fn read(text: &'a [u8], headers: bool) -> Result<Self, BadUri> {
        let colon = memchr::memchr(b':', text).ok_or(BadUri::Form)?;
        let (name, rest) = (&text[..colon], &text[colon + 1..]);
        if !name.first().is_some_and(u8::is_ascii_alphabetic)
            || !name
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        {
            return Err(BadUri::Form);
        }
        let scheme = match name {
            n if n.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            n if n.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            n if n.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _ => return Err(BadUri::Scheme),
        };
        if rest
            .iter()
            .any(|&b| is_space(b) || b == b'<' || b == b'>' || b == 0 || b == b'"')
        {
            return Err(BadUri::Form);
        }
        if scheme == Scheme::Tel {
            let user = rest.split(|&b| b == b';').next().unwrap_or_default();
            return if user.is_empty() {
                Err(BadUri::Form)
            } else {
                Ok(Uri {
                    scheme,
                    user,
                    host: b"",
                })
            };
        }
        // The user may hold `;` and `?` (RFC 4475 3.1.1.9); the `@` is looked for first.
        let (user, after) =
            match memchr::memrchr(b'@', rest.split(|&b| b == b'?').next().unwrap_or(rest)) {
                Some(at) => (&rest[..at], &rest[at + 1..]),
                None => match memchr::memchr(b'@', rest) {
                    Some(at) => (&rest[..at], &rest[at + 1..]),
                    None => (&rest[..0], rest),
                },
            };
        let question = memchr::memchr(b'?', after);
        if question.is_some() && !headers {
            return Err(BadUri::Form);
        }
        let host = after
            .split(|&b| b == b';' || b == b'?')
            .next()
            .unwrap_or_default();
        if !is_host_port(host) {
            return Err(BadUri::Form);
        }
        let user = user.split(|&b| b == b':').next().unwrap_or_default();
        Ok(Uri { scheme, user, host })
    }
}

/// A host or address with a port or without: `pbx.example`, `10.0.0.5:5060`, `[2001:db8::1]:5060`.
pub fn is_host_port(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', rest @ ..] => match memchr::memchr(b']', rest) {
            Some(end) => {
                let address = &rest[..end];
                if !address
                    .iter()
                    .all(|b| b.is_ascii_hexdigit() || b":.".contains(b))
                    || address.len() < 2
                {
                    return false;
                }
                (
                    &b"v6"[..],
                    rest[end + 1..]
                        .strip_prefix(b":")
                        .or(if rest.len() == end + 1 {
                            None
                        } else {
                            Some(&b"x"[..])
                        }),
                )
            }
            None => return false,
        },
        _ => {
            let mut halves = text.splitn(2, |&b| b == b':');
            (halves.next().unwrap_or_default(), halves.next())
        }
    };
    let host_ok = !host.is_empty()
        && host
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b));
    host_ok && port.is_none_or(|p| crate::text::number(p, 65_535).is_some())
}

/// `"Name" <uri>;params`, or `uri;params`, as in From, To and Contact.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// The URI's text.
    pub uri: &'a [u8],
    /// Parameters of the header, not of the URI.
    pub parameters: Parameters<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. `None` when it is not of the form: quotes open, spaces in the brackets, a
    /// display name that would have to be quoted (RFC 4475 3.1.2.6, 3.1.2.14, 3.1.2.15).
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let text = trim(text);
        let (before, bracket) = split_at_bracket(text)?;
        let (uri, rest) = match bracket {
            Some(inside) => {
                let end = memchr::memchr(b'>', inside)?;
                if !is_display_name(trim(before)) {
                    return None;
                }
                (&inside[..end], trim(&inside[end + 1..]))
            }
            None => {
                let (uri, parameters) = split_outside(text, b';').ok()?;
                // Without brackets `?` and `,` cannot stand in a URI (RFC 3261 20.10).
                if uri.iter().any(|b| b"?,".contains(b)) {
                    return None;
                }
                let uri = trim(uri);
                return Some(NameAddr {
                    uri,
                    parameters: Parameters(parameters.unwrap_or(b"x")),
                })
                .filter(|n| sound(n));
            }
        };
        let parameters = match rest {
            [] => Parameters(b"x"),
            [b';', parameters @ ..] => Parameters(parameters),
            _ => return None,
        };
        Some(NameAddr { uri, parameters }).filter(|n| sound(n))
    }

    /// The tag, where there is one.
    pub fn tag(&self) -> &'a [u8] {
        self.parameters.get(b"tag").unwrap_or_default()
    }
}

fn sound(addr: &NameAddr<'_>) -> bool {
    !addr.uri.is_empty()
        && !addr.uri.iter().any(|&b| is_space(b) || b == b'<')
        && addr.uri.contains(&b':')
        && addr.parameters.are_sound()
}

/// What stands before `<` and after it; quotes are respected.
fn split_at_bracket(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (mut quoted, mut i) = (false, 0);
    while i < text.len() {
        match text[i] {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some((&text[..i], Some(&text[i + 1..]))),
            _ => {}
        }
        i += 1;
    }
    if quoted { None } else { Some((text, None)) }
}

fn is_display_name(name: &[u8]) -> bool {
    match name {
        [] => true,
        [b'"', inside @ .., b'"'] => {
            let mut escaped = false;
            inside.iter().all(|&b| {
                let fine = escaped || b != b'"';
                escaped = !escaped && b == b'\\';
                fine
            }) && !escaped
        }
        // Tokens and spaces; octets beyond ASCII are what phones put into names.
        words => words.iter().all(|&b| {
            b >= 0x80 || is_space(b) || b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
        }),
    }
}
