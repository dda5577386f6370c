//! What the command line and the page show of the firewall: plain values, as of the last second.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use trunkguard_core::{bans::Banned, pops::owner::Decision, report::Report};

/// Everything there is to see.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct View {
    /// State and figures.
    pub status: FirewallStatus,
    /// The points of presence.
    pub pops: PopsView,
    /// Bans in force, those that end last first.
    pub bans: Vec<Banned>,
    /// Who is never banned; of many, the first.
    pub never: Vec<NeverLine>,
    /// What was dropped, or would have been, in plain words; `None` with `dry-run`.
    pub report: Option<Report>,
    /// When packets were dropped: where each span of 15 minutes began (ms since 1970), and how many.
    pub dropped: Vec<(i64, u64)>,
    /// The script of the rules that are to be in force; empty where there is none, and why not is the
    /// status's problem.
    pub ruleset: String,
}

impl View {
    /// Packets dropped in the hour that begins then.
    pub fn dropped_in(&self, begin_ms: i64) -> u64 {
        let hour = begin_ms..begin_ms + 3_600_000;
        let slots = self.dropped.iter();
        slots
            .filter(|(begin, _)| hour.contains(begin))
            .map(|(_, packets)| packets)
            .sum()
    }
}

/// State and figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FirewallStatus {
    /// `nft` or `dry-run`.
    pub driver: String,
    /// `side`, `router` or `bridge`.
    pub topology: String,
    /// Drops what is not allowed; otherwise counts it.
    pub enforces: bool,
    /// The rules that were set are in force, as read back from the kernel.
    pub in_force: bool,
    /// The mark of the rules in force, as hexadecimal digits.
    pub generation: Option<String>,
    /// Why they are not in force.
    pub problem: Option<String>,
    /// Networks on the allow-list.
    pub allowed: usize,
    /// Addresses that wait for the owner's decision.
    pub asked: usize,
    /// Bans in force.
    pub bans: usize,
    /// Packets dropped, or counted instead, since the table was made.
    pub dropped: u64,
}

impl fmt::Display for FirewallStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.driver != "nft" {
            return write!(f, "{}: no rule is loaded", self.driver);
        }
        let does = match (self.in_force, self.enforces) {
            (false, _) => "NOT IN FORCE",
            (true, true) => "in force",
            (true, false) => "in force, counts only",
        };
        write!(
            f,
            "{} {does}, {} networks allowed, {} packets {}, {} banned",
            self.topology,
            self.allowed,
            self.dropped,
            if self.enforces {
                "dropped"
            } else {
                "would be dropped"
            },
            self.bans
        )
    }
}

/// The points of presence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PopsView {
    /// The allow-list in force.
    pub allowed: Vec<String>,
    /// Names that are followed.
    pub names: Vec<PopLine>,
    /// Addresses that DNS gave, out of VoIP.ms's known range, and that wait for a decision.
    pub asked: Vec<AskedLine>,
    /// What the owner decided.
    pub decisions: Vec<Decision>,
    /// The PoP that answers best.
    pub recommended: Option<String>,
}

/// Who is never banned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NeverLine {
    /// An address or a network.
    pub network: String,
    /// What it is: `pop`, `client`, `pbx`, `remote`, `office`, `other`.
    pub what: String,
}

/// One PoP.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PopLine {
    /// Host name.
    pub name: String,
    /// City, where it is known.
    pub city: String,
    /// The address that ships with the firmware.
    pub built_in: Option<IpAddr>,
    /// Addresses that DNS gave.
    pub addresses: Vec<IpAddr>,
    /// Why the last question was not answered.
    pub failure: Option<String>,
    /// Smoothed round trip of SIP OPTIONS, in µs.
    pub round_trip_us: Option<u32>,
    /// Probes without an answer, of the last 20, in percent.
    pub loss_percent: u8,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// It has stopped answering.
    pub dead: bool,
}

/// One address that waits for a decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskedLine {
    /// The address.
    pub address: IpAddr,
    /// The names that have it.
    pub names: Vec<String>,
    /// At least two servers say so, or the only one that is asked.
    pub agreed: bool,
}
