//! The small values of a policy, each of which refuses what it cannot be.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::IpAddr};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Makes a type that is written as text in files and checked when it is read.
macro_rules! text_value {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                format!("{value}")
            }
        }
    };
}

pub(crate) use text_value;

/// Any text that names something: 1 … 64 printable characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

impl Name {
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > 64 || text.chars().any(char::is_control) {
            return Err(format!(
                "`{}` is not a name; write 1 to 64 printable characters",
                text.escape_debug()
            ));
        }
        Ok(Name(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl Name {
    /// The product's own.
    pub(super) fn trunkguard() -> Self {
        Name("Trunkguard".into())
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_value!(Name);

/// A password: never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Secret(String);

impl Secret {
    /// # Errors
    /// When it has fewer than 8 or more than 128 characters, or control characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !(8..=128).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err("a password has 8 to 128 printable characters".into());
        }
        Ok(Secret(text.into()))
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
impl TryFrom<String> for Secret {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}
impl From<Secret> for String {
    fn from(value: Secret) -> String {
        value.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// ISO 3166-1 alpha-2 code of a country in the numbering tables, or `*` for every country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The United States.
    pub const US: CountryCode = CountryCode(*b"US");
    /// Every country.
    pub const ANY: CountryCode = CountryCode(*b"* ");

    /// Two letters as they are, unchecked; for tables.
    pub const fn new(code: [u8; 2]) -> Self {
        CountryCode(code)
    }

    /// The two letters.
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("??").trim_end()
    }

    /// # Errors
    /// When the numbering tables have no such country.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::ANY);
        }
        let wrong = || {
            format!(
                "`{}` is not a country; write two capital letters such as US, CA or GB",
                text.escape_debug()
            )
        };
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| wrong())?;
        if !crate::number::is_country(code) {
            return Err(wrong());
        }
        Ok(CountryCode(code))
    }
}
impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
text_value!(CountryCode);

/// An address, or a network with its prefix length: `192.168.1.10`, `192.168.0.0/16`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network(IpNet);

impl Network {
    /// # Errors
    /// When it is neither an address nor a network.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |_| {
            format!(
                "`{}` is not an address; write it as 192.168.1.10 or 192.168.0.0/16",
                text.escape_debug()
            )
        };
        match text.parse::<IpNet>() {
            Ok(net) => Ok(Network(net.trunc())),
            Err(_) => text
                .parse::<IpAddr>()
                .map(|address| Network(IpNet::from(address)))
                .map_err(wrong),
        }
    }

    /// The network, without host bits.
    pub const fn net(self) -> IpNet {
        self.0
    }
}
impl From<IpNet> for Network {
    fn from(net: IpNet) -> Self {
        Network(net.trunc())
    }
}
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}
text_value!(Network);

/// `+` and 1 to 15 digits: a whole number or the front of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix(crate::number::Digits);

impl Prefix {
    /// # Errors
    /// When it is not `+` and 1 to 15 digits. Spaces, dots, dashes and brackets are passed over.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not a number or prefix; write it as +442071838750 or +44",
                text.escape_debug()
            )
        };
        let digits: Vec<u8> = text
            .strip_prefix('+')
            .ok_or_else(wrong)?
            .bytes()
            .filter(|b| !b" .-()/".contains(b))
            .collect();
        crate::number::Digits::new(&digits)
            .map(Prefix)
            .ok_or_else(wrong)
    }

    /// The digits.
    pub fn digits(&self) -> crate::number::Digits {
        self.0
    }
}
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}
text_value!(Prefix);

/// Three characters in front of an approved number: a letter, then letters or digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TagPrefix([u8; 3]);

impl TagPrefix {
    /// The three characters.
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// # Errors
    /// When it is not three such characters. N, X and Z are refused in front: Asterisk's dial plan
    /// reads them as digits.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not a prefix; write three characters such as A00: a letter (not N, X or Z), then letters or digits",
                text.escape_debug()
            )
        };
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| wrong())?;
        let pattern = |b: &u8| b"NXZnxz".contains(b);
        if !bytes[0].is_ascii_alphabetic()
            || bytes
                .iter()
                .any(|b| pattern(b) || !b.is_ascii_alphanumeric())
        {
            return Err(wrong());
        }
        Ok(TagPrefix(bytes))
    }
}
impl Default for TagPrefix {
    fn default() -> Self {
        TagPrefix(*b"A00")
    }
}
impl fmt::Display for TagPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.0).unwrap_or("A00"))
    }
}
text_value!(TagPrefix);

/// Status of a refusal: one of those that some PBX takes for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct DenyCode(u16);

impl DenyCode {
    /// The status code.
    pub const fn status(self) -> u16 {
        self.0
    }
}
impl From<DenyCode> for u16 {
    fn from(code: DenyCode) -> u16 {
        code.0
    }
}
impl TryFrom<u16> for DenyCode {
    type Error = String;
    fn try_from(code: u16) -> Result<Self, String> {
        match code {
            403 | 480 | 486 | 488 | 600 | 603 | 607 | 608 => Ok(DenyCode(code)),
            503 => Err("503 approves a call under the failover profiles and cannot refuse one; use 603 or 486".into()),
            other => Err(format!("{other} is no refusal; use 603, 486 or 600 (403, 480, 488, 607 and 608 are understood by few PBXs)")),
        }
    }
}

/// Host of the Contact in a 302.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ContactHost {
    /// Sent-by of the top Via: the PBX's own address, which no PBX calls again.
    #[default]
    Via,
    /// The source address and port of the request.
    Source,
    /// This host, with a port or without.
    Fixed(String),
}

impl ContactHost {
    /// # Errors
    /// When it is neither `via`, `source` nor a host with or without a port.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "via" => Ok(ContactHost::Via),
            "source" => Ok(ContactHost::Source),
            host if !host.is_empty()
                && host.len() <= 64
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)) =>
            {
                Ok(ContactHost::Fixed(host.into()))
            }
            other => Err(format!(
                "`{}` is not a contact host; write via, source, or a host such as 192.168.1.10:5060",
                other.escape_debug()
            )),
        }
    }
}
impl fmt::Display for ContactHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContactHost::Via => "via",
            ContactHost::Source => "source",
            ContactHost::Fixed(host) => host,
        })
    }
}
text_value!(ContactHost);

/// Minutes since midnight, written `08:00`; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Clock(pub(crate) u16);

impl Clock {
    /// # Errors
    /// When it is not a time of day.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not a time of day; write it as 08:00",
                text.escape_debug()
            )
        };
        let (h, m) = text.split_once(':').ok_or_else(wrong)?;
        if h.len() != 2 || m.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
            return Err(wrong());
        }
        let minutes =
            h.parse::<u16>().map_err(|_| wrong())? * 60 + m.parse::<u16>().map_err(|_| wrong())?;
        if m >= "60" || minutes > 1440 {
            return Err(wrong());
        }
        Ok(Clock(minutes))
    }

    /// Minutes since midnight, 0 … 1440.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}
text_value!(Clock);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}
