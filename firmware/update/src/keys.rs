//! Who may sign pointers: `pointer-keys` of the image, a line each.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, UnparsedPublicKey};

/// Keys that an image may have.
const MOST: usize = 16;

/// The public keys (Ed25519, RFC 8032). One signature of any of them is enough: that is how one is replaced by another.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    name: String,
    octets: [u8; 32],
}

impl Keys {
    /// Of the image.
    ///
    /// # Errors
    /// When the file is not there, or a line of it is no key.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = crate::places::read(path, 16 * 1024).ok_or_else(|| {
            format!(
                "{}: no keys to know updates by; this image was made without any",
                path.display()
            )
        })?;
        Keys::parse(&text).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Lines of `NAME BASE64`; `#` begins a remark.
    ///
    /// # Errors
    /// Which line is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let key = line.split_once(' ').and_then(|(name, octets)| {
                let octets = STANDARD.decode(octets.trim()).ok()?.try_into().ok()?;
                Some(Key {
                    name: name.to_owned(),
                    octets,
                })
            });
            keys.push(
                key.ok_or_else(|| format!("line {}: write a name and 32 octets in base64", n + 1))?,
            );
        }
        match keys.len() {
            0 => Err("there is no key".into()),
            1..=MOST => Ok(Keys(keys)),
            _ => Err(format!("at most {MOST} keys")),
        }
    }

    /// Is this a signature of the key of this name?
    pub(crate) fn verify(&self, name: &str, message: &[u8], signature: &[u8]) -> bool {
        let mut named = self.0.iter().filter(|key| key.name == name);
        named.any(|key| {
            UnparsedPublicKey::new(&ED25519, key.octets)
                .verify(message, signature)
                .is_ok()
        })
    }
}
