//! What a server offers: `latest.json`, a signed statement that holds for a time. Without the time, whoever sits in between could show
//! a box the same old version for ever, and with it the faults that were mended since.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use trunkguard_core::update::{Version, gate::Release};

use crate::Keys;

/// Its name in the folder.
pub const FILE: &str = "latest.json";
/// Octets of it.
pub const LONGEST: u64 = 64 * 1024;
/// Octets of a bundle: what both partitions of a slot hold, and what they are packed in.
pub const LARGEST_BUNDLE: u64 = 176 << 20;
/// What is signed begins with this, so that no other thing that is signed by the same key can be taken for a pointer.
const PREFIX: &str = "trunkguard-pointer-1\n";
const MOST_SIGNATURES: usize = 16;
const LONGEST_NOTES: usize = 2_000;

/// A pointer that somebody signed whom the image believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// What it points at.
    pub release: Release,
    /// The bundle's name in the same folder.
    pub bundle: String,
    /// Octets of the bundle.
    pub size: u64,
    /// SHA-256 of the bundle.
    pub sha256: [u8; 32],
    /// It holds from then on, seconds since 1970.
    pub not_before_s: i64,
    /// And no longer than until then.
    pub not_after_s: i64,
    /// How many of a hundred boxes it is for now.
    pub share: u8,
    /// What is new.
    pub notes: String,
}

/// Why it is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unbelieved {
    /// It is not what a pointer looks like.
    #[error("what the server has as {FILE} is no pointer to an update: {0}")]
    Shape(String),
    /// Nobody signed it whom the image knows.
    #[error(
        "{FILE} of the server is signed by nobody whom this box believes; look at the address, and whether the box is older than the keys"
    )]
    Signature,
    /// Its time has not come.
    #[error(
        "{FILE} of the server holds from {from} on, and this box has {now}; look at the box's clock"
    )]
    NotYet {
        /// When it begins.
        from: String,
        /// What the box takes for the time.
        now: String,
    },
    /// Its time is over.
    #[error(
        "{FILE} of the server held until {until}, and this box has {now}: the server was not looked after, somebody shows an old one, or the box's clock is wrong"
    )]
    Expired {
        /// When it ended.
        until: String,
        /// What the box takes for the time.
        now: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    signed: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    key: String,
    signature: String,
}

#[derive(Deserialize)]
struct Statement {
    format: u32,
    compatible: String,
    version: Version,
    bundle: String,
    size: u64,
    sha256: String,
    not_before: Timestamp,
    not_after: Timestamp,
    share: u8,
    data: u32,
    data_oldest: u32,
    #[serde(default)]
    notes: String,
}

/// Reads one, if somebody of `keys` signed it and it holds at `now_s`.
///
/// # Errors
/// Why it is not believed.
pub fn verify(text: &[u8], keys: &Keys, now_s: i64) -> Result<Pointer, Unbelieved> {
    let shape = |e: serde_json::Error| Unbelieved::Shape(e.to_string());
    if text.len() as u64 > LONGEST {
        return Err(Unbelieved::Shape(format!(
            "it is longer than {LONGEST} octets"
        )));
    }
    let envelope: Envelope = serde_json::from_slice(text).map_err(shape)?;
    let message = [PREFIX.as_bytes(), envelope.signed.as_bytes()].concat();
    let mut signatures = envelope.signatures.iter().take(MOST_SIGNATURES);
    let signed = signatures.any(|s| {
        STANDARD
            .decode(&s.signature)
            .is_ok_and(|octets| keys.verify(&s.key, &message, &octets))
    });
    // Nothing of it is read before that.
    if !signed {
        return Err(Unbelieved::Signature);
    }
    let statement: Statement = serde_json::from_str(&envelope.signed).map_err(shape)?;
    let pointer = of(statement).map_err(Unbelieved::Shape)?;
    let time = |s: i64| Timestamp::from_second(s).map_or_else(|_| s.to_string(), |t| t.to_string());
    if now_s < pointer.not_before_s {
        return Err(Unbelieved::NotYet {
            from: time(pointer.not_before_s),
            now: time(now_s),
        });
    }
    if now_s >= pointer.not_after_s {
        return Err(Unbelieved::Expired {
            until: time(pointer.not_after_s),
            now: time(now_s),
        });
    }
    Ok(pointer)
}

fn of(statement: Statement) -> Result<Pointer, String> {
    if statement.format != 1 {
        return Err(format!(
            "its format is {}, and this box reads 1",
            statement.format
        ));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let name = &statement.bundle;
    if !(1..=128).contains(&name.len()) || !name.bytes().all(plain) || name.starts_with('.') {
        return Err("the bundle's name is 1 to 128 letters, digits, dots and hyphens".into());
    }
    if !(1..=LARGEST_BUNDLE).contains(&statement.size) {
        return Err(format!(
            "the bundle has {} octets, and a slot of this box takes {LARGEST_BUNDLE} at most",
            statement.size
        ));
    }
    if statement.share > 100 {
        return Err("share is 0 to 100".into());
    }
    Ok(Pointer {
        release: Release {
            compatible: statement.compatible,
            version: statement.version,
            data: statement.data,
            data_oldest: statement.data_oldest,
        },
        size: statement.size,
        sha256: octets(&statement.sha256).ok_or("sha256 is 64 hexadecimal digits")?,
        not_before_s: statement.not_before.as_second(),
        not_after_s: statement.not_after.as_second(),
        share: statement.share,
        notes: shown(&statement.notes),
        bundle: statement.bundle,
    })
}

/// Text for people: no control character but the end of a line, none that turns the order of reading, and not too long.
fn shown(notes: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    notes
        .chars()
        .filter(|c| !hidden(*c))
        .take(LONGEST_NOTES)
        .collect()
}

fn octets(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut octets = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |b: u8| (b as char).to_digit(16);
        *octet = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
    }
    Some(octets)
}

#[cfg(test)]
#[path = "pointer_tests.rs"]
mod tests;
