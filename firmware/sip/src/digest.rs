//! Digest authentication of a client (RFC 7616, RFC 8760): SHA-256 and MD5, `qop=auth`, nonces that
//! need no memory, and a small table that knows which of them were used.

use core::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};
use trunkguard_core::policy::Credentials;

use crate::{
    text::{is_space, split_outside, trim},
    write::Writer,
};

/// The realm of every challenge.
pub const REALM: &str = "trunkguard";
/// Seconds that a nonce is good for.
const LIFETIME_S: u64 = 300;
/// Nonces whose use is remembered; older ones are stale.
const USED: usize = 1_024;
/// Challenges that are remembered.
const GIVEN: usize = 256;
/// A request that comes again within this time, byte for byte, is a retransmission (64 times T1).
const AGAIN_MS: u64 = 32_000;

/// Makes and checks nonces.
pub struct Digests {
    key: [u8; 32],
    next: u32,
    used: Box<[Use]>,
    /// The last challenges, so that a request that comes again gets the same one.
    given: Box<[Given]>,
}

/// A challenge that was given.
#[derive(Clone, Copy, Default)]
struct Given {
    transaction: u128,
    second: u32,
    number: u32,
}

/// The last use of a nonce.
#[derive(Clone, Copy, Default)]
struct Use {
    number: u32,
    count: u32,
    transaction: u128,
    at_ms: u64,
}

/// The request that credentials stand in.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Milliseconds on the gate's clock.
    pub now_ms: u64,
    /// Its method.
    pub method: &'a [u8],
    /// Its Request-URI.
    pub uri: &'a [u8],
    /// Its transaction ([`crate::keys::Names`]).
    pub transaction: u128,
}

/// What an Authorization is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the client.
    Right,
    /// None of ours was there: challenge.
    Missing,
    /// The credentials may be right, the nonce is not: challenge again with `stale=true`.
    Stale,
    /// Wrong user, password, realm or URI, or a nonce used again.
    Wrong,
}

#[derive(Default)]
struct Fields<'a> {
    username: &'a [u8],
    realm: &'a [u8],
    nonce: &'a [u8],
    uri: &'a [u8],
    response: &'a [u8],
    algorithm: &'a [u8],
    qop: &'a [u8],
    nc: &'a [u8],
    cnonce: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let scheme_end = value.iter().position(|&b| is_space(b))?;
        if !value[..scheme_end].eq_ignore_ascii_case(b"digest") {
            return None;
        }
        let mut fields = Fields::default();
        let mut rest = Some(&value[scheme_end..]);
        while let Some(text) = rest {
            let (one, after) = split_outside(text, b',').ok()?;
            rest = after;
            let equals = memchr::memchr(b'=', one)?;
            let value = trim(&one[equals + 1..]);
            let value = value
                .strip_prefix(b"\"")
                .and_then(|v| v.strip_suffix(b"\""))
                .unwrap_or(value);
            let name = trim(&one[..equals]);
            for (known, field) in [
                (&b"username"[..], &mut fields.username),
                (b"realm", &mut fields.realm),
                (b"nonce", &mut fields.nonce),
                (b"uri", &mut fields.uri),
                (b"response", &mut fields.response),
                (b"algorithm", &mut fields.algorithm),
                (b"qop", &mut fields.qop),
                (b"nc", &mut fields.nc),
                (b"cnonce", &mut fields.cnonce),
            ] {
                if name.eq_ignore_ascii_case(known) {
                    *field = value;
                }
            }
        }
        Some(fields)
    }
}

impl Digests {
    /// `key` is drawn at the start of the process.
    pub fn new(key: [u8; 32]) -> Self {
        Digests {
            key,
            next: 1,
            used: vec![Use::default(); USED].into(),
            given: vec![Given::default(); GIVEN].into(),
        }
    }

    /// Writes one WWW-Authenticate per algorithm, the strongest first.
    pub fn challenge(&mut self, asked: &Asked<'_>, stale: bool, w: &mut Writer<'_>) {
        let second = (asked.now_ms / 1_000) as u32;
        let given = &mut self.given[asked.transaction as usize % GIVEN];
        let again = given.number > 0
            && given.transaction == asked.transaction
            && u64::from(second.wrapping_sub(given.second)) < AGAIN_MS / 1_000;
        if !again {
            *given = Given {
                transaction: asked.transaction,
                second,
                number: self.next,
            };
            self.next = self.next.wrapping_add(1).max(1);
        }
        let Given { second, number, .. } = *given;
        let nonce = self.nonce(u64::from(second), number);
        let stale = if stale { ",stale=true" } else { "" };
        for algorithm in ["SHA-256", "MD5"] {
            let _ = write!(w, "WWW-Authenticate: Digest realm=\"{REALM}\",nonce=\"");
            w.put(&nonce);
            let _ = write!(w, "\",algorithm={algorithm},qop=\"auth\"{stale}\r\n");
        }
    }

    /// Checks the Authorization of a request.
    pub fn check(&mut self, asked: &Asked<'_>, value: &[u8], credentials: &Credentials) -> Checked {
        let Some(fields) = Fields::read(value) else {
            return Checked::Missing;
        };
        if fields.realm != REALM.as_bytes()
            || fields.username != credentials.username.as_str().as_bytes()
            || fields.uri != asked.uri
            || !fields.qop.eq_ignore_ascii_case(b"auth")
        {
            return Checked::Wrong;
        }
        let right = match fields.algorithm {
            a if a.eq_ignore_ascii_case(b"SHA-256") => {
                self.response::<Sha256>(&fields, asked.method, credentials)
            }
            a if a.is_empty() || a.eq_ignore_ascii_case(b"MD5") => {
                self.response::<Md5>(&fields, asked.method, credentials)
            }
            _ => false,
        };
        if !right {
            return Checked::Wrong;
        }
        self.use_nonce(asked, &fields)
    }

    fn response<H: Digest>(
        &self,
        fields: &Fields<'_>,
        method: &[u8],
        credentials: &Credentials,
    ) -> bool {
        let expected = response::<H>(fields, method, credentials.password.reveal().as_bytes());
        let expected = &expected[..2 * <H as Digest>::output_size()];
        // Every octet is looked at, whatever the ones before it were.
        let differing = expected
            .iter()
            .zip(fields.response)
            .fold(0, |d, (a, b)| d | (a ^ b.to_ascii_lowercase()));
        differing == 0 && expected.len() == fields.response.len()
    }

    fn nonce(&self, second: u64, number: u32) -> [u8; 40] {
        let mut nonce = [0; 40];
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key)
            .unwrap_or_else(|_| unreachable_key());
        mac.update(&(second as u32).to_be_bytes());
        mac.update(&number.to_be_bytes());
        let mac = mac.finalize().into_bytes();
        hex(&(second as u32).to_be_bytes(), &mut nonce[..8]);
        hex(&number.to_be_bytes(), &mut nonce[8..16]);
        hex(&mac[..12], &mut nonce[16..]);
        nonce
    }

    /// A nonce of ours, not too old, and its count not seen before (RFC 7616 3.4.6) but in the same
    /// request, which UDP may bring twice.
    fn use_nonce(&mut self, asked: &Asked<'_>, fields: &Fields<'_>) -> Checked {
        let parts = core::str::from_utf8(fields.nonce)
            .ok()
            .filter(|n| n.len() == 40)
            .and_then(|n| {
                Some((
                    u32::from_str_radix(n.get(..8)?, 16).ok()?,
                    u32::from_str_radix(n.get(8..16)?, 16).ok()?,
                ))
            });
        let Some((second, number)) = parts else {
            return Checked::Stale;
        };
        if self.nonce(u64::from(second), number) != fields.nonce {
            return Checked::Stale;
        }
        if (asked.now_ms / 1_000).saturating_sub(u64::from(second)) > LIFETIME_S {
            return Checked::Stale;
        }
        let count = core::str::from_utf8(fields.nc)
            .ok()
            .filter(|nc| nc.len() == 8 && nc.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|nc| u32::from_str_radix(nc, 16).ok());
        let Some(count) = count.filter(|&c| c > 0) else {
            return Checked::Wrong;
        };
        let last = &mut self.used[number as usize % USED];
        if last.number > number {
            return Checked::Stale;
        }
        if last.number == number && last.count >= count {
            let again = last.count == count
                && last.transaction == asked.transaction
                && asked.now_ms.saturating_sub(last.at_ms) < AGAIN_MS;
            return if again {
                Checked::Right
            } else {
                Checked::Wrong
            };
        }
        *last = Use {
            number,
            count,
            transaction: asked.transaction,
            at_ms: asked.now_ms,
        };
        Checked::Right
    }
}

/// HMAC takes keys of any length (RFC 2104 2).
fn unreachable_key() -> Hmac<Sha256> {
    unreachable!("a key of 32 octets is a key")
}

/// KD(H(A1), nonce:nc:cnonce:qop:H(A2)) in hex (RFC 7616 3.4.1).
fn response<H: Digest>(fields: &Fields<'_>, method: &[u8], password: &[u8]) -> [u8; 64] {
    let size = 2 * <H as Digest>::output_size();
    let (mut a1, mut a2, mut all) = ([0; 64], [0; 64], [0; 64]);
    hashed::<H>(
        &[fields.username, b":", fields.realm, b":", password],
        &mut a1,
    );
    hashed::<H>(&[method, b":", fields.uri], &mut a2);
    let parts: [&[u8]; 11] = [
        &a1[..size],
        b":",
        fields.nonce,
        b":",
        fields.nc,
        b":",
        fields.cnonce,
        b":",
        fields.qop,
        b":",
        &a2[..size],
    ];
    hashed::<H>(&parts, &mut all);
    all
}

fn hashed<H: Digest>(parts: &[&[u8]], out: &mut [u8; 64]) {
    let mut hasher = H::new();
    for part in parts {
        hasher.update(part);
    }
    hex(&hasher.finalize(), out);
}

fn hex(bytes: &[u8], out: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 3.9.1.
    #[test]
    fn the_vectors_of_the_rfc() {
        let fields = Fields {
            username: b"Mufasa",
            realm: b"http-auth@example.org",
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri: b"/dir/index.html",
            nc: b"00000001",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop: b"auth",
            ..Fields::default()
        };
        let md5 = response::<Md5>(&fields, b"GET", b"Circle of Life");
        assert_eq!(&md5[..32], b"8ca523f5e9506fed4657c9700eebdbec");
        let sha256 = response::<Sha256>(&fields, b"GET", b"Circle of Life");
        assert_eq!(
            &sha256[..],
            b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }
}
