//! Names of transactions and tags of answers: keyed hashes, so that nobody outside can choose them.

use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::{
    sip::SipHasher24,
    sip128::{Hasher128, SipHasher13},
};

use crate::{
    read::{Message, Via},
    uri::NameAddr,
};

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
    pub fn names(&self, message: &Message<'_>, source: IpAddr) -> Names {
        let top = message.vias.first().copied().unwrap_or_default();
        let via = Via::read(top);
        let branch = via.and_then(|v| v.parameter(b"branch")).unwrap_or_default();
        let from_tag = NameAddr::read(message.from)
            .map(|f| f.tag())
            .unwrap_or_default();
        let number = message.cseq_number.to_le_bytes();
        let address = match source {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        // Without the cookie the branch means nothing (RFC 3261 8.1.1.7, RFC 2543).
        let has_cookie = branch.len() > 7 && branch[..7].eq_ignore_ascii_case(b"z9hG4bK");
        let transaction = match via {
            Some(via) if has_cookie => self.hash(&[b"3261", &address, branch, via.sent_by]),
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
        for part in [message.call_id, from_tag, &number, branch] {
            tag.write(part);
            tag.write_u8(0);
        }
        Names {
            transaction,
            merge: self.hash(&[b"merge", &address, from_tag, message.call_id, &number]),
            tag: tag.finish(),
        }
    }

    fn hash(&self, parts: &[&[u8]]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.transaction.0, self.transaction.1);
        for part in parts {
            hasher.write(part);
            hasher.write_u8(0);
        }
        hasher.finish128().as_u128()
    }
}
