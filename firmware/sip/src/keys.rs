//! Names of transactions and tags of answers: keyed hashes, so that nobody outside can choose them.

use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::{
    sip::SipHasher24,
    sip128::{Hasher128, SipHasher13},
};

use crate::read::Message;

/// Drawn once at the start of the process.
#[derive(Clone, Copy)]
pub struct Keys {
    /// For transactions.
    pub transaction: (u64, u64),
    /// For To tags.
    pub tag: (u64, u64),
}

/// What names a request (RFC 3261 17.2.3, 8.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The transaction; the same for an INVITE, its ACK and its CANCEL.
    pub transaction: u128,
    /// The call attempt, whatever way it came.
    pub merge: u128,
    /// The To tag of the answer.
    pub tag: u64,
}

impl Keys {
    /// Names a request from this source.
    ///
    /// To what RFC 3261 17.2.3 compares (branch and sent-by), Request-URI, Call-ID and the number of
    /// CSeq are added: an ACK and a CANCEL repeat them (17.1.1.3, 9.1), and an INVITE that uses a branch
    /// again for another number is another call, never a way to have the answer of the first.
    pub fn names(&self, message: &Message<'_>, source: IpAddr) -> Names {
        let top = message.vias.first().copied().unwrap_or_default();
        let via = message.top;
        let branch = via.map(|v| v.branch).unwrap_or_default();
        let from_tag = message.caller.map(|from| from.tag).unwrap_or_default();
        let number = message.cseq_number.to_le_bytes();
        let address = match source {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        // Without the cookie the branch means nothing (RFC 3261 8.1.1.7, RFC 2543).
        let has_cookie = branch.len() > 7 && branch[..7].eq_ignore_ascii_case(b"z9hG4bK");
        let transaction = match via {
            Some(via) if has_cookie => self.hash(&[
                b"3261",
                &address,
                branch,
                via.sent_by,
                message.uri,
                message.call_id,
                &number,
            ]),
            _ => self.hash(&[
                b"2543",
                &address,
                message.uri,
                from_tag,
                message.call_id,
                &number,
                top,
            ]),
        };
        let mut tag = SipHasher24::new_with_keys(self.tag.0, self.tag.1);
        write_parts(&mut tag, &[message.call_id, from_tag, &number, branch]);
        Names {
            transaction,
            merge: self.hash(&[b"merge", &address, from_tag, message.call_id, &number]),
            tag: tag.finish(),
        }
    }

    fn hash(&self, parts: &[&[u8]]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.transaction.0, self.transaction.1);
        write_parts(&mut hasher, parts);
        hasher.finish128().as_u128()
    }
}

/// With their lengths, so that no part can reach into the next.
fn write_parts(hasher: &mut impl Hasher, parts: &[&[u8]]) {
    for part in parts {
        hasher.write_u32(part.len() as u32);
        hasher.write(part);
    }
}
