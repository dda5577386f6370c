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
        let address = match source {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        // What both names begin with is hashed once.
        let mut attempt = SipHasher13::new_with_keys(self.transaction.0, self.transaction.1);
        let number = u64::from(message.cseq_number);
        let length = message.call_id.len() as u64;
        attempt.write(&address);
        attempt.write(&(number << 32 | length).to_le_bytes());
        attempt.write(message.call_id);
        let mut transaction = attempt;
        // Without the cookie the branch means nothing (RFC 3261 8.1.1.7, RFC 2543).
        let has_cookie = branch.len() > 7 && branch[..7].eq_ignore_ascii_case(b"z9hG4bK");
        match via {
            Some(via) if has_cookie => {
                write_parts(&mut transaction, 3261, &[branch, via.sent_by, message.uri]);
            }
            _ => write_parts(&mut transaction, 2543, &[message.uri, from_tag, top]),
        }
        let transaction = transaction.finish128().as_u128();
        write_parts(&mut attempt, 482, &[from_tag]);
        let mut tag = SipHasher24::new_with_keys(self.tag.0, self.tag.1);
        tag.write(&transaction.to_le_bytes());
        Names {
            transaction,
            merge: attempt.finish128().as_u128(),
            tag: tag.finish(),
        }
    }
}

/// Behind a word for what they make, and with their lengths, so that no part can reach into the next.
fn write_parts<const N: usize>(hasher: &mut SipHasher13, what: u16, parts: &[&[u8]; N]) {
    let mut head = [0; 8];
    head[..2].copy_from_slice(&what.to_le_bytes());
    for (place, part) in head[2..].chunks_exact_mut(2).zip(parts) {
        // No message is longer than a datagram can be, not even one that is refused for its length.
        place.copy_from_slice(&(part.len() as u16).to_le_bytes());
    }
    hasher.write(&head);
    for part in parts {
        hasher.write(part);
    }
}
