//! The signature of a webhook's body (docs/alerts.md, Signature).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Header with the time and the signature: `t=1800000000,v1=HEX`.
pub const SIGNATURE: &str = "X-Trunkguard-Signature";
/// Header with the message's token: the same where a message comes twice.
pub const DELIVERY: &str = "X-Trunkguard-Delivery";

/// The signature's header: HMAC-SHA256 (RFC 2104) under the secret of the time, a dot, and the body. The
/// time is in it so that a body that somebody has recorded cannot be played again later.
pub fn signature(secret: &str, now_s: i64, body: &[u8]) -> String {
    let mut digest = String::from("-");
    // HMAC takes a key of any length; there is no other error.
    if let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) {
        mac.update(now_s.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        let octets = mac.finalize().into_bytes();
        digest = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    }
    format!("t={now_s},v1={digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret key'
        assert_eq!(
            signature("a secret key", 1_800_000_000, b"{\"a\":1}"),
            "t=1800000000,v1=1a980b369db358ec672e9be08f0b15da56b78de1c6a680ad464cec229fc0cbe4"
        );
        assert_ne!(signature("k", 1, b"2"), signature("k", 2, b"2"));
    }
}
