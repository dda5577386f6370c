//! What the set-up needs to know, as types that cannot be wrong by themselves. [`crate::Form`] makes them.

use std::{fmt, net::SocketAddrV4};

use serde::Serialize;
use trunkguard_core::policy::{CountryCode, DenyCode, HostName, Name, Profile, TagPrefix};

/// Everything the set-up needs to know. What does not go together was refused by [`crate::Form::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// What the PBX is.
    pub pbx: Pbx,
    /// How the box is asked.
    pub method: Method,
    /// How SIP gets from the PBX to the box.
    pub to_box: Transport,
    /// How calls get from the PBX to VoIP.ms.
    pub to_voipms: Trunk,
    /// How VoIP.ms knows the PBX.
    pub login: Login,
    /// Where the box answers.
    pub the_box: SocketAddrV4,
    /// Where the PBX is, as the box sees it.
    pub pbx_address: std::net::Ipv4Addr,
    /// The client's name in the policy.
    pub name: Name,
    /// The VoIP.ms account, `100000` or `100000_office`.
    pub account: Account,
    /// The point of presence that the PBX uses.
    pub pop: HostName,
    /// The office's number at VoIP.ms.
    pub did: TenDigits,
    /// The number that called people see.
    pub caller_id: TenDigits,
    /// The extension that rings when the office is called.
    pub ring: Extension,
    /// The context of the PBX's phones.
    pub context: Context,
    /// Where the office is.
    pub country: CountryCode,
    /// Completes seven digits; without it nobody dials seven.
    pub area_code: Option<u16>,
    /// Digits dialled for an outside line, or empty. The dial plan takes them off.
    pub outside_prefix: String,
    /// What happens to calls while the box is away.
    pub when_away: WhenAway,
    /// Status of a refusal; by profile unless said.
    pub deny_code: Option<DenyCode>,
    /// Three characters in front of an approved number.
    pub prefix: TagPrefix,
    /// Emergency numbers beside [`EMERGENCY`].
    pub emergency: Vec<String>,
    /// One extension that calls out by an account of its own.
    pub own_trunk: Option<OwnTrunk>,
}

/// Emergency numbers of every office: North America, VoIP.ms's test of it, the crisis line, GSM.
pub const EMERGENCY: [&str; 4] = ["911", "933", "988", "112"];

impl Answers {
    /// How the box must understand this PBX.
    pub fn profile(&self) -> Profile {
        match (self.pbx, self.method) {
            (Pbx::FreePbx { .. }, Method::Failover) => Profile::FreepbxTrunk,
            (Pbx::FreeSwitch, Method::Redirect) => Profile::Freeswitch,
            (_, Method::Redirect) => Profile::Redirect,
            (_, Method::Failover) => Profile::Failover,
        }
    }

    /// The status that refuses a call.
    pub fn refusal(&self) -> u16 {
        let by_profile = if self.profile() == Profile::FreepbxTrunk {
            486
        } else {
            603
        };
        self.deny_code.map_or(by_profile, DenyCode::status)
    }

    /// All emergency numbers, as dialled.
    pub fn emergencies(&self) -> impl Iterator<Item = &str> {
        let more = self.emergency.iter().map(String::as_str);
        EMERGENCY
            .into_iter()
            .chain(more.filter(|n| !EMERGENCY.contains(n)))
    }

    /// `HOST:PORT` of the box.
    pub fn box_at(&self) -> String {
        self.the_box.to_string()
    }

    /// Does the PBX send the password to VoIP.ms?
    pub fn registers(&self) -> bool {
        self.login == Login::Register
    }
}

/// Which SIP driver of Asterisk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// chan_sip, up to Asterisk 20.
    ChanSip,
    /// chan_pjsip.
    Pjsip,
}

/// What the PBX is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pbx {
    /// FreePBX 13 to 17, and the driver of its trunks.
    FreePbx {
        /// Its major version.
        version: u8,
        /// The driver of its trunks.
        driver: Driver,
    },
    /// Asterisk with configuration files.
    Asterisk(Driver),
    /// FreeSWITCH.
    FreeSwitch,
}

impl Pbx {
    /// The SIP driver, where there is one to choose.
    pub fn driver(self) -> Option<Driver> {
        match self {
            Pbx::FreePbx { driver, .. } | Pbx::Asterisk(driver) => Some(driver),
            Pbx::FreeSwitch => None,
        }
    }
}

impl fmt::Display for Pbx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pbx::FreePbx { version, driver } => write!(f, "FreePBX {version}, {driver} trunks"),
            Pbx::Asterisk(driver) => write!(f, "Asterisk, {driver}"),
            Pbx::FreeSwitch => f.write_str("FreeSWITCH"),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Driver::ChanSip => "chan_sip",
            Driver::Pjsip => "PJSIP",
        })
    }
}

/// One of a few values that have names.
pub trait Named: Copy + 'static {
    /// Every value.
    const VALUES: &'static [Self];

    /// Its name.
    fn name(self) -> &'static str;
}

/// Makes an enum whose values have names in forms, on the command line and in JSON.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name {
            $($(#[$what])* #[serde(rename = $text)] $variant),+
        }
        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

        }
        impl Named for $name {
            const VALUES: &'static [$name] = $name::ALL;

            fn name(self) -> &'static str {
                $name::name(self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// How the box is asked.
    Method {
        /// It answers 302 with the prefix: a dial plan reads it.
        Redirect = "redirect",
        /// It answers 503, which means "go on to the next route".
        Failover = "failover",
    }
}

named! {
    /// What carries SIP to the box.
    Transport {
        /// UDP.
        Udp = "udp",
        /// TCP.
        Tcp = "tcp",
        /// TLS, with the box's own certificate.
        Tls = "tls",
    }
}

named! {
    /// What carries calls to VoIP.ms.
    Trunk {
        /// SIP over UDP, port 5060.
        Udp = "udp",
        /// SIP over TCP, port 5060.
        Tcp = "tcp",
        /// SIP over TLS, port 5061, with encrypted audio.
        Tls = "tls",
        /// IAX2, UDP port 4569.
        Iax2 = "iax2",
    }
}

impl Trunk {
    /// VoIP.ms's port.
    pub const fn port(self) -> u16 {
        match self {
            Trunk::Udp | Trunk::Tcp => 5060,
            Trunk::Tls => 5061,
            Trunk::Iax2 => 4569,
        }
    }
}

named! {
    /// How VoIP.ms knows the PBX.
    Login {
        /// By account and password.
        Register = "register",
        /// By the office's address.
        Address = "address",
    }
}

named! {
    /// What happens to calls while the box is away. Emergency calls go out either way.
    WhenAway {
        /// They are refused.
        Closed = "closed",
        /// They go to VoIP.ms unasked.
        Open = "open",
    }
}

/// An extension that calls out by an account of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTrunk {
    /// The extension.
    pub extension: Extension,
    /// Its account.
    pub account: Account,
}

/// Makes a text that was checked when it was made, and is safe in every file that is written here.
macro_rules! checked_text {
    ($(#[$about:meta])* $name:ident, $is:expr, $remedy:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// Says what to write instead.
            pub fn parse(text: &str) -> Result<Self, String> {
                let is: fn(&str) -> bool = $is;
                if is(text) {
                    Ok($name(text.into()))
                } else {
                    Err(format!(concat!("`{}` ", $remedy), text.escape_debug()))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

checked_text!(
    /// A number of North America as VoIP.ms writes it: `NXXNXXXXXX`.
    TenDigits,
    |text| digits(text)
        && text.len() == 10
        && [0, 3].iter().all(|&at| text.as_bytes()[at] >= b'2'),
    "is not ten digits of North America; write them without the 1 in front, dots, dashes or spaces, such as 4165551234"
);

checked_text!(
    /// A VoIP.ms account: the main one's number, or a sub-account's `100000_office`.
    Account,
    |text| {
        let (number, sub) = text.split_once('_').unwrap_or((text, "x"));
        digits(number)
            && (5..=8).contains(&number.len())
            && (1..=32).contains(&sub.len())
            && sub.bytes().all(|b| b.is_ascii_alphanumeric())
    },
    "is not a VoIP.ms account; write the sub-account's user name such as 100000_office"
);

checked_text!(
    /// An extension of the PBX.
    Extension,
    |text| digits(text) && (2..=8).contains(&text.len()),
    "is not an extension; write its 2 to 8 digits, such as 1001"
);

checked_text!(
    /// A context of the PBX's dial plan.
    Context,
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)),
    "is not a context; write the name between the brackets, such as from-internal"
);

impl TenDigits {
    /// The area code.
    pub fn area(&self) -> &str {
        &self.0[..3]
    }
}
