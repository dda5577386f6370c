//! Versions out of a User-Agent.

use std::{cmp::Ordering, fmt};

/// A version: integers with dots between them, compared number by number. What follows (`~dfsg`, `-rc1`) is
/// not looked at.
#[derive(Clone, Debug, Eq)]
pub struct Version(Vec<u32>);

/// More parts than any of these programs has.
const PARTS: usize = 8;

impl Version {
    /// The version at the beginning of a text; `None` where there is none.
    pub fn read(text: &str) -> Option<Version> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let parts: Option<Vec<u32>> = text[..end]
            .trim_end_matches('.')
            .split('.')
            .take(PARTS)
            .map(|part| part.parse().ok())
            .collect();
        parts.map(Version)
    }

    /// The first number.
    pub fn major(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let part = |version: &Version, at: usize| version.0.get(at).copied().unwrap_or(0);
        (0..PARTS)
            .map(|at| part(self, at).cmp(&part(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// What a PBX says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Software {
    /// `FPBX-<framework>(<asterisk>)`.
    FreePbx {
        /// FreePBX's framework.
        framework: Version,
        /// The Asterisk below it.
        asterisk: Option<Version>,
    },
    /// `Asterisk PBX <version>`.
    Asterisk(Version),
    /// `FreeSWITCH-mod_sofia/<version>`.
    FreeSwitch(Version),
    /// Anything else; owners may change the text.
    Other,
}

impl Software {
    /// Reads a User-Agent.
    pub fn read(user_agent: &str) -> Software {
        let text = user_agent.trim();
        if let Some(rest) = text.strip_prefix("FPBX-")
            && let Some(framework) = Version::read(rest)
        {
            let asterisk = rest
                .split_once('(')
                .and_then(|(_, inside)| Version::read(inside));
            return Software::FreePbx {
                framework,
                asterisk,
            };
        }
        let asterisk = text.strip_prefix("Asterisk PBX ").and_then(Version::read);
        let freeswitch = text
            .strip_prefix("FreeSWITCH-mod_sofia/")
            .and_then(Version::read);
        match (asterisk, freeswitch) {
            (Some(version), _) => Software::Asterisk(version),
            (_, Some(version)) => Software::FreeSwitch(version),
            _ => Software::Other,
        }
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Software::FreePbx {
                framework,
                asterisk: Some(asterisk),
            } => write!(f, "FreePBX {framework}, Asterisk {asterisk}"),
            Software::FreePbx { framework, .. } => write!(f, "FreePBX {framework}"),
            Software::Asterisk(version) => write!(f, "Asterisk {version}"),
            Software::FreeSwitch(version) => write!(f, "FreeSWITCH {version}"),
            Software::Other => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_not_text() {
        let v = |text: &str| Version::read(text).unwrap();
        assert!(v("13.0.197.9") < v("13.0.197.14"));
        assert!(v("9") < v("10"));
        assert!(v("2.9.0.9") > v("2.9"));
        assert_eq!(v("16.0"), v("16.0.0.0"));
        assert_eq!(v("16.28.0~dfsg-0+deb11u4"), v("16.28"));
        assert_eq!(v("1.2.3.4.5.6.7.8.9.10").to_string(), "1.2.3.4.5.6.7.8");
        for none in ["", "x", ".", "1..2", "99999999999", "-1"] {
            assert_eq!(Version::read(none), None, "{none}");
        }
    }

    #[test]
    fn user_agents_of_the_wild_are_read() {
        let read = |text: &str| Software::read(text).to_string();
        for (agent, expected) in [
            ("FPBX-2.8.1(11.11.0)", "FreePBX 2.8.1, Asterisk 11.11.0"),
            (
                "FPBX-13.0.192.8(13.27.0)",
                "FreePBX 13.0.192.8, Asterisk 13.27.0",
            ),
            ("FPBX-17.0.33(22.10.1)", "FreePBX 17.0.33, Asterisk 22.10.1"),
            ("FPBX-17.0.33(", "FreePBX 17.0.33"),
            ("Asterisk PBX 16.28.0~dfsg-0+deb11u4", "Asterisk 16.28.0"),
            ("Asterisk PBX certified/18.9-cert4", "unknown"),
            (
                "FreeSWITCH-mod_sofia/1.10.7-release+git~20211024T163933Z",
                "FreeSWITCH 1.10.7",
            ),
            ("FPBX-", "unknown"),
            ("friendly-scanner", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(read(agent), expected, "{agent}");
        }
    }
}
