//! A registrar that keeps nothing: some PBXs insist on registering, and all that they want back is
//! their own Contact (RFC 3261 10.3).

use heapless::Vec;

use crate::{
    limits,
    text::{number, parts},
    turn::Turn,
    uas::Handled,
    uri::{BadUri, NameAddr, Uri},
    write::reason,
};

/// The shortest registration, in seconds (RFC 3261 10.3 allows to refuse less than an hour).
const MIN_EXPIRES: u32 = 60;
/// The longest one, and that of a Contact that asks for none.
const DEFAULT_EXPIRES: u32 = 3_600;

/// A Contact and the seconds it asks for.
type Binding<'a> = (NameAddr<'a>, u32);

impl Turn<'_, '_> {
    /// Answers a REGISTER whose Request-URI, options and credentials are in order.
    pub fn register(&self, out: &mut [u8]) -> Handled {
        let message = self.message;
        let of_record = message.called.map(|to| Uri::read(to.uri, true));
        if matches!(of_record, Some(Err(BadUri::Scheme))) {
            return self.answer(404, reason(404), out, |_| {});
        }
        let asked = message.expires.unwrap_or(DEFAULT_EXPIRES);
        if message.contacts.iter().any(|line| *line == b"*") {
            return if message.contacts.len() == 1 && message.expires == Some(0) {
                self.answer(200, reason(200), out, |_| {})
            } else {
                self.refuse(400, "Contact * Needs Expires 0 And No Other", out)
            };
        }
        let Some(bindings) = bindings(&message.contacts, asked) else {
            return self.refuse(400, "Bad Contact", out);
        };
        let too_brief = |(_, expires): &Binding<'_>| (1..MIN_EXPIRES).contains(expires);
        if bindings.iter().any(too_brief) {
            return self.answer(423, reason(423), out, |w| {
                w.put(b"Min-Expires: ");
                w.decimal(MIN_EXPIRES);
                w.put(b"\r\n");
            });
        }
        self.answer(200, reason(200), out, |w| {
            for (addr, expires) in bindings.iter().filter(|(_, expires)| *expires > 0) {
                w.put(b"Contact: <");
                w.put(addr.uri);
                w.put(b">;expires=");
                w.decimal((*expires).min(DEFAULT_EXPIRES));
                w.put(b"\r\n");
            }
        })
    }
}

/// All Contacts of all lines; `None` when one of them cannot be read or they are too many.
fn bindings<'a>(lines: &[&'a [u8]], asked: u32) -> Option<Vec<Binding<'a>, { limits::CONTACTS }>> {
    let mut bindings = Vec::new();
    for contact in lines.iter().flat_map(|line| parts(line, b',')) {
        let addr = NameAddr::read(contact.ok()?)?;
        let expires = match addr.expires {
            [] => asked,
            // One that cannot be read counts as an hour (RFC 3261 10.2.1.1).
            value => number(value, u64::from(u32::MAX)).map_or(DEFAULT_EXPIRES, |e| e as u32),
        };
        bindings.push((addr, expires)).ok()?;
    }
    Some(bindings)
}
