//! How a table is written down: what there is to be, then the flush, then what is in it.

use std::fmt::Write;

use ipnet::IpNet;

use super::counters::{COUNTERS, Kind, Known};

/// Set on connections that pass only because the mode is Detect, so that they end with it.
pub const ON_PROBATION: &str = "0x40000000";
/// The netlink group that dropped packets are sampled to.
pub const LOG_GROUP: u16 = 5_060;
/// Octets of a packet that are sampled.
const SNAP: usize = crate::protocol::SNAP;
/// Places of a set of bans.
pub const BAN_PLACES: u32 = 131_072;

/// One table.
pub struct Table {
    /// `inet` or `bridge`.
    family: &'static str,
    /// Name without family (`pops`), both families' networks.
    sets: Vec<(&'static str, Vec<IpNet>)>,
    /// Names of the sets of bans.
    bans: &'static [&'static str],
    chains: Vec<Chain>,
}

/// One chain.
pub struct Chain {
    name: String,
    /// `type … hook … priority …; policy …;` of a base chain.
    hook: &'static str,
    rules: Vec<String>,
}

impl Chain {
    /// A base chain.
    pub fn base(name: &str, hook: &'static str, rules: Vec<String>) -> Chain {
        Chain {
            name: name.into(),
            hook,
            rules,
        }
    }

    /// A chain that others jump to.
    pub fn of(name: &str, rules: Vec<String>) -> Chain {
        Chain::base(name, "", rules)
    }
}

impl Table {
    /// A table with these networks as sets of both families, a set of bans of each name and family,
    /// every counter and a chain for everything that is counted and does not just pass.
    pub fn new(
        family: &'static str,
        sets: Vec<(&'static str, Vec<IpNet>)>,
        bans: &'static [&'static str],
        enforce: bool,
    ) -> Table {
        let chains = known(family)
            .filter(|c| c.kind != Kind::Passed)
            .map(|c| Chain::of(c.name, verdict(c, enforce)))
            .collect();
        Table {
            family,
            sets,
            bans,
            chains,
        }
    }

    /// Adds a chain.
    pub fn chain(&mut self, chain: Chain) {
        self.chains.push(chain);
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }

    /// The sets that a load replaces: their names, and what is in them.
    pub fn into_sets(self) -> Vec<(&'static str, Vec<IpNet>)> {
        self.sets
    }

    /// Writes it. Run again, it changes what it names and keeps counters and bans; nothing in it is
    /// taken away and made anew, because a chain that is just being made lets packets through.
    pub fn write(&self, to: &mut String) {
        let family = self.family;
        line(to, format_args!("table {family} trunkguard {{"));
        for counter in known(family) {
            line(to, format_args!("\tcounter {} {{ }}", counter.name));
        }
        for (name, _) in &self.sets {
            for (v, kind) in FAMILIES {
                line(
                    to,
                    format_args!("\tset {name}{v} {{ type {kind}; flags interval; }}"),
                );
            }
        }
        for name in self.bans {
            for (v, kind) in FAMILIES {
                line(
                    to,
                    format_args!(
                        "\tset {name}{v} {{ type {kind}; flags timeout; size {BAN_PLACES}; }}"
                    ),
                );
            }
        }
        if family == "inet" {
            line(to, format_args!("\tset generation {{ type mark; }}"));
        }
        for chain in &self.chains {
            match chain.hook {
                "" => line(to, format_args!("\tchain {} {{ }}", chain.name)),
                hook => line(to, format_args!("\tchain {} {{ {hook} }}", chain.name)),
            }
        }
        line(to, format_args!("}}\nflush table {family} trunkguard"));
        for (name, _) in &self.sets {
            for (v, _) in FAMILIES {
                line(to, format_args!("flush set {family} trunkguard {name}{v}"));
            }
        }
        if family == "inet" {
            line(to, format_args!("flush set inet trunkguard generation"));
        }
        self.contents(to);
    }

    fn contents(&self, to: &mut String) {
        line(to, format_args!("table {} trunkguard {{", self.family));
        for (name, networks) in &self.sets {
            for (v, kind) in FAMILIES {
                let networks = crate::nets::of_family(&[networks], v == "6");
                if networks.is_empty() {
                    continue;
                }
                line(
                    to,
                    format_args!(
                        "\tset {name}{v} {{\n\t\ttype {kind}; flags interval;\n\t\telements = {{"
                    ),
                );
                for some in networks.chunks(6) {
                    let texts: Vec<String> = some.iter().map(network).collect();
                    line(to, format_args!("\t\t\t{},", texts.join(", ")));
                }
                line(to, format_args!("\t\t}}\n\t}}"));
            }
        }
        for chain in self.chains.iter().filter(|c| !c.rules.is_empty()) {
            line(to, format_args!("\tchain {} {{", chain.name));
            for rule in &chain.rules {
                line(to, format_args!("\t\t{rule}"));
            }
            line(to, format_args!("\t}}"));
        }
        line(to, format_args!("}}"));
    }
}

const FAMILIES: [(&str, &str); 2] = [("4", "ipv4_addr"), ("6", "ipv6_addr")];

fn known(family: &str) -> impl Iterator<Item = &'static Known> {
    let bridge = family == "bridge";
    COUNTERS.iter().filter(move |c| c.bridge || !bridge)
}

/// Count everything, sample a little of it, and only then decide: the limit is the sample's alone.
fn verdict(counter: &Known, enforce: bool) -> Vec<String> {
    let name = counter.name;
    let mut rules = vec![
        format!("counter name \"{name}\""),
        format!(
            "limit rate 4/second burst 8 packets log prefix \"{name}\" group {LOG_GROUP} snaplen {SNAP}"
        ),
    ];
    if enforce || counter.kind == Kind::Dropped {
        rules.push("drop".into());
    } else {
        rules.push(format!("ct mark set ct mark | {ON_PROBATION}"));
        rules.push("accept".into());
    }
    rules
}

/// An address without `/32`, a network with its length.
pub fn network(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

fn line(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String does not fail.
    let _ = writeln!(to, "{text}");
}
