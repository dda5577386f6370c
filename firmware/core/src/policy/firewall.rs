//! `[firewall]`: how the box is plugged in, and who may reach the PBX (docs/security.md, Packets).

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::IpAddr};
use serde::{Deserialize, Serialize};

use super::values::{Network, text_value};

/// The firewall, as its owner writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Firewall {
    /// How the box is plugged in.
    pub topology: Topology,
    /// The port towards the internet; in `side`, the only one. By the board unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<Interface>,
    /// The port towards the PBX. By the board unless said; none in `side`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Interface>,
    /// Addresses of the PBX. Those of all clients unless said. The first IPv4 one gets what the
    /// provider sends to the box's own address in `router`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pbx: Vec<Network>,
    /// Which of VoIP.ms's addresses may reach the PBX.
    pub allow: AllowList,
    /// Points of presence that are used, by host name; every known one unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pops: Vec<HostName>,
    /// DNS servers that are asked for the PoPs' addresses; the system's unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<IpAddr>,
    /// Networks of remote phones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote: Vec<Network>,
    /// The office's own networks: who may open the page. Every private network unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub office: Vec<Network>,
    /// Where the PBX may go beside the trunk.
    pub from_pbx: FromPbx,
    /// UDP ports of the PBX that audio comes to (Asterisk: `rtp.conf`).
    pub rtp: PortRange,
    /// SSH to the box from the office.
    pub ssh: bool,
    /// Ban who scans.
    pub bans: bool,
}

impl Default for Firewall {
    fn default() -> Self {
        Firewall {
            topology: Topology::Side,
            outside: None,
            inside: None,
            pbx: Vec::new(),
            allow: AllowList::Range,
            pops: Vec::new(),
            dns: Vec::new(),
            remote: Vec::new(),
            office: Vec::new(),
            from_pbx: FromPbx::Web,
            rtp: PortRange {
                first: 10_000,
                last: 20_000,
            },
            ssh: false,
            bans: true,
        }
    }
}

impl Firewall {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Firewall::default()
    }
}

/// How the box is plugged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// One port, beside the PBX: the box protects itself and exports the allow-list.
    #[default]
    Side,
    /// Two ports; it routes, and masquerades IPv4.
    Router,
    /// Two ports, transparent: no address in the office changes.
    Bridge,
}

/// Which of VoIP.ms's addresses are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowList {
    /// The whole known range, and what was approved.
    #[default]
    Range,
    /// Only the addresses of the PoPs that are used, and what was approved.
    Hosts,
}

/// Where the PBX may go beside the trunk, DNS and NTP. SIP and IAX2 go to the PoPs and remote phones
/// only, whatever is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromPbx {
    /// Nowhere.
    Trunk,
    /// Anywhere by TCP: updates, mail, the web. No UDP, so that no audio finds another carrier.
    #[default]
    Web,
    /// Anywhere.
    Any,
}

/// Name of a network interface, as `ip link` shows it (Linux: at most 15 octets).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Interface(heapless::String<15>);

impl Interface {
    /// # Errors
    /// When it is not 1 to 15 letters, digits, `.`, `_` or `-`, beginning with a letter or digit.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        match heapless::String::try_from(text) {
            Ok(name) if begins && text.bytes().all(fits) => Ok(Interface(name)),
            _ => Err(format!(
                "`{}` is not an interface; write its name as `ip link` shows it, such as eth0",
                text.escape_debug()
            )),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
text_value!(Interface);

/// A host name in DNS, in lower case, without the dot at its end (RFC 1123 2.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HostName(String);

impl HostName {
    /// # Errors
    /// When it is no host name of at least two labels.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not a host name; write it such as atlanta1.voip.ms",
                text.escape_debug()
            )
        };
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let name = text.strip_suffix('.').unwrap_or(text);
        let numeric = name
            .rsplit('.')
            .next()
            .is_none_or(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if name.len() > 253 || !name.contains('.') || numeric || !name.split('.').all(label) {
            return Err(wrong());
        }
        Ok(HostName(name.to_ascii_lowercase()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
text_value!(HostName);

/// Ports from `first` to `last`, `10000-20000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last; not below the first.
    pub last: u16,
}

impl PortRange {
    /// # Errors
    /// When it is not two ports above 1023 with a dash between.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ports = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
        });
        match ports {
            Some((first, last)) if first >= 1_024 && first <= last => Ok(PortRange { first, last }),
            _ => Err(format!(
                "`{}` is not a range of ports; write it such as 10000-20000",
                text.escape_debug()
            )),
        }
    }
}
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
text_value!(PortRange);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_refuse_what_they_cannot_be() {
        for name in ["eth0", "enx001122334455", "br-lan", "wan.100"] {
            assert_eq!(Interface::parse(name).map(String::from), Ok(name.into()));
        }
        for name in [
            "",
            "-x",
            "eth 0",
            "eth0;",
            "a\"b",
            "sixteen-letters0",
            "..",
            "é",
        ] {
            assert!(Interface::parse(name).is_err(), "{name}");
        }
        for (text, name) in [("Atlanta1.VoIP.ms", "atlanta1.voip.ms"), ("a.b.", "a.b")] {
            assert_eq!(HostName::parse(text).map(String::from), Ok(name.into()));
        }
        for name in [
            "",
            ".",
            "localhost",
            "10.0.0.1",
            "a..b",
            "-a.b",
            "a_b.c",
            "a.b;c.d",
        ] {
            assert!(HostName::parse(name).is_err(), "{name}");
        }
        assert_eq!(
            PortRange::parse("10000-20000"),
            Ok(PortRange {
                first: 10_000,
                last: 20_000
            })
        );
        for text in ["", "10000", "20000-10000", "80-90", "1024-70000", "a-b"] {
            assert!(PortRange::parse(text).is_err(), "{text}");
        }
    }
}
