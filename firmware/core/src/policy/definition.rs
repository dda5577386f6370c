//! The policy as its owner writes it: the same shape in the policy file, in SQLite and on the page.
//!
//! Values that can be wrong by themselves (countries, prefixes, times) are types that refuse to
//! deserialize, so that a reader of TOML can point at the line.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::alerts::Alerts;
use super::exports::{Metrics, Syslog};
use super::firewall::Firewall;
use super::network::Addresses;
use super::update::Update;
use super::values::{
    Clock, ContactHost, CountryCode, DenyCode, Name, Network, Prefix, TagPrefix, Weekday,
};
use crate::{number::Kind, pattern::Pattern, time::Date, verdict::Rule};

/// The whole policy: settings, the rules for everybody, and who the clients and callers are.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Definition {
    /// Version of this shape; 1.
    pub format: u32,
    /// What is true for the whole box.
    pub settings: Settings,
    /// How the box is plugged in, and who may reach the PBX.
    #[serde(skip_serializing_if = "Firewall::is_default")]
    pub firewall: Firewall,
    /// How the box itself is reached.
    #[serde(skip_serializing_if = "Addresses::is_default")]
    pub network: Addresses,
    /// Who is told what, and when.
    #[serde(skip_serializing_if = "Alerts::is_default")]
    pub alerts: Alerts,
    /// Who is told of calls and incidents by syslog.
    #[serde(skip_serializing_if = "Syslog::is_default")]
    pub syslog: Syslog,
    /// Who may read the figures.
    #[serde(skip_serializing_if = "Metrics::is_default")]
    pub metrics: Metrics,
    /// When the box renews itself.
    #[serde(skip_serializing_if = "Update::is_default")]
    pub update: Update,
    /// Rules for everybody.
    pub policy: Rules,
    /// The PBXs that ask.
    #[serde(rename = "client")]
    pub clients: Vec<Client>,
    /// Callers that share rules.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
    /// Callers with rules of their own.
    #[serde(rename = "caller")]
    pub callers: Vec<Caller>,
    /// Lists of numbers that rules name.
    #[serde(rename = "list")]
    pub lists: Vec<NumberList>,
}

/// Settings of the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the box does with a call that the policy is against.
    pub mode: Mode,
    /// IANA name of the office's time zone (`America/New_York`). Checked by the shell.
    pub time_zone: String,
    /// Where the office is: its calls home are domestic.
    pub country: CountryCode,
    /// Area code that completes 7-digit numbers (+1 only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_code: Option<u16>,
    /// When an approval is on disk.
    pub durability: Durability,
    /// What happens to a call that costs money while the disk takes no record of it.
    pub store_failure: StoreFailure,
    /// How numbers appear in logs.
    pub log_numbers: LogNumbers,
    /// Emergency numbers beside 911, 933, 988 and 112.
    pub emergency: Vec<Name>,
    /// Minutes that an approved call is taken to last where the PBX does not count calls.
    pub assumed_call_minutes: u16,
    /// Days of call history kept.
    pub history_days: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mode: Mode::Detect,
            time_zone: String::from("America/New_York"),
            country: CountryCode::US,
            area_code: None,
            durability: Durability::Strict,
            store_failure: StoreFailure::Approve,
            log_numbers: LogNumbers::Full,
            emergency: Vec::new(),
            assumed_call_minutes: 3,
            history_days: 90,
        }
    }
}

/// What the box does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Approve every call; record and alert what would have been denied.
    #[default]
    Detect,
    /// Decide.
    Prevent,
    /// Only emergency calls and numbers that are always allowed.
    Lockdown,
}

/// When an approved call that costs money is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Before its answer leaves.
    #[default]
    Strict,
    /// At most a second later.
    Relaxed,
}

/// What happens to an approved call that costs money while the disk takes no record of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFailure {
    /// It goes through: limits are still kept in memory, and an incident is raised.
    #[default]
    Approve,
    /// It is refused.
    Refuse,
}

/// How numbers appear in logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogNumbers {
    /// As they are.
    #[default]
    Full,
    /// With the last four digits hidden.
    Masked,
}

/// A PBX that asks, told apart by its source address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The name in logs and pages.
    pub name: Name,
    /// Its addresses or networks; the longest match over all clients wins.
    pub addresses: Vec<Network>,
    /// How it understands answers.
    #[serde(default)]
    pub profile: Profile,
    /// How it writes numbers.
    #[serde(default)]
    pub number_format: crate::number::Format,
    /// Digit(s) for an outside line that its dial plan leaves in front (`9`), or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outside_prefix: String,
    /// Three characters in front of an approved number. `A00` unless said.
    #[serde(default)]
    pub prefix: TagPrefix,
    /// Status of a refusal; by profile unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_code: Option<DenyCode>,
    /// Host of the Contact in a 302.
    #[serde(default)]
    pub contact_host: ContactHost,
    /// Send the final answer again until the ACK (RFC 3261 17.2.1, timer G).
    #[serde(default = "yes")]
    pub retransmit: bool,
    /// Ask for Digest credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Its rules.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub policy: Rules,
}

fn yes() -> bool {
    true
}

/// Digest credentials of a client (RFC 8760).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// User name.
    pub username: Name,
    /// Password; at least 8 characters.
    pub password: super::values::Secret,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Credentials({})", self.username.as_str())
    }
}

/// How a PBX understands answers (docs/pbx.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// 302 approves, 603 refuses (FPS method 1).
    #[default]
    Redirect,
    /// 503 approves, 603 refuses (FPS method 2, chan_sip).
    Failover,
    /// 503 approves, 486 refuses (FreePBX with PJSIP, the box as first trunk).
    FreepbxTrunk,
    /// 302 approves, 603 refuses.
    Freeswitch,
    /// 302 both ways, the Contact's user is the reason code alone when refused (TFPS 2).
    TfpsCodes,
}

/// Callers that share rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// The client whose callers they are; every client's unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Name>,
    /// The extensions.
    pub callers: Vec<Name>,
    /// Their rules.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub policy: Rules,
}

/// A caller with rules of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The extension.
    pub name: Name,
    /// The client whose caller it is; every client's unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Name>,
    /// Its rules.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub policy: Rules,
}

/// A list of numbers that rules name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberList {
    /// Its name.
    pub name: Name,
    /// The numbers, `+442071838750`.
    #[serde(default)]
    pub numbers: Vec<Prefix>,
    /// A CSV file beside the policy file whose first column is added to `numbers`. The shell reads
    /// it; the core never sees this set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Rules. Every setting may be left out; the nearest of caller, group, client and everybody wins,
/// setting by setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Rules that are switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<Vec<Rule>>,
    /// Numbers approved whatever else is said, even in lockdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_allow: Option<Vec<Prefix>>,
    /// Destinations allowed. Allow beats block on the same step.
    #[serde(skip_serializing_if = "Targets::is_empty")]
    pub allow: Targets,
    /// Destinations blocked.
    #[serde(skip_serializing_if = "Targets::is_empty")]
    pub block: Targets,
    /// When the office is open. Without it, it always is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<Hours>>,
    /// Days on which it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays: Option<Vec<Date>>,
    /// Limits of each caller.
    #[serde(skip_serializing_if = "LimitSet::is_empty")]
    pub limits: LimitSet,
    /// Limits of a client, all its callers together. Only for everybody and for clients.
    #[serde(skip_serializing_if = "LimitSet::is_empty")]
    pub total: LimitSet,
    /// The same number again and again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_number: Option<Burst>,
    /// One number in many spellings: distinct spellings within the seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spellings: Option<Burst>,
    /// Numbers that follow each other by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Burst>,
    /// Networks that phones may call from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<Network>>,
    /// User-Agents of scanners, beside the built-in ones: a part of the text, any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanners: Option<Vec<Name>>,
    /// First call of a client to a country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_country: Option<Action>,
    /// First call of an extension from a phone (address or User-Agent) not seen before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_phone: Option<Action>,
}

impl Rules {
    /// Says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Rules::default()
    }
}

/// Destinations, from the most specific to the least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Whole numbers, `+442071838750`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<Prefix>>,
    /// Names of number lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lists: Option<Vec<Name>>,
    /// Prefixes, `+4420`; the longest match wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<Prefix>>,
    /// Asterisk patterns (`_011NX.`), tried on what was dialled and on the `+` form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patterns: Option<Vec<Pattern>>,
    /// Kinds of number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Kind>>,
    /// Countries; `*` is every country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<Vec<CountryCode>>,
}

impl Targets {
    /// Says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Targets::default()
    }
}

/// Days and times at which the office is open; may pass midnight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Days on which the span begins.
    pub days: Vec<Weekday>,
    /// `08:00`.
    pub from: Clock,
    /// `18:00`; earlier than `from` means the next day; equal means all day.
    pub to: Clock,
}

/// Limits in and off business hours. Off-hours figures replace the others where they are given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSet {
    /// Chargeable calls at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simultaneous: Option<u32>,
    /// In 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// In 60 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    /// In 24 h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Instead, outside business hours.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub off_hours: Limits,
    /// Of the calls that leave the home country.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub abroad: Limits,
    /// Of those, instead, outside business hours.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub abroad_off_hours: Limits,
}

impl LimitSet {
    /// Says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == LimitSet::default()
    }
}

/// Four figures; one left out is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// At the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simultaneous: Option<u32>,
    /// In 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// In 60 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    /// In 24 h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
}

impl Limits {
    /// Says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }
}

/// More than `calls` within `seconds` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Calls that are still fine, 1 … 16.
    pub calls: u8,
    /// Seconds looked back, 1 … 86,400.
    pub seconds: u32,
}

/// What a first time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Approve and alert.
    Alert,
    /// Refuse and alert.
    Deny,
}
