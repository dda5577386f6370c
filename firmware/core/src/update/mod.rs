//! Updates of the whole box (docs/updates.md): what may be installed ([`gate`]), and what is to be done next ([`plan`]).

pub mod gate;
pub mod plan;
pub mod report;

use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::policy::values::text_value;

/// The kind of box that this firmware is for: what a bundle has to name, and `compatible` of RAUC's system.conf.
pub const COMPATIBLE: &str = "trunkguard-arm64";

/// A version of the box, `1.4.2`: three numbers, compared in this order (Semantic Versioning 2.0.0, 2 and 11; the box
/// has no pre-releases).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    /// What changes when others have to change.
    pub major: u32,
    /// What changes with a new function.
    pub minor: u32,
    /// What changes with every repair.
    pub patch: u32,
}

impl Version {
    /// # Errors
    /// When it is not three numbers without leading zeros.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not a version of the box; it is three numbers such as 1.4.2",
                text.escape_debug()
            )
        };
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let plain = digits && (part == "0" || !part.starts_with('0'));
            plain.then(|| part.parse::<u32>().ok()).flatten()
        });
        let mut next = || parts.next().flatten().ok_or_else(wrong);
        let version = Version {
            major: next()?,
            minor: next()?,
            patch: next()?,
        };
        match parts.next() {
            None => Ok(version),
            Some(_) => Err(wrong()),
        }
    }
}
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
text_value!(Version);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let v = |text: &str| Version::parse(text).expect(text);
        assert!(v("0.9.0") < v("0.10.0") && v("1.0.0") > v("0.99.99") && v("1.2.3") < v("1.2.4"));
        assert_eq!(String::from(v("10.0.7")), "10.0.7");
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "01.2.3",
            "1..3",
            "1.2.3-rc1",
            "+1.2.3",
            "4294967296.0.0",
        ] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }
}
