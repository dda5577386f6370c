//! What the owner decides: names to follow, addresses to allow or never to allow.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::IpAddr};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    answers::{Standing, shown},
    in_range,
};
use crate::policy::{HostName, Network};

/// Decisions on addresses and networks.
pub const MOST_DECISIONS: usize = 256;
/// Names that are followed beside those of the settings.
pub const MOST_ADDED_NAMES: usize = 32;
/// Characters of who decided.
pub const MOST_BY: usize = 64;

/// What is decided on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A name that is to be followed.
    Name(HostName),
    /// An address, or a network.
    Network(Network),
}

impl Subject {
    /// Reads what a person writes: `pop.example.net`, `203.0.113.7`, `203.0.113.0/24`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Subject, String> {
        let network = Network::parse(text).map(Subject::Network);
        network
            .or_else(|_| HostName::parse(text).map(Subject::Name))
            .map_err(|_| {
                format!(
                    "`{}` is neither a host name nor an address; write it such as atlanta1.voip.ms or 208.100.60.17",
                    text.escape_debug()
                )
            })
    }
}
impl From<IpAddr> for Subject {
    fn from(address: IpAddr) -> Self {
        Subject::Network(Network::from(IpNet::from(address.to_canonical())))
    }
}
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Name(name) => name.fmt(f),
            Subject::Network(network) => network.fmt(f),
        }
    }
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// On what.
    pub subject: Subject,
    /// Approved, or else refused. A name is always approved.
    pub approved: bool,
    /// When, in milliseconds since 1970.
    pub unix_ms: i64,
    /// Who, as the page or the command line knows them.
    pub by: String,
}

/// All decisions, one for each subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Decisions(Vec<Decision>);

impl Decisions {
    pub fn iter(&self) -> impl Iterator<Item = &Decision> {
        self.0.iter()
    }

    pub fn names(&self) -> impl Iterator<Item = &HostName> {
        self.0.iter().filter_map(|d| match &d.subject {
            Subject::Name(name) => Some(name),
            Subject::Network(_) => None,
        })
    }

    fn networks(&self, approved: bool) -> impl Iterator<Item = IpNet> {
        self.0.iter().filter_map(move |d| match &d.subject {
            Subject::Network(network) if d.approved == approved => Some(network.net()),
            _ => None,
        })
    }

    pub fn approved(&self) -> impl Iterator<Item = IpNet> {
        self.networks(true)
    }

    /// Refused addresses.
    pub fn refused(&self) -> impl Iterator<Item = IpAddr> {
        self.networks(false).map(|net| net.addr())
    }

    pub fn standing(&self, address: IpAddr) -> Standing {
        if self.refused().any(|refused| refused == address) {
            Standing::Refused
        } else if self.approved().any(|net| net.contains(&address)) {
            Standing::Approved
        } else {
            Standing::Unknown
        }
    }

    /// Puts a decision in, in place of an earlier one on the same subject.
    ///
    /// # Errors
    /// When there are too many, or it contradicts another one.
    pub fn put(&mut self, decision: Decision) -> Result<(), String> {
        self.contradiction(&decision)?;
        self.0.retain(|d| d.subject != decision.subject);
        let (names, most, what) = match decision.subject {
            Subject::Name(_) => (true, MOST_ADDED_NAMES, "names"),
            Subject::Network(_) => (false, MOST_DECISIONS, "addresses"),
        };
        let count = self
            .0
            .iter()
            .filter(|d| matches!(d.subject, Subject::Name(_)) == names);
        if count.count() >= most {
            return Err(format!(
                "there are {most} decisions on {what} already; take some back with `trunkguard pops forget`"
            ));
        }
        self.0.push(decision);
        Ok(())
    }

    fn contradiction(&self, decision: &Decision) -> Result<(), String> {
        let Subject::Network(network) = &decision.subject else {
            return Ok(());
        };
        let net = network.net();
        let take_back = |other: IpNet| {
            format!(
                "take that back with `trunkguard pops forget {}`",
                shown(other)
            )
        };
        if decision.approved {
            let held = self
                .refused()
                .find(|address| net.contains(address) && IpNet::from(*address) != net);
            return held.map_or(Ok(()), |address| {
                Err(format!(
                    "{net} holds {address}, which was refused; {}",
                    take_back(address.into())
                ))
            });
        }
        if net.prefix_len() != net.max_prefix_len() {
            return Err(format!("{net} is a network; refuse single addresses"));
        }
        let held = self
            .approved()
            .find(|other| other.contains(&net) && *other != net);
        held.map_or(Ok(()), |other| {
            Err(format!(
                "{} is in {other}, which was approved; {}",
                shown(net),
                take_back(other)
            ))
        })
    }

    pub fn remove(&mut self, subject: &Subject) -> bool {
        let before = self.0.len();
        self.0.retain(|d| d.subject != *subject);
        self.0.len() != before
    }
}

/// The known range without the addresses that were refused, as networks: at most 128, when every
/// second address was.
pub(super) fn range_without(refused: &[IpAddr]) -> Vec<IpNet> {
    let mut rest = alloc::vec![IpNet::V4(super::table::RANGE)];
    for &address in refused.iter().filter(|a| in_range(**a)) {
        let Some(at) = rest.iter().position(|net| net.contains(&address)) else {
            continue;
        };
        let mut net = rest.swap_remove(at);
        // Each half that does not hold it stays; the other one is halved again.
        while let Ok(halves) = net.subnets(net.prefix_len() + 1) {
            let Some(holds) = halves.clone().find(|half| half.contains(&address)) else {
                break;
            };
            rest.extend(halves.filter(|half| *half != holds));
            net = holds;
        }
    }
    rest.sort_unstable();
    rest
}
