//! From an intent to the text that nft loads. Pure: the same intent gives the same octets, and
//! nothing but numbers, addresses and checked names of interfaces gets into the text, because nft
//! asks DNS for whatever is no address.
//!
//! A script is one transaction. It keeps the tables and what counts and bans in them, and replaces
//! rules and networks (docs/decisions/nft-text-by-a-helper.md). nft 1.0.6 and 1.1.3 both read it.

mod bans;
mod box_itself;
mod counters;
mod table;
mod through;

use ipnet::IpNet;
use trunkguard_core::policy::Topology;

pub use bans::{ban, banned, lifted};
pub use counters::{COUNTERS, Kind, Known, says};
pub use table::{BAN_PLACES, LOG_GROUP};

use crate::intent::Intent;
use table::Table;

/// Name of our tables, in whatever family.
pub const TABLE: &str = "trunkguard";

/// One transaction for nft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What `nft -f` reads, with the mark.
    pub text: String,
    /// The mark: a hash of all the rest. It is in set `generation` when the rest is in force.
    pub generation: u32,
    /// There is a table in family bridge.
    pub bridge: bool,
    /// Rules in all of it.
    pub rules: usize,
    /// The sets of table inet, but for bans: name without family, networks of both.
    pub sets: Vec<(&'static str, Vec<IpNet>)>,
}

/// The rules of an intent that [`crate::check::intent`] has looked over.
pub fn rules(intent: &Intent) -> Script {
    let mode = if intent.enforce { "enforced" } else { "detect" };
    let topology = match intent.topology {
        Topology::Side => "side",
        Topology::Router => "router",
        Topology::Bridge => "bridge",
    };
    let mut text =
        format!("# Trunkguard: {topology}, {mode}. The firmware's; edits are put back.\n");
    let mut sets = vec![
        ("pops", intent.pops.clone()),
        ("remote", intent.remote.clone()),
        ("office", intent.office.clone()),
        ("pbx", intent.pbx.clone()),
    ];
    let bridge = is_bridge(intent);
    let mut rules = 0;
    if bridge {
        let mut table = Table::new("bridge", sets.clone(), &["bans_sip"], intent.enforce);
        through::bridge(intent, &mut table);
        table.write(&mut text);
        rules += table.rules();
    }
    sets.push(("clients", intent.clients.clone()));
    let mut table = Table::new("inet", sets, &["bans_sip", "bans_page"], intent.enforce);
    box_itself::chains(intent, &mut table);
    through::inet(intent, &mut table);
    table.write(&mut text);
    rules += table.rules();
    marked(text, bridge, rules, table)
}

/// Has this intent a table in family bridge?
pub fn is_bridge(intent: &Intent) -> bool {
    intent.topology == Topology::Bridge
}

/// The rules before the first intent (F17): the box gets an address and answers a ping, and nothing
/// passes. Without the bridge table where the kernel has none.
pub fn closed(bridge: bool) -> Script {
    let mut text = String::from("# Trunkguard: closed, until the daemon knows its policy.\n");
    let sets = ["pops", "remote", "office", "pbx"].map(|name| (name, Vec::new()));
    let mut rules = 0;
    if bridge {
        let mut table = Table::new("bridge", sets.to_vec(), &["bans_sip"], true);
        through::bridge_closed(&mut table);
        table.write(&mut text);
        rules += table.rules();
    }
    let mut sets = sets.to_vec();
    sets.push(("clients", Vec::new()));
    let mut table = Table::new("inet", sets, &["bans_sip", "bans_page"], true);
    box_itself::closed(&mut table);
    through::inet_closed(&mut table);
    table.write(&mut text);
    rules += table.rules();
    marked(text, bridge, rules, table)
}

fn marked(mut text: String, bridge: bool, rules: usize, table: Table) -> Script {
    let generation = hash(text.as_bytes());
    text.push_str(&format!(
        "add element inet {TABLE} generation {{ {generation:#010x} }}\n"
    ));
    Script {
        text,
        generation,
        bridge,
        rules,
        sets: table.into_sets(),
    }
}

/// FNV-1a, 32 bits: tells scripts apart, and is no protection against anybody.
fn hash(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811c_9dc5, |hash, &octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    })
}

/// The same rule for IPv4 and IPv6: `{ip}` becomes `ip` or `ip6`, `{v}` 4 or 6.
fn both(rule: &str) -> [String; 2] {
    [("ip", "4"), ("ip6", "6")].map(|(ip, v)| rule.replace("{ip}", ip).replace("{v}", v))
}

/// Ports as nft's anonymous set, neighbours put together: nft refuses ranges that overlap.
fn ports(ranges: &[(u16, u16)]) -> String {
    let mut ranges = ranges.to_vec();
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => {
                before.1 = before.1.max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    let texts: Vec<String> = (merged.iter())
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    format!("{{ {} }}", texts.join(", "))
}
