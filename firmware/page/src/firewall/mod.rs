//! The firewall: what is in force, what was dropped and why, who is banned, VoIP.ms's points of presence, and what the owner
//! has to decide.

mod act;
mod overview;
mod pops;

use std::net::IpAddr;

use axum::{
    Router,
    routing::{get, post},
};
use trunkguard_core::{
    bans::{Banned, Service},
    pops::owner::Subject,
    report::Report,
};

use crate::{Answer, shell::Shell};

/// What the firewall's pages ask of the box.
pub trait Source: Send + Sync {
    /// Everything there is to see, as of the last second.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn firewall(&self) -> Answer<View>;

    /// Has the daemon do what somebody decided.
    ///
    /// # Errors
    /// Why it cannot be done.
    fn decide(&self, decision: Decision, by: &str) -> Answer<()>;
}

/// Everything there is to see.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// `nft`, or `dry-run`: no rule is loaded.
    pub driver: String,
    /// `side`, `router` or `bridge`.
    pub topology: String,
    /// Drops what is not allowed; otherwise counts it.
    pub enforces: bool,
    /// The rules that were set are in force, as read back from the kernel.
    pub in_force: bool,
    /// Why they are not.
    pub problem: Option<String>,
    /// Packets dropped, or counted instead.
    pub dropped: u64,
    /// The allow-list in force.
    pub allowed: Vec<String>,
    /// Names that are followed.
    pub pops: Vec<Pop>,
    /// The nearest that answers.
    pub recommended: Option<String>,
    /// Addresses that wait for a decision.
    pub asked: Vec<Asked>,
    /// What was decided.
    pub decided: Vec<Decided>,
    /// Bans in force, those that end last first.
    pub bans: Vec<Banned>,
    /// Who is never banned: a network, and what it is (`pop`, `client`, `pbx`, `remote`, `office`, `other`).
    pub never: Vec<(String, String)>,
    /// What was dropped, or would have been.
    pub report: Option<Report>,
    /// The script of the rules that are to be in force; empty where there is none.
    pub ruleset: String,
}

/// A point of presence.
#[derive(Clone, Debug, Default)]
pub struct Pop {
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
    /// Round trip, in µs.
    pub round_trip_us: Option<u32>,
    /// Probes without an answer, in percent.
    pub loss_percent: u8,
    /// It has stopped answering.
    pub dead: bool,
}

/// An address that DNS gave, out of the known range.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The address.
    pub address: IpAddr,
    /// The names that have it.
    pub names: Vec<String>,
    /// At least two servers say so, or the only one that is asked.
    pub agreed: bool,
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    /// On what.
    pub subject: String,
    /// Allowed, or else never allowed.
    pub approved: bool,
    /// By whom.
    pub by: String,
    /// When, in the office's time.
    pub at: String,
}

/// What somebody decides.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Follow a name, or allow an address or a network.
    Add(Subject),
    /// Allow an address that DNS gave.
    Approve(IpAddr),
    /// Never allow an address.
    Refuse(IpAddr),
    /// Take a decision back.
    Forget(Subject),
    /// Ask DNS for every name now.
    Refresh,
    /// Ban somebody.
    Ban {
        /// Whom.
        address: IpAddr,
        /// From what.
        service: Service,
        /// For how long.
        seconds: u32,
        /// Why.
        reason: String,
    },
    /// Lift the bans of an address.
    Unban(IpAddr),
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/firewall", get(overview::page))
        .route("/firewall/ruleset", get(overview::ruleset))
        .route("/firewall/pops", get(pops::page))
        .route("/firewall/pop", post(act::pop))
        .route("/firewall/ban", post(act::ban))
        .route("/firewall/unban", post(act::unban))
}
