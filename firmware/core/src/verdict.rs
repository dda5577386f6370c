//! What was decided, by which rule, and what goes back on the wire.

use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $tfps:literal;)*) => {
        /// The rules, by the names that the policy file, the page and the journal use.
        /// Their order here is the order in which a call meets them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[repr(u8)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// Every rule, in order.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];
            /// The name in files, logs and pages.
            pub const fn name(self) -> &'static str { match self { $(Rule::$name => $text,)* } }
            /// The reason code of TFPS that comes nearest, for the profile `tfps-codes`.
            pub const fn tfps_code(self) -> &'static str { match self { $(Rule::$name => $tfps,)* } }
        }
    };
}

rules! {
    /// The number already carries the client's prefix: our own answer came back.
    Loop = "loop", "R05";
    /// Emergency call: approved, first, always.
    Emergency = "emergency", "A00";
    /// On the list of numbers that are always allowed.
    AlwaysAllowed = "always-allowed", "A00";
    /// Lockdown mode: nothing else passes.
    Lockdown = "lockdown", "R13";
    /// Toll-free number: approved.
    TollFree = "toll-free", "A00";
    /// A service of the provider (echo test, voicemail): approved.
    Service = "service", "A00";
    /// Headers were written into the request.
    Tampering = "tampering", "R12";
    /// Not a number under the client's declared format.
    NotANumber = "not-a-number", "R07";
    /// The phone's User-Agent is a known scanner's.
    Scanner = "scanner", "R01";
    /// The phone's address is outside the allowed networks.
    Network = "network", "R02";
    /// A number (or a number list) allowed or blocked by name.
    Number = "number", "R03";
    /// An allowed or blocked prefix or pattern, the most specific one.
    Prefix = "prefix", "R06";
    /// An allowed or blocked kind of number.
    Kind = "kind", "R06";
    /// An allowed or blocked country.
    Country = "country", "R06";
    /// Too many calls at the same time.
    Simultaneous = "simultaneous", "R10";
    /// Too many calls in a minute.
    PerMinute = "per-minute", "R10";
    /// Too many calls in an hour.
    PerHour = "per-hour", "R11";
    /// Too many calls in a day.
    PerDay = "per-day", "R11";
    /// The same number again and again.
    SameNumber = "same-number", "R13";
    /// One number in many spellings.
    Spellings = "spellings", "R12";
    /// Numbers one after the other.
    Sequential = "sequential", "R12";
    /// First call of this client to a country.
    NewCountry = "new-country", "R06";
    /// First call of this extension from a phone not seen before.
    NewPhone = "new-phone", "R02";
    /// No rule had anything against it.
    Default = "default", "A00";
}

/// Who set the setting that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Level {
    /// Trunkguard itself.
    BuiltIn,
    /// `[policy]`.
    Everybody,
    /// `[client.policy]`.
    Client,
    /// `[group.policy]`.
    Group,
    /// `[caller.policy]`.
    Caller,
}

/// One verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Does the call go through? In Detect always yes, but for loops.
    pub approved: bool,
    /// What the policy said. Differs from `approved` only in Detect.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Rule,
    /// Who set it.
    pub level: Level,
    /// The figure that was met, and the one allowed, where the rule is a limit.
    pub figures: Option<(u32, u32)>,
    /// The call costs money: it is stored before its answer leaves, and counts against limits.
    pub chargeable: bool,
}

/// What goes back for an INVITE. Small and `Copy`: it is stored for 32 s per transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 302 with one Contact whose user is this prefix and the number as dialled.
    Redirect([u8; 3]),
    /// 302 with one Contact whose user is only this reason code (profile `tfps-codes`).
    ReasonOnly([u8; 3]),
    /// A final status with no Contact: 503 (approved under `failover`), 603, 486, 482 …
    Status(u16),
}
