//! One-time codes of an authenticator app (RFC 6238: HMAC-SHA-1, 30 s, 6 digits, as all apps take them).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// A step of time (RFC 6238 4.1).
const STEP_S: u64 = 30;
/// The letters of base32 (RFC 4648 6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The key that box and app share: 160 bits, as base32. The default one is of nobody: no code is right.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Key(String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// Where the kernel gives no random numbers.
    pub fn new() -> Result<Key, getrandom::Error> {
        let mut octets = [0; 20];
        getrandom::fill(&mut octets)?;
        Ok(Key(base32(&octets)))
    }

    /// One that was kept or sent. `None` where it is none of ours.
    pub fn parse(text: &str) -> Option<Key> {
        (text.len() == 32 && text.bytes().all(|b| LETTERS.contains(&b)))
            .then(|| Key(text.to_owned()))
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The step whose code this is, if it is one of now, of the step before or the one after (clocks differ), and later than
    /// `after`, the last one that was used: a code that somebody has looked over is worth nothing.
    pub fn step_of(&self, code: &str, unix_s: u64, after: u64) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        let typed: String = code.chars().filter(char::is_ascii_digit).take(8).collect();
        let now = unix_s / STEP_S;
        (now.saturating_sub(1)..=now + 1)
            .rev()
            .filter(|step| *step > after)
            .find(|step| bool::from(self.code(*step).as_bytes().ct_eq(typed.as_bytes())))
    }

    /// What an app reads from a QR code: `otpauth://totp/…`.
    pub fn address(&self, box_name: &str, account: &str) -> String {
        let code = crate::shell::urlencode;
        format!(
            "otpauth://totp/{}:{}?secret={}&issuer={}",
            code(box_name),
            code(account),
            self.0,
            code(box_name)
        )
    }

    /// The code of a step (RFC 4226 5.3).
    fn code(&self, step: u64) -> String {
        let octets = unbase32(&self.0);
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&octets) else {
            return String::new();
        };
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 0xf);
        let number = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

fn base32(octets: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for octet in octets {
        bits = bits << 8 | u32::from(*octet);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(LETTERS[(bits >> held & 31) as usize]));
        }
    }
    text
}

fn unbase32(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter);
        bits = bits << 5 | value.unwrap_or_default() as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held & 255) as u8);
        }
    }
    octets
}

/// The QR code of an address as the path of an SVG, one unit a module, with its width. `None` where it is too long for one.
pub fn picture(address: &str) -> Option<(String, usize)> {
    use std::fmt::Write;
    let code = fast_qr::QRBuilder::new(address).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        for x in (0..code.size).filter(|&x| code[y][x].value()) {
            // Four modules of white around it (ISO 18004). Writing to a String does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + 4, y + 4);
        }
    }
    Some((path, code.size + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, with six digits.
        let key = Key(base32(b"12345678901234567890"));
        assert_eq!(unbase32(&key.0), b"12345678901234567890");
        for (unix_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(key.code(unix_s / 30), code);
            assert_eq!(key.step_of(code, unix_s, 0), Some(unix_s / 30));
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_a_minute_and_a_half() {
        let key = Key::new().unwrap();
        let code = key.code(1_000);
        for unix_s in [999 * 30, 1_000 * 30, 1_001 * 30 + 29] {
            assert_eq!(key.step_of(&code, unix_s, 0), Some(1_000));
        }
        assert_eq!(key.step_of(&code, 1_002 * 30, 0), None);
        assert_eq!(key.step_of(&code, 1_000 * 30, 1_000), None, "used");
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(key.step_of(&spaced, 1_000 * 30, 0), Some(1_000));
        assert_eq!(key.step_of("", 1_000 * 30, 0), None);
        assert_eq!(Key::parse(key.text()), Some(key));
        assert_eq!(Key::parse("short"), None);
        let nobody = Key::default();
        assert_eq!(nobody.step_of(&nobody.code(1_000), 30_000, 0), None);
    }

    #[test]
    fn a_picture_is_there() {
        let (path, width) =
            picture(&Key::new().unwrap().address("trunkguard-1a2b", "Maria & co")).unwrap();
        assert!(path.starts_with("M4 4h1v1h-1z") && width > 40);
    }
}
