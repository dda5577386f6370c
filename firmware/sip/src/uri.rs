//! URIs: just enough of them to find the user, the host and what is wrong (RFC 3261 19.1, RFC 3966).

use crate::text::{
    DISPLAY, HOST, PLAIN, Parameters, has_end_of_uri, number, position, span, split_outside, trim,
};

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
        let colon = position(b':', text).ok_or(BadUri::Form)?;
        let (name, rest) = (&text[..colon], &text[colon + 1..]);
        let scheme = match name {
            n if n.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            n if n.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            n if n.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            n if is_scheme(n) => return Err(BadUri::Scheme),
            _ => return Err(BadUri::Form),
        };
        // Mostly `user@host:port` and nothing else.
        if scheme != Scheme::Tel
            && let (user, [b'@', host @ ..]) = rest.split_at(span(PLAIN, rest))
            && is_host_port(host)
        {
            return Ok(Uri { scheme, user, host });
        }
        if has_end_of_uri(rest) || rest.contains(&0) {
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
        let (user, after) = split_user(rest);
        if !headers && memchr::memchr(b'?', after).is_some() {
            return Err(BadUri::Form);
        }
        let end = memchr::memchr2(b';', b'?', after).unwrap_or(after.len());
        let host = &after[..end];
        if !is_host_port(host) {
            return Err(BadUri::Form);
        }
        let password = memchr::memchr(b':', user).unwrap_or(user.len());
        Ok(Uri {
            scheme,
            user: &user[..password],
            host,
        })
    }
}

fn is_scheme(name: &[u8]) -> bool {
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
}

/// What stands before the `@` and behind it. The user may hold `;` and `?` (RFC 4475 3.1.1.9), and
/// headers may hold an `@`: the last one before the first `?` it is, or else the first of all.
fn split_user(rest: &[u8]) -> (&[u8], &[u8]) {
    let question = memchr::memchr(b'?', rest).unwrap_or(rest.len());
    let at = memchr::memrchr(b'@', &rest[..question]).or_else(|| memchr::memchr(b'@', rest));
    match at {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (&rest[..0], rest),
    }
}

/// A host or address with a port or without: `pbx.example`, `10.0.0.5:5060`, `[2001:db8::1]:5060`.
pub fn is_host_port(text: &[u8]) -> bool {
    let host_end = match text {
        [b'[', ..] => memchr::memchr(b']', text).map_or(0, |end| end + 1),
        name => span(HOST, name),
    };
    let (host, port) = text.split_at(host_end);
    let port_ok = match port {
        [] => true,
        [b':', digits @ ..] => number(digits, 65_535).is_some(),
        _ => false,
    };
    // What `span` has passed is a host.
    port_ok && !host.is_empty() && (host[0] != b'[' || is_host(host))
}

/// A host or address: `pbx.example`, `10.0.0.5`, `[2001:db8::1]`.
pub fn is_host(text: &[u8]) -> bool {
    match text {
        [] => false,
        [b'[', address @ .., b']'] => core::str::from_utf8(address)
            .is_ok_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok()),
        name => span(HOST, name) == name.len(),
    }
}

/// `"Name" <uri>;params`, or `uri;params`, as in From, To and Contact.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// The URI's text.
    pub uri: &'a [u8],
    /// The tag, or empty.
    pub tag: &'a [u8],
    /// The parameter `expires` of a Contact, or empty.
    pub expires: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// Reads one value. `None` when it is not of the form: quotes open, spaces in the brackets, a
    /// display name that would have to be quoted (RFC 4475 3.1.2.6, 3.1.2.14, 3.1.2.15).
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let text = trim(text);
        let bracket = match bracket(text) {
            Some(inside) => Some(inside),
            None => {
                let (before, inside) = split_at_bracket(text)?;
                if inside.is_some() && !is_display_name(trim(before)) {
                    return None;
                }
                inside
            }
        };
        let (uri, parameters) = match bracket {
            Some(inside) => {
                let end = position(b'>', inside)?;
                let parameters = match trim(&inside[end + 1..]) {
                    [] => None,
                    [b';', parameters @ ..] => Some(parameters),
                    _ => return None,
                };
                (&inside[..end], parameters)
            }
            None => {
                // Without brackets the parameters are the header's, and `?` and `,` cannot stand in
                // the URI (RFC 3261 20.10).
                let (uri, parameters) = split_outside(text, b';').ok()?;
                if uri.iter().any(|b| b"?,".contains(b)) {
                    return None;
                }
                (trim(uri), parameters)
            }
        };
        let (mut tag, mut expires) = (&b""[..], &b""[..]);
        let sound = Parameters(parameters).walk(|name, value| {
            if name.eq_ignore_ascii_case(b"tag") && tag.is_empty() {
                tag = value;
            } else if name.eq_ignore_ascii_case(b"expires") {
                expires = value;
            }
        });
        (sound && is_bare_uri(uri)).then_some(NameAddr { uri, tag, expires })
    }
}

/// Something with a scheme, and nothing in it that would end it on the wire.
fn is_bare_uri(uri: &[u8]) -> bool {
    position(b':', uri).is_some_and(|colon| colon > 0) && !has_end_of_uri(uri)
}

/// What stands behind the `<`, where nothing or one quoted name stands before it, as is usual.
fn bracket(text: &[u8]) -> Option<&[u8]> {
    let rest = match text {
        [b'"', ..] => trim(&text[end_of_quotes(text)?..]),
        _ => text,
    };
    rest.strip_prefix(b"<")
}

/// Behind the second quote of a text that begins with one.
fn end_of_quotes(text: &[u8]) -> Option<usize> {
    let mut i = 1;
    loop {
        match text.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
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
        words => span(DISPLAY, words) == words.len(),
    }
}
