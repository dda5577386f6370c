//! What the facts mean. Each check is a function of the facts alone; it says nothing where it has nothing
//! to judge by.

use std::net::IpAddr;

use trunkguard_core::policy::Topology;

use super::{Facts, Finding, facts::Neighbour};

mod network;
mod pbx;
mod ports;
mod protection;

#[cfg(test)]
mod tests;

/// Judges the facts.
type Check = fn(&Facts) -> Vec<Finding>;

/// Every check, in the order in which an installer would go.
pub const ALL: [Check; 20] = [
    ports::present,
    ports::linked,
    ports::swapped,
    ports::bridged,
    ports::one_network,
    network::route,
    network::dns,
    network::clock,
    network::forwarding,
    protection::daemon,
    protection::nft,
    protection::conntrack,
    protection::firewall,
    protection::page,
    protection::pops,
    protection::alerts,
    pbx::clients,
    pbx::behind,
    pbx::reachable,
    pbx::known,
];

fn topology(facts: &Facts) -> Option<Topology> {
    facts.settings.as_ref().map(|s| s.firewall.topology)
}

/// The two ports, where there are to be two.
fn both(facts: &Facts) -> Option<(&str, &str)> {
    if topology(facts)? == Topology::Side {
        return None;
    }
    Some((facts.outside.as_deref()?, facts.inside.as_deref()?))
}

/// Is this an address of the PBX? Networks of clients are not taken for addresses.
fn is_pbx(facts: &Facts, address: IpAddr) -> bool {
    (facts.settings.iter().flat_map(|s| s.pbx()))
        .map(|network| network.net())
        .any(|net| net.prefix_len() == net.max_prefix_len() && net.addr() == address)
}

/// Where the PBX was heard of: its neighbour entry, and the port, looked up in the bridge where there is
/// one.
fn heard(facts: &Facts) -> Vec<(&Neighbour, &str)> {
    (facts.neighbours.iter())
        .filter(|n| is_pbx(facts, n.address))
        .map(|n| {
            let learned = facts
                .learned
                .iter()
                .find(|(hardware, _)| *hardware == n.hardware);
            (
                n,
                learned.map_or(n.port.as_str(), |(_, port)| port.as_str()),
            )
        })
        .collect()
}
